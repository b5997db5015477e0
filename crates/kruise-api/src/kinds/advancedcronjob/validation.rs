//! What admission refuses in an AdvancedCronJob (AC-10 to AC-18). v1alpha1 is judged in the form of v1beta1. Pod
//! templates are left to the API server, apart from their shape (AC-15).

mod images;
mod timing;

use serde_json::Value;

use super::{
    defaults,
    v1beta1::{AdvancedCronJobSpec, CronJobTemplate},
};
use crate::{
    meta::ObjectMeta,
    template::{PodTemplate, means_the_same},
    validation::{FieldError, FieldErrors, FieldPath, is_plain_name},
};

/// Code of the answer to what is refused here (PF-211).
pub const ANSWER_CODE: u16 = 422;

const NAME: &str = "must consist of letters, digits and '-', and have at most 63 characters";
const ONE_TEMPLATE: &str =
    "must have exactly one of jobTemplate, broadcastJobTemplate and imageListPullJobTemplate";
const CHANGED: &str = "nothing may be changed but schedule, timeZone, concurrencyPolicy, startingDeadlineSeconds, paused, \
                       successfulJobsHistoryLimit, failedJobsHistoryLimit and an imageListPullJobTemplate";

/// The longest name to which a time can be added: names of jobs have at most 63 characters (AC-10).
const MAX_NAME_WITH_TIME: usize = 52;

/// What is wrong with an AdvancedCronJob, and with the change that made it of `old`.
pub fn validate(
    metadata: &ObjectMeta,
    spec: &AdvancedCronJobSpec,
    old: Option<&AdvancedCronJobSpec>,
) -> FieldErrors {
    let mut errors = FieldErrors::new();
    if !is_plain_name(&metadata.name) {
        let path = FieldPath::new("metadata.name");
        errors.push(FieldError::invalid(&path, metadata.name.as_str(), NAME));
    }
    errors.extend(timing::errors(spec));
    errors.extend(template(spec));
    errors.extend(old.and_then(|old| change(spec, old)));
    errors
}

/// What is accepted, and will hardly do what was meant.
#[must_use]
pub fn warnings(metadata: &ObjectMeta, spec: &AdvancedCronJobSpec) -> Vec<String> {
    let mut warnings = Vec::new();
    if metadata.name.len() > MAX_NAME_WITH_TIME {
        warnings.push(format!(
            "metadata.name: jobs will be refused, since their names are longer by 11 characters; use at most \
             {MAX_NAME_WITH_TIME}"
        ));
    }
    if spec.starting_deadline_seconds == Some(0) {
        warnings.push("spec.startingDeadlineSeconds: with 0 nothing ever runs".to_owned());
    }
    warnings
}

/// The pod templates in an AdvancedCronJob, and where they are.
pub fn pod_templates(template: &CronJobTemplate) -> impl Iterator<Item = (FieldPath, &Value)> {
    let CronJobTemplate {
        job_template,
        broadcast_job_template,
        image_list_pull_job_template: _,
        unknown: _,
    } = template;
    let of_job = job_template.pointer("/spec/template");
    let of_broadcast = broadcast_job_template
        .as_ref()
        .and_then(|it| it.spec.as_ref());
    let all = [
        ("spec.template.jobTemplate.spec.template", of_job),
        (
            "spec.template.broadcastJobTemplate.spec.template",
            of_broadcast.map(|spec| &spec.template),
        ),
    ];
    all.into_iter()
        .filter_map(|(path, template)| Some((FieldPath::new(path), template?)))
}

/// AC-14 to AC-16
fn template(spec: &AdvancedCronJobSpec) -> FieldErrors {
    let CronJobTemplate {
        job_template,
        broadcast_job_template,
        image_list_pull_job_template,
        unknown: _,
    } = &spec.template;
    let given = [
        !job_template.is_null(),
        broadcast_job_template.is_some(),
        image_list_pull_job_template.is_some(),
    ];
    let mut errors = FieldErrors::new();
    if given.iter().filter(|is_given| **is_given).count() != 1 {
        let path = FieldPath::new("spec.template");
        errors.push(FieldError::forbidden(&path, ONE_TEMPLATE));
    }
    for (path, template) in pod_templates(&spec.template) {
        errors.extend(PodTemplate::checked_view_at(template, &path).err());
    }
    if let Some(template) = image_list_pull_job_template {
        errors.extend(images::first_error(
            template,
            spec.concurrency_policy.as_ref(),
        ));
    }
    errors
}

/// AC-18
fn change(spec: &AdvancedCronJobSpec, old: &AdvancedCronJobSpec) -> Option<FieldError> {
    let images_may_change = old.template.image_list_pull_job_template.is_some();
    // With their defaults, since the old ones may have been stored while no webhook was installed.
    let fixed = |template: &CronJobTemplate| {
        let mut template = template.clone();
        defaults::fill_pod_template(
            &mut template.job_template,
            template.broadcast_job_template.as_mut(),
        );
        if images_may_change {
            template.image_list_pull_job_template = None;
        }
        serde_json::to_value(template).unwrap_or_default()
    };
    let is_changed = !means_the_same(&fixed(&spec.template), &fixed(&old.template));
    is_changed.then(|| FieldError::forbidden(&FieldPath::new("spec"), CHANGED))
}
