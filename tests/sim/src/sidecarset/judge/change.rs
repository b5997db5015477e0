//! What the controller may change in a pod that is there, and when (SS-210 to SS-254).

use std::collections::BTreeSet;

use super::{
    super::seen::{PodSeen, Sidecar, Terms},
    known::{Found, Known, KnownPod, Update},
};
use crate::history::{Deed, UNDER_WAY};

/// What a change of a pod by the deployable comes to.
pub(super) struct Judged {
    pub(super) found: Vec<Found>,
    /// SidecarSets that it updated the pod for.
    pub(super) updates: Vec<(String, Update)>,
}

/// Judges a change of a pod by the deployable.
pub(super) fn check(known: &Known<'_>, deed: Deed, before: &PodSeen, after: &PodSeen) -> Judged {
    let mut judged = Judged {
        found: vec![],
        updates: vec![],
    };
    let Some(pod) = known.pods.get(&after.uid) else {
        return judged;
    };
    let judge = Judge {
        known,
        deed,
        pod,
        before,
        after,
    };
    judged.found.extend(judge.rest());
    for (set, entry) in &after.hashes {
        if before.hash(set) != Some(&entry.hash) {
            let (update, found) = judge.update(set, &entry.hash);
            judged.updates.push((set.clone(), update));
            judged.found.extend(found);
        }
    }
    let updated: BTreeSet<&str> = judged.updates.iter().map(|(set, _)| set.as_str()).collect();
    judged.found.extend(judge.images(&updated));
    judged.found.extend(judge.meanings());
    judged.found.extend(judge.versions());
    for (_, what) in &mut judged.found {
        *what = format!("{}: {what}", after.name);
    }
    judged
}

/// Whether by these terms something wrong was done.
type Rule<'a> = &'a dyn Fn(&Terms) -> bool;

struct Judge<'a> {
    known: &'a Known<'a>,
    deed: Deed,
    pod: &'a KnownPod,
    before: &'a PodSeen,
    after: &'a PodSeen,
}

