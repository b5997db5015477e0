//! What a BroadcastJob's controller may never do, whatever happens to it: looked for in the server's own record. Knows
//! only the rules, nothing of how the controller works.
//!
//! It is judged by what it may have known: of terms and nodes that were in force as far as it had been told, those by
//! which it did right.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use kruise_api::{
    apps::v1beta1::BROADCASTJOBS,
    resource::{NODES, PODS},
};
use kruise_testkit::{fields::text, server::Change};

use super::seen::{Class, PodSeen, Terms, fits};
use crate::history::{Deed, History, Violation, is_of};

/// Judges a run.
pub(super) fn violations(history: &History) -> Vec<Violation> {
    let mut judge = Judge {
        history,
        jobs: BTreeMap::new(),
        nodes: BTreeMap::new(),
        pods: vec![],
        found: vec![],
    };
    for change in &history.changes {
        judge.take(change);
    }
    judge.found
}

struct Judge<'a> {
    history: &'a History,
    /// What each job said, with the versions in which it began to.
    jobs: BTreeMap<String, Vec<(u64, Terms)>>,
    /// Whether a job's pod fits on each node, with the versions since which it does or doesn't.
    nodes: BTreeMap<String, Vec<(u64, bool)>>,
    /// All there ever were.
    pods: Vec<Known>,
    found: Vec<Violation>,
}

/// A pod, and what became of it so far.
struct Known {
    seen: PodSeen,
    /// In which version all its containers had ended.
    ended: Option<u64>,
    /// In which version it was gone.
    gone: Option<u64>,
    /// In which version it first counted as failed, whatever the terms were.
    failed: Option<u64>,
}

