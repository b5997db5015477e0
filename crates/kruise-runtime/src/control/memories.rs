//! What a controller remembers of objects between two passes.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use kruise_api::resource::ObjectKey;

/// What is remembered of each object, with the UID that it is remembered of.
pub(crate) struct Memories<M> {
    by_key: Mutex<HashMap<ObjectKey, (String, M)>>,
}

impl<M> Default for Memories<M> {
    fn default() -> Self {
        Self {
            by_key: Mutex::default(),
        }
    }
}

impl<M: Clone + Default> Memories<M> {
    /// What is remembered of the object with this UID: an object that was made anew under its name has no past.
    pub(crate) fn get(&self, key: &ObjectKey, uid: &str) -> M {
        self.lock()
            .get(key)
            .filter(|(of, _)| of == uid)
            .map(|(_, memory)| memory.clone())
            .unwrap_or_default()
    }

    /// Whether something is remembered under this key, of an object with another UID.
    pub(crate) fn are_of_another(&self, key: &ObjectKey, uid: Option<&str>) -> bool {
        let by_key = self.lock();
        let of = by_key.get(key).map(|(of, _)| of.as_str());
        of.is_some() && of != uid
    }

    /// Forgets the object with this key; returns its UID.
    pub(crate) fn forget(&self, key: &ObjectKey) -> Option<String> {
        self.lock().remove(key).map(|(uid, _)| uid)
    }

    pub(crate) fn remember(&self, key: &ObjectKey, uid: &str, memory: M) {
        self.lock().insert(key.clone(), (uid.to_owned(), memory));
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<ObjectKey, (String, M)>> {
        self.by_key.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_that_was_made_anew_under_its_name_has_no_past() {
        let memories = Memories::default();
        let key = ObjectKey::new("ns", "web");
        assert!(!memories.are_of_another(&key, Some("first")));
        memories.remember(&key, "first", 7);
        assert_eq!(memories.get(&key, "first"), 7);
        assert_eq!(memories.get(&key, "made-anew"), 0);
        assert!(!memories.are_of_another(&key, Some("first")));
        assert!(memories.are_of_another(&key, Some("made-anew")));
        assert!(memories.are_of_another(&key, None));
        assert_eq!(memories.forget(&key).as_deref(), Some("first"));
        assert_eq!(memories.get(&key, "first"), 0);
    }
}
