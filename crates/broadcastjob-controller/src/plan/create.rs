//! Pods for the nodes that wait (BJ-50 to BJ-53).

use std::sync::Arc;

use kruise_api::{
    int_or_string::{IntOrString, Rounding, lenient_percent},
    kinds::broadcastjob::defaults,
    pod::NODE_NAME_FIELD,
    read::Node,
    well_known::labels,
};
use kruise_plan::{Event, WaitReason, stage::Member};
use serde_json::{Map, Value, json};

use super::{
    names::Names,
    step::{NewPod, Plan, Step},
    times,
};
use crate::snapshot::Snapshot;

/// Pods that one pass creates (7.3 of the specification). The next pass follows at once and goes on where this one
/// ended, so that `paused`, another template or the end of the lease is seen before thousands of pods are made.
const MAX_PODS: usize = 500;
/// The node to which the scheduler is to bring the pod.
const REQUIRED: &[&str] = &[
    "affinity",
    "nodeAffinity",
    "requiredDuringSchedulingIgnoredDuringExecution",
];

/// How many pods may be active at a time (BJ-50).
///
/// # Errors
/// When the field is a text that is no number.
fn limit(snapshot: &Snapshot, n_desired: i32) -> Result<i32, WaitReason> {
    let parallelism = snapshot.job.spec.parallelism.clone();
    let parallelism = parallelism.unwrap_or(IntOrString::Int(defaults::PARALLELISM));
    lenient_percent(&parallelism, n_desired, Rounding::Up).map_err(|error| {
        WaitReason::InvalidSpec {
            field: "spec.parallelism".to_owned(),
            why: error.to_string(),
        }
    })
}

/// Creates pods on waiting nodes, as many as may be active. `active` are the names of the pods that are.
pub(super) fn plan(
    snapshot: &Snapshot,
    n_desired: i32,
    active: &[&str],
    waiting: &[&Node],
    plan: &mut Plan,
) {
    if waiting.is_empty() || snapshot.job.metadata.is_terminating() {
        return;
    }
    let limit = match limit(snapshot, n_desired) {
        Ok(limit) => usize::try_from(limit).unwrap_or(0),
        Err(reason) => return plan.held_by([&reason]),
    };
    if active.len() > limit {
        let message = "more pods are active than spec.parallelism allows; none is stopped";
        let event = Event::warning("TooManyActivePods", message.to_owned());
        plan.standing.push(event);
    }
    let named = named_node(snapshot);
    let mut nodes = waiting.to_vec();
    nodes.retain(|node| named.is_none_or(|named| named == node.metadata.name));
    if let Some(named) = named.filter(|_| nodes.len() < waiting.len()) {
        tell_of_named_node(named, plan);
    }
    let n_new = limit.saturating_sub(active.len());
    if n_new < nodes.len() {
        plan.waiting_on.push(WaitReason::ParallelismReached {
            pod: active.first().copied().unwrap_or_default().to_owned(),
        });
    }
    let NewPods { pods, unnamed } = new_pods(snapshot, &nodes, n_new.min(MAX_PODS));
    if let Some(node) = unnamed {
        tell_of_unnamed(node, snapshot, plan);
    }
    let mut pods = pods.into_iter().peekable();
    let mut batches = Vec::new();
    let mut size = 1;
    while pods.peek().is_some() {
        batches.push(pods.by_ref().take(size).collect());
        size *= 2;
    }
    if !batches.is_empty() {
        plan.steps.push(Step::CreatePods { batches });
    }
}

/// The node that the template names. It wins over the scheduler, so that a pod for another node would never get there
/// (BJ-53).
fn named_node(snapshot: &Snapshot) -> Option<&str> {
    if !snapshot.gates.assign_by_scheduler {
        return None;
    }
    let node = snapshot.job.spec.template.pointer("/spec/nodeName")?;
    node.as_str().filter(|node| !node.is_empty())
}

