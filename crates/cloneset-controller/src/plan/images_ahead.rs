//! Images are pulled to the nodes before pods are updated in place (CS-100 to CS-106, IP-148 to IP-153). The
//! pulling itself is another deployable's work; here is what it is asked for.

use kruise_api::{
    int_or_string::IntOrString, meta::LabelSelector, template::PodTemplate, text::Text,
    well_known::labels,
};
use serde_json::{Map, Value, json};

use super::{
    context::Context,
    in_place::between,
    revision::Revisions,
    spec::{PodUpdatePolicy, Spec},
    step::{ImagesAhead, Mark, NewJob},
};
use crate::{
    IMAGE_PULL_JOBS,
    snapshot::{ControllerRevision, Snapshot},
};

/// Fewer pods than this are updated at once anyway (IP-149).
const WORTH_IT_ABOVE: i32 = 3;
const DEFAULT_TIMEOUT_SECONDS: i32 = 300;
/// Jobs that nobody deletes go by themselves.
const TTL_SECONDS: i32 = 600;

pub(super) fn plan(context: &Context<'_>) -> ImagesAhead {
    let (snapshot, spec, revisions) = (context.snapshot, context.spec, context.revisions);
    let mut plan = ImagesAhead::default();
    let Some(jobs) = &snapshot.image_pull_jobs else {
        return plan;
    };
    if revisions.are_the_same() {
        // CS-101
        let ours = jobs.iter().filter(|job| {
            let owner = job.metadata.controller();
            !job.metadata.is_terminating() && owner.is_some_and(|owner| owner.uid == snapshot.uid())
        });
        plan.delete = ours
            .map(|job| (job.metadata.name.clone(), job.metadata.uid.clone()))
            .collect();
        return plan;
    }
    // Both have to be stored, the new one to be marked.
    let (Some(old), Some(new)) = (
        revisions.named(&revisions.current),
        revisions.named(&revisions.update),
    ) else {
        return plan;
    };
    let is_decided = [
        labels::PRE_PREDOWNLOAD_CREATED,
        labels::IMAGE_PREDOWNLOAD_IGNORED,
    ]
    .iter()
    .any(|label| new.metadata.labels.contains_key(label));
    let is_unmarked = snapshot
        .memory
        .unmarked
        .as_ref()
        .is_some_and(|(revision, _)| *revision == revisions.update);
    if is_decided || is_unmarked || !has_started(snapshot, spec, revisions) {
        return plan;
    }
    // CS-103: an unresolvable partition decides nothing.
    if !spec.partition_is_valid {
        return plan;
    }
    if !is_worth_it(spec) || between(snapshot, spec, revisions, old, new).is_err() {
        plan.mark = Some(mark(new, labels::IMAGE_PREDOWNLOAD_IGNORED));
        return plan;
    }
    plan.create = jobs_for(snapshot, spec, revisions, new);
    let is_there = |job: &NewJob| jobs.iter().any(|there| there.metadata.name == job.name);
    plan.create.retain(|job| !is_there(job));
    plan.mark = Some(mark(new, labels::PRE_PREDOWNLOAD_CREATED));
    plan
}

/// CS-102: enough pods are updated and ready, by the status as stored.
fn has_started(snapshot: &Snapshot, spec: &Spec, revisions: &Revisions) -> bool {
    let status = &snapshot.set.status;
    let have = if status.update_revision == revisions.update {
        status.updated_ready_replicas
    } else {
        0
    };
    spec.pre_download.min_updated_ready_pods <= have
}

/// IP-149, column CloneSet, without whether it is possible in place.
fn is_worth_it(spec: &Spec) -> bool {
    let in_one_batch = spec.partition == 0 && spec.pre_download.max_unavailable >= spec.replicas;
    spec.has_rolling_update
        && spec.policy != PodUpdatePolicy::ReCreate
        && spec.replicas > WORTH_IT_ABOVE
        && !in_one_batch
}

