//! What follows when an owner goes: the garbage collector's work, done when it is asked for.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use serde_json::Value;

use super::{ApiServer, State, call::Call, delete::Options, metadata, path::Verb, store};

/// Whose its writes are.
const COLLECTOR: &str = "garbage-collector";
/// Whose the writes are that let claims go.
const CLAIMS: &str = "pvc-protection-controller";
const PROTECTION: &str = "kubernetes.io/pvc-protection";
/// Whose the writes are that empty a namespace.
const NAMESPACES: &str = "namespace-controller";
/// A round that changes something may give the next one work. More rounds than this are a circle.
const MOST_ROUNDS: usize = 1000;

/// An object, and the number of its kind.
struct Found {
    number: usize,
    object: Arc<Value>,
}

impl ApiServer {
    /// Does what the garbage collector and the controllers of namespaces and of claims would do, until nothing is left
    /// to do. An owner counts as gone when no object has its UID.
    pub fn collect_garbage(&self) {
        for _ in 0..MOST_ROUNDS {
            let before = self.version();
            self.collect_once();
            self.release_claims();
            self.empty_namespaces();
            if self.version() == before {
                return;
            }
        }
        panic!("garbage collection finds no end");
    }

    /// Collects garbage again and again, for as long as it is polled; where nothing has changed, there is none.
    pub async fn collect_garbage_every(&self, pause: Duration) {
        let mut collected = None;
        loop {
            if collected != Some(self.version()) {
                self.collect_garbage();
                collected = Some(self.version());
            }
            tokio::time::sleep(pause).await;
        }
    }

    fn collect_once(&self) {
        let mut objects = self.lock().all();
        // Events are nobody's business.
        objects.retain(|found| found.object["kind"] != "Event");
        let mut by_uid: BTreeMap<&str, &Found> = BTreeMap::new();
        for found in &objects {
            by_uid.insert(metadata::text(&found.object, "uid"), found);
        }
        for found in &objects {
            let finalizers = metadata::finalizers(&found.object);
            if metadata::is_terminating(&found.object) && finalizers.contains(&"orphan") {
                self.orphan(found, &objects);
            } else if metadata::is_terminating(&found.object)
                && finalizers.contains(&"foregroundDeletion")
            {
                self.wait_for_dependents(found, &objects);
            }
            self.attend(found, &by_uid, &objects);
        }
    }

    /// Lets the dependents of an object go free, and then the object.
    fn orphan(&self, owner: &Found, objects: &[Found]) {
        let uid = metadata::text(&owner.object, "uid");
        for dependent in dependents(uid, objects) {
            self.edit(dependent, COLLECTOR, |object| drop_owners(object, &[uid]));
        }
        self.edit(owner, COLLECTOR, |object| drop_finalizer(object, "orphan"));
    }

    /// Lets go of an object that waits for its dependents, when none is left that blocks. These go as they are attended.
    fn wait_for_dependents(&self, owner: &Found, objects: &[Found]) {
        let uid = metadata::text(&owner.object, "uid");
        let blocked = dependents(uid, objects).any(|dependent| {
            let mut all = owners(&dependent.object);
            let reference = all.find(|reference| reference["uid"] == uid);
            reference.is_some_and(|reference| reference["blockOwnerDeletion"] == true)
                && self.is_there(dependent)
        });
        if !blocked {
            self.edit(owner, COLLECTOR, |object| {
                drop_finalizer(object, "foregroundDeletion");
            });
        }
    }

    /// Deletes an object whose owners are gone, or wait for their dependents to go. One that has another owner left loses
    /// those.
    fn attend(&self, found: &Found, by_uid: &BTreeMap<&str, &Found>, objects: &[Found]) {
        if metadata::is_terminating(&found.object) {
            return;
        }
        let waits = |owner: &Found| {
            metadata::is_terminating(&owner.object)
                && metadata::finalizers(&owner.object).contains(&"foregroundDeletion")
        };
        let mut gone: Vec<&str> = vec![];
        let (mut solid, mut waiting) = (false, false);
        for reference in owners(&found.object) {
            let uid = reference["uid"].as_str().unwrap_or_default();
            let owner = by_uid.get(uid).copied();
            if owner.is_some_and(|owner| !waits(owner)) {
                solid = true;
                continue;
            }
            waiting |= owner.is_some();
            gone.push(uid);
        }
        if gone.is_empty() {
            return;
        }
        if solid {
            self.edit(found, COLLECTOR, |object| drop_owners(object, &gone));
            return;
        }
        let uid = metadata::text(&found.object, "uid");
        let finalizers = metadata::finalizers(&found.object);
        let policy = if waiting && dependents(uid, objects).next().is_some() {
            "Foreground"
        } else if finalizers.contains(&"orphan") {
            "Orphan"
        } else if finalizers.contains(&"foregroundDeletion") {
            "Foreground"
        } else {
            "Background"
        };
        self.remove(found, COLLECTOR, Some(policy));
    }

