//! What pods are ordered by, smaller first.

use std::cmp::Reverse;

use crate::{
    meta::Time,
    pod::{ContainerStatus, Pod},
    well_known::conditions::READY,
};

/// Whether the pod has a node; its phase, in the order Pending, Unknown, Running; whether the pod is ready.
pub(super) type Early = (bool, u8, bool);

/// Since when the pod is ready, the most recent first; restarts of containers, then of init containers that
/// run on, the most first; when the pod was created, the newest first; name.
pub(super) type Late<'a> = (
    Reverse<Time>,
    Reverse<i32>,
    Reverse<i32>,
    Reverse<Time>,
    &'a str,
);

pub(super) fn update(pod: &Pod) -> (Early, Late<'_>) {
    let early = (pod.has_node(), phase_rank(pod), pod.is_ready());
    (early, late(pod, restarts_of_sidecars(pod)))
}

/// The later keys for the order of deletion, in which init containers don't count.
pub(super) fn late_of_deletion(pod: &Pod) -> Late<'_> {
    late(pod, 0)
}

pub(super) fn phase_rank(pod: &Pod) -> u8 {
    match pod.status.phase.as_str() {
        "Running" => 2,
        "Unknown" => 1,
        _ => 0,
    }
}

fn late(pod: &Pod, restarts_of_sidecars: i32) -> Late<'_> {
    (
        Reverse(ready_since(pod)),
        Reverse(most_restarts(&pod.status.container_statuses)),
        Reverse(restarts_of_sidecars),
        // An unknown time counts as the latest.
        Reverse(pod.metadata.creation_timestamp.unwrap_or(Time::MAX)),
        &pod.metadata.name,
    )
}

/// Since when the pod is ready. All pods that are not ready are alike here.
fn ready_since(pod: &Pod) -> Time {
    match pod.condition(READY) {
        Some(ready) if ready.status == "True" => ready.last_transition_time.unwrap_or(Time::MAX),
        _ => Time::MAX,
    }
}

fn most_restarts(statuses: &[ContainerStatus]) -> i32 {
    statuses
        .iter()
        .map(|status| status.restart_count)
        .max()
        .unwrap_or(0)
}

fn restarts_of_sidecars(pod: &Pod) -> i32 {
    let runs_on = |name: &str| {
        pod.spec
            .init_containers
            .iter()
            .any(|container| container.name == name && container.restart_policy == "Always")
    };
    let statuses = pod.status.init_container_statuses.iter();
    statuses
        .filter(|status| runs_on(&status.name))
        .map(|status| status.restart_count)
        .max()
        .unwrap_or(0)
}
