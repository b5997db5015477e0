//! A store of any kind, for those who don't care which.

use std::time::Duration;

use serde_json::value::RawValue;

use kruise_api::resource::{ObjectKey, Resource};

/// What a store knew of a key before a live read.
#[derive(Clone, Debug, Default)]
pub struct BeforeRead {
    /// UID of the object; empty when there was none.
    pub uid: String,
    /// Version of the object; 0 when there was none.
    pub version: u64,
    /// Highest version that an event, a bookmark or a list had had.
    pub newest: u64,
}

/// What the answer of a live read told a store.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Injected {
    /// News, or nothing new.
    Taken,
    /// The watch got past the answer while the answer was on its way, and doesn't show the object. Either the object
    /// is deleted by now, or the watch skipped it: the next read tells.
    Overtaken,
    /// The watch had got past this version before the read began, and hadn't shown it. Or the watch had shown a later
    /// version, so the API server's data must have been restored from a backup.
    Skipped,
}

/// A store of any kind, as own-write tracking, readiness and start order see it.
pub trait StoreView: Send + Sync {
    /// The kind that the store holds.
    fn resource(&self) -> Resource;
    /// Highest version that an event, a bookmark or a list had.
    fn newest_version(&self) -> u64;
    /// Returns when the handlers of changes have been told of all that [`StoreView::newest_version`] and
    /// [`StoreView::synced`] said before.
    fn wait_for_handlers(&self);
    /// Whether a complete list was taken.
    fn synced(&self) -> bool;
    /// How many complete lists were taken.
    fn lists(&self) -> u64;
    /// Whether the API server doesn't know the kind.
    fn kind_missing(&self) -> bool;
    /// Whether the store holds no object.
    fn is_empty(&self) -> bool;
    /// Version of the object with this UID, and whether it is terminating.
    fn state_of(&self, uid: &str) -> Option<(u64, bool)>;
    /// Whether a live read found this UID gone before the watch did.
    fn found_gone(&self, uid: &str) -> bool;
    /// What a live read of the object with this key has to be compared with: what was known before it.
    fn before_read(&self, key: &ObjectKey) -> BeforeRead;
    /// [`crate::Store::inject`], for an answer that is not yet decoded. Also checks whether the watch should have
    /// reported the answer.
    ///
    /// # Errors
    /// When the answer can't be decoded.
    fn inject_live(
        &self,
        key: &ObjectKey,
        uid: &str,
        live: Option<&RawValue>,
        before: &BeforeRead,
    ) -> Result<Injected, serde_json::Error>;
    /// Asks the watch to have seen this version in time, or to open its connection again.
    fn want_version(&self, version: u64, within: Duration);
    /// Asks the watch for a complete list.
    fn want_list(&self);
    /// Tells a watch that waits before its next attempt that the API server answers, so that it waits no longer.
    fn hurry_watch(&self);
    /// Reports every object to the change handlers as if it were new, behind all real changes.
    fn replay(&self);
}