    /// Lets claims go that shall go and that no pod uses.
    fn release_claims(&self) {
        let objects = self.lock().all();
        let in_use: BTreeSet<(&str, &str)> = objects
            .iter()
            .filter(|found| {
                let phase = found.object["status"]["phase"].as_str();
                !matches!(phase, Some("Succeeded" | "Failed"))
            })
            .flat_map(|found| {
                let volumes = found.object["spec"]["volumes"].as_array();
                let claims = volumes.into_iter().flatten();
                let names =
                    claims.filter_map(|it| it["persistentVolumeClaim"]["claimName"].as_str());
                names.map(|name| (metadata::text(&found.object, "namespace"), name))
            })
            .collect();
        for found in &objects {
            if self.is_claim(found)
                && !metadata::is_terminating(&found.object)
                && !metadata::finalizers(&found.object).contains(&PROTECTION)
            {
                self.edit(found, CLAIMS, protect);
            }
            let key = (
                metadata::text(&found.object, "namespace"),
                metadata::text(&found.object, "name"),
            );
            if metadata::is_terminating(&found.object)
                && metadata::finalizers(&found.object).contains(&PROTECTION)
                && !in_use.contains(&key)
            {
                self.edit(found, CLAIMS, |object| drop_finalizer(object, PROTECTION));
            }
        }
    }

    fn is_claim(&self, found: &Found) -> bool {
        let state = self.lock();
        let kind = state.kinds.get(found.number);
        kind.is_some_and(|kind| kind.is_core("persistentvolumeclaims"))
    }

    /// Deletes what is in namespaces that shall go, and then these.
    fn empty_namespaces(&self) {
        let (number, namespaces, objects) = {
            let state = self.lock();
            let Some((number, _)) = state.kinds.find("", "namespaces") else {
                return;
            };
            let namespaces: Vec<Arc<Value>> = state
                .store
                .list(number, "")
                .map(|(_, object)| Arc::clone(object))
                .collect();
            (number, namespaces, state.all())
        };
        for namespace in namespaces
            .into_iter()
            .filter(|object| metadata::is_terminating(object))
        {
            let name = metadata::text(&namespace, "name").to_owned();
            let mut is_empty = true;
            for found in objects
                .iter()
                .filter(|found| metadata::text(&found.object, "namespace") == name)
            {
                is_empty = false;
                if !metadata::is_terminating(&found.object) {
                    self.remove(found, NAMESPACES, Some("Background"));
                }
            }
            if is_empty {
                let found = Found {
                    number,
                    object: namespace,
                };
                self.edit(&found, NAMESPACES, |object| {
                    if let Some(spec) = object["spec"].as_object_mut() {
                        spec.shift_remove("finalizers");
                    }
                });
                self.remove(&found, NAMESPACES, None);
            }
        }
    }

    fn call_about(&self, found: &Found, who: &'static str, verb: Verb) -> Option<Call> {
        let resource = self.lock().kinds.get(found.number)?.resource;
        Some(self.call(who, verb, resource, &store::key_of(&found.object)))
    }

    fn is_there(&self, found: &Found) -> bool {
        let place = store::place(&store::key_of(&found.object));
        let state = self.lock();
        let now = state.store.get(found.number, &place);
        now.is_some_and(|now| metadata::text(now, "uid") == metadata::text(&found.object, "uid"))
    }

    fn edit(&self, found: &Found, who: &'static str, edit: impl FnOnce(&mut Value)) {
        let Some(call) = self.call_about(found, who, Verb::Update) else {
            return;
        };
        let current = self.lock().store.get(found.number, &call.place()).cloned();
        let Some(current) =
            current.filter(|now| now["metadata"]["uid"] == found.object["metadata"]["uid"])
        else {
            return;
        };
        let mut new = Value::clone(&current);
        edit(&mut new);
        self.replace_by(&call, &current, new);
        self.inner.changed.notify_waiters();
    }

    fn remove(&self, found: &Found, who: &'static str, policy: Option<&str>) {
        let Some(call) = self.call_about(found, who, Verb::Delete) else {
            return;
        };
        let uid = metadata::text(&found.object, "uid");
        // Whoever was faster did the same.
        let _ = self.delete_without_admission(&call, &Options::of_collector(uid, policy));
        self.inner.changed.notify_waiters();
    }
}

impl State {
    /// Every object, by kind and place.
    fn all(&self) -> Vec<Found> {
        let mut all = vec![];
        for (number, _) in self.kinds.iter() {
            for (_, object) in self.store.list(number, "") {
                all.push(Found {
                    number,
                    object: Arc::clone(object),
                });
            }
        }
        all
    }
}

fn owners(object: &Value) -> impl Iterator<Item = &Value> {
    object["metadata"]["ownerReferences"]
        .as_array()
        .into_iter()
        .flatten()
}

fn dependents<'a>(uid: &'a str, objects: &'a [Found]) -> impl Iterator<Item = &'a Found> {
    objects
        .iter()
        .filter(move |found| owners(&found.object).any(|reference| reference["uid"] == uid))
}

fn drop_owners(object: &mut Value, uids: &[&str]) {
    let mut left: Vec<Value> = owners(object).cloned().collect();
    left.retain(|reference| !uids.contains(&reference["uid"].as_str().unwrap_or_default()));
    metadata::set(
        object,
        "ownerReferences",
        (!left.is_empty()).then(|| left.into()),
    );
}

fn protect(claim: &mut Value) {
    let mut all: Vec<Value> = metadata::finalizers(claim)
        .into_iter()
        .map(Value::from)
        .collect();
    all.push(PROTECTION.into());
    metadata::set(claim, "finalizers", Some(all.into()));
}

fn drop_finalizer(object: &mut Value, name: &str) {
    let mut left: Vec<Value> = metadata::finalizers(object)
        .into_iter()
        .map(Value::from)
        .collect();
    left.retain(|finalizer| finalizer != name);
    metadata::set(
        object,
        "finalizers",
        (!left.is_empty()).then(|| left.into()),
    );
}
