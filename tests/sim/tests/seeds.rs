//! Some seeds of each deployable, and that a broken controller is noticed.

#![allow(clippy::unwrap_used)]

use std::sync::{Mutex, atomic::AtomicBool};

use sim::{
    deployable::{Deployable, Mutant, named},
    report::{Plan, play_all},
    run::run,
};

/// Few enough for every day; `cargo xtask sim` plays thousands.
const SEEDS: u64 = 20;
/// Broken controllers that show within a few seeds. `cargo xtask sim --mutant` takes the others too.
const DAILY: [&str; 8] = [
    "creates-one-only",
    "two-leaders",
    "talkative",
    "restless",
    "lying-status",
    "sidecar-too",
    "changed-in-service",
    "doubled-creations",
];
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

/// The first seed by which a broken controller shows.
fn noticed_by(mutant: &'static Mutant) -> Option<u64> {
    (1..=SHOWS_WITHIN).find(|seed| {
        let outcome = run(cloneset(), *seed, Some(mutant));
        let mut violations = outcome.violations.iter();
        violations.any(|violation| mutant.breaks.contains(&violation.rule))
    })
}

#[test]
fn each_broken_controller_is_noticed() {
    let mutants = cloneset().mutants().iter();
    let mutants: Vec<&'static Mutant> = mutants
        .filter(|mutant| DAILY.contains(&mutant.name))
        .collect();
    assert_eq!(mutants.len(), DAILY.len());
    let mutants = Mutex::new(mutants);
    let unnoticed = Mutex::new(vec![]);
    std::thread::scope(|scope| {
        for _ in 0..threads() {
            scope.spawn(|| {
                loop {
                    let Some(mutant) = mutants.lock().unwrap().pop() else {
                        break;
                    };
                    match noticed_by(mutant) {
                        Some(seed) => println!("{}: by seed {seed}", mutant.name),
                        None => unnoticed.lock().unwrap().push(mutant.name),
                    }
                }
            });
        }
    });
    let unnoticed = unnoticed.into_inner().unwrap();
    assert!(unnoticed.is_empty(), "{unnoticed:?}");
}
