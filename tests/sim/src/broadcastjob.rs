//! BroadcastJobs in the simulator.

mod judge;
mod mutants;
mod seen;
mod story;

use kruise_runtime::App;
use kruise_testkit::world::flags;

use crate::{
    deployable::{Deployable, Mutant, Story},
    history::{History, Violation},
};

/// `broadcastjob-controller`.
pub struct BroadcastJobs;

impl Deployable for BroadcastJobs {
    fn name(&self) -> &'static str {
        "broadcastjob"
    }

    fn crds(&self) -> &'static [&'static str] {
        &["apps.kruise.io_broadcastjobs.yaml"]
    }

    fn directory(&self) -> &'static str {
        broadcastjob_controller::NAME
    }

    fn app(&self) -> App {
        broadcastjob_controller::app(flags(&[]))
    }

    fn story(&self) -> Box<dyn Story> {
        Box::new(story::JobStory::default())
    }

    fn violations(&self, history: &History) -> Vec<Violation> {
        judge::violations(history)
    }

    fn mutants(&self) -> &'static [Mutant] {
        mutants::ALL
    }

    fn seeds(&self) -> &'static [(&'static str, &'static [u64])] {
        mutants::SEEDS
    }
}
