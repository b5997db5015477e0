//! DaemonSet: its versions and its defaults. What is refused stands in tests/validation.

use kruise_api::{
    apps::{v1alpha1, v1beta1},
    conversion::convert,
    kinds::daemonset::{
        defaults,
        validation::{ANSWER_CODE_FOR_CREATE, ANSWER_CODE_FOR_UPDATE, validate},
    },
};
use rstest::rstest;
use serde_json::{Value, json};

use crate::every_kind::{Version, version};

pub(crate) fn versions() -> Vec<Version> {
    let judge = |mut set: v1beta1::DaemonSet, old: Option<v1beta1::DaemonSet>| {
        defaults::fill_v1beta1(&mut set.spec);
        validate(&set, old.as_ref())
    };
    vec![
        version(move |mut set: v1alpha1::DaemonSet, old| {
            defaults::fill_v1alpha1(&mut set.spec);
            judge(set.into(), old.map(v1alpha1::DaemonSet::into))
        })
        .settles(settle_v1alpha1),
        version(judge).settles(settle_v1beta1),
    ]
}

const V1ALPHA1: &str = "apps.kruise.io/v1alpha1";
const V1BETA1: &str = "apps.kruise.io/v1beta1";
const PROGRESSIVE: &str = "daemonset.kruise.io/progressive-create-pod";

/// DS-1
fn settle_v1alpha1(object: &mut Value) {
    if let Some(word) = object.pointer_mut("/spec/updateStrategy/rollingUpdate/rollingUpdateType")
        && word == "Surging"
    {
        *word = json!("Standard");
    }
}

/// DS-1, DS-2: the annotation says what the field says.
fn settle_v1beta1(object: &mut Value) {
    settle_v1alpha1(object);
    let is_on = object["spec"]["scaleStrategy"]["partitionedScaling"] == true;
    let spec = object["spec"].as_object_mut().unwrap();
    spec.remove("scaleStrategy");
    if is_on {
        spec.insert(
            "scaleStrategy".to_owned(),
            json!({ "partitionedScaling": true }),
        );
        object["metadata"]["annotations"][PROGRESSIVE] = json!("true");
    } else if let Some(Value::Object(annotations)) = object.pointer_mut("/metadata/annotations")
        && annotations.get(PROGRESSIVE) == Some(&json!("true"))
    {
        annotations.remove(PROGRESSIVE);
    }
}

fn object(api_version: &str, annotation: Option<&str>, spec: &Value, status: &Value) -> Value {
    let mut object = json!({
        "apiVersion": api_version,
        "kind": "DaemonSet",
        "metadata": { "name": "agent", "namespace": "default" },
        "spec": {
            "selector": { "matchLabels": { "app": "agent" } },
            "template": { "metadata": { "labels": { "app": "agent" } } },
        },
        "status": {
            "currentNumberScheduled": 2, "numberMisscheduled": 0, "desiredNumberScheduled": 3,
            "numberReady": 1, "updatedNumberScheduled": 1,
        },
    });
    if let Some(annotation) = annotation {
        object["metadata"]["annotations"] = json!({ PROGRESSIVE: annotation });
    }
    json_patch::merge(&mut object["spec"], spec);
    json_patch::merge(&mut object["status"], status);
    object
}

fn rolling(type_: &str) -> Value {
    json!({ "updateStrategy": { "rollingUpdate": { "rollingUpdateType": type_, "maxSurge": 3 } } })
}

// DS-1, DS-4, DS-S33
#[rstest]
#[case::nothing(None, json!({}), json!({}))]
#[case::on(Some("true"), json!({}), json!({ "scaleStrategy": { "partitionedScaling": true } }))]
#[case::only_this_word(Some("True"), json!({}), json!({}))]
#[case::surging(None, rolling("Surging"), rolling("Standard"))]
#[case::other_word(None, rolling("Other"), rolling("Other"))]
fn v1alpha1_becomes(
    #[case] annotation: Option<&str>,
    #[case] spec: Value,
    #[case] expected: Value,
) {
    let old = object(
        V1ALPHA1,
        annotation,
        &spec,
        &json!({ "daemonSetHash": "abc" }),
    );
    let new = object(
        V1BETA1,
        annotation,
        &expected,
        &json!({ "updateRevision": "abc" }),
    );
    assert_eq!(convert(old.clone(), V1BETA1).unwrap(), new);
    let typed: v1alpha1::DaemonSet = serde_json::from_value(old).unwrap();
    let typed: v1beta1::DaemonSet = typed.into();
    assert_eq!(typed, serde_json::from_value(new).unwrap());
}

