//! What is done for a pod: a pure function from a snapshot to a plan. No call, clock or randomness.

use std::time::Duration;

use kruise_plan::{Event, Notes, WaitReason};
use serde_json::Value;

use crate::{pod::Container, snapshot::Snapshot};

mod kill;
mod mark;
mod switch;

/// While a request is there and sidecars run, the pod is looked at again after this time (ST-9).
pub const LOOK_AGAIN: Duration = Duration::from_secs(60);

/// What is to be done now.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Plan {
    /// In order; the first that fails ends them (ST-7).
    pub steps: Vec<Step>,
    /// Why nothing, or not more, is done; events of this moment; and when to look again, if nothing happens before.
    pub notes: Notes,
    /// Events about what may hold for many passes: told once, until it holds no more.
    pub standing: Vec<Event>,
}

/// One write.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// Gives sidecars the images that end at once (ST-8).
    SwitchImages {
        /// A strategic merge patch of the pod, which holds for the version that was read.
        patch: Value,
        /// What is told then.
        event: Event,
    },
    /// Marks the pod as ended, before sidecars are killed whose exit codes do not count (ST-10, ST-P2).
    MarkTerminated {
        /// A strategic merge patch of the pod's status, which holds for the version that was read.
        patch: Value,
    },
    /// Has sidecars killed (ST-9).
    CreateRequest {
        /// The ContainerRecreateRequest.
        body: Value,
        /// What is told then.
        event: Event,
    },
    /// Takes a request away that has ended in vain. The next pass creates another one (DV-ST1).
    DeleteRequest {
        /// Its name.
        name: String,
        /// Its UID.
        uid: String,
    },
}

/// It can't be known how sidecars are ended, since the pod's node is not there (ST-5).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("look up node {node:?} of the pod: there is no such node")]
pub struct MissingNode {
    /// The node that the pod names.
    pub node: String,
}

/// Decides what is to be done now (ST-7).
///
/// # Errors
/// When the pod's node is not there.
pub fn plan(snapshot: &Snapshot) -> Result<Plan, MissingNode> {
    let mut plan = Plan::default();
    let Some(pod) = snapshot.pod.interesting() else {
        return Ok(plan);
    };
    let Some(node) = &snapshot.node else {
        let node = pod.node_name.to_string();
        return Err(MissingNode { node });
    };
    if node.is_virtual() {
        switch::plan(snapshot, pod, &mut plan);
    } else {
        kill::plan(snapshot, pod, &mut plan);
    }
    let told = &snapshot.memory.told;
    let news = plan.standing.iter().filter(|event| !told.contains(event));
    plan.notes.events.extend(news.cloned());
    Ok(plan)
}

/// UID of the pod's request if it has ended although containers run that it was to stop, and these are still to be ended
/// (DV-ST1).
pub(crate) fn in_vain(snapshot: &Snapshot) -> Option<String> {
    let pod = snapshot.pod.interesting()?;
    let stored = snapshot.request.as_ref()?;
    kill::left_running(stored, pod).map(|_| stored.metadata.uid.clone())
}

impl Plan {
    /// Waits for what a person may have to do, of which an event tells.
    fn held_by(&mut self, reason: WaitReason) {
        let event = Event::warning(reason.reason(), reason.to_string());
        self.standing.push(event);
        self.notes.wait(reason);
    }
}

/// That these sidecars are being ended.
fn trying(sidecars: &[&Container], how: &str) -> Event {
    let names = listed(sidecars);
    let message =
        format!("Kruise SidecarTerminator is trying to terminate sidecar [{names}] using {how}");
    Event::normal("SidecarTerminator", message)
}

/// Names as they are told.
fn listed(sidecars: &[&Container]) -> String {
    let names: Vec<&str> = sidecars.iter().map(|it| it.name.as_str()).collect();
    names.join(" ")
}
