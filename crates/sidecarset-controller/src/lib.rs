//! Runs SidecarSets. This file is the wiring: which kinds are watched, which index each feeds, and what
//! wakes what. The work itself is in [`plan`]: a pure function from a snapshot to a plan.

use clap::Args;
use kruise_api::resource::ObjectKey;
use kruise_runtime::{App, Setup, Upkeep, WaitReasons, WatchOptions};

pub mod check;
mod lower;
pub mod observe;
pub mod plan;
mod reconcile;
pub mod snapshot;

use observe::Observer;
use reconcile::SidecarSetReconciler;
use snapshot::{SIDECAR_SETS, SidecarSet};

/// Name of the binary, the Lease, the field manager and the events' component.
pub const NAME: &str = "sidecarset-controller";

/// Flags of this deployable.
#[derive(Args, Clone, Debug)]
pub struct SidecarSetArgs {
    /// How many SidecarSets are reconciled at the same time
    #[arg(long, default_value_t = 3, value_parser = kruise_runtime::parse_workers)]
    pub sidecarset_workers: usize,
}

/// The deployable as a value.
#[must_use]
pub fn app(args: SidecarSetArgs) -> App {
    App::new(NAME, move |setup| {
        wire(setup, &args);
        Ok(())
    })
}

fn wire(setup: &mut Setup, args: &SidecarSetArgs) {
    let queue = setup.queue("sidecarset");
    let sidecar_sets = setup.watch::<SidecarSet>(SIDECAR_SETS, WatchOptions::default());
    sidecar_sets.on_change(&queue, |old, new| {
        new.or(old)
            .map(|sidecar_set| ObjectKey::of(&sidecar_set.metadata))
            .into_iter()
            .collect()
    });

    let reconciler = SidecarSetReconciler {
        observer: Observer {
            sidecar_sets: sidecar_sets.store(),
        },
        upkeep: Upkeep::new(
            setup.own_writes(),
            setup.client(),
            WaitReasons::new("sidecarset", setup.metrics()),
        ),
        recorder: setup.recorder(NAME),
    };
    setup.controller("sidecarset", args.sidecarset_workers, queue, reconciler);
}