// DS-2, DS-3, DV-DS1, DS-S44
#[rstest]
#[case::nothing(None, json!({}), None)]
#[case::on(None, json!({ "scaleStrategy": { "partitionedScaling": true } }), Some("true"))]
#[case::on_again(Some("false"), json!({ "scaleStrategy": { "partitionedScaling": true } }), Some("true"))]
#[case::off(Some("true"), json!({ "scaleStrategy": { "partitionedScaling": false } }), None)]
#[case::absent(Some("true"), json!({}), None)]
#[case::other_text(Some("1"), json!({}), Some("1"))]
fn v1beta1_becomes(
    #[case] annotation: Option<&str>,
    #[case] spec: Value,
    #[case] expected: Option<&str>,
) {
    let new = object(
        V1BETA1,
        annotation,
        &spec,
        &json!({ "updateRevision": "abc" }),
    );
    let old = object(
        V1ALPHA1,
        expected,
        &json!({}),
        &json!({ "daemonSetHash": "abc" }),
    );
    assert_eq!(convert(new.clone(), V1ALPHA1).unwrap(), old);
    let typed: v1beta1::DaemonSet = serde_json::from_value(new).unwrap();
    let typed: v1alpha1::DaemonSet = typed.into();
    assert_eq!(typed, serde_json::from_value(old).unwrap());
}

fn filled(rolling_update: &Value) -> Value {
    json!({
        "burstReplicas": 250, "revisionHistoryLimit": 10,
        "updateStrategy": { "type": "RollingUpdate", "rollingUpdate": rolling_update },
    })
}

// DS-8 to DS-10: the template stays as it is.
#[rstest]
#[case::nothing(json!({}), filled(&json!({ "rollingUpdateType": "Standard", "maxUnavailable": 1, "maxSurge": 0 })))]
#[case::empty_words(
    json!({ "updateStrategy": { "type": "", "rollingUpdate": { "rollingUpdateType": "" } } }),
    filled(&json!({ "rollingUpdateType": "Standard", "maxUnavailable": 1, "maxSurge": 0 })),
)]
#[case::one_of_two(
    json!({ "updateStrategy": { "rollingUpdate": { "maxSurge": 0 } } }),
    filled(&json!({ "rollingUpdateType": "Standard", "maxSurge": 0 })),
)]
#[case::on_delete(
    json!({ "burstReplicas": "5%", "revisionHistoryLimit": 0, "updateStrategy": { "type": "OnDelete" } }),
    json!({ "burstReplicas": "5%", "revisionHistoryLimit": 0, "updateStrategy": { "type": "OnDelete" } }),
)]
fn what_is_left_open_gets_its_default(#[case] said: Value, #[case] expected: Value) {
    let (said, expected) = (
        object(V1BETA1, None, &said, &json!({})),
        object(V1BETA1, None, &expected, &json!({})),
    );
    let mut spec: v1beta1::DaemonSetSpec = serde_json::from_value(said["spec"].clone()).unwrap();
    defaults::fill_v1beta1(&mut spec);
    assert_eq!(serde_json::to_value(spec).unwrap(), expected["spec"]);
    let mut spec: v1alpha1::DaemonSetSpec = serde_json::from_value(said["spec"].clone()).unwrap();
    defaults::fill_v1alpha1(&mut spec);
    assert_eq!(serde_json::to_value(spec).unwrap(), expected["spec"]);
}

// DS-9
#[rstest]
#[case(json!({}), json!({ "maxUnavailable": 0, "maxSurge": 1 }))]
#[case(json!({ "maxSurge": "10%" }), json!({ "maxUnavailable": 0, "maxSurge": "10%" }))]
#[case(json!({ "maxUnavailable": 2 }), json!({ "maxUnavailable": 2, "maxSurge": 1 }))]
fn surging_becomes_standard(#[case] terms: Value, #[case] expected: Value) {
    let surging = |mut terms: Value, type_: &str| {
        terms["rollingUpdateType"] = json!(type_);
        json!({ "updateStrategy": { "rollingUpdate": terms } })
    };
    let mut spec: v1alpha1::DaemonSetSpec =
        serde_json::from_value(surging(terms, "Surging")).unwrap();
    defaults::fill_v1alpha1(&mut spec);
    let written = serde_json::to_value(spec.update_strategy).unwrap();
    assert_eq!(
        written["rollingUpdate"],
        surging(expected, "Standard")["updateStrategy"]["rollingUpdate"]
    );
}

// PF-211
#[test]
fn answers_have_these_codes() {
    assert_eq!([ANSWER_CODE_FOR_CREATE, ANSWER_CODE_FOR_UPDATE], [500, 422]);
}
