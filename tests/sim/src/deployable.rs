//! What the simulator has to know of a deployable: how it is run, what users do with its kind, and how the end and the
//! way there are judged.

use std::sync::Arc;

use futures::future::LocalBoxFuture;
use kruise_runtime::App;
use kruise_testkit::{
    random::Random,
    server::{ApiServer, Change},
};

use crate::{
    between::Saboteur,
    history::{History, Violation},
    stage::{PROCESSES, Stage},
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

    /// Flags of its processes, besides those that the simulator chooses.
    fn flags(&self) -> &'static [&'static str] {
        &[]
    }

    /// The processes of this run, by the names of their clients.
    fn processes(&self, _random: &mut Random) -> &'static [&'static str] {
        &PROCESSES
    }

    /// Whether its webhooks are asked through a [`Front`](crate::front::Front): any replica, and not always once.
    fn has_front(&self) -> bool {
        false
    }

    /// Whether a process may do this without the lease. Leases and events are everybody's anyway.
    fn is_everybodys(&self, _change: &Change) -> bool {
        false
    }

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

    /// Tries, once all is reached, what must be possible then.
    fn prove<'a>(&'a mut self, _stage: &'a mut Stage) -> LocalBoxFuture<'a, ()> {
        Box::pin(async {})
    }

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
    &crate::pubs::Budgets,
];

/// The deployable of this name.
#[must_use]
pub fn named(name: &str) -> Option<&'static dyn Deployable> {
    ALL.iter()
        .copied()
        .find(|deployable| deployable.name() == name)
}
