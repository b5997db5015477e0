//! Defaults of an AdvancedCronJob (AC-5 to AC-7).

use serde_json::Value;

use super::{
    spec::{BroadcastJobTemplateSpec, ConcurrencyPolicy},
    v1alpha1, v1beta1,
};
use crate::{
    defaults,
    kinds::{imagelistpulljob::spec::ImageListPullJobSpec, imagepulljob},
};

/// Default number of jobs kept that ended well.
pub const SUCCESSFUL_JOBS: i32 = 3;
/// Default number of jobs kept that failed.
pub const FAILED_JOBS: i32 = 1;

/// Fills in what a spec of v1alpha1 leaves open, except for pod templates.
pub fn fill_v1alpha1(spec: &mut v1alpha1::AdvancedCronJobSpec) {
    policy(&mut spec.concurrency_policy, ConcurrencyPolicy::Allow);
    spec.paused.get_or_insert(false);
    spec.successful_jobs_history_limit
        .get_or_insert(SUCCESSFUL_JOBS);
    spec.failed_jobs_history_limit.get_or_insert(FAILED_JOBS);
}

/// Fills in what a spec of v1beta1 leaves open, except for pod templates.
pub fn fill_v1beta1(spec: &mut v1beta1::AdvancedCronJobSpec) {
    let images = &mut spec.template.image_list_pull_job_template;
    let default = match images {
        Some(_) => ConcurrencyPolicy::Replace,
        None => ConcurrencyPolicy::Allow,
    };
    if let Some(images) = images.as_mut().and_then(|it| it.spec.as_mut()) {
        image_list(images);
    }
    policy(&mut spec.concurrency_policy, default);
    spec.paused.get_or_insert(false);
    spec.successful_jobs_history_limit
        .get_or_insert(SUCCESSFUL_JOBS);
    spec.failed_jobs_history_limit.get_or_insert(FAILED_JOBS);
}

/// Fills in what the pod template in these templates leaves open. Admission does so on creation and when the template
/// was changed, and never with feature gate `TemplateNoDefaults` (AC-6).
pub fn fill_pod_template(
    job_template: &mut Value,
    broadcast_job_template: Option<&mut BroadcastJobTemplateSpec>,
) {
    if let Some(template) = job_template.pointer_mut("/spec/template") {
        defaults::pod_template(template);
    }
    if let Some(spec) = broadcast_job_template.and_then(|it| it.spec.as_mut()) {
        defaults::pod_template(&mut spec.template);
    }
}

fn policy(policy: &mut Option<ConcurrencyPolicy>, default: ConcurrencyPolicy) {
    let given = policy.take();
    *policy = given
        .filter(|policy| !policy.as_str().is_empty())
        .or(Some(default));
}

/// AC-7: who says when the job is complete gets no default at all.
fn image_list(spec: &mut ImageListPullJobSpec) {
    let type_ = &spec.completion_policy.type_;
    if type_.as_ref().is_some_and(|it| !it.as_str().is_empty()) {
        return;
    }
    imagepulljob::defaults::completion(&mut spec.completion_policy);
    imagepulljob::defaults::pull_policy(&mut spec.pull_policy);
    imagepulljob::defaults::image_pull_policy(&mut spec.image_pull_policy);
}
