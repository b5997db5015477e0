//! A value that is absent or null reads as its type's empty value, in every type and at any depth, as with
//! Go's decoder. Only a value of another type is refused.

use kruise_api::{
    apps::{v1alpha1, v1beta1},
    conversion::convert,
    inplace::{InPlaceUpdateGrace, InPlaceUpdateState},
    pod::Pod,
    read::PodUnavailableBudget,
    template::PodTemplate,
};
use proptest::prelude::*;
use rstest::rstest;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::{
    every_kind::{any_object, versions},
    instances::config,
};

/// Takes parts away, or makes them null, as the numbers say, until there are no more.
fn punched(value: &mut Value, numbers: &mut impl Iterator<Item = u8>) {
    let mut is_gone = |value: &mut Value| match numbers.next() {
        Some(0) => {
            *value = Value::Null;
            false
        }
        Some(1) => true,
        _ => false,
    };
    match value {
        Value::Object(members) => members.retain(|_, value| !is_gone(value)),
        Value::Array(elements) => elements.retain_mut(|value| !is_gone(value)),
        _ => {}
    }
    match value {
        Value::Object(members) => members.values_mut().for_each(|it| punched(it, numbers)),
        Value::Array(elements) => elements.iter_mut().for_each(|it| punched(it, numbers)),
        _ => {}
    }
}

fn holes() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(0..12_u8, 0..200)
}

fn reads<T: DeserializeOwned>(value: &Value) -> Result<(), TestCaseError> {
    for text in [true, false] {
        let read = if text {
            serde_json::from_str::<T>(&value.to_string())
        } else {
            serde_json::from_value::<T>(value.clone())
        };
        if let Err(error) = read {
            return Err(TestCaseError::fail(format!("{error}: {value}")));
        }
    }
    Ok(())
}

/// A pod with everything that its projection reads.
fn whole_pod() -> Value {
    let amounts = json!({ "cpu": "1", "memory": "1Gi" });
    let container_status = json!({
        "name": "app", "image": "a", "imageID": "b", "containerID": "c://d", "ready": true, "restartCount": 1,
        "resources": { "limits": amounts, "requests": amounts },
        "state": {
            "waiting": { "reason": "x" },
            "running": { "startedAt": "2026-01-10T08:00:00Z" },
            "terminated": { "startedAt": "2026-01-10T08:00:00Z" },
        },
        "lastState": { "terminated": { "startedAt": "2026-01-10T08:00:00Z" } },
    });
    json!({
        "metadata": {
            "name": "p", "namespace": "n", "uid": "u", "resourceVersion": "1", "generation": 1,
            "creationTimestamp": "2026-01-10T08:00:00Z", "deletionTimestamp": "2026-01-10T08:00:00Z",
            "labels": { "a": "b" }, "annotations": { "a": "b", "apps.kruise.io/runtime-containers-meta": "{}" },
            "finalizers": ["f"],
            "ownerReferences": [{
                "apiVersion": "v1", "kind": "K", "name": "o", "uid": "u", "controller": true,
                "blockOwnerDeletion": true,
            }],
        },
        "spec": {
            "nodeName": "n1",
            "containers": [{
                "name": "app", "image": "a",
                "env": [
                    { "name": "KRUISE_CONTAINER_BARRIER", "value": "x", "valueFrom": {
                        "configMapKeyRef": { "key": "p_1" },
                    } },
                    { "name": "L", "valueFrom": { "fieldRef": { "fieldPath": "metadata.labels['l']" } } },
                ],
                "resources": { "limits": amounts, "requests": amounts },
                "resizePolicy": [{ "resourceName": "cpu", "restartPolicy": "RestartContainer" }],
            }],
            "initContainers": [{ "name": "init", "restartPolicy": "Always" }],
            "readinessGates": [{ "conditionType": "InPlaceUpdateReady" }],
        },
        "status": {
            "observedGeneration": 1,
            "phase": "Running",
            "conditions": [{
                "type": "Ready", "status": "True", "reason": "r", "message": "m",
                "lastTransitionTime": "2026-01-10T08:00:00Z",
            }],
            "containerStatuses": [container_status],
            "initContainerStatuses": [container_status],
        },
    })
}