/// The nodes that the template does not name wait for ever, and get no pods that could only fail (DV-BJ9).
fn tell_of_named_node(node: &str, plan: &mut Plan) {
    let reason = WaitReason::InvalidSpec {
        field: "spec.template.spec.nodeName".to_owned(),
        why: format!("pods can only go to node {node}, so that no other node can be served"),
    };
    plan.held_by([&reason]);
}

/// A node for whose pod no name is free waits: until its pods are gone that have the names, or until the names are
/// asked for again.
fn tell_of_unnamed(node: &str, snapshot: &Snapshot, plan: &mut Plan) {
    let node = node.to_owned();
    plan.held_by([&WaitReason::NamesTaken { node }]);
    let taken = snapshot.memory.names_taken(snapshot.now);
    let again = taken.map(|(_, left)| times::wait(left)).min();
    plan.requeue_after = plan.requeue_after.into_iter().chain(again).min();
}

/// Pods to create.
struct NewPods<'a> {
    pods: Vec<NewPod>,
    /// The first node that gets none since no name is free.
    unnamed: Option<&'a str>,
}

/// Pods for the first of these nodes. While names are known to be taken, one is looked for for each node: that a node
/// gets no pod is known, and told, in passes that do not come to it, too.
fn new_pods<'a>(snapshot: &Snapshot, nodes: &[&'a Node], n_pods: usize) -> NewPods<'a> {
    let mut template = snapshot.job.spec.template.clone();
    snapshot.gates.filled.fill(&mut template);
    let spec = template.get("spec").cloned().unwrap_or_else(|| json!({}));
    let spec = Arc::new(spec);
    let mut names = Names::new(snapshot);
    let mut pods = Vec::new();
    let mut unnamed = None;
    for node in nodes {
        if pods.len() == n_pods && snapshot.memory.taken_names.is_empty() {
            break;
        }
        let node = &node.metadata.name;
        let Some(name) = names.free(node) else {
            unnamed.get_or_insert(node.as_str());
            continue;
        };
        if pods.len() < n_pods {
            pods.push(NewPod {
                metadata: Arc::new(metadata(snapshot, &template, &name)),
                name,
                node: node.clone(),
                spec: Arc::clone(&spec),
                own: [leads_to(node, snapshot.gates.assign_by_scheduler)],
            });
        }
    }
    NewPods { pods, unnamed }
}

/// What leads a pod to its node (BJ-53).
fn leads_to(node: &str, by_scheduler: bool) -> Member {
    if !by_scheduler {
        return Member {
            path: &["nodeName"],
            value: json!(node),
        };
    }
    let field = json!({ "key": NODE_NAME_FIELD, "operator": "In", "values": [node] });
    Member {
        path: REQUIRED,
        value: json!({ "nodeSelectorTerms": [{ "matchFields": [field] }] }),
    }
}

fn metadata(snapshot: &Snapshot, template: &Value, name: &str) -> Value {
    let job = &snapshot.job.metadata;
    let of_template = |field: &str| template.pointer(&format!("/metadata/{field}"));
    let map = |field: &str| {
        let map = of_template(field).and_then(Value::as_object);
        map.cloned().unwrap_or_default()
    };
    let mut all_labels: Map<String, Value> = map("labels");
    all_labels.insert(labels::BROADCASTJOB_NAME.to_owned(), json!(job.name));
    all_labels.insert(
        labels::BROADCASTJOB_CONTROLLER_UID.to_owned(),
        json!(job.uid),
    );
    let mut metadata = json!({
        "name": name,
        "generateName": format!("{}-", job.name),
        "namespace": job.namespace,
        "labels": all_labels,
        "annotations": map("annotations"),
        "ownerReferences": [snapshot.owner().reference()],
    });
    if let Some(finalizers) = of_template("finalizers")
        && let Some(metadata) = metadata.as_object_mut()
    {
        metadata.insert("finalizers".to_owned(), finalizers.clone());
    }
    metadata
}
