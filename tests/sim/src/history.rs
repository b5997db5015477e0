//! What happened in a run, as the judges see it: the server's own record, and what each process was told of it.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use kruise_api::resource::Resource;
use kruise_testkit::server::{Change, Recorded};

use crate::front::Asked;

/// How long a process may go on with what it knew: a pass that was begun, with answers that come late.
pub const UNDER_WAY: SignedDuration = SignedDuration::from_secs(10);

/// How long what came to a process may be on its way into its indexes: a list counts when the last page is there.
const TAKEN_IN: SignedDuration = SignedDuration::from_secs(2);

/// A rule that was broken.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Violation {
    /// Name of the rule.
    pub rule: &'static str,
    /// When.
    pub at: Timestamp,
    /// What was seen.
    pub what: String,
}

/// All that happened.
pub struct History {
    /// Changes in the order of their versions.
    pub changes: Vec<Change>,
    /// Requests in their order.
    pub requests: Vec<Recorded>,
    /// Processes of the deployable, by the names of their clients.
    pub processes: Vec<&'static str>,
    /// What they were told.
    pub told: Told,
    /// What they were asked through a front, in order.
    pub asked: Vec<Asked>,
    /// Since when nothing is to be done any more.
    pub settled: Option<Timestamp>,
    /// How many things the story did.
    pub n_acts: usize,
}

impl History {
    /// Whether this is the client of a process of the deployable.
    #[must_use]
    pub fn is_ours(&self, who: &str) -> bool {
        self.processes.contains(&who)
    }

    /// The states of an object that a process may have gone by, as far as it had been told. `states` are all there were,
    /// in the order of their versions.
    pub fn in_force<'a, T>(
        &self,
        deed: Deed,
        (plural, name): (&str, &str),
        states: &'a [T],
        version: impl Fn(&T) -> u64,
    ) -> Vec<&'a T> {
        self.in_force_since(deed, (plural, name), states, version, 0)
    }

    /// The same of an object that the deployable wrote last in version `own`: it goes by nothing older than its own writes.
    pub fn in_force_since<'a, T>(
        &self,
        deed: Deed,
        (plural, name): (&str, &str),
        states: &'a [T],
        version: impl Fn(&T) -> u64,
        own: u64,
    ) -> Vec<&'a T> {
        let newest_at = |at| self.told.newest_of_all(deed.who, plural, name, at).max(own);
        let (newest, surely) = (newest_at(deed.at), newest_at(deed.at - UNDER_WAY));
        between(states, version, surely, newest.min(deed.version))
    }

    /// The states of an object by which an admission may have been answered that came at this time and led to a change in
    /// this version. Any process that ran may have answered it.
    pub fn answered_by<'a, T>(
        &self,
        (at, newest): (Timestamp, u64),
        (plural, name): (&str, &str),
        states: &'a [T],
        version: impl Fn(&T) -> u64,
    ) -> Vec<&'a T> {
        let taken_in = at - TAKEN_IN;
        let processes = self.processes.iter();
        let running = processes.filter(|who| self.told.runs(who, at));
        let known = running.map(|who| self.told.newest_of_life(who, plural, name, taken_in));
        let surely = known.min().unwrap_or_default();
        between(states, version, surely, newest)
    }

    /// Whether a process knew what became of an object in this version.
    #[must_use]
    pub fn knew(&self, deed: Deed, plural: &str, name: &str, version: u64) -> bool {
        self.told.knew(deed.who, plural, name, version, deed.at)
    }
}

/// The states that began with `newest` at the latest, and ended after `surely`.
fn between<T>(states: &[T], version: impl Fn(&T) -> u64, surely: u64, newest: u64) -> Vec<&T> {
    let ends = states.iter().skip(1).map(|state| Some(version(state)));
    let dated = states.iter().zip(ends.chain([None]));
    let in_force =
        dated.filter(|(state, end)| version(state) <= newest && end.is_none_or(|end| end > surely));
    in_force.map(|(state, _)| state).collect()
}

/// Whether an object of this kind changed, in whatever version.
#[must_use]
pub fn is_of(change: &Change, kind: &Resource) -> bool {
    change.resource.group == kind.group && change.resource.plural == kind.plural
}

/// What a process did.
#[derive(Clone, Copy, Debug)]
pub struct Deed {
    /// Which process, by the name of its client.
    pub who: &'static str,
    /// When.
    pub at: Timestamp,
    /// The version that came of it.
    pub version: u64,
}

impl Deed {
    /// What made this change.
    #[must_use]
    pub fn of(change: &Change) -> Self {
        Self {
            who: change.by,
            at: change.at,
            version: change.version,
        }
    }
}

/// Versions, and when they were told.
type Versions = Vec<(Timestamp, u64)>;

