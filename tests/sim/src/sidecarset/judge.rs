//! What a SidecarSet's controller and its pod webhook may never do, whatever happens to them: looked for in the server's
//! own record. Knows only the rules, nothing of how they work.
//!
//! They are judged by what they may have known: of the terms, pods and namespaces that were in force as far as they had
//! been told, those by which they did right.

mod change;
mod creation;
mod known;

use std::{collections::BTreeMap, sync::Arc};

use jiff::Timestamp;
use kruise_api::{
    apps::v1beta1::SIDECARSETS,
    resource::{CONTROLLER_REVISIONS, NAMESPACES, PODS},
};
use kruise_testkit::{
    fields::{list, text},
    server::Change,
};
use serde_json::Value;

use self::known::{Found, Known};
use super::seen::{ContainerSeen, PodSeen, Terms, labels_of};
use crate::history::{Deed, History, Violation, is_of};

/// Judges a run.
pub(super) fn violations(history: &History) -> Vec<Violation> {
    let mut judge = Judge {
        known: Known::new(history),
        revisions: BTreeMap::new(),
        found: vec![],
    };
    for change in &history.changes {
        judge.take(change);
    }
    judge.found
}

struct Judge<'a> {
    known: Known<'a>,
    /// ControllerRevisions that are there: what each is of, by name.
    revisions: BTreeMap<String, Revision>,
    found: Vec<Violation>,
}

/// A ControllerRevision: whose, and of what.
#[derive(PartialEq)]
struct Revision {
    owner: String,
    set: String,
    data: Value,
}

