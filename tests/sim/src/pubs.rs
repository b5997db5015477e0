//! PodUnavailableBudgets in the simulator: two or three replicas that answer the API server, and the one of them that
//! counts.

mod judge;
mod known;
mod mutants;
mod requests;
mod seen;
mod story;
mod workloads;

use kruise_runtime::App;
use kruise_testkit::{random::Random, server::Change, world::flags};

use crate::{
    deployable::{Deployable, Mutant, Story},
    history::{History, Violation},
};

const TWO: &[&str] = &["controller-a", "controller-b"];
const THREE: &[&str] = &["controller-a", "controller-b", "controller-c"];

/// `pub-webhook`.
pub struct Budgets;

impl Deployable for Budgets {
    fn name(&self) -> &'static str {
        "podunavailablebudget"
    }

    fn crds(&self) -> &'static [&'static str] {
        &["policy.kruise.io_podunavailablebudgets.yaml"]
    }

    fn directory(&self) -> &'static str {
        pub_webhook::NAME
    }

    fn app(&self) -> App {
        pub_webhook::app(flags(&[]))
    }

    fn flags(&self) -> &'static [&'static str] {
        &["--feature-gates=PodUnavailableBudgetUpdateGate=true"]
    }

    fn processes(&self, random: &mut Random) -> &'static [&'static str] {
        if random.chance(500) { TWO } else { THREE }
    }

    fn has_front(&self) -> bool {
        true
    }

    fn is_everybodys(&self, change: &Change) -> bool {
        seen::payment(change).is_some()
    }

    fn story(&self) -> Box<dyn Story> {
        Box::new(story::PubStory::default())
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
