//! What a proxy does to the traffic, which tests may change at any time.

use std::{collections::BTreeMap, time::Duration};

/// What is done to the traffic. The default is nothing.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    /// How much later the events of a watch come, by resource.
    pub delay: BTreeMap<&'static str, Duration>,
    /// Watch events that never come.
    pub lose: Vec<Loss>,
    /// Writes whose answers are spoilt after they were done.
    pub spoil: Vec<Spoilt>,
}

/// Watch events that are lost. Each is lost once, as by a connection that had a bad moment: asked for
/// again, it comes. What belongs to a list is never lost.
#[derive(Clone, Debug)]
pub struct Loss {
    /// Plural.
    pub resource: &'static str,
    /// Among ADDED, MODIFIED, DELETED and BOOKMARK.
    pub events: &'static [&'static str],
    /// How many of a hundred.
    pub percent: u64,
}

/// Writes that are done, but whose answers don't say so.
#[derive(Clone, Debug)]
pub struct Spoilt {
    /// Plural.
    pub resource: &'static str,
    /// Among create, patch and delete.
    pub verb: &'static str,
    /// How many of a hundred.
    pub percent: u64,
}

/// What becomes of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Spoiling {
    /// The connection is closed before it.
    Missing,
    /// The connection is closed in the middle of it.
    Half,
    /// It never comes, and the connection stays.
    Silence,
    /// 500 instead.
    InternalError,
    /// 504 instead.
    GatewayTimeout,
}

impl Spoiling {
    const ALL: [Self; 5] = [
        Self::Missing,
        Self::Half,
        Self::Silence,
        Self::InternalError,
        Self::GatewayTimeout,
    ];
}

/// Chance with a seed (splitmix64). Requests come in any order, so that a seed repeats the kind of a run and not
/// each of its steps.
#[derive(Debug)]
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(super) fn hit(&mut self, percent: u64) -> bool {
        self.next() % 100 < percent
    }

    pub(super) fn spoiling(&mut self) -> Spoiling {
        let all = Spoiling::ALL;
        all[usize::try_from(self.next() % all.len() as u64).expect("a small number")]
    }
}
