//! BroadcastJobs, their pods and nodes as the judge sees them: read from what the server stores.

use jiff::{SignedDuration, Timestamp};
use kruise_testkit::fields::{list, text};
use serde_json::Value;

/// What a job's spec and status say at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Terms {
    /// As it is written, a number or text.
    parallelism: Value,
    pub(super) paused: bool,
    pub(super) is_never: bool,
    pub(super) on_failure: String,
    /// Restarts that a pod may have; none where restarts don't fail a pod.
    restart_limit: Option<u64>,
    deadline: Option<i64>,
    pub(super) ttl: Option<i64>,
    pub(super) phase: String,
    pub(super) start: Option<Timestamp>,
    pub(super) completion: Option<Timestamp>,
    /// The condition that ended it: `Complete` or `Failed`.
    pub(super) ending: Option<String>,
    pub(super) is_terminating: bool,
}

impl Terms {
    pub(super) fn read(job: &Value) -> Self {
        let (spec, status) = (&job["spec"], &job["status"]);
        let completion = &spec["completionPolicy"];
        let time = |field: &str| status[field].as_str().and_then(|time| time.parse().ok());
        let on_failure = &spec["failurePolicy"];
        let may_restart = spec["template"]["spec"]["restartPolicy"] == "OnFailure";
        let ending = list(&status["conditions"])
            .iter()
            .find(|it| it["status"] == "True");
        Self {
            parallelism: spec["parallelism"].clone(),
            paused: spec["paused"] == true,
            is_never: completion["type"] == "Never",
            on_failure: text(&on_failure["type"]),
            restart_limit: may_restart
                .then(|| on_failure["restartLimit"].as_u64().unwrap_or_default()),
            deadline: completion["activeDeadlineSeconds"].as_i64(),
            ttl: completion["ttlSecondsAfterFinished"].as_i64(),
            phase: text(&status["phase"]),
            start: time("startTime"),
            completion: time("completionTime"),
            ending: ending.map(|it| text(&it["type"])),
            is_terminating: job["metadata"].get("deletionTimestamp").is_some(),
        }
    }

    /// Whether pods are no longer its business (BJ-60; BJ-30 for those that never complete).
    pub(super) fn has_ended(&self) -> bool {
        self.ending.is_some()
    }

    /// How many pods may be active at a time, if so many nodes are wanted (BJ-50).
    pub(super) fn most_active(&self, desired: usize) -> usize {
        match &self.parallelism {
            Value::String(percent) => {
                let percent: usize = percent.replace('%', "").parse().unwrap_or_default();
                (percent * desired).div_ceil(100)
            }
            number => number.as_u64().map_or(usize::MAX, |number| {
                usize::try_from(number).unwrap_or(usize::MAX)
            }),
        }
    }

    /// Whether its time is up (BJ-34).
    pub(super) fn is_late(&self, now: Timestamp) -> bool {
        let end = self.start.zip(self.deadline);
        !self.is_never
            && end.is_some_and(|(start, seconds)| now >= start + SignedDuration::from_secs(seconds))
    }
}

/// What became of a pod, as the job counts it (BJ-25).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    Active,
    Succeeded,
    Failed,
    /// It is on its way out before it ended.
    Leaving,
}

/// One pod of a job at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PodSeen {
    pub(super) name: String,
    pub(super) uid: String,
    pub(super) job: String,
    /// The node that it is for (BJ-24).
    pub(super) node: String,
    pub(super) phase: String,
    pub(super) terminating: bool,
    restarts: u64,
}

impl PodSeen {
    /// A pod, if it is a job's.
    pub(super) fn read(pod: &Value) -> Option<Self> {
        let metadata = &pod["metadata"];
        let mut owners = list(&metadata["ownerReferences"]).iter();
        let owner = owners.find(|owner| owner["kind"] == "BroadcastJob")?;
        let bound = text(&pod["spec"]["nodeName"]);
        let statuses = list(&pod["status"]["containerStatuses"]).iter();
        Some(Self {
            name: text(&metadata["name"]),
            uid: text(&metadata["uid"]),
            job: text(&owner["name"]),
            node: if bound.is_empty() { meant(pod) } else { bound },
            phase: text(&pod["status"]["phase"]),
            terminating: metadata.get("deletionTimestamp").is_some(),
            restarts: statuses
                .map(|status| status["restartCount"].as_u64().unwrap_or_default())
                .sum(),
        })
    }

    /// Whether all its containers have ended.
    pub(super) fn has_ended(&self) -> bool {
        matches!(self.phase.as_str(), "Succeeded" | "Failed")
    }

    /// Whether it is done in the sense of BJ-45.
    pub(super) fn is_done(&self) -> bool {
        self.has_ended() || self.terminating
    }

    pub(super) fn class(&self, terms: &Terms) -> Class {
        match self.phase.as_str() {
            "Succeeded" => Class::Succeeded,
            "Failed" => Class::Failed,
            _ if self.terminating => Class::Leaving,
            _ if terms.restart_limit.is_some_and(|most| self.restarts > most) => Class::Failed,
            _ => Class::Active,
        }
    }
}

fn meant(pod: &Value) -> String {
    let required = &pod["spec"]["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
        ["nodeSelectorTerms"];
    let fields = list(required)
        .iter()
        .flat_map(|term| list(&term["matchFields"]));
    let mut names = fields.filter(|field| field["key"] == "metadata.name");
    names
        .next()
        .map(|field| text(&field["values"][0]))
        .unwrap_or_default()
}

/// Whether the stories' pods fit on a node (BJ-42): they ask for nothing and tolerate nothing.
pub(super) fn fits(node: &Value) -> bool {
    let mut taints = list(&node["spec"]["taints"]).iter();
    let keeps_away =
        |taint: &Value| matches!(taint["effect"].as_str(), Some("NoSchedule" | "NoExecute"));
    node["spec"]["unschedulable"] != true && !taints.any(keeps_away)
}
