//! An API server in memory, behind a real client.

use std::sync::Arc;

use jiff::Timestamp;
use kruise_api::resource::{ObjectKey, Resource};
use serde_json::Value;

use crate::clock::VirtualClock;

/// The server. Clones are the same server.
#[derive(Clone)]
pub struct ApiServer {
    _clock: VirtualClock,
}

/// A change of an object, in the order of the versions.
#[derive(Clone, Debug)]
pub struct Change {
    /// The version that the change made.
    pub version: u64,
    /// When.
    pub at: Timestamp,
    /// What was changed.
    pub resource: Resource,
    /// Whose request it was: the name given to `client_of`, or the name of a part of the test kit.
    pub by: &'static str,
    /// The object before, unless it was created.
    pub before: Option<Arc<Value>>,
    /// The object after, unless it went.
    pub after: Option<Arc<Value>>,
}

/// A request and what became of it.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// When it came.
    pub at: Timestamp,
    /// Whose it was.
    pub by: &'static str,
    /// `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`.
    pub verb: &'static str,
    /// Plural of the kind.
    pub plural: String,
    /// The object; a name is missing in lists.
    pub key: ObjectKey,
    /// Subresource, or nothing.
    pub subresource: String,
    /// Whether it was a dry run.
    pub dry_run: bool,
    /// What was sent.
    pub body: Value,
    /// The code that the client got; none if the answer was lost.
    pub code: Option<u16>,
    /// The fault that met it, in a word.
    pub fault: Option<&'static str>,
}

#[allow(clippy::todo, clippy::needless_pass_by_value)]
impl ApiServer {
    /// An empty server that knows Kubernetes' own kinds.
    #[must_use]
    pub fn new(clock: VirtualClock, _seed: u64) -> Self {
        Self { _clock: clock }
    }

    /// A client of this server. `who` is what the record and the faults call it.
    #[must_use]
    pub fn client_of(&self, _who: &'static str) -> kube::Client {
        todo!()
    }

    /// Installs a CustomResourceDefinition, as it is written in `crds/`.
    pub fn install(&self, _crd: Value) {
        todo!()
    }

    /// The object as it is stored.
    #[must_use]
    pub fn get(&self, _resource: Resource, _key: &ObjectKey) -> Option<Arc<Value>> {
        todo!()
    }

    /// All objects of a kind, by namespace and name.
    #[must_use]
    pub fn list(&self, _resource: Resource) -> Vec<Arc<Value>> {
        todo!()
    }

    /// Creates an object past faults and admission, as a part of the test kit.
    pub fn put(&self, _by: &'static str, _resource: Resource, _object: Value) -> Arc<Value> {
        todo!()
    }

    /// Changes an object in place past faults, admission and the borders of subresources, as a kubelet does, say.
    /// Nothing happens if there is no such object; without a difference there is no new version.
    pub fn change(
        &self,
        _by: &'static str,
        _resource: Resource,
        _key: &ObjectKey,
        _change: impl FnOnce(&mut Value),
    ) {
        todo!()
    }

    /// Deletes an object as a user's delete does: finalizers and grace hold it.
    pub fn delete(&self, _by: &'static str, _resource: Resource, _key: &ObjectKey) {
        todo!()
    }

    /// Every change since version `since`, in order.
    #[must_use]
    pub fn changes_since(&self, _since: u64) -> Vec<Change> {
        todo!()
    }

    /// Every request so far.
    #[must_use]
    pub fn requests(&self) -> Vec<Recorded> {
        todo!()
    }

    /// The version of the last change.
    #[must_use]
    pub fn version(&self) -> u64 {
        todo!()
    }

    /// Returns when there is a change after this version.
    pub async fn newer_than(&self, _version: u64) {
        todo!()
    }

    /// Deletes an object without grace, as the kubelet does with a pod that has ended: finalizers alone hold it.
    pub fn remove(&self, _by: &'static str, _resource: Resource, _key: &ObjectKey) {
        todo!()
    }
}
