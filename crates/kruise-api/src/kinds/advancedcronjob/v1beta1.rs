//! Version v1beta1: what the API server stores and controllers speak.

use super::spec::{
    AdvancedCronJobStatus, BroadcastJobTemplateSpec, TemplateMetadata, advanced_cron_job_spec,
};
use crate::{
    custom_object::CustomObject, kinds::imagelistpulljob::spec::ImageListPullJobSpec,
    object::custom_resource, resource::Resource, wire::wire,
};

advanced_cron_job_spec!(CronJobTemplate);

wire! {
    /// What jobs are made from. Exactly one member has to be given.
    pub struct CronJobTemplate {
        /// Jobs (batch/v1), with labels and annotations.
        raw job_template,
        /// BroadcastJobs.
        optional broadcast_job_template: BroadcastJobTemplateSpec,
        /// ImageListPullJobs. Their ttlSecondsAfterFinished can't be given, since the number of jobs that are kept is
        /// limited already.
        optional image_list_pull_job_template: ImageListPullJobTemplateSpec,
    }

    /// What ImageListPullJobs are made from.
    pub struct ImageListPullJobTemplateSpec {
        /// Nothing: the API server drops what is written here.
        optional metadata: TemplateMetadata,
        /// What the ImageListPullJobs shall do.
        optional spec: ImageListPullJobSpec,
    }
}

/// Names of version v1beta1.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct V1beta1;

custom_resource!(
    V1beta1,
    "apps.kruise.io",
    "v1beta1",
    "AdvancedCronJob",
    "advancedcronjobs"
);

/// Jobs, BroadcastJobs or ImageListPullJobs, made on a cron schedule.
pub type AdvancedCronJob = CustomObject<V1beta1, AdvancedCronJobSpec, AdvancedCronJobStatus>;

/// AdvancedCronJobs, as calls about them name them.
pub const ADVANCEDCRONJOBS: Resource = Resource::in_namespaces::<V1beta1>();
