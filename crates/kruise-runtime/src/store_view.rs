//! A store of any kind, for those who don't care which.

use std::time::Duration;

use serde_json::Value;

use crate::resource::{ObjectKey, Resource};

/// A store of any kind, as own-write tracking, readiness and start order see it.
pub trait StoreView: Send + Sync {
    /// The kind it holds.
    fn resource(&self) -> Resource;
    /// Highest version that an event, a bookmark or a list had.
    fn newest_version(&self) -> u64;
    /// Whether a complete list was taken.
    fn synced(&self) -> bool;
    /// Whether the API server doesn't know the kind.
    fn kind_missing(&self) -> bool;
    /// Version of the object with this UID, and whether it is terminating.
    fn state_of(&self, uid: &str) -> Option<(u64, bool)>;
    /// Whether a live read found this UID gone before the watch did.
    fn found_gone(&self, uid: &str) -> bool;
    /// UID of the object with this key, empty when there is none.
    fn uid_of(&self, key: &ObjectKey) -> String;
    /// [`crate::Store::inject`], for an answer not yet decoded.
    ///
    /// # Errors
    /// When the answer can't be decoded.
    fn inject_live(
        &self,
        key: &ObjectKey,
        uid: &str,
        live: Option<Value>,
    ) -> Result<(), serde_json::Error>;
    /// Asks the watch to have seen this version in time, or to open its connection again.
    fn want_version(&self, version: u64, within: Duration);
    /// Asks the watch for a complete list.
    fn want_list(&self);
    /// Tells a watch that waits before its next attempt that the API server answers: it need not wait.
    fn hurry_watch(&self);
    /// Reports every object to the change handlers as if it were new, behind all real changes.
    fn replay(&self);
}
