//! What a new pod looks like (CS-39, CS-58, CS-59).

use std::sync::Arc;

use kruise_api::{
    revision,
    well_known::{annotations, conditions, labels, lifecycle_states},
};
use serde_json::{Map, Value, json};

use super::{step::NewPod, volume_claims};
use crate::snapshot::{Snapshot, pod_name};

/// What the pods of one revision have in common.
pub(super) struct PodsOf<'a> {
    template: &'a Value,
    spec: Arc<Value>,
    name: &'a str,
}

impl<'a> PodsOf<'a> {
    /// Of the revision of this name, which has this template.
    pub(super) fn revision(name: &'a str, template: &'a Value) -> Self {
        Self {
            template,
            spec: Arc::new(Value::Object(pod_spec(template))),
            name,
        }
    }
}

/// The pod with this instance id, at a revision.
pub(super) fn new_pod(
    snapshot: &Snapshot,
    listed_claims: &volume_claims::Listed<'_>,
    revision: &PodsOf<'_>,
    id: &str,
) -> NewPod {
    let PodsOf {
        template,
        spec,
        name: revision_name,
    } = revision;
    let set = &snapshot.set.metadata;
    let short = revision::short_hash(revision_name);
    let map = |field: &str| {
        template
            .pointer(&format!("/metadata/{field}"))
            .and_then(Value::as_object)
            .cloned()
            .unwrap_or_default()
    };
    let mut all_labels = map("labels");
    let mut insert = |key: &str, value: &str| {
        all_labels.insert(key.to_owned(), Value::String(value.to_owned()));
    };
    insert(labels::CLONESET_INSTANCE_ID, id);
    insert(
        labels::CONTROLLER_REVISION_HASH,
        if snapshot.gates.short_hash {
            short
        } else {
            revision_name
        },
    );
    insert(labels::POD_TEMPLATE_HASH, short);
    insert(labels::LIFECYCLE_STATE, lifecycle_states::PREPARING_NORMAL);
    let mut all_annotations = map("annotations");
    all_annotations.insert(
        annotations::LIFECYCLE_TIMESTAMP.to_owned(),
        Value::String(kruise_api::meta::timestamp(snapshot.now)),
    );
    let name = pod_name(set, id);
    let mut metadata = json!({
        "name": name,
        "generateName": format!("{}-", set.name),
        "namespace": set.namespace,
        "labels": all_labels,
        "annotations": all_annotations,
        "ownerReferences": [snapshot.owner().reference()],
    });
    if let Some(finalizers) = template.pointer("/metadata/finalizers")
        && let Some(metadata) = metadata.as_object_mut()
    {
        metadata.insert("finalizers".to_owned(), finalizers.clone());
    }
    let mut spec = Arc::clone(spec);
    if let Some(volumes) = volume_claims::volumes(snapshot, id, spec.get("volumes"))
        && let Some(own) = Arc::make_mut(&mut spec).as_object_mut()
    {
        own.insert("volumes".to_owned(), Value::Array(volumes));
    }
    NewPod {
        name,
        claims: volume_claims::missing(snapshot, listed_claims, id),
        metadata,
        spec,
    }
}

/// A copy of the template's spec with the two readiness gates (CS-59, PF-920).
fn pod_spec(template: &Value) -> Map<String, Value> {
    let mut spec = template
        .get("spec")
        .and_then(Value::as_object)
        .cloned()
        .unwrap_or_default();
    let mut gates = spec
        .get("readinessGates")
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default();
    for type_ in [
        conditions::IN_PLACE_UPDATE_READY,
        conditions::KRUISE_POD_READY,
    ] {
        if !gates
            .iter()
            .any(|gate| gate.get("conditionType").is_some_and(|have| have == type_))
        {
            gates.push(json!({ "conditionType": type_ }));
        }
    }
    spec.insert("readinessGates".to_owned(), Value::Array(gates));
    spec
}
