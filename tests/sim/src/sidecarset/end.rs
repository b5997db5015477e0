//! What must be so at the end of a story.

use std::{collections::BTreeMap, sync::Arc};

use kruise_api::{
    apps::v1beta1::SIDECARSETS,
    resource::{CONTROLLER_REVISIONS, NAMESPACES, PODS},
};
use kruise_testkit::{
    fields::{list, text},
    server::ApiServer,
};
use serde_json::{Value, json};

use super::seen::{Labels, PodSeen, Terms, is_broken, labels_of};

/// Pods with a container that doesn't run and that no update will help.
pub(super) fn stuck(server: &ApiServer) -> Vec<Arc<Value>> {
    let end = End::read(server);
    let mut pods = server.list(PODS);
    pods.retain(|pod| end.is_stuck(&PodSeen::read(pod)));
    pods
}

/// Whether no pod is on its way out.
pub(super) fn all_stay(server: &ApiServer) -> bool {
    let pods = server.list(PODS);
    pods.iter().all(|pod| PodSeen::read(pod).is_active())
}

/// What is missing of what the SidecarSets ask for.
pub(super) fn reached(server: &ApiServer) -> Result<(), String> {
    let end = End::read(server);
    if let Some(pod) = end.pods.iter().find(|pod| !pod.is_active()) {
        return Err(format!("{} goes or has ended", pod.name));
    }
    if let Some(pod) = end.pods.iter().find(|pod| !pod.is_serving()) {
        return Err(format!("{} isn't ready: {:?}", pod.name, pod.containers));
    }
    for (terms, _) in &end.sets {
        if !terms.is_rolling || terms.is_paused {
            continue;
        }
        let pods = end.managed(terms);
        let waits = |pod: &&&PodSeen| {
            !terms.is_updated(pod) && terms.updates(pod) && terms.is_upgradable(pod)
        };
        let waiting: Vec<&String> = pods.iter().filter(waits).map(|pod| &pod.name).collect();
        let kept = terms.kept(pods.len());
        if waiting.len() > kept {
            let (name, n_pods) = (&terms.name, pods.len());
            return Err(format!(
                "{waiting:?} wait for {name}, which keeps {kept} of {n_pods}"
            ));
        }
        let is_under_way = |pod: &&&PodSeen| !terms.is_consistent(pod) || !terms.is_ready(pod);
        if let Some(pod) = pods.iter().find(is_under_way) {
            return Err(format!("{} is under way for {}", pod.name, terms.name));
        }
    }
    Ok(())
}

/// What SidecarSets, revisions and pods say that isn't so.
pub(super) fn untruths(server: &ApiServer) -> Vec<String> {
    let end = End::read(server);
    let mut untruths = vec![];
    for (terms, set) in &end.sets {
        let revisions = end.revisions(server, terms);
        let more = [
            end.of_status(terms, set, &revisions),
            end.of_history(terms, set, &revisions),
            end.of_conditions(terms),
        ];
        let more = more.into_iter().flatten();
        untruths.extend(more.map(|what| format!("{}: {what}", terms.name)));
    }
    untruths
}

/// All there is.
struct End {
    sets: Vec<(Terms, Arc<Value>)>,
    namespaces: BTreeMap<String, Labels>,
    pods: Vec<PodSeen>,
}

impl End {
    fn read(server: &ApiServer) -> Self {
        let named = |it: &Arc<Value>| (text(&it["metadata"]["name"]), labels_of(it));
        let sets = server.list(SIDECARSETS).into_iter();
        Self {
            sets: sets.map(|set| (Terms::read(&set), set)).collect(),
            namespaces: server.list(NAMESPACES).iter().map(named).collect(),
            pods: server
                .list(PODS)
                .iter()
                .map(|pod| PodSeen::read(pod))
                .collect(),
        }
    }

    fn manages(&self, terms: &Terms, pod: &PodSeen) -> bool {
        terms.manages(pod, self.namespaces.get(&pod.namespace))
    }

    /// Pods of a SidecarSet.
    fn managed(&self, terms: &Terms) -> Vec<&PodSeen> {
        let pods = self.pods.iter();
        pods.filter(|pod| self.manages(terms, pod)).collect()
    }

    fn is_stuck(&self, pod: &PodSeen) -> bool {
        let helps = |terms: &Terms, name: &str| {
            terms.sidecar_of(name).is_some()
                && terms.is_rolling
                && self.manages(terms, pod)
                && terms.updates(pod)
                && terms.is_upgradable(pod)
        };
        let is_helped = |name: &str| self.sets.iter().any(|(terms, _)| helps(terms, name));
        let mut broken = pod.containers.iter().filter(|it| is_broken(&it.image));
        // One that has ended stays so.
        !pod.terminating && (broken.any(|it| !is_helped(&it.name)) || !pod.is_active())
    }

