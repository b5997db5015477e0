//! What a controller may never do, whatever happens to it, looked for in the order of resource versions.
//! Knows only the rules, nothing of how the controller works. Pure.
//!
//! Only what the controller does is judged: that it creates a pod, deletes it, changes its image, its
//! lifecycle state or its condition `InPlaceUpdateReady`. Readiness is the kubelets' word, so
//! - a pod that was in service counts as in service until the *controller* takes it out;
//! - taking out a pod that came into service a moment ago is not judged: the controller may have decided
//!   while it was not;
//! - the terms of a CloneSet that were in force a moment ago count as well, the most generous of them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use jiff::{SignedDuration, Timestamp};

use super::seen::{Event, PodSeen, Terms, What};

/// What a controller may not have seen yet. Its watches lag by milliseconds; what it decided may wait for
/// the client's flow control, or a busy machine.
const LAG: SignedDuration = SignedDuration::from_secs(2);

/// A bound that was broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Bound {
    /// A creation made more active pods than replicas + maxSurge.
    TooManyPods,
    /// Two pods of one CloneSet have one instance id.
    InstanceTwice,
    /// Fewer than replicas - maxUnavailable pods in service, by the controller's doing.
    MaxUnavailable,
    /// More pods at the newest image than the partition lets be (replicas - partition + maxSurge).
    Partition,
    /// A pod was deleted although updates were to be in place, and there were not more than wanted.
    DeletedInPlace,
    /// A pod with the newest image was deleted, and there were not more than wanted.
    DeletedUpdated,
    /// One pod got two updates in place to one revision.
    UpdatedTwice,
    /// The app restarted more often than its image changed.
    AppRestarted,
    /// A container whose image never changes restarted.
    SidecarRestarted,
    /// The API server took two creations of one pod.
    CreatedTwice,
    /// The API server took two deletions of one pod.
    DeletedTwice,
    /// The lease changed hands before it had expired.
    LeaseTakenEarly,
    /// The lease changed hands later than a standby's look at it can be late.
    LeaseTakenLate,
}

/// Which bound, when, and what was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Violation {
    pub(super) bound: Bound,
    pub(super) at: Timestamp,
    pub(super) what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} at {}: {}", self.bound, self.at, self.what)
    }
}

/// Judges what happened after `base`, which is how things stood at the beginning.
pub(super) fn violations(base: &[Event], after: &[Event]) -> Vec<Violation> {
    let mut checker = Checker::default();
    for (events, judged) in [(base, false), (after, true)] {
        let mut events: Vec<&Event> = events.iter().collect();
        // Several watches told of them; this is how they came about.
        events.sort_by_key(|event| event.version);
        checker.judged = judged;
        for event in events {
            checker.take(event);
        }
    }
    checker.violations
}

#[derive(Default)]
struct Checker {
    judged: bool,
    sets: BTreeMap<String, Vec<Dated>>,
    pods: BTreeMap<String, Known>,
    violations: Vec<Violation>,
}

/// Terms, and since when they are in force.
struct Dated {
    since: Timestamp,
    terms: Terms,
}

/// A pod, and what became of it so far.
struct Known {
    seen: PodSeen,
    /// Since when it is in service, until the controller takes it out.
    in_service: Option<Timestamp>,
    n_images: u64,
    /// Restarts that it came with.
    restarts: (u64, u64),
}

impl Checker {
    fn take(&mut self, event: &Event) {
        match &event.what {
            What::Set(set) => {
                let history = self.sets.entry(set.name.clone()).or_default();
                if history.last().is_none_or(|last| last.terms != set.terms) {
                    history.push(Dated {
                        since: event.at,
                        terms: set.terms.clone(),
                    });
                }
            }
            What::Pod(pod) if self.pods.contains_key(&pod.uid) => self.changed(event.at, pod),
            What::Pod(pod) => self.created(event.at, pod),
            What::PodGone(pod) => {
                if self
                    .pods
                    .get(&pod.uid)
                    .is_some_and(|known| known.seen.is_active())
                {
                    let mut leaving = pod.clone();
                    leaving.terminating = true;
                    self.changed(event.at, &leaving);
                }
                self.pods.remove(&pod.uid);
            }
            What::Lease(_) => {}
        }
    }

    fn created(&mut self, at: Timestamp, pod: &PodSeen) {
        let twin = self.pods.values().find(|known| {
            known.seen.set == pod.set
                && !pod.instance.is_empty()
                && known.seen.instance == pod.instance
        });
        let twin = twin.map(|known| known.seen.name.clone());
        if let Some(twin) = twin {
            let what = format!("{} and {twin}: both {}", pod.name, pod.instance);
            self.tell(Bound::InstanceTwice, at, what);
        }
        let known = Known {
            in_service: pod.is_available().then_some(at),
            n_images: 0,
            restarts: (pod.app_restarts, pod.sidecar_restarts),
            seen: pod.clone(),
        };
        self.pods.insert(pod.uid.clone(), known);
        let most = self.most(at, &pod.set, |terms| terms.replicas + terms.max_surge);
        let n_active = self.count(&pod.set, |known| known.seen.is_active());
        if let Some(most) = most.filter(|most| n_active > *most) {
            let what = format!("{} makes {n_active}, of {most}", pod.name);
            self.tell(Bound::TooManyPods, at, what);
        }
        self.check_partition(at, pod);
    }

