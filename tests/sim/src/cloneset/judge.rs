//! What a CloneSet's controller may never do, whatever happens to it: looked for in the server's own record. Knows only
//! the rules, nothing of how the controller works.
//!
//! Only what the controller does is judged: that it creates a pod, deletes it, changes its image, its lifecycle state or
//! its condition `InPlaceUpdateReady`. It is judged by what it may have known: terms that were in force as far as it had
//! been told, the most generous of them; a pod that others took away counts as in service until it had been told of that.

use std::collections::BTreeMap;

use jiff::Timestamp;
use kruise_api::{apps::v1beta1::CLONESETS, resource::PODS};
use kruise_testkit::{fields::text, server::Change};

use super::seen::{PodSeen, Template, Terms};
use crate::history::{Deed, History, Violation, is_of};

/// Judges a run.
pub(super) fn violations(history: &History) -> Vec<Violation> {
    let mut judge = Judge {
        history,
        sets: BTreeMap::new(),
        pods: BTreeMap::new(),
        instances: BTreeMap::new(),
        found: vec![],
    };
    for change in &history.changes {
        judge.take(change);
    }
    judge.found
}

struct Judge<'a> {
    history: &'a History,
    sets: BTreeMap<String, Vec<Dated>>,
    pods: BTreeMap<String, Known>,
    /// Which pod had an instance id, by set and id.
    instances: BTreeMap<(String, String), String>,
    found: Vec<Violation>,
}

/// Terms, and the version that brought them.
struct Dated {
    version: u64,
    terms: Terms,
    /// Whether the template had been there before.
    is_rolled_back: bool,
}

/// A pod, and what became of it so far.
struct Known {
    seen: PodSeen,
    /// In which version it came into service, until the controller takes it out.
    in_service: Option<u64>,
    /// In which version others took it away.
    lost: Option<u64>,
    n_images: u64,
    /// Whether somebody else labelled it for deletion. The controller does so too, with what it makes anew.
    is_specified: bool,
    /// Whether the controller labelled it because it was old. It goes then, whatever template comes back.
    is_marked: bool,
}

impl<'a> Judge<'a> {
    fn take(&mut self, change: &'a Change) {
        if is_of(change, &CLONESETS) {
            if let Some(set) = &change.after {
                self.set_changed(
                    change.version,
                    &text(&set["metadata"]["name"]),
                    Terms::read(set),
                );
            }
        } else if is_of(change, &PODS) {
            match (&change.before, &change.after) {
                (None, Some(pod)) => self.created(change, PodSeen::read(pod)),
                (Some(_), Some(pod)) => self.changed(change, &PodSeen::read(pod)),
                (Some(pod), None) => {
                    let mut leaving = PodSeen::read(pod);
                    leaving.terminating = true;
                    self.changed(change, &leaving);
                }
                (None, None) => {}
            }
        }
    }

    fn set_changed(&mut self, version: u64, name: &str, terms: Terms) {
        let history = self.sets.entry(name.to_owned()).or_default();
        let last = history.last();
        if last.is_some_and(|last| last.terms == terms) {
            return;
        }
        let is_new = last.is_some_and(|last| last.terms.template != terms.template);
        let is_rolled_back = if is_new {
            history
                .iter()
                .any(|dated| dated.terms.template == terms.template)
        } else {
            last.is_some_and(|last| last.is_rolled_back)
        };
        history.push(Dated {
            version,
            terms,
            is_rolled_back,
        });
    }

    fn created(&mut self, change: &'a Change, pod: PodSeen) {
        let key = (pod.set.clone(), pod.instance.clone());
        let twin = self.instances.insert(key, pod.name.clone());
        if let Some(twin) = twin.filter(|_| !pod.instance.is_empty()) {
            let what = format!("{} and {twin}: both {}", pod.name, pod.instance);
            self.tell("instance-twice", change.at, what);
        }
        let (uid, set) = (pod.uid.clone(), pod.set.clone());
        let known = Known {
            in_service: None,
            lost: None,
            n_images: 0,
            is_specified: !self.history.is_ours(change.by) && pod.is_specified,
            is_marked: false,
            seen: pod,
        };
        self.pods.insert(uid.clone(), known);
        if !self.history.is_ours(change.by) {
            return;
        }
        let deed = Deed::of(change);
        let most = self.most(deed, &set, |terms| terms.replicas + terms.max_surge);
        let n_active = self.count(&set, |known| known.seen.is_active());
        if let Some(most) = most.filter(|most| n_active > *most) {
            let name = &self.pods[&uid].seen.name;
            let what = format!("{name} makes {n_active}, of {most}");
            self.tell("too-many-pods", change.at, what);
        }
        // With no old pod left the roll-out was over, and all pods are made alike.
        let template = self.pods[&uid].seen.template.clone();
        if self.count(&set, |known| {
            known.seen.is_active() && known.seen.template != template
        }) > 0
        {
            self.check_partition(deed, &set, &uid);
        }
    }

