//! What is told of a refusal: the answer itself (PB-40, PB-42), a warning that people read, a metric, an event and the
//! protection log (PB-58 to PB-61).

use http::StatusCode;
use jiff::SignedDuration;
use kruise_api::{
    budget::{BudgetRefusal, Subject},
    meta::{ObjectMeta, Time, timestamp},
    resource::PODS,
};
use kruise_runtime::{
    EventTarget, EventType, ProtectionLog, Recorder, RefusedOperation, webhook::AdmissionResponse,
};

use crate::{
    budget::Budget,
    metrics::Metrics,
    plan::status::{DISRUPTED_FOR, UNAVAILABLE_FOR},
};

/// Component of the webhook's events (spec 3.2).
pub const COMPONENT: &str = "pub-controller";
/// Reason of the event on the pod.
pub const EVENT: &str = "PubPreventPodDeletion";
/// Its message.
const EVENT_MESSAGE: &str = "openkruise pub prevents pod deletion";
/// Event of the line in the protection log (PB-61).
const LOGGED: &str = "PodUnavailableBudget";
/// The API server cuts a longer warning.
const LONGEST_WARNING: usize = 256;

/// Tells of refusals.
pub struct Reporter {
    /// Counts them.
    pub metrics: Metrics,
    /// Notes them for audits.
    pub protection_log: ProtectionLog,
    /// Writes events about pods.
    pub recorder: Recorder,
}

impl Reporter {
    /// Tells that the budget has kept somebody from this pod.
    pub fn report(&self, pod: &ObjectMeta, budget: &Budget, operation: &str, user: &str) {
        let subject = Subject::of_pod_with(pod);
        let Subject {
            kind,
            namespace,
            name,
        } = &subject;
        tracing::info!(
            event = LOGGED,
            kind,
            namespace,
            name,
            pod = pod.name,
            budget = budget.name(),
            operation,
            username = user,
            "refused"
        );
        self.metrics.refused(&subject, user);
        self.protection_log.note(RefusedOperation {
            event: LOGGED,
            kind,
            namespace,
            name,
            user_agent: user,
        });
        let about = EventTarget {
            api_version: PODS.api_version(),
            kind: PODS.kind.to_owned(),
            namespace: pod.namespace.clone(),
            name: pod.name.clone(),
            uid: pod.uid.clone(),
            resource_version: pod.resource_version.clone(),
        };
        let message = EVENT_MESSAGE.to_owned();
        self.recorder
            .event(&about, EventType::Warning, EVENT, message);
    }
}

/// The answer to an operation that a budget refuses (PB-40, PB-42).
pub fn by_budget(refusal: BudgetRefusal, budget: &Budget, now: Time) -> AdmissionResponse {
    refused(refusal.message(budget.name())).warn(warning(budget, now))
}

/// The answer where the budget could not be written (PB-48).
pub fn refused(why: impl Into<String>) -> AdmissionResponse {
    AdmissionResponse::deny(StatusCode::FORBIDDEN, why).with_reason("Forbidden")
}

/// What a person wants to know: which budget, what it counts, and for how long pods are booked.
#[must_use]
pub fn warning(budget: &Budget, now: Time) -> String {
    let metadata = budget.metadata();
    let status = &budget.asked.status;
    let mut text = format!(
        "PodUnavailableBudget {}/{}: {} of {} pods must stay available, {} were when last counted, {} may go now",
        metadata.namespace,
        metadata.name,
        status.desired_available,
        budget.counted.total_replicas,
        budget.counted.current_available,
        status.unavailable_allowed.max(0),
    );
    let booked = booked(budget, now);
    let total = booked.len();
    for (index, (pod, until)) in booked.into_iter().enumerate() {
        let begin = if index == 0 { "; booked: " } else { ", " };
        let part = format!("{begin}{pod} until {}", timestamp(until));
        let left = format!(" and {} more", total - index);
        // The rest has to fit, if this one does.
        if text.len() + part.len() + left.len() > LONGEST_WARNING {
            text.push_str(if index == 0 { "; booked:" } else { "" });
            text.push_str(&left);
            break;
        }
        text.push_str(&part);
    }
    text
}

/// Pods that were paid for, and until when they are counted out, the first to expire first.
fn booked(budget: &Budget, now: Time) -> Vec<(&str, Time)> {
    let status = &budget.asked.status;
    let until = |at: Time, stands: SignedDuration| at.checked_add(stands).unwrap_or(at);
    let disrupted = status.disrupted_pods.iter();
    let disrupted = disrupted.map(|(pod, at)| (pod.as_str(), until(*at, DISRUPTED_FOR)));
    let unavailable = status.unavailable_pods.iter();
    let unavailable = unavailable.map(|(pod, at)| (pod.as_str(), until(*at, UNAVAILABLE_FOR)));
    let mut booked: Vec<_> = disrupted.chain(unavailable).collect();
    booked.retain(|(_, until)| *until >= now);
    booked.sort_by_key(|(pod, until)| (*until, *pod));
    booked
}