    /// ControllerRevisions of a SidecarSet, the oldest first.
    fn revisions(&self, server: &ApiServer, terms: &Terms) -> Vec<Arc<Value>> {
        let is_of_set = |it: &Arc<Value>| {
            let mut owners = list(&it["metadata"]["ownerReferences"]).iter();
            it["metadata"]["labels"]["kruise.io/sidecarset-name"] == *terms.name
                && owners.any(|owner| owner["uid"] == *terms.uid)
        };
        let mut revisions = server.list(CONTROLLER_REVISIONS);
        revisions.retain(is_of_set);
        revisions.sort_by_key(|it| it["revision"].as_i64());
        revisions
    }

    /// SS-270
    fn of_status(&self, terms: &Terms, set: &Value, revisions: &[Arc<Value>]) -> Vec<String> {
        let status = &set["status"];
        let pods = self.managed(terms);
        let n = |of: &dyn Fn(&PodSeen) -> bool| json!(pods.iter().filter(|pod| of(pod)).count());
        let is_ready = |pod: &PodSeen| terms.is_consistent(pod) && terms.is_ready(pod);
        let latest = revisions.last().map(|it| it["metadata"]["name"].clone());
        let mut expected = vec![
            ("observedGeneration", set["metadata"]["generation"].clone()),
            ("latestRevision", latest.unwrap_or_default()),
            ("matchedPods", n(&|_| true)),
        ];
        // Of one that never updates, nobody follows how its pods fare (SS-202).
        if terms.is_rolling {
            expected.extend([
                ("updatedPods", n(&|pod| terms.is_updated(pod))),
                ("readyPods", n(&is_ready)),
                (
                    "updatedReadyPods",
                    n(&|pod| terms.is_updated(pod) && is_ready(pod)),
                ),
            ]);
        }
        let mut untruths = vec![];
        for (field, expected) in expected {
            let is = &status[field];
            let is_none = is.is_null() && expected == 0;
            if *is != expected && !is_none {
                untruths.push(format!("status.{field} is {is}, and should be {expected}"));
            }
        }
        if status["collisionCount"].as_u64().is_none() {
            untruths.push("status.collisionCount is not set".to_owned());
        }
        untruths
    }

    /// What is kept of its history (SS-78), and that the newest revision is what it says (SS-74).
    fn of_history(&self, terms: &Terms, set: &Value, revisions: &[Arc<Value>]) -> Vec<String> {
        let pods = self.managed(terms);
        let is_used = |name: &str| {
            let uses = |pod: &&PodSeen| {
                let entry = pod.hashes.get(&terms.name);
                entry.is_some_and(|entry| entry.revision == name)
            };
            pods.iter().any(uses)
        };
        let mut untruths = vec![];
        let older = revisions.iter().rev().skip(1);
        let name = |it: &Arc<Value>| text(&it["metadata"]["name"]);
        let unused: Vec<String> = older.map(name).filter(|name| !is_used(name)).collect();
        if terms.is_rolling && revisions.len() > terms.history_limit && !unused.is_empty() {
            let limit = terms.history_limit;
            untruths.push(format!(
                "of {limit} revisions it keeps {unused:?} without use"
            ));
        }
        let mut data: Vec<String> = revisions.iter().map(|it| it["data"].to_string()).collect();
        data.sort();
        data.dedup();
        if data.len() != revisions.len() {
            untruths.push("two revisions have one content".to_owned());
        }
        let images = |containers: &Value| -> Vec<String> {
            list(containers)
                .iter()
                .map(|it| text(&it["image"]))
                .collect()
        };
        let newest = revisions
            .last()
            .map(|it| images(&it["data"]["spec"]["containers"]));
        if newest.as_ref() != Some(&images(&set["spec"]["containers"])) {
            untruths.push(format!("its newest revision has {newest:?}"));
        }
        untruths
    }

    /// SS-240, SS-247
    fn of_conditions(&self, terms: &Terms) -> Vec<String> {
        let pods = self.managed(terms);
        let is_done = pods.iter().all(|pod| terms.is_updated(pod));
        if !terms.is_rolling || terms.is_paused || is_done {
            return vec![];
        }
        let says = |pod: &PodSeen| {
            pod.upgradable
                .as_ref()
                .and_then(|it| it.get(&terms.name).copied())
        };
        // Those that it won't update anyway are not looked at.
        let stale = pods.iter().filter(|pod| {
            let is_turn = terms.updates(pod) && !terms.is_updated(pod);
            is_turn && !terms.is_upgradable(pod) && says(pod) != Some(false)
        });
        stale
            .map(|pod| format!("{} can't be updated and doesn't say so", pod.name))
            .collect()
    }
}
