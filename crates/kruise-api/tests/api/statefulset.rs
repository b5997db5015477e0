//! StatefulSet: its versions, its defaults, and changes that are refused. The rest of what is refused stands in
//! tests/validation.

use kruise_api::{
    apps::{v1alpha1, v1beta1},
    conversion::convert,
    kinds::statefulset::{
        defaults::{self, Gates},
        validation::{
            ANSWER_CODE, StorageClass, validate_claims, validate_v1alpha1, validate_v1beta1,
        },
    },
};
use rstest::rstest;
use serde_json::{Value, json};

use crate::{
    every_kind::{Version, version},
    support::time,
};

pub(crate) fn versions() -> Vec<Version> {
    vec![
        version(|mut set: v1alpha1::StatefulSet, old| {
            defaults::fill_v1alpha1(&mut set.spec);
            validate_v1alpha1(&set, old.as_ref())
        })
        .settles(settle_v1alpha1),
        version(
            |mut set: v1beta1::StatefulSet, old: Option<v1beta1::StatefulSet>| {
                defaults::fill_v1beta1(&mut set.spec, Gates::default());
                let _ = validate_claims(&set, old.as_ref().unwrap_or(&set), Ok(&[]));
                validate_v1beta1(&set, old.as_ref())
            },
        )
        .settles(settle_v1beta1),
    ]
}

const V1ALPHA1: &str = "apps.kruise.io/v1alpha1";
const V1BETA1: &str = "apps.kruise.io/v1beta1";
const KEPT: &str = "apps.kruise.io/statefulset-v1beta1-spec";
const ORDINALS: &str = r#"{"ordinals":{"start":2}}"#;

fn remove(object: &mut Value, parent: &str, key: &str) {
    if let Some(Value::Object(members)) = object.pointer_mut(parent) {
        members.remove(key);
    }
}

/// AS-2: of the words in generated objects, one can be kept.
fn settle_v1alpha1(object: &mut Value) {
    if object["metadata"]["annotations"][KEPT] != ORDINALS {
        remove(object, "/metadata/annotations", KEPT);
    }
}

/// AS-2, AS-3
fn settle_v1beta1(object: &mut Value) {
    remove(object, "/metadata/annotations", KEPT);
    let strategy = &object["spec"]["volumeClaimUpdateStrategy"];
    if strategy["type"].as_str().unwrap_or_default().is_empty() {
        remove(object, "/spec", "volumeClaimUpdateStrategy");
    }
    for dropped in [
        "updatedReadyReplicas",
        "updatedAvailableReplicas",
        "volumeClaims",
    ] {
        remove(object, "/status", dropped);
    }
}

fn object(api_version: &str, annotations: &Value, spec: &Value) -> Value {
    let mut object = json!({
        "apiVersion": api_version,
        "kind": "StatefulSet",
        "metadata": { "name": "db", "namespace": "default" },
        "spec": {
            "selector": { "matchLabels": { "app": "db" } },
            "template": { "metadata": { "labels": { "app": "db" } } },
            "updateStrategy": { "rollingUpdate": { "inPlaceUpdateStrategy": { "imagePreDownloadParallelism": "5%" } } },
        },
        "status": {
            "replicas": 1, "readyReplicas": 0, "availableReplicas": 0, "currentReplicas": 0, "updatedReplicas": 1,
        },
    });
    if *annotations != json!({}) {
        object["metadata"]["annotations"] = annotations.clone();
    }
    json_patch::merge(&mut object["spec"], spec);
    object
}

