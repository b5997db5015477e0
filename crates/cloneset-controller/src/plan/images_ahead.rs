//! Images are pulled to the nodes before pods are updated in place (CS-100 to CS-106, IP-148 to IP-153). The
//! pulling itself is another deployable's work; here is what it is asked for.

use kruise_api::{text::Text, well_known::labels};
use kruise_plan::workload::{Job, NewJob};
use serde_json::json;

use super::{
    context::Context,
    in_place::between,
    revision::Revisions,
    spec::{PodUpdatePolicy, Spec},
    step::{ImagesAhead, Mark},
};
use crate::snapshot::{ControllerRevision, Snapshot};

/// Fewer pods than this are updated at once anyway (IP-149).
const WORTH_IT_ABOVE: i32 = 3;

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
    plan.create = jobs_for(context, new);
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

fn jobs_for(context: &Context<'_>, new: &ControllerRevision) -> Vec<NewJob> {
    let revisions = context.revisions;
    let settings = &context.spec.pre_download;
    let hash = new.metadata.labels.get(labels::REVISION_HASH);
    let job = Job {
        owner: context.snapshot.owner(),
        selector: &context.snapshot.set.spec.selector,
        revision: &new.metadata.name,
        hash: hash.map_or("", Text::as_str),
        data: revisions.data(&revisions.update),
        old_data: revisions.data(&revisions.current),
        parallelism: settings.parallelism.as_ref(),
        timeout_seconds: settings.timeout_seconds,
    };
    job.jobs()
}
