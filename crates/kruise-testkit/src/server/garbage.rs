//! What follows when an owner goes: the garbage collector's work, done when it is asked for.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use serde_json::Value;

use super::{ApiServer, State, call::Call, delete::Options, metadata, path::Verb, store};

/// Whose its writes are.
const COLLECTOR: &str = "garbage-collector";
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
    /// Does what the garbage collector and the namespace controller would do, until nothing is left to do. An owner
    /// counts as gone when no object has its UID.
    pub fn collect_garbage(&self) {
        for _ in 0..MOST_ROUNDS {
            let before = self.version();
            self.collect_once();
            self.empty_namespaces();
            if self.version() == before {
                return;
            }
        }
        panic!("garbage collection finds no end");
    }

    /// Collects garbage again and again, for as long as it is polled.
    pub async fn collect_garbage_every(&self, pause: Duration) {
        loop {
            self.collect_garbage();
            tokio::time::sleep(pause).await;
        }
    }

    fn collect_once(&self) {
        let (uids, objects) = {
            let state = self.lock();
            let objects = state.all();
            let uid = |found: &Found| metadata::text(&found.object, "uid").to_owned();
            (objects.iter().map(uid).collect::<BTreeSet<_>>(), objects)
        };
        for found in &objects {
            let finalizers = metadata::finalizers(&found.object);
            if metadata::is_terminating(&found.object) && finalizers.contains(&"orphan") {
                self.orphan(found, &objects);
            } else if metadata::is_terminating(&found.object)
                && finalizers.contains(&"foregroundDeletion")
            {
                self.delete_dependents(found, &objects);
            }
            self.attend(found, &uids, &objects);
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

    /// Deletes the dependents of an object, and the object when none is left that blocks.
    fn delete_dependents(&self, owner: &Found, objects: &[Found]) {
        let uid = metadata::text(&owner.object, "uid");
        let mut blocked = false;
        for dependent in dependents(uid, objects) {
            let reference = owners(&dependent.object).find(|reference| reference["uid"] == uid);
            blocked |= reference.is_some_and(|reference| reference["blockOwnerDeletion"] == true)
                && self.is_there(dependent);
            if !metadata::is_terminating(&dependent.object) {
                self.remove(dependent, COLLECTOR, Some("Foreground"));
            }
        }
        if !blocked {
            self.edit(owner, COLLECTOR, |object| {
                drop_finalizer(object, "foregroundDeletion")
            });
        }
    }

    /// Deletes an object whose owners are all gone. One that has another owner left loses those that are gone.
    fn attend(&self, found: &Found, uids: &BTreeSet<String>, objects: &[Found]) {
        if metadata::is_terminating(&found.object) {
            return;
        }
        let uid_of = |reference: &Value| reference["uid"].as_str().unwrap_or_default().to_owned();
        let (solid, absent): (Vec<&Value>, Vec<&Value>) =
            owners(&found.object).partition(|reference| uids.contains(&uid_of(reference)));
        if absent.is_empty() {
            return;
        }
        if solid.is_empty() {
            let has_dependents = dependents(metadata::text(&found.object, "uid"), objects)
                .next()
                .is_some();
            let policy = match metadata::finalizers(&found.object) {
                finalizers if finalizers.contains(&"orphan") => "Orphan",
                finalizers if finalizers.contains(&"foregroundDeletion") && has_dependents => {
                    "Foreground"
                }
                _ => "Background",
            };
            self.remove(found, COLLECTOR, Some(policy));
        } else {
            let gone: Vec<String> = absent.iter().map(|reference| uid_of(reference)).collect();
            let gone: Vec<&str> = gone.iter().map(String::as_str).collect();
            self.edit(found, COLLECTOR, |object| drop_owners(object, &gone));
        }
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
