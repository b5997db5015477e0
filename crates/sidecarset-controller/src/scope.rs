//! Keeps the pod webhook as narrow as the SidecarSets are that there are, without a moment in which a pod slips through.
//!
//! The API server calls a webhook for each new pod that its configuration selects, and a pod that is selected can't be
//! created while nobody answers. So the configuration selects only pods that some SidecarSet can match, by a match
//! condition in CEL. It follows the SidecarSets:
//!
//! * [`Reach`] and [`Anchor`] say for one SidecarSet, and [`Extent`] for all of them, which pods these are.
//! * [`Scope`] makes the condition wider while a SidecarSet is admitted. It answers once the API server is seen to use
//!   the wider condition (`probe`). From then on for a minute and a half another entry of the configuration has pods of
//!   this SidecarSet wait until the replica that is asked knows the SidecarSet (`fresh_pods`).
//! * `narrow` makes the condition narrower later, on the leader.
//!
//! All of it is in one object, which is written under its version alone, so nobody's change is lost: neither that of another
//! replica nor that of an administrator. The installation brings the object without the condition, for all pods.
//!
//! What is not seen to: with several API servers, that another one than the one that answered uses the condition. Each
//! is told by a watch within milliseconds, as it is told of its own. And clocks of replicas may differ by no more than 45 s,
//! since the leader forgets by its own clock what another replica wrote.

mod anchor;
mod by_label;
mod cel;
mod configuration;
mod error;
mod extent;
mod fresh_pods;
mod known_sets;
mod metrics;
mod narrow;
mod one_of;
mod probe;
mod record;
mod widen;
mod writer;

use std::sync::Arc;

use kruise_api::{
    object::Object,
    well_known::webhooks::{FRESH_PODS_PATH, PODS_PATH, PROBE_PATH},
};
use kruise_runtime::{Gate, Setup, StoreView, Watched, webhook::Admission};

pub use self::{
    anchor::{Anchor, LabelAnchor, Reach},
    by_label::MOST_VALUES,
    configuration::{Configuration, Revision},
    error::ScopeError,
    extent::{Extent, Form, LONGEST_EXPRESSION, MOST_KEYS},
    one_of::OneOf,
    record::{Fresh, Record},
    widen::{Covered, Scope},
};
use self::{
    fresh_pods::FreshPods, known_sets::KnownSets, metrics::ScopeMetrics, narrow::Narrowing,
    writer::Writer,
};

/// Place of the pod webhook's configuration among those of other deployables (PF-908).
pub const PLACE: u8 = 20;

/// What the scope is made from.
pub struct Parts<K> {
    /// Which pods a SidecarSet of the index can match.
    pub reach: fn(&K) -> Reach,
    /// Answers for new pods at the path that the installation names.
    pub pods: Arc<dyn Admission>,
    /// Namespace of the installation, where probes are created.
    pub namespace: String,
    /// Whether the scope is kept narrow, or is always everything.
    pub narrows: bool,
}

/// Serves the two entries that the scope adds to the configuration, and runs what narrows the scope on the leader. Admission
/// of SidecarSets has to ask what is returned. Where pods aren't mutated at all, the configuration is left alone.
pub fn wire<K: Object>(setup: &mut Setup, sets: &Watched<K>, parts: Parts<K>) -> Scope {
    let Parts {
        reach,
        pods,
        namespace,
        narrows,
    } = parts;
    if !setup.gates().enabled(Gate::PodWebhook) {
        return Scope::inert();
    }
    let freshness = setup.freshness(sets);
    let of_replica = Writer {
        client: setup.replica_client(),
        name: setup.pod_webhook_configuration(PLACE),
        namespace,
        clock: setup.clock(),
        metrics: ScopeMetrics::new(setup.registry()),
        without_conditions: Arc::default(),
    };
    let of_leader = Writer {
        client: setup.client(),
        ..of_replica.clone()
    };
    let path = |added: &str| format!("{PODS_PATH}{added}");
    setup.mutating_pod_webhook(PLACE, &path(PROBE_PATH), probe::refuse);
    let known = KnownSets {
        client: setup.replica_client(),
        kind: StoreView::resource(&sets.store()),
        freshness,
    };
    let fresh_pods = FreshPods {
        known: known.clone(),
        pods,
    };
    setup.mutating_pod_webhook(PLACE, &path(FRESH_PODS_PATH), fresh_pods);

    let queue = setup.queue("sidecarset-scope");
    sets.on_change(&queue, move |old, new| narrow::wakes(reach, old, new));
    // Also where there is no SidecarSet.
    queue.add(narrow::key());
    let narrowing = Narrowing {
        writer: of_leader,
        sets: sets.store(),
        reach,
        known,
        narrows,
        written: std::sync::Mutex::default(),
    };
    setup.controller("sidecarset-scope", 1, queue, narrowing);
    Scope::new(of_replica)
}