impl Judge<'_> {
    fn take(&mut self, change: &Change) {
        if is_of(change, &BROADCASTJOBS) {
            self.job_changed(change);
        } else if is_of(change, &NODES) {
            let node = change.after.as_ref().or(change.before.as_ref());
            let name = node.map(|node| text(&node["metadata"]["name"]));
            let fits = change.after.as_ref().is_some_and(|node| fits(node));
            let states = self.nodes.entry(name.unwrap_or_default());
            // Before it was there no pod fitted on it.
            let states = states.or_insert_with(|| vec![(0, false)]);
            if states.last().is_none_or(|(_, last)| *last != fits) {
                states.push((change.version, fits));
            }
        } else if is_of(change, &PODS) {
            let read = |pod: &Option<_>| {
                let pod: &Option<std::sync::Arc<serde_json::Value>> = pod;
                pod.as_ref().and_then(|pod| PodSeen::read(pod))
            };
            match (read(&change.before), read(&change.after)) {
                (_, Some(pod)) if change.before.is_none() => self.created(change, pod),
                (Some(before), after) => self.changed(change, &before, after),
                _ => {}
            }
        }
    }

    fn job_changed(&mut self, change: &Change) {
        let deed = Deed::of(change);
        let is_ours = self.history.is_ours(change.by);
        let Some(job) = &change.after else {
            let job = change.before.as_ref();
            let name = job
                .map(|job| text(&job["metadata"]["name"]))
                .unwrap_or_default();
            if is_ours {
                self.check_removal(deed, &name);
            }
            return;
        };
        let (name, terms) = (text(&job["metadata"]["name"]), Terms::read(job));
        if let Some(before) = change.before.as_ref().filter(|_| is_ours) {
            self.check_status(deed, &name, &Terms::read(before), &terms);
        }
        let states = self.jobs.entry(name).or_default();
        if states.last().is_none_or(|(_, last)| *last != terms) {
            states.push((change.version, terms));
        }
    }

    fn created(&mut self, change: &Change, pod: PodSeen) {
        let twin = self.pods.iter().find(|known| {
            known.gone.is_none() && known.seen.job == pod.job && known.seen.node == pod.node
        });
        let twin = twin.map(|twin| twin.seen.name.clone());
        let (name, node, job) = (pod.name.clone(), pod.node.clone(), pod.job.clone());
        self.pods.push(Known {
            seen: pod,
            ended: None,
            gone: None,
            failed: None,
        });
        if !self.history.is_ours(change.by) {
            return;
        }
        let deed = Deed::of(change);
        if let Some(twin) = twin {
            let what = format!("{name} and {twin}: both for {node}");
            self.tell("two-pods-on-a-node", deed, what);
        }
        let terms = self.in_force(deed, &job);
        let desired = self.most_desired(deed, &job);
        let n_active = self.count(&job, |known| terms.iter().all(|it| is_active(known, it)));
        let most = terms.iter().map(|terms| terms.most_active(desired)).max();
        if let Some(most) = most.filter(|most| n_active > *most) {
            let what = format!("{name} makes {n_active}, of {most}");
            self.tell("too-parallel", deed, what);
        }
        if !self.may_fit(deed, &node) {
            self.tell("created-unfit", deed, format!("{name} for {node}"));
        }
        let terms = self.in_force(deed, &job);
        let is_terminating = terms.iter().all(|terms| terms.is_terminating);
        let fails_fast = terms.iter().all(|terms| terms.on_failure == "FailFast");
        if is_terminating {
            self.tell(
                "worked-after-end",
                deed,
                format!("{name} of a job that goes"),
            );
        }
        if let Some(failed) = self.surely_failed(deed, &job).filter(|_| fails_fast) {
            self.tell(
                "failure-ignored",
                deed,
                format!("{name} in spite of {failed}"),
            );
        }
        self.check_rest(deed, &job, &name);
    }

    fn changed(&mut self, change: &Change, before: &PodSeen, after: Option<PodSeen>) {
        let limits = self.jobs.get(&before.job).and_then(|states| states.last());
        let limits = limits.map(|(_, terms)| terms.clone()).unwrap_or_default();
        let mut known = self.pods.iter_mut();
        let Some(known) = known.find(|known| known.seen.uid == before.uid) else {
            return;
        };
        let is_deletion = match after {
            Some(after) => {
                if after.has_ended() {
                    known.ended.get_or_insert(change.version);
                }
                if after.class(&limits) == Class::Failed {
                    known.failed.get_or_insert(change.version);
                }
                let is_deletion = after.terminating && !before.terminating;
                known.seen = after;
                is_deletion
            }
            None => {
                known.gone = Some(change.version);
                !before.terminating
            }
        };
        let ended = known.ended.filter(|version| *version < change.version);
        if is_deletion && self.history.is_ours(change.by) {
            self.check_deletion(Deed::of(change), before, ended);
        }
    }

    /// `pod` as it was before (BJ-35, BJ-41; DV-BJ5).
    fn check_deletion(&mut self, deed: Deed, pod: &PodSeen, ended: Option<u64>) {
        if ended.is_some_and(|version| self.history.knew(deed, PODS.plural, &pod.name, version)) {
            self.tell("deleted-ended", deed, pod.name.clone());
        }
        if !self.may_fail(deed, &pod.job) && self.must_fit(deed, &pod.node) {
            let what = format!("{} on {}", pod.name, pod.node);
            self.tell("deleted-fit", deed, what);
        }
        self.check_rest(deed, &pod.job, &pod.name);
    }

    /// BJ-30, BJ-31, BJ-33, BJ-60
    fn check_rest(&mut self, deed: Deed, job: &str, what: &str) {
        let terms = self.in_force(deed, job);
        let has_ended = terms.iter().all(|terms| terms.has_ended());
        let has_failed = self.surely_failed(deed, job).is_some();
        let rests = |terms: &&Terms| terms.paused || (has_failed && terms.on_failure == "Pause");
        let rests = terms.iter().all(rests);
        if has_ended {
            self.tell("worked-after-end", deed, what.to_owned());
        } else if rests {
            self.tell("worked-while-paused", deed, what.to_owned());
        }
    }

    /// A pod that the controller knew to have failed, and that is still there.
    fn surely_failed(&self, deed: Deed, job: &str) -> Option<&str> {
        let terms = self.in_force(deed, job);
        let mut failed = self.pods.iter().filter(|known| {
            let name = &known.seen.name;
            let knew = |version| self.history.knew(deed, PODS.plural, name, version);
            // One that had too many restarts may have succeeded after all.
            let has_failed = |terms: &&Terms| known.seen.class(terms) == Class::Failed;
            known.seen.job == job
                && known.gone.is_none()
                && known.failed.is_some_and(knew)
                && terms.iter().all(has_failed)
        });
        failed.next().map(|known| &*known.seen.name)
    }

    fn check_status(&mut self, deed: Deed, job: &str, before: &Terms, after: &Terms) {
        if before.start.is_some() && before.start != after.start {
            let what = format!("{:?}, then {:?}", before.start, after.start);
            self.tell("start-moved", deed, what);
        }
        let end = |terms: &Terms| (terms.ending.clone(), terms.completion, terms.phase.clone());
        if before.has_ended() && end(before) != end(after) {
            let what = format!("{:?}, then {:?}", end(before), end(after));
            self.tell("end-moved", deed, what);
        }
        match (&before.ending, after.ending.as_deref()) {
            (None, Some("Complete")) => self.check_completion(deed, job),
            (None, Some("Failed")) => self.check_failure(deed, job),
            _ => return,
        }
        self.check_rest(deed, job, "its end");
    }

    /// BJ-33, BJ-45
    fn check_completion(&mut self, deed: Deed, job: &str) {
        let knew = |known: &Known, version| {
            self.history
                .knew(deed, PODS.plural, &known.seen.name, version)
        };
        let of_job = |known: &&Known| known.seen.job == job;
        let is_served = |node: &String| {
            let mut pods = self.pods.iter().filter(of_job);
            pods.any(|known| {
                let is_surely_gone = known.gone.is_some_and(|version| knew(known, version));
                known.seen.node == *node && known.seen.is_done() && !is_surely_gone
            })
        };
        let mut nodes = self.nodes.keys().filter(|node| self.must_fit(deed, node));
        let unserved = nodes.find(|node| !is_served(node)).cloned();
        let terms = self.in_force(deed, job);
        let fails_fast = terms.iter().all(|terms| terms.on_failure == "FailFast");
        let ignored = self.surely_failed(deed, job).filter(|_| fails_fast);
        let ignored = ignored.map(str::to_owned);
        let has_pods = self
            .pods
            .iter()
            .any(|known| of_job(&known) && known.gone.is_none());
        let serves_none = !has_pods && !self.nodes.keys().any(|node| self.may_fit(deed, node));
        let never = terms.iter().all(|terms| terms.is_never);
        if let Some(node) = unserved {
            self.tell("completed-early", deed, format!("{node} is not served"));
        }
        if let Some(pod) = ignored {
            self.tell("failure-ignored", deed, pod);
        }
        if never {
            self.tell("completed-never", deed, job.to_owned());
        }
        if serves_none {
            self.tell("completed-early", deed, "there is no node".to_owned());
        }
    }

    /// BJ-35, DV-BJ4
    fn check_failure(&mut self, deed: Deed, job: &str) {
        if !self.may_fail(deed, job) {
            self.tell("failed-without-reason", deed, job.to_owned());
        }
        let terms = self.in_force(deed, job);
        let active = self.pods.iter().filter(|known| {
            known.seen.job == job && terms.iter().all(|terms| is_active(known, terms))
        });
        let active: Vec<&String> = active.map(|known| &known.seen.name).collect();
        if !active.is_empty() {
            let what = format!("{active:?} run on");
            self.tell("failed-with-active", deed, what);
        }
    }

    /// BJ-61
    fn check_removal(&mut self, deed: Deed, job: &str) {
        let may_go = |(_, terms): &(u64, Terms)| {
            let end = terms.completion.zip(terms.ttl);
            end.is_some_and(|(end, ttl)| deed.at >= end + SignedDuration::from_secs(ttl))
        };
        // By what it says at that moment, whoever knew of it: the deletion carries the version.
        let states = self.jobs.get(job).and_then(|states| states.last());
        if !states.is_some_and(may_go) {
            self.tell("job-deleted-early", deed, job.to_owned());
        }
    }

    /// Whether there may have been a reason to fail the job (BJ-33, BJ-34).
    fn may_fail(&self, deed: Deed, job: &str) -> bool {
        let has_failed = |known: &Known| {
            let knew = |version| {
                self.history
                    .knew(deed, PODS.plural, &known.seen.name, version)
            };
            let may_be_there = known.gone.is_none_or(|version| !knew(version));
            known.seen.job == job && known.failed.is_some() && may_be_there
        };
        let has_failed = self.pods.iter().any(has_failed);
        self.in_force(deed, job)
            .iter()
            .any(|terms| (terms.on_failure == "FailFast" && has_failed) || terms.is_late(deed.at))
    }

    /// How many nodes the controller may have counted (BJ-40): those that fit, and those that have a pod.
    fn most_desired(&self, deed: Deed, job: &str) -> usize {
        let has_pod = |node: &str| {
            let mut pods = self.pods.iter();
            pods.any(|known| known.seen.job == job && known.seen.node == node)
        };
        let nodes = self.nodes.keys();
        nodes
            .filter(|node| self.may_fit(deed, node) || has_pod(node))
            .count()
    }

    fn may_fit(&self, deed: Deed, node: &str) -> bool {
        self.fit(deed, node).contains(&true)
    }

    fn must_fit(&self, deed: Deed, node: &str) -> bool {
        let fit = self.fit(deed, node);
        !fit.is_empty() && !fit.contains(&false)
    }

    /// Whether a node fits, as far as the controller may have known.
    fn fit(&self, deed: Deed, node: &str) -> Vec<bool> {
        let states = self.nodes.get(node).map_or(&[][..], Vec::as_slice);
        let in_force = self
            .history
            .in_force(deed, (NODES.plural, node), states, |state| state.0);
        in_force.into_iter().map(|(_, fits)| *fits).collect()
    }

    /// The terms that the controller may have gone by.
    fn in_force(&self, deed: Deed, job: &str) -> Vec<&Terms> {
        let states = self.jobs.get(job).map_or(&[][..], Vec::as_slice);
        let object = (BROADCASTJOBS.plural, job);
        let in_force = self.history.in_force(deed, object, states, |state| state.0);
        in_force.into_iter().map(|(_, terms)| terms).collect()
    }

    fn count(&self, job: &str, of: impl Fn(&Known) -> bool) -> usize {
        let known = self.pods.iter();
        known
            .filter(|known| known.seen.job == job && of(known))
            .count()
    }

    fn tell(&mut self, rule: &'static str, deed: Deed, what: String) {
        self.found.push(Violation {
            rule,
            at: deed.at,
            what,
        });
    }
}

fn is_active(known: &Known, terms: &Terms) -> bool {
    known.gone.is_none() && known.seen.class(terms) == Class::Active
}