// AS-1, AS-2: what can't be read is as good as absent, and so are fields that v1alpha1 has itself.
#[rstest]
#[case::nothing(json!({ "other": "x" }), json!({}))]
#[case::empty(json!({ "other": "x", KEPT: "" }), json!({}))]
#[case::unreadable(json!({ "other": "x", KEPT: "{" }), json!({}))]
#[case::another_type(json!({ "other": "x", KEPT: r#"{"ordinals":{"start":2},"lifecycle":1}"# }), json!({}))]
#[case::foreign_fields(json!({ "other": "x", KEPT: r#"{"replicas":9,"serviceName":"a"}"# }), json!({}))]
#[case::all(
    json!({ "other": "x", KEPT: r#"{"reserveOrdinals":[1,"3-4"],"lifecycle":{"preDelete":{"finalizersHandler":["a/b"]}},"scaleStrategy":{"maxUnavailable":"5%"},"persistentVolumeClaimRetentionPolicy":{"whenScaled":"Delete"},"ordinals":{"start":2},"volumeClaimUpdateStrategy":{"type":"OnDelete"}}"# }),
    json!({
        "reserveOrdinals": [1, "3-4"], "lifecycle": { "preDelete": { "finalizersHandler": ["a/b"] } },
        "scaleStrategy": { "maxUnavailable": "5%" }, "ordinals": { "start": 2 },
        "persistentVolumeClaimRetentionPolicy": { "whenScaled": "Delete" },
        "volumeClaimUpdateStrategy": { "type": "OnDelete" },
    }),
)]
fn an_annotation_of_v1alpha1_becomes_fields(#[case] annotations: Value, #[case] fields: Value) {
    let old = object(V1ALPHA1, &annotations, &json!({}));
    let new = object(V1BETA1, &json!({ "other": "x" }), &fields);
    assert_eq!(convert(old.clone(), V1BETA1).unwrap(), new);
    let typed: v1alpha1::StatefulSet = serde_json::from_value(old).unwrap();
    let typed: v1beta1::StatefulSet = typed.into();
    assert_eq!(typed, serde_json::from_value(new).unwrap());
}

// AS-3, DV-AS1: exactly the members that are set.
#[rstest]
#[case::nothing(json!({}), json!({}), json!({}))]
#[case::stale(json!({ KEPT: ORDINALS }), json!({}), json!({}))]
#[case::nothing_to_keep(
    json!({}), json!({ "reserveOrdinals": [], "volumeClaimUpdateStrategy": {} }), json!({}),
)]
#[case::zero(json!({}), json!({ "ordinals": { "start": 0 } }), json!({ KEPT: r#"{"ordinals":{"start":0}}"# }))]
#[case::some(
    json!({ KEPT: ORDINALS }), json!({ "reserveOrdinals": [0, "2-3"], "lifecycle": {} }),
    json!({ KEPT: r#"{"reserveOrdinals":[0,"2-3"],"lifecycle":{}}"# }),
)]
fn fields_of_v1beta1_become_an_annotation(
    #[case] annotations: Value,
    #[case] fields: Value,
    #[case] expected: Value,
) {
    let new = object(V1BETA1, &annotations, &fields);
    let old = object(V1ALPHA1, &expected, &json!({}));
    assert_eq!(convert(new.clone(), V1ALPHA1).unwrap(), old);
    let typed: v1beta1::StatefulSet = serde_json::from_value(new).unwrap();
    let typed: v1alpha1::StatefulSet = typed.into();
    assert_eq!(typed, serde_json::from_value(old).unwrap());
}

