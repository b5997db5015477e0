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
    kinds::broadcastjob::spec::BroadcastJobSpec,
    meta::ObjectMeta,
    revision::whole_form,
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

static NOTHING: Value = Value::Null;

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

/// The pod templates in an AdvancedCronJob, and where they are. One that is missing is null: the API server tells what it
/// lacks.
pub fn pod_templates(template: &CronJobTemplate) -> impl Iterator<Item = (FieldPath, &Value)> {
    let CronJobTemplate {
        job_template,
        broadcast_job_template,
        image_list_pull_job_template: _,
        unknown: _,
    } = template;
    let of_job = || job_template.pointer("/spec/template").unwrap_or(&NOTHING);
    let of_broadcast = broadcast_job_template.as_ref().map(|it| {
        let spec = it.spec.as_ref();
        spec.map_or(&NOTHING, |spec| &spec.template)
    });
    let all = [
        (
            "spec.template.jobTemplate.spec.template",
            (!job_template.is_null()).then(of_job),
        ),
        (
            "spec.template.broadcastJobTemplate.spec.template",
            of_broadcast,
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
        leave_out_empty(&mut template);
        serde_json::to_value(template).unwrap_or_default()
    };
    let is_changed = !means_the_same(&fixed(&spec.template), &fixed(&old.template));
    is_changed.then(|| FieldError::forbidden(&FieldPath::new("spec"), CHANGED))
}

/// Leaves out what Go's types don't write, such as `paused: false`: what OpenKruise stored lacks it, though the manifest
/// has it. What they do write, such as an empty completionPolicy, is put in.
fn leave_out_empty(template: &mut CronJobTemplate) {
    for (place, type_name) in [
        ("/metadata", "ObjectMeta"),
        ("/spec/template", "PodTemplateSpec"),
    ] {
        if let Some(part) = template.job_template.pointer_mut(place) {
            *part = whole_form(type_name, part);
        }
    }
    if let Some(template) = &mut template.broadcast_job_template {
        let BroadcastJobSpec {
            parallelism: _,
            template,
            completion_policy,
            paused,
            failure_policy,
            unknown: _,
        } = template.spec.get_or_insert_default();
        *template = whole_form("PodTemplateSpec", template);
        paused.take_if(|paused| !*paused);
        let completion = completion_policy.get_or_insert_default();
        completion.type_.take_if(|type_| type_.as_str().is_empty());
        let failure = failure_policy.get_or_insert_default();
        failure.type_.take_if(|type_| type_.as_str().is_empty());
        failure.restart_limit.take_if(|limit| *limit == 0);
    }
}