impl Judge<'_> {
    /// Nothing but images of sidecars and our own records is changed.
    fn rest(&self) -> Option<Found> {
        let (before, after) = (&self.before.rest, &self.after.rest);
        let parts = before.as_object().into_iter().flatten();
        let mut changed = parts.filter(|(part, value)| after[*part] != **value);
        let (part, _) = changed.next()?;
        Some(("more-was-changed", format!("its {part}")))
    }

    /// The pod says that it has this hash of a SidecarSet from now on.
    fn update(&self, set: &str, hash: &str) -> (Update, Vec<Found>) {
        let (known, deed, pod) = (self.known, self.deed, self.pod);
        let in_force = known.terms(deed, set);
        let terms = in_force.into_iter().flatten();
        let terms: Vec<&Terms> = terms.filter(|terms| terms.hash == hash).collect();
        let is_always = |rule: Rule<'_>| terms.iter().all(|terms| rule(terms));
        let may = |terms: &Terms, of: &dyn Fn(&PodSeen) -> bool| known.may(deed, pod, terms, of);
        let must = |terms: &Terms, of: &dyn Fn(&PodSeen) -> bool| {
            known.must_if_there(deed, pod, terms, of)
        };
        let update = Update {
            at: deed.at,
            is_of_ready: is_always(&|terms| must(terms, &|it| terms.is_ready(it))),
        };
        if terms.is_empty() {
            let what = format!("{set} had no such hash: {hash}");
            return (update, vec![("unknown-hash", what)]);
        }
        let rules: [(&'static str, Rule<'_>); 7] = [
            ("updated-while-paused", &|it| it.is_paused || !it.is_rolling),
            ("updated-unmanaged", &|it| !may(it, &|_| true)),
            ("updated-unselected", &|it| !may(it, &|pod| it.updates(pod))),
            ("updated-not-upgradable", &|it| {
                !may(it, &|pod| it.is_upgradable(pod))
            }),
            ("updated-in-flight", &|it| {
                must(it, &|pod| it.is_in_flight(pod))
            }),
            ("partition", &|it| self.takes_kept(it)),
            ("max-unavailable", &|it| {
                update.is_of_ready && self.takes_too_many(it)
            }),
        ];
        let broken = rules.iter().filter(|(_, rule)| is_always(rule));
        let found = broken.map(|(rule, _)| (*rule, format!("for {set}, {}", self.counts(&terms))));
        (update, found.collect())
    }

    /// Whether it leaves fewer pods than the partition keeps (SS-228).
    fn takes_kept(&self, terms: &Terms) -> bool {
        self.n_left(terms)
            < terms
                .kept(self.n_surely(terms))
                .min(terms.kept(self.n_perhaps(terms)))
    }

    /// Whether as many pods as may be were updated and not in service before (SS-229).
    fn takes_too_many(&self, terms: &Terms) -> bool {
        self.n_unavailable(terms) >= terms.most_unavailable(self.n_perhaps(terms))
    }

    fn counts(&self, terms: &[&Terms]) -> String {
        let of = |terms: &&Terms| {
            let (least, most) = (self.n_surely(terms), self.n_perhaps(terms));
            let (left, unavailable) = (self.n_left(terms), self.n_unavailable(terms));
            format!("{left} left and {unavailable} unavailable of {least} to {most} pods")
        };
        terms.iter().map(of).collect::<Vec<_>>().join(" or ")
    }

    fn others(&self) -> impl Iterator<Item = (&String, &KnownPod)> {
        let pods = self.known.pods.iter();
        pods.filter(|(uid, _)| **uid != self.after.uid)
    }

    /// Other pods that may be waiting for their update.
    fn n_left(&self, terms: &Terms) -> usize {
        let may_wait = |pod: &KnownPod| {
            self.known
                .may(self.deed, pod, terms, |it| terms.is_waiting(it))
        };
        self.others().filter(|(_, pod)| may_wait(pod)).count()
    }

    /// Other pods that are surely updated and not in service.
    fn n_unavailable(&self, terms: &Terms) -> usize {
        let is_away =
            |it: &PodSeen| terms.is_updated(it) && !(terms.is_consistent(it) && terms.is_ready(it));
        let counts = |pod: &KnownPod| {
            // One that was not ready before may have been taken for nothing in this very pass.
            let is_free = pod.update(&terms.name).is_some_and(|update| {
                !update.is_of_ready && self.deed.at.duration_since(update.at) <= UNDER_WAY
            });
            !is_free && self.known.must(self.deed, pod, terms, is_away)
        };
        self.others().filter(|(_, pod)| counts(pod)).count()
    }

    fn n_surely(&self, terms: &Terms) -> usize {
        let pods = self.known.pods.values();
        pods.filter(|pod| self.known.must(self.deed, pod, terms, |_| true))
            .count()
    }

    fn n_perhaps(&self, terms: &Terms) -> usize {
        let pods = self.known.pods.values();
        pods.filter(|pod| self.known.may(self.deed, pod, terms, |_| true))
            .count()
    }

    /// Images change by an update, or to that of an idle twin.
    fn images(&self, updated: &BTreeSet<&str>) -> Vec<Found> {
        let changed = self
            .after
            .containers
            .iter()
            .filter(|it| it.is_injected && self.before.image(&it.name) != it.image);
        let mut found = vec![];
        for container in changed {
            let of_set = |set: &String| {
                let terms = self.known.all_terms(set);
                let sidecars = terms.filter_map(|it| it.sidecar_of(&container.name));
                sidecars.last().map(|sidecar| (set.clone(), sidecar))
            };
            let Some((set, sidecar)) = self.after.injected.iter().find_map(of_set) else {
                found.push(("more-was-changed", format!("{} of nobody", container.name)));
                continue;
            };
            if !self.is_recorded(&set, &container.name) {
                found.push(("wrong-record", format!("what {} ran", container.name)));
            }
            let is_reset = sidecar.idle_image.as_ref() == Some(&container.image);
            if is_reset {
                let is_updated = updated.contains(set.as_str());
                found.extend(self.reset(&set, sidecar, &container.name, is_updated));
            } else if !updated.contains(set.as_str()) {
                let what = format!("{} runs {}", container.name, container.image);
                found.push(("image-without-hash", what));
            }
        }
        found
    }

    /// Whether the pod says which image a container ran before (SS-244).
    fn is_recorded(&self, set: &str, container: &str) -> bool {
        let last = self.after.last_image(set, container);
        let states = self.known.states(self.deed, self.pod);
        let mut states = states.into_iter().flatten();
        states.any(|it| {
            let ran = it.container(container).map(|it| it.image_id.as_str());
            last.is_some() && ran == last
        })
    }

    /// Versions tell each twin of itself and of the other one (SS-251, SS-253, SS-255).
    fn versions(&self) -> Vec<Found> {
        let terms = self.after.injected.iter();
        let terms = terms.filter_map(|set| self.known.all_terms(set).last());
        let mut found = vec![];
        for sidecar in terms.flat_map(|terms| &terms.sidecars) {
            let idle = sidecar.idle_twin(self.after);
            let (Some(idle_image), Some(works)) =
                (&sidecar.idle_image, self.after.working.get(&sidecar.name))
            else {
                continue;
            };
            let ([own, other], [idle_own, idle_other]) =
                (self.after.versions_of(works), self.after.versions_of(&idle));
            let is_right = if self.after.image(&idle) == idle_image {
                own != "0" && other == "0" && idle_own == "0"
            } else {
                own == idle_other && other == idle_own
            };
            if !is_right {
                let what = format!("{works} {own}, {other} and {idle} {idle_own}, {idle_other}");
                found.push(("wrong-versions", what));
            }
        }
        found
    }

    /// A twin is idle from now on (SS-253, SS-255).
    fn reset(&self, set: &str, sidecar: &Sidecar, twin: &str, is_updated: bool) -> Option<Found> {
        let twins = sidecar.twins();
        let other = twins.iter().find(|name| *name != twin)?;
        let is_good = |it: &PodSeen, name: &str| {
            let is_ready = it.container(name).is_some_and(|it| it.is_ready);
            is_ready && it.is_consistent(set, [name])
        };
        let states = self.known.states(self.deed, self.pod);
        let states: Vec<&PodSeen> = states.into_iter().flatten().collect();
        let terms = self.known.terms(self.deed, set);
        let rests = |terms: &Option<&Terms>| terms.is_none_or(|it| it.is_paused || !it.is_rolling);
        if terms.iter().all(rests) {
            return Some((
                "updated-while-paused",
                format!("{twin} is idle from now on"),
            ));
        }
        let serves_alone = |it: &&PodSeen| is_good(it, twin) && !is_good(it, other);
        let idle: Vec<String> = terms
            .iter()
            .flatten()
            .flat_map(|terms| &terms.sidecars)
            .filter(|it| it.idle_image.is_some())
            .map(|it| it.idle_twin(self.after))
            .collect();
        let is_too_early = |it: &&PodSeen| !it.is_serving() && !it.is_ready_but_for(&idle);
        let is_wrong = !states.is_empty()
            && (states.iter().all(serves_alone)
                || (!is_updated && states.iter().all(is_too_early)));
        is_wrong.then(|| {
            (
                "reset-too-early",
                format!("{twin}, while {other} isn't ready"),
            )
        })
    }

    /// A hash stands for images (SS-242, SS-243): of what says it, none is another.
    fn meanings(&self) -> Vec<Found> {
        let mut found = vec![];
        for (set, entry) in &self.after.hashes {
            let mut known = self.known.all_terms(set);
            let Some(terms) = known.find(|terms| terms.hash == entry.hash) else {
                continue;
            };
            for sidecar in &terms.sidecars {
                let container = match sidecar.idle_image {
                    Some(_) => self.after.working.get(&sidecar.name),
                    None => Some(&sidecar.name),
                };
                let image = container
                    .map(|name| self.after.image(name))
                    .unwrap_or_default();
                if image != sidecar.image {
                    let what = format!("{} of {set} runs {image}", sidecar.name);
                    found.push(("hash-without-its-image", what));
                }
            }
        }
        found
    }
}