fn whole_state() -> Value {
    json!({
        "revision": "r", "updateTimestamp": "2026-01-10T08:00:00Z",
        "lastContainerStatuses": { "app": { "imageID": "a", "containerID": "b", "generation": 1 } },
        "updateEnvFromMetadata": true, "updateResources": true, "updateImages": true,
        "nextContainerImages": { "app": "x" },
        "nextContainerRefMetadata": { "app": {
            "creationTimestamp": null, "labels": { "a": "b" }, "annotations": { "a": "b" },
        } },
        "nextContainerResources": { "app": { "limits": { "cpu": "1" }, "requests": { "cpu": "1" } } },
        "preCheckBeforeNext": { "containersRequiredReady": ["app"] },
        "containerBatchesRecord": [{ "timestamp": "2026-01-10T08:00:00Z", "containers": ["app"] }],
    })
}

fn whole_grace() -> Value {
    let state = whole_state();
    json!({
        "revision": "r", "containerImages": { "app": "x" },
        "containerRefMetadata": state["nextContainerRefMetadata"],
        "containerResources": state["nextContainerResources"],
        "metaDataPatch": "e30=", "updateEnvFromMetadata": true, "graceSeconds": 3,
    })
}

fn whole_budget() -> Value {
    json!({
        "metadata": { "name": "b", "labels": { "a": "b" } },
        "spec": {
            "protectOperations": ["DELETE"],
            "ignoredPodSelector": {
                "matchLabels": { "a": "b" },
                "matchExpressions": [{ "key": "k", "operator": "In", "values": ["v"] }],
            },
        },
        "status": {
            "disruptedPods": { "p": "2026-01-10T08:00:00Z" },
            "unavailablePods": { "p": "2026-01-10T08:00:00Z" },
            "unavailableAllowed": 1, "desiredAvailable": 1,
        },
    })
}

proptest! {
    #![proptest_config(config())]

    // CS-20, BJ-8, PF-211
    #[test]
    fn objects_with_holes((index, mut object) in any_object(), holes in holes()) {
        punched(&mut object, &mut holes.iter().copied());
        for text in [true, false] {
            let read = versions()[index].reads(&object, text);
            prop_assert!(read.is_ok(), "{:?}: {object}", read);
        }
    }

    // PF-401, CS-1 to CS-4
    #[test]
    fn objects_with_holes_are_converted((index, mut object) in any_object(), holes in holes()) {
        let version = &versions()[index];
        punched(&mut object, &mut holes.iter().copied());
        object["apiVersion"] = json!(version.api_version);
        object["kind"] = json!(version.kind);
        for to in version.others().filter(|_| version.converts(&object)) {
            let converted = convert(object.clone(), to);
            prop_assert!(converted.is_ok(), "{:?}: {object}", converted);
        }
    }

    #[test]
    fn everything_else_with_holes(holes in holes()) {
        let punched = |mut value: Value| {
            punched(&mut value, &mut holes.iter().copied());
            value
        };
        reads::<Pod>(&punched(whole_pod()))?;
        reads::<InPlaceUpdateState>(&punched(whole_state()))?;
        reads::<InPlaceUpdateGrace>(&punched(whole_grace()))?;
        reads::<PodUnavailableBudget>(&punched(whole_budget()))?;
        let template = punched(whole_pod());
        prop_assert!(PodTemplate::view(&template).is_ok(), "{template}");
    }
}

// What exports, charts and other tools send.
#[rstest]
#[case::empty(json!({}))]
#[case::null(json!(null))]
#[case::one_counter(json!({ "replicas": 3 }))]
#[case::one_condition(json!({ "conditions": [{ "type": "Progressing" }, null] }))]
fn an_incomplete_status_is_read_and_carried_over(#[case] status: Value) {
    for (from, to) in [("v1alpha1", "v1beta1"), ("v1beta1", "v1alpha1")] {
        let object = json!({
            "apiVersion": format!("apps.kruise.io/{from}"),
            "kind": "CloneSet",
            "metadata": { "name": "web" },
            "spec": { "selector": {}, "template": {} },
            "status": status,
        });
        let read = match from {
            "v1alpha1" => serde_json::from_value::<v1alpha1::CloneSet>(object.clone()).map(drop),
            _ => serde_json::from_value::<v1beta1::CloneSet>(object.clone()).map(drop),
        };
        assert!(read.is_ok(), "{read:?}");
        let converted = convert(object, &format!("apps.kruise.io/{to}")).unwrap();
        assert_eq!(converted["status"], status);
    }
}

#[rstest]
#[case::text_for_a_number(json!({ "replicas": "3" }))]
#[case::number_for_a_list(json!({ "conditions": 3 }))]
#[case::list_for_an_object(json!([]))]
fn another_type_is_refused_as_in_go(#[case] status: Value) {
    assert!(serde_json::from_value::<v1beta1::CloneSetStatus>(status).is_err());
}
