//! Version v1alpha1: served for clients that still speak it. Nothing but conversion and admission reads it.

use super::spec::{AdvancedCronJobStatus, BroadcastJobTemplateSpec, advanced_cron_job_spec};
use crate::{custom_object::CustomObject, object::custom_resource, wire::wire};

advanced_cron_job_spec!(CronJobTemplate);

wire! {
    /// What jobs are made from. Exactly one member has to be given.
    pub struct CronJobTemplate {
        /// Jobs (batch/v1), with labels and annotations.
        raw job_template,
        /// BroadcastJobs.
        optional broadcast_job_template: BroadcastJobTemplateSpec,
    }
}

/// Names of version v1alpha1.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct V1alpha1;

custom_resource!(
    V1alpha1,
    "apps.kruise.io",
    "v1alpha1",
    "AdvancedCronJob",
    "advancedcronjobs"
);

/// Jobs or BroadcastJobs, made on a cron schedule.
pub type AdvancedCronJob = CustomObject<V1alpha1, AdvancedCronJobSpec, AdvancedCronJobStatus>;