impl Judge<'_> {
    fn take(&mut self, change: &Change) {
        let object = change.after.as_ref().or(change.before.as_ref());
        let Some(object) = object else {
            return;
        };
        let name = text(&object["metadata"]["name"]);
        let after = change.after.as_deref();
        if is_of(change, &SIDECARSETS) {
            self.known
                .set_changed(change.version, &name, after.map(Terms::read));
        } else if is_of(change, &NAMESPACES) {
            self.known
                .namespace_changed(change.version, &name, after.map(labels_of));
        } else if is_of(change, &CONTROLLER_REVISIONS) {
            let found = self.revision_changed(change, &name, object);
            self.tell(change.at, found);
        } else if is_of(change, &PODS) {
            let found = self.pod_changed(change);
            self.tell(change.at, found);
        }
    }

    fn pod_changed(&mut self, change: &Change) -> Vec<Found> {
        let read = |pod: &Option<Arc<Value>>| pod.as_ref().map(|pod| PodSeen::read(pod));
        let is_ours = self.known.history.is_ours(change.by);
        let mut found = vec![];
        match (read(&change.before), read(&change.after)) {
            (None, Some(pod)) => {
                let asked = (self.asked_at(change, &pod), change.version);
                found.extend(creation::check(&self.known, asked, &pod));
                found.extend(self.twins(&pod));
                self.known.pod_changed(change.version, pod, is_ours);
            }
            (Some(before), Some(pod)) => {
                let mut updates = vec![];
                if is_ours {
                    let judged = change::check(&self.known, Deed::of(change), &before, &pod);
                    found.extend(judged.found);
                    found.extend(self.twins(&pod));
                    updates = judged.updates;
                    if pod.terminating && !before.terminating {
                        found.push(("pod-deleted", pod.name.clone()));
                    }
                }
                let uid = pod.uid.clone();
                found.extend(Self::restarts(&pod));
                self.known.pod_changed(change.version, pod, is_ours);
                for (set, update) in updates {
                    self.known.updated(&uid, &set, update);
                }
            }
            (Some(before), None) => {
                if is_ours {
                    found.push(("pod-deleted", before.name.clone()));
                }
                self.known.pod_gone(change.version, &before.uid);
            }
            (None, None) => {}
        }
        found
    }

    /// When a creation was asked for.
    fn asked_at(&self, change: &Change, pod: &PodSeen) -> Timestamp {
        let requests = self.known.history.requests.iter().rev();
        let mut asked = requests.filter(|request| {
            request.at <= change.at
                && request.by == change.by
                && request.verb == "create"
                && request.plural == PODS.plural
                && request.key.namespace == pod.namespace
                && (request.key.name == pod.name || request.body["metadata"]["name"] == *pod.name)
        });
        asked.next().map_or(change.at, |request| request.at)
    }

    /// One of two twins runs at least, and it is the one that works (SS-121, SS-251, SS-253, SS-255).
    fn twins(&self, pod: &PodSeen) -> Vec<Found> {
        let terms = pod
            .injected
            .iter()
            .filter_map(|set| self.known.all_terms(set).last());
        let hot = terms
            .flat_map(|terms| &terms.sidecars)
            .filter(|it| it.idle_image.is_some());
        let mut found = vec![];
        for sidecar in hot {
            let [first, second] = sidecar.twins();
            let is_idle = |name: &str| {
                let container = pod.container(name);
                container.is_some_and(|it| Some(&it.image) == sidecar.idle_image.as_ref())
            };
            let working = pod.working.get(&sidecar.name);
            if is_idle(&first) && is_idle(&second) {
                found.push(("both-idle", format!("{}: {}", pod.name, sidecar.name)));
            } else if let Some(working) = working.filter(|name| is_idle(name)) {
                found.push(("idle-works", format!("{}: {working}", pod.name)));
            }
        }
        found
    }

    /// The pod's own containers never restart.
    fn restarts(pod: &PodSeen) -> Vec<Found> {
        let own = pod.containers.iter().filter(|it| !it.is_injected);
        let restarted = own.filter(|it| it.restarts > 0);
        let tell = |it: &ContainerSeen| {
            let what = format!("{}: {} restarts of {}", pod.name, it.restarts, it.name);
            ("app-restarted", what)
        };
        restarted.map(tell).collect()
    }

    /// A content has one revision (SS-76), and one that is in use stays (SS-78).
    fn revision_changed(&mut self, change: &Change, name: &str, object: &Value) -> Vec<Found> {
        let set = text(&object["metadata"]["labels"]["kruise.io/sidecarset-name"]);
        let owners = list(&object["metadata"]["ownerReferences"]).iter();
        let revision = Revision {
            owner: owners.map(|owner| text(&owner["uid"])).collect(),
            set,
            data: object["data"].clone(),
        };
        let is_ours = self.known.history.is_ours(change.by);
        let mut found = vec![];
        if change.after.is_none() {
            let is_used = || self.is_used(Deed::of(change), &revision.set, name);
            if is_ours && is_used() {
                found.push(("revision-in-use", name.to_owned()));
            }
            self.revisions.remove(name);
            return found;
        }
        let mut others = self.revisions.iter().filter(|(other, _)| *other != name);
        if let Some((other, _)) = others.find(|(_, other)| **other == revision) {
            found.push(("revision-twice", format!("{name} and {other}")));
        }
        self.revisions.insert(name.to_owned(), revision);
        found
    }

    /// Whether a pod that the controller knew is at this revision.
    fn is_used(&self, deed: Deed, set: &str, revision: &str) -> bool {
        let terms = self.known.terms(deed, set);
        // Of one that may be gone, nothing is in use.
        let is_there = !terms.is_empty() && terms.iter().all(Option::is_some);
        let is_at = |pod: &PodSeen| {
            let entry = pod.hashes.get(set);
            entry.is_some_and(|entry| entry.revision == revision)
        };
        let mut pods = self.known.pods.values();
        let is_user = |pod| {
            let mut terms = terms.iter().flatten();
            terms.all(|terms| self.known.must(deed, pod, terms, is_at))
        };
        is_there && pods.any(is_user)
    }

    fn tell(&mut self, at: Timestamp, found: Vec<Found>) {
        let violations = found
            .into_iter()
            .map(|(rule, what)| Violation { rule, at, what });
        self.found.extend(violations);
    }
}
