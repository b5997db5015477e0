//! Refuses the deletion of Namespaces, CustomResourceDefinitions, Deployments, ReplicaSets, StatefulSets, Services and
//! Ingresses that are labelled for it. This file is the wiring: what answers at which path.
//!
//! A request goes through [`judge`], which is pure: it answers at once, or says what has to be counted first.
//! [`count`] counts it, by lists that it asks the API server for, and [`judge`] goes on. Nothing is watched: only
//! labelled objects are asked about, and those seldom (DV-DP3).
//!
//! There is no controller, and nothing to lead. OpenKruise's own kinds are protected by their own deployables (PF-932).

use kruise_runtime::{App, Gate, Setup};

pub mod count;
pub mod gates;
pub mod handler;
pub mod judge;
mod metrics;
pub mod objects;
pub mod protected;

use count::Counter;
use gates::Gates;
use handler::Protector;
pub use metrics::{Metrics, NameLabels};
use protected::ProtectedKind;

/// Name of the binary, and the name that it gives itself in requests.
pub const NAME: &str = "deletion-protection-webhook";

/// The deployable as a value.
#[must_use]
pub fn app() -> App {
    App::new(NAME, |setup| {
        wire(setup);
        Ok(())
    })
    .without_controllers()
}

fn wire(setup: &mut Setup) {
    let gates = Gates {
        protection: setup.gates().enabled(Gate::ResourcesDeletionProtection),
        of_custom_resources: setup
            .gates()
            .enabled(Gate::DeletionProtectionForCRDCascadingGate),
    };
    let runtime = setup.metrics().clone();
    let metrics = Metrics::new(setup.registry(), runtime);
    // Every path is served whatever the gates say: where they are off, it allows (DV-PF21).
    for kind in ProtectedKind::ALL {
        let protector = Protector {
            kind,
            gates,
            counter: Counter::new(setup.replica_client()),
            metrics: metrics.clone(),
            protection_log: setup.protection_log(),
        };
        setup.validating_webhook(kind.path(), protector);
    }
}