    fn changed(&mut self, change: &'a Change, pod: &PodSeen) {
        let is_ours = self.history.is_ours(change.by);
        let terms = self.in_force(Deed::of(change), &pod.set);
        let is_old = terms
            .iter()
            .any(|dated| dated.terms.template != pod.template);
        let Some(known) = self.pods.get_mut(&pod.uid) else {
            return;
        };
        let before = std::mem::replace(&mut known.seen, pod.clone());
        let new_image = before.template.image != pod.template.image;
        known.n_images += u64::from(new_image);
        let n_images = known.n_images;
        let is_labelled = pod.is_specified && !before.is_specified;
        known.is_specified |= !is_ours && is_labelled;
        known.is_marked |= is_ours && is_labelled && is_old;
        let (is_specified, is_marked) = (known.is_specified, known.is_marked);
        let was = (known.in_service, known.lost);
        let ends = before.is_active() && !pod.is_active();
        let taken_out = is_ours
            && (new_image
                || ends
                || (matches!(before.state.as_str(), "" | "Normal")
                    && pod.state.starts_with("Preparing"))
                || (before.in_place_ready && !pod.in_place_ready));
        if taken_out {
            known.in_service = None;
        } else if ends {
            known.lost.get_or_insert(change.version);
        } else if pod.is_serving() {
            known.in_service.get_or_insert(change.version);
        }
        self.check_restarts(change.at, pod, n_images);
        if !is_ours {
            return;
        }
        let deed = Deed::of(change);
        if taken_out {
            self.check_max_unavailable(deed, &before, was);
        }
        if ends {
            self.check_deletion(deed, &before, is_specified, is_marked);
        }
        self.check_update(deed, &before, pod);
        if new_image {
            self.check_partition(deed, &pod.set, &pod.uid);
        }
    }

    fn check_restarts(&mut self, at: Timestamp, pod: &PodSeen, n_images: u64) {
        if pod.app_restarts > n_images {
            let what = format!(
                "{}: {} restarts for {n_images} images",
                pod.name, pod.app_restarts
            );
            self.tell("app-restarted", at, what);
        }
        if pod.sidecar_restarts > 0 {
            self.tell("other-container-restarted", at, pod.name.clone());
        }
    }

    /// What an update in place leaves as it is, and how often it may be done.
    fn check_update(&mut self, deed: Deed, before: &PodSeen, pod: &PodSeen) {
        if let (Some(old), Some(new)) = (&before.update, &pod.update)
            && old.revision == new.revision
            && (old.began != new.began || new.n_batches > old.n_batches.max(1))
        {
            let what = format!("{} to {}", pod.name, new.revision);
            self.tell("updated-twice", deed.at, what);
        }
        if before.rest_of_spec != pod.rest_of_spec || before.sidecar_image != pod.sidecar_image {
            let what = format!("{}: more than its image was changed", pod.name);
            self.tell("more-was-changed", deed.at, what);
        }
        if before.template.image == pod.template.image {
            return;
        }
        if before.has_gate && before.in_place_ready {
            self.tell("changed-in-service", deed.at, pod.name.clone());
        }
        if self
            .in_force(deed, &pod.set)
            .iter()
            .all(|dated| dated.terms.paused)
        {
            self.tell("updated-while-paused", deed.at, pod.name.clone());
        }
    }

    fn check_max_unavailable(
        &mut self,
        deed: Deed,
        before: &PodSeen,
        (in_service, lost): (Option<u64>, Option<u64>),
    ) {
        let history = self.history;
        let knew = |name: &str, version| history.knew(deed, PODS.plural, name, version);
        // The controller may have decided while it was not in service yet, or known that others took it away.
        let Some(since) = in_service.filter(|_| lost.is_none()) else {
            return;
        };
        let in_force = self.in_force(deed, &before.set);
        let min_ready = in_force
            .iter()
            .map(|dated| dated.terms.min_ready_seconds)
            .max();
        let decided_at = deed.at - crate::history::UNDER_WAY;
        if !knew(&before.name, since)
            || !before.is_available(min_ready.unwrap_or_default(), decided_at)
        {
            return;
        }
        let least = in_force
            .iter()
            .map(|dated| {
                dated
                    .terms
                    .replicas
                    .saturating_sub(dated.terms.max_unavailable)
            })
            .min();
        let n_left = self.count(&before.set, |known| {
            known.in_service.is_some()
                && known
                    .lost
                    .is_none_or(|version| !knew(&known.seen.name, version))
        });
        if let Some(least) = least.filter(|least| n_left < *least) {
            let what = format!("{} leaves {n_left} in service, of {least}", before.name);
            self.tell("max-unavailable", deed.at, what);
        }
    }

