//! The CustomResourceDefinition. Its rules are about single values. That there is exactly one template is left to
//! admission: read through v1alpha1 an object may have none, and its status must be writable all the same (AC-2).

use schemars::JsonSchema;

use super::{spec::AdvancedCronJobStatus, texts::NO_SCHEDULE, v1alpha1, v1beta1};
use crate::{
    definition::{Column, ConversionStrategy, Definition, Scope, Version, rules::Rule},
    object::CustomResource,
    validation::numbers::NOT_NEGATIVE,
};

const DESCRIPTION: &str =
    "AdvancedCronJob makes Jobs, BroadcastJobs or ImageListPullJobs on a cron schedule.";

const COLUMNS: [Column; 4] = [
    Column::new("Schedule", "string", ".spec.schedule"),
    Column::new("Type", "string", ".status.type"),
    Column::new("LastScheduleTime", "date", ".status.lastScheduleTime"),
    Column::new("AGE", "date", ".metadata.creationTimestamp"),
];

pub(super) fn definition() -> Definition {
    Definition {
        short_names: &["acj"],
        scope: Scope::Namespaced,
        conversion: ConversionStrategy::None,
        versions: vec![
            version::<v1alpha1::V1alpha1, v1alpha1::AdvancedCronJobSpec>(),
            version::<v1beta1::V1beta1, v1beta1::AdvancedCronJobSpec>().stored(),
        ],
    }
}

fn version<K: CustomResource, Spec: JsonSchema>() -> Version {
    let not_negative = || [Rule::new("self >= 0", NOT_NEGATIVE)];
    Version::of::<K, Spec, AdvancedCronJobStatus>(DESCRIPTION)
        .columns(&COLUMNS)
        .rules("spec.schedule", &[Rule::new("self != ''", NO_SCHEDULE)])
        .rules("spec.startingDeadlineSeconds", &not_negative())
        .rules("spec.successfulJobsHistoryLimit", &not_negative())
        .rules("spec.failedJobsHistoryLimit", &not_negative())
}
