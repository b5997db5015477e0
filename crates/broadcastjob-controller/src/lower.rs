//! What each step comes down to: the calls to the API server, without a choice left.

use std::borrow::Cow;

use kruise_api::{
    apps::v1beta1::BROADCASTJOBS,
    resource::{PODS, PatchKind},
};
use kruise_plan::stage::{Answer, Call, Order, Patch, Stage, Verb, Work};
use serde_json::json;

use crate::{
    plan::{NewPod, Step},
    report::Written,
    snapshot::Snapshot,
};

/// The stages of a step.
pub(crate) fn lower<'s>(snapshot: &Snapshot, step: &'s Step) -> Vec<Stage<'s>> {
    match step {
        Step::StopPods { pods } => {
            let works = pods.iter().map(|pod| {
                let deleted = Call::delete(PODS, &pod.name, &pod.uid)
                    .tolerating(&[Answer::NotFound])
                    .telling("SuccessfulDelete", format!("deleted pod {}", pod.name));
                Work::of(deleted)
            });
            vec![Stage::new(Order::SideBySide, works)]
        }
        Step::CreatePods { batches } => {
            let batches = batches.iter().map(|pods| {
                let works = pods.iter().map(|pod| Work::of(create(pod)));
                Stage::new(Order::SideBySide, works)
            });
            batches.collect()
        }
        Step::DeleteJob => {
            let job = &snapshot.job.metadata;
            let deleted = Call::delete(BROADCASTJOBS, &job.name, &job.uid);
            let calls = [is_as_read(snapshot), deleted];
            let work = Work {
                calls: calls
                    .map(|call| call.tolerating(&[Answer::NotFound]))
                    .into(),
                ..Work::default()
            };
            vec![Stage::new(Order::OneByOne, [work])]
        }
    }
}

/// A time-out says nothing of the pod: it is told, and the next pass looks (BJ-52).
fn create(pod: &NewPod) -> Call<'_> {
    let verb = Verb::Create { body: pod.body() };
    let message = format!("created pod {} for node {}", pod.name, pod.node);
    Call::new(PODS, &pod.name, verb)
        .tolerating(&[Answer::TimedOut])
        .telling("SuccessfulCreate", message)
        .warning_anyhow("FailedCreate")
}

/// Fails with a conflict if the job is another version than the one whose time to live is over: that may have been
/// taken away meanwhile. A deletion carries no version, so this write that changes nothing goes before it.
fn is_as_read(snapshot: &Snapshot) -> Call<'static> {
    let job = &snapshot.job.metadata;
    let version = json!({ "uid": job.uid, "resourceVersion": job.resource_version });
    let verb = Verb::Patch(Patch {
        subresource: Some("status"),
        kind: PatchKind::Merge,
        patch: Cow::Owned(json!({ "metadata": version })),
    });
    Call::new(BROADCASTJOBS, &job.name, verb)
}

/// The write of the status.
pub(crate) fn status<'w>(snapshot: &Snapshot, written: &'w Written) -> Call<'w> {
    let Written { patch, event } = written;
    let verb = Verb::merge(Some("status"), patch);
    Call {
        done: event.clone(),
        ..Call::new(BROADCASTJOBS, &snapshot.job.metadata.name, verb)
    }
}

#[cfg(test)]
mod tests;