/// What came to the processes, and when.
#[derive(Clone, Default, Debug)]
pub struct Told {
    /// Versions of one object.
    objects: BTreeMap<(&'static str, String, String), Versions>,
    /// Versions of whole lists of a kind.
    lists: BTreeMap<(&'static str, String), Versions>,
    /// All whole lists of a kind, whatever had come before.
    all_lists: BTreeMap<(&'static str, String), Versions>,
    /// When each process began to run, and when it ended.
    lives: BTreeMap<&'static str, Vec<(Timestamp, bool)>>,
}

impl Told {
    /// A process was told of an object in this version, or that it is gone since.
    pub fn note(
        &mut self,
        who: &'static str,
        plural: &str,
        name: &str,
        at: Timestamp,
        version: u64,
    ) {
        let told = self
            .objects
            .entry((who, plural.to_owned(), name.to_owned()));
        add(told.or_default(), at, version);
    }

    /// A process was told all objects of a kind, as of this version.
    pub fn note_list(&mut self, who: &'static str, plural: &str, at: Timestamp, version: u64) {
        add(
            self.lists.entry((who, plural.to_owned())).or_default(),
            at,
            version,
        );
        let all = self.all_lists.entry((who, plural.to_owned()));
        all.or_default().push((at, version));
    }

    /// A process begins, or ends.
    pub fn note_life(&mut self, who: &'static str, at: Timestamp, runs: bool) {
        self.lives.entry(who).or_default().push((at, runs));
    }

    /// Whether a process ran at this time, and since when.
    fn life(&self, who: &'static str, at: Timestamp) -> Option<Timestamp> {
        let lives = self.lives.get(who)?;
        let mut before = lives.iter().rev().filter(|(when, _)| *when <= at);
        before
            .next()
            .filter(|(_, runs)| *runs)
            .map(|(when, _)| *when)
    }

    /// Whether a process ran at this time.
    #[must_use]
    pub fn runs(&self, who: &'static str, at: Timestamp) -> bool {
        self.life(who, at).is_some()
    }

    /// The newest version of an object that a process had been told of since it began; 0, as long as it lacks a whole list of
    /// the kind.
    fn newest_of_life(&self, who: &'static str, plural: &str, name: &str, at: Timestamp) -> u64 {
        let Some(since) = self.life(who, at) else {
            return 0;
        };
        let key = (who, plural.to_owned());
        let lists = self.all_lists.get(&key).into_iter().flatten();
        let lists = lists.filter(|(when, _)| (since..=at).contains(when));
        let Some(listed) = lists.map(|(_, version)| *version).max() else {
            return 0;
        };
        // Events that come after a list are newer than all that came before it.
        listed.max(self.newest(who, plural, name, at))
    }

    /// The newest version of an object that the process had been told of at this time.
    #[must_use]
    pub fn newest(&self, who: &'static str, plural: &str, name: &str, at: Timestamp) -> u64 {
        newest(
            self.objects.get(&(who, plural.to_owned(), name.to_owned())),
            at,
        )
    }

    /// The same, from lists too: one that lacks an object says that it is gone.
    fn newest_of_all(&self, who: &'static str, plural: &str, name: &str, at: Timestamp) -> u64 {
        let listed = newest(self.lists.get(&(who, plural.to_owned())), at);
        self.newest(who, plural, name, at).max(listed)
    }

    /// Whether any pass that is still under way knew what became of the object in this version.
    #[must_use]
    pub fn knew(
        &self,
        who: &'static str,
        plural: &str,
        name: &str,
        version: u64,
        at: Timestamp,
    ) -> bool {
        self.newest_of_all(who, plural, name, at - UNDER_WAY) >= version
    }
}

fn add(told: &mut Vec<(Timestamp, u64)>, at: Timestamp, version: u64) {
    if told.last().is_none_or(|(_, newest)| *newest < version) {
        told.push((at, version));
    }
}

fn newest(told: Option<&Vec<(Timestamp, u64)>>, at: Timestamp) -> u64 {
    let told = told.map_or(&[][..], Vec::as_slice);
    let n_told = told.partition_point(|(when, _)| *when <= at);
    n_told.checked_sub(1).map_or(0, |last| told[last].1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_told_counts_from_then_on() {
        let at = |seconds| Timestamp::from_second(seconds).unwrap();
        let mut told = Told::default();
        for (when, version) in [(10, 5), (20, 9), (21, 7)] {
            told.note("a", "pods", "x", at(when), version);
        }
        let newest = |when| told.newest("a", "pods", "x", at(when));
        assert_eq!(
            [newest(9), newest(10), newest(20), newest(99)],
            [0, 5, 9, 9]
        );
        assert_eq!(told.newest("b", "pods", "x", at(99)), 0);
        let knew = |version| told.knew("a", "pods", "x", version, at(21));
        assert!(knew(5) && !knew(9), "what is under way doesn't know");
    }

    // A process that began again knows nothing before it has a whole list.
    #[test]
    fn what_was_told_is_forgotten_with_the_process() {
        let at = |seconds| Timestamp::from_second(seconds).unwrap();
        let mut told = Told::default();
        told.note_life("a", at(1), true);
        told.note_list("a", "pods", at(10), 7);
        told.note("a", "pods", "x", at(12), 9);
        told.note_life("a", at(20), false);
        told.note_life("a", at(30), true);
        told.note_list("a", "pods", at(40), 9);
        let known = |when| told.newest_of_life("a", "pods", "x", at(when));
        assert_eq!([9, 10, 12, 25, 35, 40].map(known), [0, 7, 9, 0, 0, 9]);
        assert_eq!(
            [19, 20, 30].map(|when| told.runs("a", at(when))),
            [true, false, true]
        );
    }

    // A list without an object says that it is gone.
    #[test]
    fn a_list_tells_of_every_object() {
        let at = |seconds| Timestamp::from_second(seconds).unwrap();
        let mut told = Told::default();
        told.note_list("a", "pods", at(10), 7);
        let knew = |when, version| told.knew("a", "pods", "x", version, at(when));
        assert!(knew(20, 7) && !knew(19, 7) && !knew(20, 8));
    }
}