    fn changed(&mut self, at: Timestamp, pod: &PodSeen) {
        let Some(known) = self.pods.get_mut(&pod.uid) else {
            return;
        };
        let before = std::mem::replace(&mut known.seen, pod.clone());
        let new_image = before.image != pod.image;
        known.n_images += u64::from(new_image);
        let (app, sidecar) = known.restarts;
        let app_restarted = pod.app_restarts > app + known.n_images;
        let sidecar_restarted = pod.sidecar_restarts > sidecar;
        let was_in_service = known.in_service;
        let taken_out = new_image
            || (before.is_active() && !pod.is_active())
            || (before.state == "Normal" && pod.state != "Normal")
            || (before.in_place_ready && !pod.in_place_ready);
        if taken_out {
            known.in_service = None;
        } else if pod.is_available() {
            known.in_service.get_or_insert(at);
        }

        if app_restarted {
            let what = format!(
                "{}: {} restarts for {} images",
                pod.name,
                pod.app_restarts - app,
                self.pods.get(&pod.uid).map_or(0, |known| known.n_images)
            );
            self.tell(Bound::AppRestarted, at, what);
        }
        if sidecar_restarted {
            self.tell(Bound::SidecarRestarted, at, pod.name.clone());
        }
        if taken_out && was_in_service.is_some_and(|since| at.duration_since(since) >= LAG) {
            self.check_max_unavailable(at, pod);
        }
        if !before.terminating && pod.terminating && before.is_active() {
            self.check_deletion(at, &before);
        }
        if let (Some(old), Some(new)) = (&before.update, &pod.update)
            && old.revision == new.revision
            && (old.began != new.began || new.n_batches > old.n_batches.max(1))
        {
            let what = format!("{} to {}", pod.name, new.revision);
            self.tell(Bound::UpdatedTwice, at, what);
        }
        if new_image {
            self.check_partition(at, pod);
        }
    }

    fn check_max_unavailable(&mut self, at: Timestamp, pod: &PodSeen) {
        let least = self.least(at, &pod.set, |terms| {
            terms.replicas.saturating_sub(terms.max_unavailable)
        });
        let n_left = self.count(&pod.set, |known| known.in_service.is_some());
        if let Some(least) = least.filter(|least| n_left < *least) {
            let what = format!("{} leaves {n_left} in service, of {least}", pod.name);
            self.tell(Bound::MaxUnavailable, at, what);
        }
    }

    fn check_partition(&mut self, at: Timestamp, pod: &PodSeen) {
        let images = self.images(at, &pod.set);
        let has_partition = self.in_force(at, &pod.set).all(|terms| terms.partition > 0);
        // Between two images, which one is the newest depends on what the controller has seen.
        if !has_partition || images.len() != 1 || !images.contains(&pod.image) {
            return;
        }
        let most = self.most(at, &pod.set, |terms| {
            terms.replicas.saturating_sub(terms.partition) + terms.max_surge
        });
        let n_updated = self.count(&pod.set, |known| {
            known.seen.is_active() && known.seen.image == pod.image
        });
        if let Some(most) = most.filter(|most| n_updated > *most) {
            let what = format!("{} makes {n_updated} at {}, of {most}", pod.name, pod.image);
            self.tell(Bound::Partition, at, what);
        }
    }

    /// `pod` as it was before.
    fn check_deletion(&mut self, at: Timestamp, pod: &PodSeen) {
        // It is terminating by now.
        let n_before = 1 + self.count(&pod.set, |known| known.seen.is_active());
        let wanted = self.least(at, &pod.set, |terms| terms.replicas);
        if wanted.is_none_or(|wanted| n_before > wanted) {
            return;
        }
        let what = format!("{}, one of {n_before}", pod.name);
        let images = self.images(at, &pod.set);
        if self.in_force(at, &pod.set).all(|terms| terms.in_place) {
            self.tell(Bound::DeletedInPlace, at, what);
        } else if images.len() == 1 && images.contains(&pod.image) {
            self.tell(Bound::DeletedUpdated, at, what);
        }
    }

    /// The terms that the controller may have gone by.
    fn in_force(&self, at: Timestamp, set: &str) -> impl Iterator<Item = &Terms> {
        let history = self.sets.get(set).map_or(&[][..], Vec::as_slice);
        let ends = history.iter().skip(1).map(|dated| Some(dated.since));
        history
            .iter()
            .zip(ends.chain([None]))
            .filter(move |(_, end)| end.is_none_or(|end| at.duration_since(end) < LAG))
            .map(|(dated, _)| &dated.terms)
    }

    fn images(&self, at: Timestamp, set: &str) -> BTreeSet<String> {
        self.in_force(at, set)
            .map(|terms| terms.image.clone())
            .collect()
    }

    fn most(&self, at: Timestamp, set: &str, of: impl Fn(&Terms) -> u64) -> Option<u64> {
        self.in_force(at, set).map(of).max()
    }

    fn least(&self, at: Timestamp, set: &str, of: impl Fn(&Terms) -> u64) -> Option<u64> {
        self.in_force(at, set).map(of).min()
    }

    fn count(&self, set: &str, of: impl Fn(&Known) -> bool) -> u64 {
        let n = self
            .pods
            .values()
            .filter(|known| known.seen.set == set && of(known))
            .count();
        n as u64
    }

    fn tell(&mut self, bound: Bound, at: Timestamp, what: String) {
        if self.judged {
            self.violations.push(Violation { bound, at, what });
        }
    }
}

#[cfg(test)]
mod tests;
