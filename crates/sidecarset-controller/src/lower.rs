//! What each step comes down to: the calls to the API server, without a choice left.

use kruise_api::{
    apps::v1beta1::SIDECARSETS,
    resource::{CONTROLLER_REVISIONS, PODS},
};
use kruise_plan::stage::{Answer, Call, Order, Stage, Verb, Work};
use serde_json::Value;

use crate::{
    plan::{PodChange, PodMark, PodRef, Step},
    snapshot::Snapshot,
};

/// The stage of a step. The status is not in any: [`status`].
pub(crate) fn lower<'s>(snapshot: &Snapshot, step: &'s Step) -> Option<Stage<'s>> {
    let namespace = &snapshot.namespace;
    Some(match step {
        Step::CreateRevision { body } => {
            Stage::of(Call::create(CONTROLLER_REVISIONS, body).in_namespace(namespace))
        }
        Step::PatchRevision { name, patch } => {
            let patch = Call::new(CONTROLLER_REVISIONS, name, Verb::merge(None, patch));
            Stage::of(patch.in_namespace(namespace))
        }
        Step::PatchStatus { patch: _ } => return None,
        Step::DeleteRevision { name, uid } => {
            let delete = Call::delete(CONTROLLER_REVISIONS, name, uid).in_namespace(namespace);
            Stage::of(delete.tolerating(&[Answer::NotFound]))
        }
        Step::MarkPods { marks } => {
            let marks = marks.iter();
            let works = marks.map(|PodMark { pod, patch }| Work::of(mark(pod, patch)));
            Stage::new(Order::Widening, works)
        }
        // One after the other took a thousand pods minutes (DV-SS7).
        Step::ResetPods { pods } | Step::UpdatePods { pods } => {
            Stage::new(Order::Widening, pods.iter().map(change))
        }
    })
}

/// The write of the status.
pub(crate) fn status<'s>(snapshot: &Snapshot, patch: &'s Value) -> Call<'s> {
    let verb = Verb::merge(Some("status"), patch);
    Call::new(SIDECARSETS, snapshot.name(), verb)
}

fn change(change: &PodChange) -> Work<'_> {
    let PodChange {
        pod,
        patch,
        resets,
        mark: marked,
    } = change;
    let mut call = Call::new(PODS, &pod.name, Verb::strategic(None, patch))
        .in_namespace(&pod.namespace)
        .about_object(&pod.uid);
    if *resets {
        let done = "reset sidecar container image empty successfully".to_owned();
        call = call.telling("ResetContainerSucceed", done).warning_with(
            "ResetContainerFailed",
            "reset sidecar container image empty failed: ",
        );
    }
    let mut calls = vec![call];
    // If the kubelet is faster, a later pass says it.
    let mark = marked.as_ref().map(|patch| mark(pod, patch));
    calls.extend(mark.map(|mark| mark.tolerating(&[Answer::LostRace])));
    Work {
        calls,
        ..Work::default()
    }
}

fn mark<'s>(pod: &PodRef, patch: &'s Value) -> Call<'s> {
    let verb = Verb::strategic(Some("status"), patch);
    Call::new(PODS, &pod.name, verb).in_namespace(&pod.namespace)
}