fn mark(revision: &ControllerRevision, label: &str) -> Mark {
    Mark {
        revision: revision.metadata.name.clone(),
        patch: json!({ "metadata": {
            "uid": revision.metadata.uid,
            "labels": { label: "true" },
        } }),
    }
}

/// One job for each container with another image (IP-151, IP-152).
fn jobs_for(
    snapshot: &Snapshot,
    spec: &Spec,
    revisions: &Revisions,
    revision: &ControllerRevision,
) -> Vec<NewJob> {
    let stored = |name| {
        revisions
            .data(name)
            .and_then(kruise_api::revision::template)
    };
    let view = |name| {
        stored(name)
            .and_then(|template| PodTemplate::view(template).ok())
            .unwrap_or_default()
    };
    let (old_template, template) = (view(&revisions.current), view(&revisions.update));
    let secrets = stored(&revisions.update).map_or_else(Vec::new, pull_secrets);
    let is_new = |name: &str, image: &str| {
        !old_template
            .spec
            .containers
            .iter()
            .any(|container| container.name == name && container.image == image)
    };
    template
        .spec
        .containers
        .iter()
        .filter(|container| is_new(&container.name, &container.image))
        .map(|container| {
            job(
                snapshot,
                spec,
                revision,
                &template,
                &secrets,
                &container.name,
                &container.image,
            )
        })
        .collect()
}

fn job(
    snapshot: &Snapshot,
    spec: &Spec,
    revision: &ControllerRevision,
    template: &PodTemplate,
    secrets: &[Value],
    container: &str,
    image: &str,
) -> NewJob {
    let revision_name = &revision.metadata.name;
    let name = format!("{revision_name}-{container}");
    let hash = revision
        .metadata
        .labels
        .get(labels::REVISION_HASH)
        .map_or("", Text::as_str);
    let mut all_labels = json!(template.metadata.labels);
    if let Some(map) = all_labels.as_object_mut() {
        map.insert(labels::REVISION_HASH.to_owned(), json!(hash));
    }
    let settings = &spec.pre_download;
    let mut job = json!({
        "image": image,
        "podSelector": not_at(&snapshot.set.spec.selector, &[revision_name, hash]),
        "parallelism": settings.parallelism.clone().unwrap_or(IntOrString::Int(1)),
        "pullPolicy": {
            "backoffLimit": 1,
            "timeoutSeconds": settings.timeout_seconds.unwrap_or(DEFAULT_TIMEOUT_SECONDS),
        },
        "completionPolicy": { "type": "Always", "ttlSecondsAfterFinished": TTL_SECONDS },
        "sandboxConfig": {
            "annotations": template.metadata.annotations,
            "labels": all_labels,
        },
    });
    if !secrets.is_empty()
        && let Some(job) = job.as_object_mut()
    {
        job.insert("pullSecrets".to_owned(), json!(secrets));
    }
    NewJob {
        body: json!({
            "apiVersion": IMAGE_PULL_JOBS.api_version(),
            "kind": IMAGE_PULL_JOBS.kind,
            "metadata": {
                "name": name,
                "namespace": snapshot.set.metadata.namespace,
                "labels": all_labels,
                "ownerReferences": [snapshot.owner().reference()],
            },
            "spec": job,
        }),
        name,
    }
}

/// The workload's selector, without pods that are at the revision already.
fn not_at(selector: &LabelSelector, revision: &[&str]) -> Value {
    let mut selector = json!(selector);
    if let Some(fields) = selector.as_object_mut() {
        let expressions = fields
            .entry("matchExpressions")
            .or_insert_with(|| json!([]));
        if let Some(expressions) = expressions.as_array_mut() {
            expressions.push(json!({
                "key": labels::CONTROLLER_REVISION_HASH,
                "operator": "NotIn",
                "values": revision,
            }));
        }
    }
    selector
}

fn pull_secrets(template: &Value) -> Vec<Value> {
    template
        .pointer("/spec/imagePullSecrets")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(|secret| {
            secret
                .as_object()
                .and_then(|secret: &Map<_, _>| secret.get("name"))
        })
        .cloned()
        .collect()
}
