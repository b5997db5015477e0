//! What own writes promised to show, noted for one owner. An owner may have thousands of such notes, and is looked at
//! with each event: so a look costs what has happened since the last look, not what is noted.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    time::Duration,
};

use kruise_api::resource::{ObjectKey, Resource};
use tokio::time::Instant;

use crate::watch::store_view::StoreView;

/// How long a watch may take to show a write before it is read live. A healthy one takes milliseconds.
pub(crate) const READ_LIVE_AFTER: Duration = Duration::from_secs(2);

/// What a write promised to show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Promise {
    /// The object with this UID, in this version or a later one.
    Version { uid: String, version: u64 },
    /// The object with this UID, terminating or gone.
    Deletion { uid: String },
    /// Nothing: nobody knows whether the write happened, so only a live read can tell.
    Unclear,
}

#[derive(Clone, Debug)]
pub(crate) struct Note {
    id: u64,
    pub(crate) resource: Resource,
    pub(crate) key: ObjectKey,
    pub(crate) promise: Promise,
    pub(crate) since: Instant,
    leaked: bool,
}

/// The notes of one owner.
#[derive(Default)]
pub(crate) struct Notes {
    /// Ids grow, so that the oldest comes first.
    by_id: BTreeMap<u64, Note>,
    by_object: HashMap<(Resource, ObjectKey), Vec<u64>>,
    /// Notes that promise a version, the lowest first.
    by_version: HashMap<Resource, BTreeSet<(u64, u64)>>,
    unclear: BTreeSet<u64>,
    /// Notes with lower ids have been waited for.
    waited_below: u64,
}

/// What a look at the stores has come to.
#[derive(Default)]
pub(crate) struct Looked {
    /// What is to be read live now.
    pub(crate) due: Vec<Note>,
    /// The oldest of what may still be shown in time.
    pub(crate) early: Option<Note>,
    /// How long each dropped note had been waited for.
    pub(crate) waits: Vec<Duration>,
    /// How many notes have become too old.
    pub(crate) leaked: u64,
}

impl Notes {
    pub(crate) fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }

    /// `id` is higher than any before.
    pub(crate) fn add(&mut self, id: u64, resource: Resource, key: ObjectKey, promise: Promise) {
        let note = Note {
            id,
            resource,
            key,
            promise,
            since: Instant::now(),
            leaked: false,
        };
        // A later promise about the same object contains the earlier one.
        let object = (note.resource, note.key.clone());
        let about_it = self.by_object.get(&object).into_iter().flatten();
        let contained: Vec<u64> = about_it
            .filter(|id| self.by_id.get(id).is_some_and(|known| note.contains(known)))
            .copied()
            .collect();
        for id in contained {
            self.remove(id);
        }
        self.by_object.entry(object).or_default().push(id);
        match note.promise {
            Promise::Version { version, .. } => {
                let versions = self.by_version.entry(note.resource).or_default();
                versions.insert((version, id));
            }
            Promise::Unclear => {
                self.unclear.insert(id);
            }
            Promise::Deletion { .. } => {}
        }
        self.by_id.insert(id, note);
    }

    /// Drops the notes of what these stores show, and of kinds that none of them holds.
    pub(crate) fn look(&mut self, stores: &[&dyn StoreView], leaked_after: Duration) -> Looked {
        let mut looked = Looked::default();
        let mut due: BTreeSet<u64> = self.unclear.clone();
        self.look_at_passed(stores, &mut due, &mut looked);
        while let Some((&id, oldest)) = self.by_id.first_key_value() {
            if !oldest.is_over(stores) {
                break;
            }
            self.drop_seen(id, &mut looked);
        }
        let is_late = self.by_id.values().next().is_some_and(Note::is_late);
        if is_late || !due.is_empty() {
            // Something is read live anyway. Whether all is well after that read must not depend on the order of the
            // notes.
            let over = self.by_id.values().filter(|note| note.is_over(stores));
            let over: Vec<u64> = over.map(|note| note.id).collect();
            for id in over {
                self.drop_seen(id, &mut looked);
            }
        }
        for note in self.by_id.values_mut().take_while(|note| note.is_late()) {
            due.insert(note.id);
            if !note.leaked && note.since.elapsed() >= leaked_after {
                note.leaked = true;
                looked.leaked += 1;
            }
        }
        let of_due = due.iter().filter_map(|id| self.by_id.get(id));
        looked.due = of_due.cloned().collect();
        let early = self.by_id.values().find(|note| !due.contains(&note.id));
        looked.early = early.cloned();
        if let Some((last, _)) = self.by_id.last_key_value() {
            self.waited_below = last + 1;
        }
        looked
    }

    /// Looks at writes that a watch got past without showing them. The watch will show nothing more of such a write:
    /// the object is gone, or its event is lost.
    fn look_at_passed(
        &mut self,
        stores: &[&dyn StoreView],
        due: &mut BTreeSet<u64>,
        looked: &mut Looked,
    ) {
        let mut over = vec![];
        for (resource, versions) in &self.by_version {
            let newest = store_of(*resource, stores);
            let newest = newest.map_or(u64::MAX, |store| store.newest_version());
            for (_, id) in versions
                .iter()
                .take_while(|(version, _)| *version <= newest)
            {
                match self.by_id.get(id) {
                    Some(note) if !note.is_over(stores) => {
                        due.insert(*id);
                    }
                    _ => over.push(*id),
                }
            }
        }
        for id in over {
            self.drop_seen(id, looked);
        }
    }

    fn drop_seen(&mut self, id: u64, looked: &mut Looked) {
        let waited = id < self.waited_below;
        if let Some(note) = self.remove(id).filter(|_| waited) {
            looked.waits.push(note.since.elapsed());
        }
    }

    /// Removes a note: a live read has told what became of its write.
    pub(crate) fn close(&mut self, note: &Note) {
        self.remove(note.id);
    }

    fn remove(&mut self, id: u64) -> Option<Note> {
        let note = self.by_id.remove(&id)?;
        let object = (note.resource, note.key.clone());
        if let Some(ids) = self.by_object.get_mut(&object) {
            ids.retain(|other| *other != id);
            if ids.is_empty() {
                self.by_object.remove(&object);
            }
        }
        if let Promise::Version { version, .. } = note.promise
            && let Some(versions) = self.by_version.get_mut(&note.resource)
        {
            versions.remove(&(version, id));
            if versions.is_empty() {
                self.by_version.remove(&note.resource);
            }
        }
        self.unclear.remove(&id);
        Some(note)
    }

    /// How long until the first note is due, if there is any.
    pub(crate) fn due_after(&self) -> Option<Duration> {
        let (_, oldest) = self.by_id.first_key_value()?;
        let is_due = !self.unclear.is_empty();
        Some(if is_due {
            Duration::ZERO
        } else {
            oldest.due_after()
        })
    }

    /// Whether a note is too old. The oldest note tells, since notes age in their order.
    pub(crate) fn has_leaked(&self) -> bool {
        let oldest = self.by_id.first_key_value();
        oldest.is_some_and(|(_, note)| note.leaked)
    }
}

