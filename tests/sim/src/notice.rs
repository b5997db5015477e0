//! Whether a broken controller is noticed: a judge that never says no proves nothing.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use crate::{
    deployable::{Deployable, Mutant},
    run::run,
};

/// What was noticed of a mutant.
pub struct Noticed {
    /// By which seed each of its rules was first broken; none: by none.
    pub by: BTreeMap<&'static str, Option<u64>>,
    /// How many seeds were played.
    pub seeds: u64,
}

impl Noticed {
    /// Whether all its rules were broken.
    #[must_use]
    pub fn is_all(&self) -> bool {
        self.by.values().all(Option::is_some)
    }
}

/// Plays seeds from the first on, until all rules were broken that the mutant breaks, or so many seeds were played.
#[must_use]
pub fn noticed_by(
    deployable: &'static dyn Deployable,
    mutant: &'static Mutant,
    seeds: u64,
    stop: &AtomicBool,
) -> Noticed {
    let mut noticed = Noticed {
        by: mutant.breaks.iter().map(|rule| (*rule, None)).collect(),
        seeds: 0,
    };
    for seed in 1..=seeds {
        if noticed.is_all() || stop.load(Ordering::Relaxed) {
            break;
        }
        noticed.seeds = seed;
        for violation in run(deployable, seed, Some(mutant)).violations {
            if let Some(by) = noticed.by.get_mut(violation.rule) {
                by.get_or_insert(seed);
            }
        }
    }
    noticed
}

/// Tries these mutants, as many at a time as there are processors, and tells of each. The names of those of which not
/// all rules were broken.
pub fn try_all(
    deployable: &'static dyn Deployable,
    mutants: &[&'static Mutant],
    seeds: u64,
    stop: &AtomicBool,
) -> Vec<&'static str> {
    let left = Mutex::new(mutants.to_vec());
    let unnoticed = Mutex::new(vec![]);
    let next = || left.lock().unwrap_or_else(PoisonError::into_inner).pop();
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                while let Some(mutant) = next() {
                    let noticed = noticed_by(deployable, mutant, seeds, stop);
                    let told = noticed.by.iter().map(|(rule, seed)| match seed {
                        Some(seed) => format!("{rule} by seed {seed}"),
                        None => format!("{rule} by none of {} seeds", noticed.seeds),
                    });
                    let told: Vec<String> = told.collect();
                    println!("{}: {}", mutant.name, told.join(", "));
                    if !noticed.is_all() {
                        let mut unnoticed =
                            unnoticed.lock().unwrap_or_else(PoisonError::into_inner);
                        unnoticed.push(mutant.name);
                    }
                }
            });
        }
    });
    unnoticed
        .into_inner()
        .unwrap_or_else(PoisonError::into_inner)
}
