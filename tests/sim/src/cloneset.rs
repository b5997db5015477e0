//! CloneSets in the simulator.

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

/// `cloneset-controller`.
pub struct CloneSets;

impl Deployable for CloneSets {
    fn name(&self) -> &'static str {
        "cloneset"
    }

    fn crds(&self) -> &'static [&'static str] {
        &["apps.kruise.io_clonesets.yaml"]
    }

    fn directory(&self) -> &'static str {
        cloneset_controller::NAME
    }

    fn app(&self) -> App {
        cloneset_controller::app(flags(&[]))
    }

    fn story(&self) -> Box<dyn Story> {
        Box::new(story::CloneSetStory::default())
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
