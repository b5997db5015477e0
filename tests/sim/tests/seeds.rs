//! Some seeds of each deployable, and that a broken controller is noticed.

#![allow(clippy::unwrap_used)]

use std::sync::atomic::AtomicBool;

use sim::{
    deployable::{Deployable, Mutant, named},
    notice::try_all,
    report::{Plan, play_all},
    run::run,
};

/// Few enough for every day; `cargo xtask sim` plays thousands.
const SEEDS: u64 = 20;
/// Within so many seeds a broken controller must show.
const SHOWS_WITHIN: u64 = 100;
/// Broken controllers that show after more seeds than a test should play; `cargo xtask sim --mutant all` plays them.
const LATE: [&str; 6] = [
    "no-partition",
    "always-recreate",
    "quick-to-complete",
    "quick-to-fail",
    "deaf-to-pause",
    "blind-to-deletion",
];

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

fn each_mutant_is_noticed(name: &str) {
    let mutants = deployable(name).mutants().iter();
    let mutants: Vec<&'static Mutant> = mutants
        .filter(|mutant| !LATE.contains(&mutant.name))
        .collect();
    assert!(mutants.len() > 10, "{}", mutants.len());
    let stop = AtomicBool::new(false);
    let unnoticed = try_all(deployable(name), &mutants, SHOWS_WITHIN, &stop);
    assert!(unnoticed.is_empty(), "{unnoticed:?}");
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