// AS-4: a write through v1alpha1 is judged without what only v1beta1 has.
#[test]
fn an_annotation_is_not_judged() {
    let wrong = json!({ KEPT: r#"{"scaleStrategy":{"maxUnavailable":0},"reserveOrdinals":[-1]}"# });
    let mut set: v1alpha1::StatefulSet =
        serde_json::from_value(object(V1ALPHA1, &wrong, &json!({}))).unwrap();
    defaults::fill_v1alpha1(&mut set.spec);
    assert!(validate_v1alpha1(&set, Some(&set)).is_empty());
    let set: v1beta1::StatefulSet = set.into();
    assert_eq!(validate_v1beta1(&set, None).iter().count(), 2);
    assert_eq!(ANSWER_CODE, 422);
}

const ALL_ON: Gates = Gates {
    auto_delete_pvc: true,
    auto_resize_pvc: true,
};
const ALL_OFF: Gates = Gates {
    auto_delete_pvc: false,
    auto_resize_pvc: false,
};

// AS-6 to AS-9, AS-5
#[rstest]
#[case::rolling(
    json!({}),
    json!({
        "podManagementPolicy": "OrderedReady", "replicas": 1, "revisionHistoryLimit": 10,
        "updateStrategy": {
            "type": "RollingUpdate",
            "rollingUpdate": {
                "partition": 0, "maxUnavailable": 1, "podUpdatePolicy": "ReCreate", "minReadySeconds": 0,
            },
        },
    }),
)]
#[case::on_delete(
    json!({ "replicas": 0, "updateStrategy": { "type": "OnDelete" } }),
    json!({
        "podManagementPolicy": "OrderedReady", "replicas": 0, "revisionHistoryLimit": 10,
        "updateStrategy": { "type": "OnDelete" },
    }),
)]
#[case::said(
    json!({
        "podManagementPolicy": "Parallel", "replicas": 3, "revisionHistoryLimit": 0,
        "updateStrategy": {
            "type": "RollingUpdate",
            "rollingUpdate": {
                "partition": 1, "maxUnavailable": "5%", "podUpdatePolicy": "InPlaceOnly", "minReadySeconds": 9,
            },
        },
    }),
    json!({}),
)]
fn what_is_left_open_gets_its_default(#[case] said: Value, #[case] filled: Value) {
    let mut expected = said.clone();
    json_patch::merge(&mut expected, &filled);
    let mut spec: v1beta1::StatefulSetSpec = serde_json::from_value(said.clone()).unwrap();
    defaults::fill_v1beta1(&mut spec, ALL_OFF);
    let written = |spec: Value| {
        let mut spec = spec;
        spec.as_object_mut().unwrap().remove("selector");
        spec
    };
    assert_eq!(written(serde_json::to_value(&spec).unwrap()), expected);
    let mut spec: v1alpha1::StatefulSetSpec = serde_json::from_value(said).unwrap();
    defaults::fill_v1alpha1(&mut spec);
    assert_eq!(written(serde_json::to_value(&spec).unwrap()), expected);
}

// AS-8, AS-9
#[rstest]
#[case::off(ALL_OFF, json!({}), json!([null, null]))]
#[case::by_default(Gates::default(), json!({}), json!([{ "whenDeleted": "Retain", "whenScaled": "Retain" }, null]))]
#[case::on(
    ALL_ON,
    json!({ "persistentVolumeClaimRetentionPolicy": { "whenScaled": "Delete" } }),
    json!([{ "whenDeleted": "Retain", "whenScaled": "Delete" }, { "type": "OnDelete" }]),
)]
#[case::said(
    ALL_ON,
    json!({ "volumeClaimUpdateStrategy": { "type": "OnPodRollingUpdate" } }),
    json!([{ "whenDeleted": "Retain", "whenScaled": "Retain" }, { "type": "OnPodRollingUpdate" }]),
)]
fn gates_say_what_becomes_of_claims(
    #[case] gates: Gates,
    #[case] said: Value,
    #[case] expected: Value,
) {
    let mut spec: v1beta1::StatefulSetSpec = serde_json::from_value(said).unwrap();
    defaults::fill_v1beta1(&mut spec, gates);
    let filled = json!([
        spec.persistent_volume_claim_retention_policy,
        spec.volume_claim_update_strategy
    ]);
    assert_eq!(filled, expected);
}

// AS-21: where no default is filled in, both words must be given.
#[test]
fn a_retention_policy_is_judged_whatever_the_gate() {
    let said = json!({ "persistentVolumeClaimRetentionPolicy": { "whenScaled": "Delete" } });
    let mut set: v1beta1::StatefulSet =
        serde_json::from_value(object(V1BETA1, &json!({}), &said)).unwrap();
    defaults::fill_v1beta1(&mut set.spec, ALL_OFF);
    let errors = validate_v1beta1(&set, None);
    let fields: Vec<_> = errors.iter().map(|error| error.field.as_str()).collect();
    let expected = ["spec.persistentVolumeClaimRetentionPolicy.whenDeleted"];
    assert_eq!(fields, expected, "{errors}");
    defaults::fill_v1beta1(&mut set.spec, Gates::default());
    assert!(validate_v1beta1(&set, None).is_empty());
}

