//! What the simulator has to know of a deployable: how it is run, what users do with its kind, and how the end and the
//! way there are judged.

use std::sync::Arc;

use futures::future::LocalBoxFuture;
use kruise_runtime::App;
use kruise_testkit::server::ApiServer;

use crate::{
    between::Saboteur,
    history::{History, Violation},
    stage::Stage,
};

/// One deployable.
pub trait Deployable: Sync {
    /// Its name on the command line.
    fn name(&self) -> &'static str;

    /// Its CRDs, as files of `crds/`.
    fn crds(&self) -> &'static [&'static str];

    /// Its directory in `deploy/base/`, where its webhooks are described.
    fn directory(&self) -> &'static str;

    /// What runs in a process.
    fn app(&self) -> App;

    /// A story that follows from the stage's numbers.
    fn story(&self) -> Box<dyn Story>;

    /// What it may never do.
    fn violations(&self, history: &History) -> Vec<Violation>;

    /// Controllers that are broken on purpose, and the rules that must show it.
    fn mutants(&self) -> &'static [Mutant];

    /// Seeds that notice mutants, by the names of these: together they show all that a mutant breaks. They are played
    /// first, and others only where they no longer do.
    fn seeds(&self) -> &'static [(&'static str, &'static [u64])] {
        &[]
    }
}

impl dyn Deployable {
    /// The seeds that notice a mutant, if any are known.
    #[must_use]
    pub fn seeds_of(&self, mutant: &Mutant) -> &'static [u64] {
        let mut seeds = self.seeds().iter();
        let found = seeds.find(|(name, _)| *name == mutant.name);
        found.map_or(&[], |(_, seeds)| seeds)
    }
}

/// What users do with a deployable's objects.
pub trait Story {
    /// Makes what the story is about.
    fn begin<'a>(&'a mut self, stage: &'a mut Stage) -> LocalBoxFuture<'a, ()>;

    /// Does one thing, and says which.
    fn act<'a>(&'a mut self, stage: &'a mut Stage) -> LocalBoxFuture<'a, String>;

    /// Brings the specs into a form that can be reached.
    fn end<'a>(&'a mut self, stage: &'a mut Stage) -> LocalBoxFuture<'a, ()>;

    /// What is missing of what the specs ask for.
    ///
    /// # Errors
    /// When something is missing.
    fn reached(&self, server: &ApiServer) -> Result<(), String>;

    /// What is wrong with what the objects say of themselves, once all is reached.
    fn untruths(&self, stage: &Stage) -> Vec<String>;
}

/// A controller that is broken on purpose.
pub struct Mutant {
    /// Its name on the command line.
    pub name: &'static str,
    /// Rules that it breaks, each within some seeds.
    pub breaks: &'static [&'static str],
    /// Who breaks it.
    pub saboteur: fn() -> Arc<dyn Saboteur>,
}

/// All deployables that are simulated.
pub const ALL: &[&dyn Deployable] = &[
    &crate::cloneset::CloneSets,
    &crate::broadcastjob::BroadcastJobs,
    &crate::sidecarset::SidecarSets,
];

/// The deployable of this name.
#[must_use]
pub fn named(name: &str) -> Option<&'static dyn Deployable> {
    ALL.iter()
        .copied()
        .find(|deployable| deployable.name() == name)
}
