//! What a type reads it writes, whatever the kind.

use kruise_api::apps::{v1alpha1, v1beta1};
use proptest::prelude::*;
use rstest::rstest;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

use crate::instances::{config, fields_not_reached, objects};

fn written_back<T: Serialize + DeserializeOwned>(object: &Value) -> Value {
    serde_json::to_value(serde_json::from_value::<T>(object.clone()).unwrap()).unwrap()
}

/// Empty maps of metadata and zero counters are not written.
fn without_empty(object: &Value) -> Value {
    let mut object = object.clone();
    let members = |value: &Value| value.as_object().is_some_and(serde_json::Map::is_empty);
    for field in ["labels", "annotations"] {
        if members(&object["metadata"][field]) {
            object["metadata"].as_object_mut().unwrap().remove(field);
        }
    }
    let status = object["status"].as_object_mut().unwrap();
    for field in ["updatedAvailableReplicas", "expectedUpdatedReplicas"] {
        if status.get(field) == Some(&json!(0)) {
            status.remove(field);
        }
    }
    for field in ["currentRevision", "updateRevision", "labelSelector"] {
        if status.get(field) == Some(&json!("")) {
            status.remove(field);
        }
    }
    if status.get("conditions") == Some(&json!([])) {
        status.remove("conditions");
    }
    for condition in status
        .get_mut("conditions")
        .and_then(Value::as_array_mut)
        .into_iter()
        .flatten()
    {
        for field in ["reason", "message"] {
            if condition[field] == "" {
                condition.as_object_mut().unwrap().remove(field);
            }
        }
    }
    object
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn v1beta1_writes_what_it_read(object in objects("CloneSet", "v1beta1", true)) {
        prop_assert_eq!(written_back::<v1beta1::CloneSet>(&object), without_empty(&object));
    }

    #[test]
    fn v1alpha1_writes_what_it_read(object in objects("CloneSet", "v1alpha1", true)) {
        prop_assert_eq!(written_back::<v1alpha1::CloneSet>(&object), without_empty(&object));
    }
}

#[rstest]
#[case("v1alpha1")]
#[case("v1beta1")]
fn generated_objects_reach_every_field(#[case] version: &str) {
    assert_eq!(
        fields_not_reached("CloneSet", version, 500),
        Vec::<String>::new()
    );
}

#[test]
fn an_object_of_another_version_or_kind_is_refused() {
    let object = |api_version: &str, kind: &str| {
        json!({
            "apiVersion": api_version,
            "kind": kind,
            "spec": { "selector": {}, "template": {} },
        })
    };
    let read = |object: Value| serde_json::from_value::<v1beta1::CloneSet>(object);
    let error = read(object("apps.kruise.io/v1alpha1", "CloneSet")).unwrap_err();
    assert!(
        error.to_string().contains("apps.kruise.io/v1beta1"),
        "{error}"
    );
    assert!(read(object("apps.kruise.io/v1beta1", "StatefulSet")).is_err());
    let known = read(object("apps.kruise.io/v1beta1", "CloneSet")).unwrap();
    // Objects in a list may leave apiVersion and kind out.
    let mut bare = object("", "");
    bare.as_object_mut().unwrap().retain(|key, _| key == "spec");
    assert_eq!(read(bare).unwrap(), known);
    assert_eq!(serde_json::to_value(known).unwrap()["kind"], "CloneSet");
}

#[test]
fn words_that_are_not_known_are_kept() {
    let strategy = json!({
        "type": "Tomorrow",
        "rollingUpdate": { "podUpdatePolicy": "", "partition": "x" },
    });
    assert_eq!(
        written_back::<v1beta1::CloneSetUpdateStrategy>(&strategy),
        strategy
    );
}
