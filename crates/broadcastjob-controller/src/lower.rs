//! What each step comes down to: the calls to the API server, without a choice left.

use kruise_api::{apps::v1beta1::BROADCASTJOBS, resource::PODS};
use kruise_plan::stage::{Answer, Call, Order, Stage, Verb, Work};

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
            // A TTL that was taken away meanwhile lets it stay.
            let deleted = Call::delete_as_read(BROADCASTJOBS, &snapshot.job.metadata)
                .tolerating(&[Answer::NotFound]);
            vec![Stage::of(deleted)]
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
