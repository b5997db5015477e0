//! Nodes with a node daemon: sidecars are killed by a ContainerRecreateRequest (ST-6, ST-9).

use std::time::Duration;

use jiff::SignedDuration;
use kruise_api::{apps::v1beta1::ContainerRecreateRequest, object::CustomResource, text::Text};
use kruise_plan::WaitReason;
use serde_json::{Value, json};

use super::{LOOK_AGAIN, Plan, Step, listed, mark, trying};
use crate::{
    pod::{Container, PodState, State},
    request::{StoredRequest, Target, name_for},
    snapshot::Snapshot,
};

/// How often is looked whether the kind was installed meanwhile: nothing wakes the pods then. PF-903 allows 60 s, and the
/// watch itself asks every 30 s.
const INSTALLED_AGAIN: Duration = Duration::from_secs(10);

/// How long the kubelet has to report that a container was stopped. A request that has ended before the pod's status says so
/// has not ended in vain.
const REPORTED_WITHIN: SignedDuration = SignedDuration::from_secs(10);

pub(super) fn plan(snapshot: &Snapshot, pod: &PodState, plan: &mut Plan) {
    let normal = pod.not_ended(Container::is_normal);
    let ignores = |container: &Container| container.ignores_exit_code;
    if !normal.is_empty() {
        kill(snapshot, pod, &normal, plan);
    } else if pod.containers.iter().any(ignores) {
        mark::plan(snapshot, pod, plan);
        let ignoring = pod.not_ended(ignores);
        if !ignoring.is_empty() {
            kill(snapshot, pod, &ignoring, plan);
        }
    }
    let left = pod.not_ended(|container| container.is_sidecar() && !container.is_killed);
    if !left.is_empty() {
        plan.notes.wait(WaitReason::SidecarsNotEnded {
            containers: listed(&left),
            why: "where a node daemon runs, only KRUISE_TERMINATE_SIDECAR_WHEN_JOB_EXIT has them ended",
        });
    }
}

/// Has these sidecars killed, which have not ended.
fn kill(snapshot: &Snapshot, pod: &PodState, sidecars: &[&Container], plan: &mut Plan) {
    if !snapshot.requests_are_known {
        plan.held_by(WaitReason::KindNotInstalled {
            kind: ContainerRecreateRequest::KIND,
        });
        plan.notes.look_again(INSTALLED_AGAIN);
        return;
    }
    let Some(stored) = &snapshot.request else {
        plan.steps.push(Step::CreateRequest {
            body: new_request(snapshot, sidecars),
            event: trying(sidecars, "crr"),
        });
        return;
    };
    plan.notes.look_again(LOOK_AGAIN);
    match left_running(stored, pod) {
        Some(container) => replace(snapshot, stored, container, plan),
        None => plan
            .notes
            .wait(not_ended(snapshot, stored, what_of(stored))),
    }
}

/// DV-ST1
fn replace(snapshot: &Snapshot, stored: &StoredRequest, container: &str, plan: &mut Plan) {
    let found = snapshot.memory.in_vain.as_ref();
    let found = found.filter(|found| found.uid == stored.metadata.uid);
    let since = found.map_or(snapshot.now, |found| found.since);
    let left = REPORTED_WITHIN - snapshot.now.duration_since(since);
    match Duration::try_from(left) {
        Ok(left) if !left.is_zero() => {
            plan.notes.look_again(left);
            let what = format!("has ended, and container {container} runs");
            plan.notes.wait(not_ended(snapshot, stored, &what));
        }
        // It is over, or longer ago than that.
        Ok(_) | Err(_) => plan.steps.push(Step::DeleteRequest {
            name: stored.metadata.name.clone(),
            uid: stored.metadata.uid.clone(),
        }),
    }
}

/// The container that a request has ended without stopping. What no webhook saw has not recorded what to stop, and has
/// stopped nothing.
pub(super) fn left_running<'r>(stored: &'r StoredRequest, pod: &PodState) -> Option<&'r Text> {
    let request = stored.request.as_ref()?;
    let is_over = request.is_finished && !stored.metadata.is_terminating();
    let runs_on = |target: &&Target| {
        let recorded = target.recorded.as_ref();
        let status = pod.status(&target.name);
        status.is_some_and(|status| {
            let is_same = recorded.is_none_or(|recorded| *recorded == status.container_id);
            status.state == State::Running && is_same
        })
    };
    let targets = is_over.then_some(&request.targets)?;
    let left = targets.iter().find(runs_on)?;
    Some(&left.name)
}

fn what_of(stored: &StoredRequest) -> &'static str {
    let is_finished = stored.request.as_ref().is_some_and(|it| it.is_finished);
    match (stored.metadata.is_terminating(), is_finished) {
        (true, _) => "is being deleted",
        (false, true) => "has ended, and other sidecars run, or have been started again",
        (false, false) => "has not ended",
    }
}

fn not_ended(snapshot: &Snapshot, stored: &StoredRequest, what: &str) -> WaitReason {
    WaitReason::PodsNotEnded {
        pod: snapshot.pod.metadata.name.clone(),
        why: format!("ContainerRecreateRequest {} {what}", stored.metadata.name),
    }
}

fn new_request(snapshot: &Snapshot, sidecars: &[&Container]) -> Value {
    let pod = &snapshot.pod.metadata;
    let containers: Vec<Value> = sidecars
        .iter()
        .map(|sidecar| json!({ "name": sidecar.name }))
        .collect();
    json!({
        "apiVersion": ContainerRecreateRequest::API_VERSION,
        "kind": ContainerRecreateRequest::KIND,
        "metadata": {
            "name": name_for(&pod.uid),
            "namespace": pod.namespace,
            "ownerReferences": [snapshot.owner().reference()],
        },
        "spec": {
            "podName": pod.name,
            "containers": containers,
            "strategy": { "forceRecreate": true, "failurePolicy": "Ignore" },
        },
    })
}
