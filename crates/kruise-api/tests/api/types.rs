//! What types refuse, and what they keep. That they write what they read is shown for every kind in
//! [`crate::every_kind`].

use kruise_api::apps::v1beta1;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

fn written_back<T: Serialize + DeserializeOwned>(object: &Value) -> Value {
    serde_json::to_value(serde_json::from_value::<T>(object.clone()).unwrap()).unwrap()
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