fn set(spec: &Value) -> v1beta1::StatefulSet {
    let mut set: v1beta1::StatefulSet =
        serde_json::from_value(object(V1BETA1, &json!({}), spec)).unwrap();
    defaults::fill_v1beta1(&mut set.spec, Gates::default());
    set
}

fn container(change: &Value) -> Value {
    let mut container =
        json!({ "name": "app", "image": "acme/app:1", "env": [{ "name": "A", "value": "b" }] });
    json_patch::merge(&mut container, change);
    json!({
        "updateStrategy": { "rollingUpdate": { "podUpdatePolicy": "InPlaceOnly" } },
        "template": { "spec": {
            "readinessGates": [{ "conditionType": "InPlaceUpdateReady" }],
            "initContainers": [{ "name": "init", "image": "acme/init:1" }],
            "containers": [container],
        } },
    })
}

fn with(mut spec: Value, change: &Value) -> Value {
    json_patch::merge(&mut spec, change);
    spec
}

// AS-26, AS-S31
#[rstest]
#[case::nothing(container(&json!({})), true)]
#[case::image(container(&json!({ "image": "acme/app:2" })), true)]
#[case::pull_policy(container(&json!({ "imagePullPolicy": "Never" })), true)]
#[case::defaults_of_a_webhook(container(&json!({ "terminationMessagePolicy": "File", "resources": {} })), true)]
#[case::other_order(
    with(container(&json!({})), &json!({ "template": { "spec": { "containers": [{
        "imagePullPolicy": "Always", "image": "acme/app:2", "name": "app", "env": [{ "name": "A", "value": "b" }],
    }] } } })),
    true,
)]
#[case::metadata(with(container(&json!({})), &json!({ "template": { "metadata": { "annotations": { "a": "b" } } } })), true)]
#[case::no_image(container(&json!({ "image": null })), false)]
#[case::env(container(&json!({ "env": [{ "name": "A", "value": "c" }] })), false)]
#[case::resources(container(&json!({ "resources": { "limits": { "cpu": "1" } } })), false)]
#[case::init_image(
    with(container(&json!({})), &json!({ "template": { "spec": { "initContainers": [{ "name": "init", "image": "acme/init:2" }] } } })),
    false,
)]
#[case::one_more(
    with(container(&json!({})), &json!({ "template": { "spec": { "containers": [{ "name": "app", "image": "acme/app:1" }, { "name": "b" }] } } })),
    false,
)]
#[case::other_policy(
    with(container(&json!({ "env": null })), &json!({ "updateStrategy": { "rollingUpdate": { "podUpdatePolicy": "InPlaceIfPossible" } } })),
    true,
)]
fn in_place_only_takes_new_images_only(#[case] new: Value, #[case] is_accepted: bool) {
    let errors = validate_v1beta1(&set(&new), Some(&set(&container(&json!({})))));
    let fields: Vec<_> = errors.iter().map(|error| error.field.as_str()).collect();
    let expected: &[&str] = if is_accepted { &[] } else { &["spec"] };
    assert_eq!(fields, expected, "{errors}");
}

fn claims(type_: &str, claims: &Value) -> v1beta1::StatefulSet {
    set(&json!({ "volumeClaimUpdateStrategy": { "type": type_ }, "volumeClaimTemplates": claims }))
}

fn claim(size: &str, class: Option<&str>) -> Value {
    let mut claim = json!({
        "metadata": { "name": "data" },
        "spec": { "accessModes": ["ReadWriteOnce"], "resources": { "requests": { "storage": size } } },
    });
    if let Some(class) = class {
        claim["spec"]["storageClassName"] = json!(class);
    }
    claim
}

