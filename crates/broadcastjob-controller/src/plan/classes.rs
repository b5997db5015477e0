//! What the pods of a job come to (BJ-23 to BJ-27).

use kruise_api::{apps::v1beta1::BroadcastJob, object::CustomResource, well_known::labels};
use kruise_plan::PodRef;

use crate::snapshot::{JobPod, Snapshot};

/// The job's pods by what has become of them, each by name. Pods that are being deleted, and have not ended, are in no
/// class.
#[derive(Debug, Default)]
pub(super) struct Classes<'a> {
    /// All of them.
    pub(super) all: Vec<&'a JobPod>,
    pub(super) active: Vec<&'a JobPod>,
    pub(super) failed: Vec<&'a JobPod>,
    pub(super) n_succeeded: usize,
}

impl<'a> Classes<'a> {
    pub(super) fn of(snapshot: &'a Snapshot) -> Self {
        let limit = snapshot.job.spec.failure_policy.as_ref();
        let limit = limit.and_then(|policy| policy.restart_limit).unwrap_or(0);
        let mut classes = Self::default();
        let pods = snapshot.pods.iter().map(AsRef::as_ref);
        for pod in pods.filter(|pod| is_ours(snapshot, pod)) {
            classes.all.push(pod);
            match pod.status.phase.as_str() {
                "Succeeded" => classes.n_succeeded += 1,
                "Failed" => classes.failed.push(pod),
                _ if pod.metadata.is_terminating() => {}
                _ if is_over_limit(pod, limit) => classes.failed.push(pod),
                _ => classes.active.push(pod),
            }
        }
        classes
    }

    /// The active pods, to be stopped.
    pub(super) fn active_refs(&self) -> Vec<PodRef> {
        self.active.iter().map(|pod| PodRef::of(pod)).collect()
    }
}

/// BJ-23, BJ-P1: both labels, and a job of this UID that manages the pod.
fn is_ours(snapshot: &Snapshot, pod: &JobPod) -> bool {
    let job = &snapshot.job.metadata;
    let has = |key: &str, value: &str| {
        let labels = &pod.metadata.labels;
        labels.get(key).is_some_and(|label| *label == value)
    };
    has(labels::BROADCASTJOB_NAME, &job.name)
        && has(labels::BROADCASTJOB_CONTROLLER_UID, &job.uid)
        && pod.metadata.controller().is_some_and(|owner| {
            owner.is_of(BroadcastJob::GROUP, BroadcastJob::KIND) && owner.uid == job.uid.as_str()
        })
}

/// BJ-27: the restarts of one pod, over all its containers.
fn is_over_limit(pod: &JobPod, limit: i32) -> bool {
    let status = &pod.status;
    let statuses = status
        .init_container_statuses
        .iter()
        .chain(&status.container_statuses);
    let restarts: i64 = statuses.map(|status| i64::from(status.restart_count)).sum();
    pod.more.spec.restart_policy == "OnFailure" && restarts > i64::from(limit)
}
