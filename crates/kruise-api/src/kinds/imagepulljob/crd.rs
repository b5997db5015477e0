//! The CustomResourceDefinition. Its rules are what admission refuses without knowing the grammar of images and labels.
//! That a deadline is long enough (IJ-6) is left to admission as well, since it hangs on a default.

use super::{
    spec::ImagePullJobSpec, status::ImagePullJobStatus, v1alpha1, v1beta1,
    validation::PULL_SECRETS_CHANGED,
};
use crate::{
    definition::{
        Column, ConversionStrategy, Definition, Scope, Version,
        rules::{Rule, empty_or_one_of},
    },
    object::CustomResource,
    validation::image_pull,
};

const DESCRIPTION: &str = "ImagePullJob has one image pulled onto a set of nodes.";

const COLUMNS: [Column; 6] = [
    Column::new("TOTAL", "integer", ".status.desired"),
    Column::new("ACTIVE", "integer", ".status.active"),
    Column::new("SUCCEED", "integer", ".status.succeeded"),
    Column::new("FAILED", "integer", ".status.failed"),
    Column::new("AGE", "date", ".metadata.creationTimestamp"),
    Column::new("MESSAGE", "string", ".status.message"),
];

pub(super) fn definition() -> Definition {
    let [columns @ .., _] = &COLUMNS;
    Definition {
        short_names: &[],
        scope: Scope::Namespaced,
        conversion: ConversionStrategy::None,
        versions: vec![
            version::<v1alpha1::V1alpha1>().columns(&COLUMNS),
            version::<v1beta1::V1beta1>().columns(columns).stored(),
        ],
    }
}

fn version<K: CustomResource>() -> Version {
    let version = Version::of::<K, ImagePullJobSpec, ImagePullJobStatus>(DESCRIPTION);
    with_rules(version)
        .rules(
            "spec.image",
            &[Rule::new("self != ''", image_pull::NO_IMAGE)],
        )
        .rules(
            "spec",
            &[Rule::new(
                "has(self.pullSecrets) == has(oldSelf.pullSecrets) \
                 && (!has(self.pullSecrets) || self.pullSecrets == oldSelf.pullSecrets)",
                PULL_SECRETS_CHANGED,
            )
            .forbidden()
            .at(".pullSecrets")],
        )
}

/// Adds the rules that all kinds of jobs that pull images have (IJ-5).
pub(crate) fn with_rules(version: Version) -> Version {
    let not_with_never = |field: &'static str, path| {
        let rule = format!("!has(self.type) || self.type != 'Never' || !has(self.{field})");
        Rule::new(rule, image_pull::NEVER).forbidden().at(path)
    };
    version
        .rules(
            "spec.parallelism",
            &[Rule::new(
                "type(self) == int ? self >= 0 : self.matches('^([+]?[0-9]+|-0+)$')",
                image_pull::PARALLELISM,
            )],
        )
        .rules(
            "spec.completionPolicy.type",
            &[empty_or_one_of(
                &image_pull::COMPLETION_TYPES,
                "must be Always or Never",
            )],
        )
        .rules(
            "spec.completionPolicy",
            &[
                not_with_never("activeDeadlineSeconds", ".activeDeadlineSeconds"),
                not_with_never("ttlSecondsAfterFinished", ".ttlSecondsAfterFinished"),
            ],
        )
        .rules(
            "spec.selector",
            &[Rule::new(
                "!has(self.names) || ((!has(self.matchLabels) || size(self.matchLabels) == 0) \
                 && (!has(self.matchExpressions) || size(self.matchExpressions) == 0))",
                image_pull::NAMES_AND_LABELS,
            )
            .forbidden()
            .at(".names")],
        )
        .rules(
            "spec",
            &[Rule::new(
                "!(has(self.selector) && has(self.podSelector)) || (oldSelf.hasValue() \
                 && has(oldSelf.value().selector) && has(oldSelf.value().podSelector))",
                image_pull::BOTH_SELECTORS,
            )
            .forbidden()
            .at(".podSelector")
            .with_optional_old()],
        )
}
