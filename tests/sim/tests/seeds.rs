//! Some seeds of each deployable, and that a broken controller is noticed.

#![allow(clippy::unwrap_used)]

use std::sync::atomic::AtomicBool;

use sim::{
    deployable::{Deployable, Mutant, named},
    notice::{Noticed, try_all},
    report::{Plan, play_all},
    run::run,
};

/// Few enough for every day; `cargo xtask sim` plays thousands.
const SEEDS: u64 = 20;
/// So many seeds are tried with a broken controller that its own seeds don't notice any more.
const SHOWS_WITHIN: u64 = 100;

fn deployable(name: &str) -> &'static dyn Deployable {
    named(name).unwrap()
}

fn keeps_the_rules(name: &str) {
    let plan = Plan {
        deployable: deployable(name),
        mutant: None,
        first: 1,
        seeds: SEEDS,
        threads: std::thread::available_parallelism().map_or(1, usize::from),
    };
    let total = play_all(plan, &AtomicBool::new(false), |_| {});
    for outcome in &total.failed {
        println!("seed {}: {:#?}", outcome.seed, outcome.violations);
    }
    assert!(total.failed.is_empty(), "{} seeds", total.failed.len());
    // Seeds without faults would prove little.
    assert!(total.faults.len() > 12, "{:?}", total.faults);
}

#[test]
fn clonesets_keep_the_rules_and_get_where_they_should() {
    keeps_the_rules("cloneset");
}

#[test]
fn broadcastjobs_keep_the_rules_and_get_where_they_should() {
    keeps_the_rules("broadcastjob");
}

#[test]
fn sidecarsets_keep_the_rules_and_get_where_they_should() {
    keeps_the_rules("sidecarset");
}

#[test]
fn budgets_are_never_overspent_and_never_stuck() {
    keeps_the_rules("podunavailablebudget");
}

#[test]
fn a_seed_is_played_the_same_way_each_time() {
    for (name, seed) in [
        ("cloneset", 3),
        ("cloneset", 5),
        ("broadcastjob", 8),
        ("sidecarset", 4),
        ("podunavailablebudget", 2),
    ] {
        let digests = [0, 1].map(|_| run(deployable(name), seed, None).digest);
        assert_eq!(digests[0], digests[1], "{name}, seed {seed}");
        let other = run(deployable(name), seed + 1, None).digest;
        assert_ne!(digests[0], other, "{name}, seed {seed}");
    }
}

/// Each by all its rules, and first of all by the first of its seeds: else the table of seeds (`mutants.rs` of the kind)
/// wants the rows that are printed.
fn each_mutant_is_noticed(name: &str) {
    let deployable = deployable(name);
    let mutants: Vec<&'static Mutant> = deployable.mutants().iter().collect();
    assert!(mutants.len() > 10, "{}", mutants.len());
    let stop = AtomicBool::new(false);
    let tried = try_all(deployable, &mutants, SHOWS_WITHIN, &stop);
    let unnoticed = tried.iter().filter(|noticed| !noticed.is_all());
    let unnoticed: Vec<_> = unnoticed.map(ToString::to_string).collect();
    assert!(unnoticed.is_empty(), "{unnoticed:#?}");
    let late = tried.iter().filter(|noticed| !noticed.by_the_first);
    let late: Vec<String> = late.map(Noticed::row).collect();
    assert!(
        late.is_empty(),
        "rows of seeds that notice:\n{}",
        late.join("\n")
    );
}

#[test]
fn each_broken_controller_of_clonesets_is_noticed() {
    each_mutant_is_noticed("cloneset");
}

#[test]
fn each_broken_controller_of_broadcastjobs_is_noticed() {
    each_mutant_is_noticed("broadcastjob");
}

#[test]
fn each_broken_controller_of_sidecarsets_is_noticed() {
    each_mutant_is_noticed("sidecarset");
}

#[test]
fn each_broken_replica_of_budgets_is_noticed() {
    each_mutant_is_noticed("podunavailablebudget");
}
