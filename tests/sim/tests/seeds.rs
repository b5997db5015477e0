//! Some hundred seeds, and that a broken controller is noticed.

use std::sync::atomic::AtomicBool;

use sim::{
    deployable::{Deployable, named},
    report::{Plan, play_all},
    run::run,
};

/// Enough for each mutant, few enough for every day.
const SEEDS: u64 = 120;
/// Within so many seeds a broken controller must show.
const SHOWS_WITHIN: u64 = 100;

fn cloneset() -> &'static dyn Deployable {
    named("cloneset").unwrap()
}

fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

#[test]
fn clonesets_keep_the_rules_and_get_where_they_should() {
    let plan = Plan {
        deployable: cloneset(),
        mutant: None,
        first: 1,
        seeds: SEEDS,
        threads: threads(),
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
fn a_seed_is_played_the_same_way_each_time() {
    for seed in [3, 5, 8] {
        let digests = [0, 1].map(|_| run(cloneset(), seed, None).digest);
        assert_eq!(digests[0], digests[1], "seed {seed}");
    }
    assert_ne!(
        run(cloneset(), 3, None).digest,
        run(cloneset(), 5, None).digest
    );
}

#[test]
fn each_broken_controller_is_noticed() {
    let mut unnoticed = vec![];
    for mutant in cloneset().mutants() {
        let is_noticed = |seed| {
            let outcome = run(cloneset(), seed, Some(mutant));
            outcome
                .violations
                .iter()
                .any(|violation| mutant.breaks.contains(&violation.rule))
        };
        match (1..=SHOWS_WITHIN).find(|seed| is_noticed(*seed)) {
            Some(seed) => println!("{}: by seed {seed}", mutant.name),
            None => unnoticed.push(mutant.name),
        }
    }
    assert!(unnoticed.is_empty(), "{unnoticed:?}");
}