fn store_of<'a>(resource: Resource, stores: &[&'a dyn StoreView]) -> Option<&'a dyn StoreView> {
    let store = stores.iter().find(|store| store.resource() == resource);
    store.copied()
}

impl Promise {
    fn is_kept(&self, store: &dyn StoreView) -> bool {
        match self {
            Self::Version { uid, version } => {
                store
                    .state_of(uid)
                    .is_some_and(|(seen, _)| seen >= *version)
                    || store.found_gone(uid)
            }
            Self::Deletion { uid } => store
                .state_of(uid)
                .is_none_or(|(_, is_terminating)| is_terminating),
            Self::Unclear => false,
        }
    }
}

impl Note {
    /// Whether the stores show what was promised, or none of them holds the kind.
    fn is_over(&self, stores: &[&dyn StoreView]) -> bool {
        store_of(self.resource, stores).is_none_or(|store| self.promise.is_kept(store))
    }

    fn is_late(&self) -> bool {
        self.since.elapsed() >= READ_LIVE_AFTER
    }

    pub(crate) fn store<'a>(&self, stores: &[&'a dyn StoreView]) -> Option<&'a dyn StoreView> {
        store_of(self.resource, stores)
    }

    pub(crate) fn due_after(&self) -> Duration {
        match self.promise {
            Promise::Unclear => Duration::ZERO,
            _ => READ_LIVE_AFTER.saturating_sub(self.since.elapsed()),
        }
    }

    /// Whether this note says all that an earlier one about the same object says.
    fn contains(&self, earlier: &Self) -> bool {
        match (&self.promise, &earlier.promise) {
            (
                Promise::Version { uid, version },
                Promise::Version {
                    uid: other,
                    version: before,
                },
            ) => uid == other && version >= before,
            (Promise::Unclear, Promise::Unclear) => true,
            (Promise::Deletion { uid }, Promise::Deletion { uid: other }) => uid == other,
            _ => false,
        }
    }
}

impl std::fmt::Display for Note {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            resource,
            key,
            promise,
            ..
        } = self;
        match promise {
            Promise::Version { version, .. } => {
                write!(formatter, "{resource} {key} at version {version}")
            }
            Promise::Deletion { uid } => write!(formatter, "deletion of {resource} {key} ({uid})"),
            Promise::Unclear => write!(formatter, "what became of {resource} {key}"),
        }
    }
}
