//! SidecarSets in the simulator: the controller and the pod webhook.

mod end;
mod judge;
mod mutants;
mod sample;
mod seen;
mod story;

use kruise_runtime::App;
use kruise_testkit::world::flags;

use crate::{
    deployable::{Deployable, Mutant, Story},
    history::{History, Violation},
};

/// `sidecarset-controller`.
pub struct SidecarSets;

impl Deployable for SidecarSets {
    fn name(&self) -> &'static str {
        "sidecarset"
    }

    fn crds(&self) -> &'static [&'static str] {
        &["apps.kruise.io_sidecarsets.yaml"]
    }

    fn directory(&self) -> &'static str {
        sidecarset_controller::NAME
    }

    fn app(&self) -> App {
        sidecarset_controller::app(flags(&[]))
    }

    fn story(&self) -> Box<dyn Story> {
        Box::new(story::SidecarStory::default())
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
