//! Ends the sidecars of pods that run to completion, when all other containers have ended. This file is the wiring: which
//! kinds are watched, which index each feeds, and what wakes what. The work itself is in [`plan`]: a pure function from a
//! snapshot to a plan.
//!
//! The object that is reconciled is the pod. There is no kind of our own, and so neither CRD nor webhook.

use clap::Args;
use kruise_api::{
    apps::v1beta1::CONTAINERRECREATEREQUESTS,
    resource::{NODES, ObjectKey, PODS},
};
use kruise_runtime::{App, Gate, Setup, Upkeep, WaitReasons, WatchOptions};

pub mod check;
pub mod error;
mod lower;
pub mod memory;
pub mod node;
pub mod observe;
pub mod plan;
pub mod pod;
mod reconcile;
pub mod remember;
pub mod request;
pub mod snapshot;
pub mod wake;

use node::StoredNode;
use observe::Observer;
use pod::StoredPod;
use reconcile::SidecarTerminatorReconciler;
use request::StoredRequest;

/// Name of the binary, the Lease, the field manager and the events' component.
pub const NAME: &str = "sidecarterminator-controller";

/// Pods whose containers are started again whatever they end with are never done (ST-4). A pod's policy never changes, so
/// that the API server can leave them out.
const RUN_TO_COMPLETION: &str = "spec.restartPolicy!=Always";

/// Flags of this deployable.
#[derive(Args, Clone, Debug)]
pub struct SidecarTerminatorArgs {
    /// How many pods are reconciled at the same time
    #[arg(long, default_value_t = 3, value_parser = kruise_runtime::parse_workers)]
    pub sidecarterminator_workers: usize,
}

/// The deployable as a value. Without its feature gate it watches and does nothing, and the process lives on. That gate is
/// off where `KruiseDaemon` is off (PF-130, PF-131).
#[must_use]
pub fn app(args: SidecarTerminatorArgs) -> App {
    App::new(NAME, move |setup| {
        if setup.gates().enabled(Gate::SidecarTerminator) {
            wire(setup, &args);
        } else {
            tracing::warn!(
                "nothing is done: feature gate SidecarTerminator is off, or KruiseDaemon, which it needs"
            );
        }
        Ok(())
    })
}

fn wire(setup: &mut Setup, args: &SidecarTerminatorArgs) {
    let queue = setup.queue("sidecarterminator");
    let pods = setup.watch::<StoredPod>(
        PODS,
        WatchOptions {
            field_selector: Some(RUN_TO_COMPLETION.to_owned()),
            ..WatchOptions::default()
        },
    );
    let nodes = setup.watch::<StoredNode>(NODES, WatchOptions::default());
    // PF-903: the kind is another deployable's.
    let requests = setup.watch::<StoredRequest>(
        CONTAINERRECREATEREQUESTS,
        WatchOptions {
            may_be_missing: true,
            ..WatchOptions::default()
        },
    );

    pods.on_change(&queue, |old, new| {
        wake::by_pod(old, new)
            .map(|pod| ObjectKey::of(&pod.metadata))
            .into_iter()
            .collect()
    });
    requests.on_change(&queue, |old, new| {
        new.or(old)
            .and_then(StoredRequest::pod)
            .into_iter()
            .collect()
    });

    let reconciler = SidecarTerminatorReconciler {
        observer: Observer {
            pods: pods.store(),
            nodes: nodes.store(),
            requests: requests.store(),
            clock: setup.clock(),
        },
        upkeep: Upkeep::new(
            setup.own_writes(),
            setup.client(),
            WaitReasons::new("sidecarterminator", setup.metrics()),
        ),
        recorder: setup.recorder(NAME),
    };
    setup.controller(
        "sidecarterminator",
        args.sidecarterminator_workers,
        queue,
        reconciler,
    );
}
