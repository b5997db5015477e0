//! Whether a broken controller is noticed: a judge that never says no proves nothing.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
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
    /// Whose it is.
    pub mutant: &'static Mutant,
    /// By which seed each of its rules was first broken; none: by none.
    pub by: BTreeMap<&'static str, Option<u64>>,
    /// How many seeds were played.
    pub seeds: u64,
    /// Whether the first of the seeds that are known to notice it broke one of its rules.
    pub by_the_first: bool,
    /// Seeds that show together all that was noticed.
    pub shown_by: Vec<u64>,
}

impl Noticed {
    fn nothing(mutant: &'static Mutant) -> Self {
        Self {
            mutant,
            by: mutant.breaks.iter().map(|rule| (*rule, None)).collect(),
            seeds: 0,
            by_the_first: false,
            shown_by: vec![],
        }
    }

    /// Whether all its rules were broken.
    #[must_use]
    pub fn is_all(&self) -> bool {
        self.by.values().all(Option::is_some)
    }

    /// The line that the table of seeds should have.
    #[must_use]
    pub fn row(&self) -> String {
        format!("(\"{}\", &{:?}),", self.mutant.name, self.shown_by)
    }

    fn add(&mut self, seed: u64, broken: &BTreeSet<&'static str>) {
        self.seeds += 1;
        let mut is_new = false;
        for (rule, by) in &mut self.by {
            if by.is_none() && broken.contains(rule) {
                *by = Some(seed);
                is_new = true;
            }
        }
        if self.by.keys().all(|rule| broken.contains(rule)) {
            self.shown_by = vec![seed];
        } else if is_new {
            self.shown_by.push(seed);
        }
    }
}

impl fmt::Display for Noticed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let told = self.by.iter().map(|(rule, seed)| match seed {
            Some(seed) => format!("{rule} by seed {seed}"),
            None => format!("{rule} by none of {} seeds", self.seeds),
        });
        let told: Vec<String> = told.collect();
        write!(formatter, "{}: {}", self.mutant.name, told.join(", "))
    }
}

/// Plays the seeds that are known to notice a mutant, and then others from the first on, until all rules were broken that
/// it breaks, or so many others were played.
#[must_use]
pub fn noticed_by(
    deployable: &'static dyn Deployable,
    mutant: &'static Mutant,
    seeds: u64,
    stop: &AtomicBool,
) -> Noticed {
    let known = deployable.seeds_of(mutant);
    let others = (1..=seeds).filter(|seed| !known.contains(seed));
    let mut noticed = Noticed::nothing(mutant);
    for seed in known.iter().copied().chain(others) {
        if noticed.is_all() || stop.load(Ordering::Relaxed) {
            break;
        }
        let violations = run(deployable, seed, Some(mutant)).violations;
        noticed.add(seed, &violations.iter().map(|it| it.rule).collect());
        noticed.by_the_first |= known.first() == Some(&seed) && !noticed.shown_by.is_empty();
    }
    noticed
}

/// Tries these mutants, as many at a time as there are processors, and tells of each. What was noticed of each, in the
/// order of their names.
pub fn try_all(
    deployable: &'static dyn Deployable,
    mutants: &[&'static Mutant],
    seeds: u64,
    stop: &AtomicBool,
) -> Vec<Noticed> {
    let left = Mutex::new(mutants.to_vec());
    let all = Mutex::new(vec![]);
    let next = || left.lock().unwrap_or_else(PoisonError::into_inner).pop();
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                while let Some(mutant) = next() {
                    let noticed = noticed_by(deployable, mutant, seeds, stop);
                    println!("{noticed}");
                    if deployable.seeds_of(mutant) != noticed.shown_by {
                        println!("    {}", noticed.row());
                    }
                    all.lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .push(noticed);
                }
            });
        }
    });
    let mut all = all.into_inner().unwrap_or_else(PoisonError::into_inner);
    all.sort_by_key(|noticed| noticed.mutant.name);
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mutants::{mutant, takes_back};

    static TWO_RULES: Mutant = mutant("two", &["a", "b"], takes_back);

    fn broken(rules: &[&'static str]) -> BTreeSet<&'static str> {
        rules.iter().copied().collect()
    }

    #[test]
    fn a_row_has_what_shows_all() {
        let mut noticed = Noticed::nothing(&TWO_RULES);
        noticed.add(1, &broken(&["c"]));
        noticed.add(2, &broken(&["a", "c"]));
        noticed.add(3, &broken(&["a"]));
        assert!(!noticed.is_all());
        assert_eq!(
            noticed.to_string(),
            "two: a by seed 2, b by none of 3 seeds"
        );
        noticed.add(4, &broken(&["b"]));
        assert!(noticed.is_all());
        assert_eq!(noticed.row(), "(\"two\", &[2, 4]),");
    }

    #[test]
    fn one_seed_may_show_all() {
        let mut noticed = Noticed::nothing(&TWO_RULES);
        noticed.add(2, &broken(&["a"]));
        noticed.add(5, &broken(&["a", "b"]));
        assert_eq!(noticed.shown_by, [5]);
    }
}