fn class(name: &str, is_default: bool, made: &str, can_grow: Option<bool>) -> StorageClass {
    StorageClass {
        name: name.to_owned(),
        is_default,
        creation_timestamp: Some(time(made)),
        allow_volume_expansion: can_grow,
    }
}

// AS-25
#[rstest]
#[case::same(claim("1Gi", None), json!([claim("1024Mi", None)]), None)]
#[case::other_count(claim("1Gi", None), json!([]), Some("spec.volumeClaimTemplates: Invalid value: 0"))]
#[case::other_name(
    claim("1Gi", None), json!([{ "metadata": { "name": "log" } }]),
    Some("spec.volumeClaimTemplates[0]: Forbidden"),
)]
#[case::other_class(
    claim("1Gi", Some("fixed")), json!([claim("1Gi", Some("elastic"))]),
    Some("spec.volumeClaimTemplates[0].spec.storageClassName: Invalid"),
)]
#[case::class_given(claim("1Gi", None), json!([claim("1Gi", Some("elastic"))]), None)]
#[case::other_modes(
    claim("1Gi", None), json!([{ "metadata": { "name": "data" }, "spec": { "accessModes": [] } }]),
    Some("spec.volumeClaimTemplates[0].spec.accessModes: Invalid"),
)]
#[case::larger(claim("1Gi", Some("elastic")), json!([claim("2Gi", Some("elastic"))]), None)]
#[case::smaller(claim("1Gi", Some("elastic")), json!([claim("1Mi", Some("elastic"))]), None)]
#[case::fixed(
    claim("1Gi", Some("fixed")), json!([claim("2Gi", Some("fixed"))]),
    Some("spec.volumeClaimTemplates[0]: Forbidden"),
)]
#[case::nothing_said(claim("1Gi", Some("silent")), json!([claim("2Gi", Some("silent"))]), None)]
#[case::unknown_class(
    claim("1Gi", Some("gone")), json!([claim("2Gi", Some("gone"))]),
    Some("spec.volumeClaimTemplates[0].spec.storageClassName: Invalid"),
)]
#[case::newest_default(
    claim("1Gi", None), json!([claim("2Gi", None)]),
    Some("spec.volumeClaimTemplates[0]: Forbidden"),
)]
fn claim_templates_change_only_as_claims_can(
    #[case] old: Value,
    #[case] new: Value,
    #[case] expected: Option<&str>,
) {
    let classes = [
        class("fixed", true, "2026-01-02T00:00:00Z", Some(false)),
        class("elastic", true, "2026-01-01T00:00:00Z", Some(true)),
        class("silent", false, "2026-01-03T00:00:00Z", None),
    ];
    let old = json!([old]);
    let growing = claims("OnPodRollingUpdate", &old);
    let told = validate_claims(&claims("OnPodRollingUpdate", &new), &growing, Ok(&classes));
    let told = told.err().map(|error| error.to_string());
    assert_eq!(told.is_some(), expected.is_some(), "{told:?}");
    assert!(
        told.unwrap_or_default()
            .starts_with(expected.unwrap_or_default())
    );

    // The old type decides.
    assert!(validate_claims(&growing, &claims("OnDelete", &new), Ok(&classes)).is_ok());
    assert!(validate_claims(&growing, &claims("", &new), Ok(&classes)).is_ok());
    assert_eq!(
        validate_claims(&claims("OnDelete", &new), &growing, Ok(&classes)).is_err(),
        expected.is_some()
    );
}

// AS-25
#[rstest]
#[case::without_default(Ok(&[][..]), true)]
#[case::not_listed(Err("no answer"), false)]
fn classes_may_not_be_known(
    #[case] classes: Result<&[StorageClass], &str>,
    #[case] is_accepted: bool,
) {
    let old = claims("OnPodRollingUpdate", &json!([claim("1Gi", None)]));
    let new = claims("OnPodRollingUpdate", &json!([claim("2Gi", None)]));
    assert_eq!(validate_claims(&new, &old, classes).is_ok(), is_accepted);
    assert!(validate_claims(&old, &old, classes).is_ok());
}
