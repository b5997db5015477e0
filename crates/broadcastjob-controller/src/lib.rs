//! Runs BroadcastJobs. This file is the wiring: which kinds are watched, which index each feeds, and what
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
use reconcile::BroadcastJobReconciler;
use snapshot::{BROADCAST_JOBS, BroadcastJob};

/// Name of the binary, the Lease, the field manager and the events' component.
pub const NAME: &str = "broadcastjob-controller";

/// Flags of this deployable.
#[derive(Args, Clone, Debug)]
pub struct BroadcastJobArgs {
    /// How many BroadcastJobs are reconciled at the same time
    #[arg(long, default_value_t = 3, value_parser = kruise_runtime::parse_workers)]
    pub broadcastjob_workers: usize,
}

/// The deployable as a value.
#[must_use]
pub fn app(args: BroadcastJobArgs) -> App {
    App::new(NAME, move |setup| {
        wire(setup, &args);
        Ok(())
    })
}

fn wire(setup: &mut Setup, args: &BroadcastJobArgs) {
    let queue = setup.queue("broadcastjob");
    let broadcast_jobs = setup.watch::<BroadcastJob>(BROADCAST_JOBS, WatchOptions::default());
    broadcast_jobs.on_change(&queue, |old, new| {
        new.or(old)
            .map(|broadcast_job| ObjectKey::of(&broadcast_job.metadata))
            .into_iter()
            .collect()
    });

    let reconciler = BroadcastJobReconciler {
        observer: Observer {
            broadcast_jobs: broadcast_jobs.store(),
        },
        upkeep: Upkeep::new(
            setup.own_writes(),
            setup.client(),
            WaitReasons::new("broadcastjob", setup.metrics()),
        ),
        recorder: setup.recorder(NAME),
    };
    setup.controller("broadcastjob", args.broadcastjob_workers, queue, reconciler);
}