    fn check_partition(&mut self, deed: Deed, set: &str, uid: &str) {
        let in_force = self.in_force(deed, set);
        let Some(last) = in_force.last() else {
            return;
        };
        let template = last.terms.template.clone();
        // Between two templates, which one is the newest depends on what the controller has been told. One that comes
        // back has pods that nobody had to update.
        let is_one = in_force
            .iter()
            .all(|dated| dated.terms.template == template);
        if !is_one || last.is_rolled_back || self.pods[uid].seen.template != template {
            return;
        }
        // A partition that was raised moves no pod back.
        let history = self.sets[set].iter().rev();
        let since_then = history.take_while(|dated| dated.terms.template == template);
        let kept = |terms: &Terms| terms.replicas.saturating_sub(terms.partition) + terms.max_surge;
        let most = since_then
            .map(|dated| kept(&dated.terms))
            .max()
            .unwrap_or_default();
        let is_first = self.sets[set]
            .iter()
            .all(|dated| dated.terms.template == template);
        let n_updated = self.count(set, |known| {
            known.seen.is_active() && known.seen.template == template
        });
        if !is_first && n_updated > most {
            let name = &self.pods[uid].seen.name;
            let what = format!("{name} makes {n_updated} at {template:?}, of {most}");
            self.tell("partition", deed.at, what);
        }
    }

    /// `pod` as it was before.
    fn check_deletion(&mut self, deed: Deed, pod: &PodSeen, is_specified: bool, is_marked: bool) {
        let history = self.history;
        let knew = |name: &str, version| history.knew(deed, PODS.plural, name, version);
        // It is terminating by now.
        let n_before = 1 + self.count(&pod.set, |known| {
            let is_lost = known.lost.map(|version| knew(&known.seen.name, version));
            is_lost.map_or(known.seen.is_active(), |knew| !knew)
        });
        let in_force = self.in_force(deed, &pod.set);
        let wanted = in_force.iter().map(|dated| dated.terms.replicas).min();
        let sets = &self.sets[&pod.set];
        let is_specified = is_specified
            || sets
                .iter()
                .any(|dated| dated.terms.pods_to_delete.contains(&pod.name));
        if wanted.is_none_or(|wanted| n_before > wanted) {
            return;
        }
        let what = format!("{}, one of {n_before}", pod.name);
        let templates: Vec<&Template> =
            in_force.iter().map(|dated| &dated.terms.template).collect();
        let is_in_place = in_force.iter().all(|dated| dated.terms.in_place)
            && templates
                .iter()
                .all(|template| template.env == pod.template.env);
        let is_updated = templates.iter().all(|template| **template == pod.template);
        let is_updated = is_updated && !is_marked;
        let rule = match (is_specified, is_in_place, is_updated) {
            (false, true, _) => "deleted-in-place",
            (false, _, true) => "deleted-updated",
            _ => return,
        };
        self.tell(rule, deed.at, what);
    }

    /// The terms that the controller may have gone by.
    fn in_force(&self, deed: Deed, set: &str) -> Vec<&Dated> {
        let states = self.sets.get(set).map_or(&[][..], Vec::as_slice);
        let object = (CLONESETS.plural, set);
        self.history
            .in_force(deed, object, states, |dated| dated.version)
    }

    fn most(&self, deed: Deed, set: &str, of: impl Fn(&Terms) -> usize) -> Option<usize> {
        let in_force = self.in_force(deed, set);
        in_force.iter().map(|dated| of(&dated.terms)).max()
    }

    fn count(&self, set: &str, of: impl Fn(&Known) -> bool) -> usize {
        let known = self.pods.values();
        known
            .filter(|known| known.seen.set == set && of(known))
            .count()
    }

    fn tell(&mut self, rule: &'static str, at: Timestamp, what: String) {
        self.found.push(Violation { rule, at, what });
    }
}
