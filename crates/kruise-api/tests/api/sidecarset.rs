//! SidecarSet: its versions and its defaults.

use kruise_api::{
    apps::{v1alpha1, v1beta1::SidecarSet},
    conversion::convert,
    kinds::sidecarset::{
        defaults::{fill_v1alpha1, fill_v1beta1},
        validation::{AnnotationWhitelist, Surroundings, validate},
    },
};
use proptest::prelude::*;
use rstest::rstest;
use serde_json::{Value, json};

use crate::{
    every_kind::{Version, version},
    instances::{config, objects},
};

/// Nothing else is in the way.
pub(crate) const ALONE: Surroundings<'_> = Surroundings {
    sidecar_sets: &[],
    has_revision: true,
    whitelist: AnnotationWhitelist::Absent,
    allows_by_default: true,
};

pub(crate) fn versions() -> Vec<Version> {
    vec![
        version(
            |mut set: v1alpha1::SidecarSet, stored: Option<v1alpha1::SidecarSet>| {
                fill_v1alpha1(&mut set.spec);
                validate(&set.into(), stored.map(Into::into).as_ref(), ALONE)
            },
        )
        .settles(settle_v1alpha1),
        version(|mut set: SidecarSet, stored: Option<SidecarSet>| {
            fill_v1beta1(&mut set.spec);
            validate(&set, stored.as_ref(), ALONE)
        })
        .settles(settle_v1beta1),
    ]
}

const V1ALPHA1: &str = "apps.kruise.io/v1alpha1";
const V1BETA1: &str = "apps.kruise.io/v1beta1";
const CUSTOM_VERSION: &str = "apps.kruise.io/sidecarset-custom-version";

fn named(namespace: &str) -> Value {
    json!({ "matchLabels": { "kubernetes.io/metadata.name": namespace } })
}

/// Takes the label off.
fn custom_version(object: &mut Value) -> Option<Value> {
    let labels = object.pointer_mut("/metadata/labels")?;
    labels.as_object_mut()?.remove(CUSTOM_VERSION)
}

/// SS-1, SS-4: a namespace comes back as a selector, an empty label does not come back.
fn settle_v1alpha1(object: &mut Value) {
    let Some(spec) = object["spec"].as_object_mut() else {
        return;
    };
    if let Some(namespace) = spec.remove("namespace").filter(|it| it != "") {
        let selector = named(namespace.as_str().unwrap());
        spec.insert("namespaceSelector".to_owned(), selector);
    }
    let label = custom_version(object);
    if let Some(label) = label.filter(|label| label != "") {
        object["metadata"]["labels"][CUSTOM_VERSION] = label;
    }
}

/// SS-2, SS-3: a label that v1beta1 knows nothing of is a field in the end, unless there is one already.
fn settle_v1beta1(object: &mut Value) {
    if !object["spec"].is_object() {
        return;
    }
    let label = custom_version(object);
    let version = &mut object["spec"]["customVersion"];
    if version.is_null() || version == "" {
        *version = label.unwrap_or(json!(""));
    }
}

fn object(api_version: &str, labels: Value, spec: Value) -> Value {
    let mut object = json!({
        "apiVersion": api_version,
        "kind": "SidecarSet",
        "metadata": { "name": "log", "annotations": { "a": "b" } },
        "status": {
            "matchedPods": 3, "updatedPods": 2, "readyPods": 1, "updatedReadyPods": 1, "observedGeneration": 4,
            "latestRevision": "log-1", "collisionCount": 0,
        },
    });
    if labels != json!({}) {
        object["metadata"]["labels"] = labels;
    }
    object["spec"] = spec;
    object
}

// SS-1, SS-2, SS-A37
#[rstest]
#[case::nothing(json!({}), json!({}), json!({}), json!({}))]
#[case::namespace(
    json!({}), json!({ "namespace": "ns1" }),
    json!({}), json!({ "namespaceSelector": named("ns1") }),
)]
#[case::namespace_and_selector(
    json!({ CUSTOM_VERSION: "v3", "a": "b" }),
    json!({ "namespace": "ns1", "namespaceSelector": { "matchLabels": { "env": "x" } } }),
    json!({ "a": "b" }), json!({ "namespaceSelector": named("ns1"), "customVersion": "v3" }),
)]
#[case::selector(
    json!({}), json!({ "namespace": "", "namespaceSelector": {} }),
    json!({}), json!({ "namespaceSelector": {} }),
)]
#[case::empty_label(json!({ CUSTOM_VERSION: "" }), json!({}), json!({}), json!({}))]
fn v1alpha1_becomes_v1beta1(
    #[case] labels: Value,
    #[case] fields: Value,
    #[case] expected_labels: Value,
    #[case] expected_fields: Value,
) {
    let with = |fields: &Value| {
        let mut spec = json!({ "containers": [{ "name": "a", "image": "b" }] });
        spec.as_object_mut()
            .unwrap()
            .extend(fields.as_object().unwrap().clone());
        spec
    };
    let old = object(V1ALPHA1, labels, with(&fields));
    let new = object(V1BETA1, expected_labels, with(&expected_fields));
    assert_eq!(convert(old.clone(), V1BETA1).unwrap(), new);
    let old: v1alpha1::SidecarSet = serde_json::from_value(old).unwrap();
    let new: SidecarSet = serde_json::from_value(new).unwrap();
    assert_eq!(SidecarSet::from(old), new);
}

// SS-3
#[rstest]
#[case::nothing(json!({}), json!({}), json!({}), json!({}))]
#[case::empty_version(json!({}), json!({ "customVersion": "" }), json!({}), json!({}))]
#[case::version(json!({}), json!({ "customVersion": "v3" }), json!({ CUSTOM_VERSION: "v3" }), json!({}))]
#[case::another_label(
    json!({ CUSTOM_VERSION: "v1" }), json!({ "customVersion": "v3" }),
    json!({ CUSTOM_VERSION: "v3" }), json!({}),
)]
#[case::selector(
    json!({}), json!({ "namespaceSelector": named("ns1") }),
    json!({}), json!({ "namespaceSelector": named("ns1") }),
)]
fn v1beta1_becomes_v1alpha1(
    #[case] labels: Value,
    #[case] spec: Value,
    #[case] expected_labels: Value,
    #[case] expected_spec: Value,
) {
    let new = object(V1BETA1, labels, spec);
    let old = object(V1ALPHA1, expected_labels, expected_spec);
    assert_eq!(convert(new.clone(), V1ALPHA1).unwrap(), old);
    let new: SidecarSet = serde_json::from_value(new).unwrap();
    let old: v1alpha1::SidecarSet = serde_json::from_value(old).unwrap();
    assert_eq!(v1alpha1::SidecarSet::from(new), old);
}

fn filled(spec: &Value) -> Value {
    let mut set: SidecarSet = serde_json::from_value(json!({ "spec": spec })).unwrap();
    fill_v1beta1(&mut set.spec);
    serde_json::to_value(set.spec).unwrap()
}

fn container(kind: &str, container: &Value) -> Value {
    filled(&json!({ kind: [container] }))[kind][0].clone()
}

// SS-10, SS-15
#[rstest]
#[case(json!({}), json!({
    "updateStrategy": { "type": "RollingUpdate", "maxUnavailable": 1, "partition": 0 },
    "revisionHistoryLimit": 10,
}))]
#[case(
    json!({
        "updateStrategy": { "type": "NotUpdate", "partition": "5%" },
        "revisionHistoryLimit": 0,
        "patchPodMetadata": [{}, { "patchPolicy": "Later" }],
        "injectionStrategy": { "revision": {} },
    }),
    json!({
        "updateStrategy": { "type": "NotUpdate", "maxUnavailable": 1, "partition": "5%" },
        "revisionHistoryLimit": 0,
        "patchPodMetadata": [{ "patchPolicy": "Retain" }, { "patchPolicy": "Later" }],
        "injectionStrategy": { "revision": { "policy": "Always" } },
    }),
)]
fn defaults_of_a_spec(#[case] spec: Value, #[case] expected: Value) {
    assert_eq!(filled(&spec), expected);
}

// SS-11, SS-12
#[rstest]
#[case("containers", "BeforeAppContainer")]
#[case("initContainers", "AfterAppContainer")]
fn defaults_of_a_container(#[case] kind: &str, #[case] place: &str) {
    let expected = json!({
        "name": "a", "image": "a:1",
        "podInjectPolicy": place,
        "upgradeStrategy": { "upgradeType": "ColdUpgrade" },
        "shareVolumePolicy": { "type": "disabled" },
        "imagePullPolicy": "IfNotPresent",
        "terminationMessagePath": "/dev/termination-log",
        "terminationMessagePolicy": "File",
    });
    assert_eq!(
        container(kind, &json!({ "name": "a", "image": "a:1" })),
        expected
    );
}

// SS-12, SS-13
#[test]
fn defaults_inside_of_a_container() {
    let given = json!({
        "image": "a:latest",
        "ports": [{ "containerPort": 1 }],
        "env": [{ "name": "A", "valueFrom": { "fieldRef": { "fieldPath": "metadata.name" } } }],
        "resources": { "limits": { "cpu": "0.0001" } },
        "livenessProbe": { "httpGet": { "port": 1 } },
        "readinessProbe": { "periodSeconds": 5 },
        "startupProbe": { "httpGet": { "port": 1 } },
        "lifecycle": { "preStop": { "httpGet": { "port": 1 } } },
        "transferEnv": [{ "sourceContainerNameFrom": { "fieldRef": { "fieldPath": "metadata.labels['a']" } } }],
        "resourcesPolicy": { "targetContainersMode": "sum", "resourcesExpr": {} },
        "shareVolumeDevicePolicy": {},
    });
    let filled = container("containers", &given);
    let expected = [
        ("/imagePullPolicy", json!("Always")),
        ("/ports/0/protocol", json!("TCP")),
        ("/env/0/valueFrom/fieldRef/apiVersion", json!("v1")),
        ("/resources/limits/cpu", json!("1m")),
        (
            "/livenessProbe",
            json!({
                "httpGet": { "port": 1, "path": "/", "scheme": "HTTP" },
                "timeoutSeconds": 1, "periodSeconds": 10, "successThreshold": 1, "failureThreshold": 3,
            }),
        ),
        ("/readinessProbe/periodSeconds", json!(5)),
        ("/readinessProbe/failureThreshold", json!(3)),
        // Not this one: hashes depend on it.
        ("/startupProbe", given["startupProbe"].clone()),
        ("/lifecycle/preStop/httpGet/scheme", json!("HTTP")),
        (
            "/transferEnv/0/sourceContainerNameFrom/fieldRef/apiVersion",
            json!("v1"),
        ),
        ("/resourcesPolicy/targetContainersNameRegex", json!(".*")),
        ("/shareVolumeDevicePolicy", json!({})),
    ];
    for (place, value) in expected {
        assert_eq!(filled.pointer(place), Some(&value), "{place}");
    }
}

// SS-14
#[test]
fn defaults_of_volumes() {
    let volumes = json!([
        { "name": "a" },
        { "name": "b", "hostPath": { "path": "/" } },
        { "name": "c", "projected": { "sources": [{ "serviceAccountToken": { "path": "x" } }] } },
    ]);
    let expected = json!([
        { "name": "a", "emptyDir": {} },
        { "name": "b", "hostPath": { "path": "/", "type": "" } },
        {
            "name": "c",
            "projected": {
                "sources": [{ "serviceAccountToken": { "path": "x", "expirationSeconds": 3600 } }],
                "defaultMode": 420,
            },
        },
    ]);
    assert_eq!(filled(&json!({ "volumes": volumes }))["volumes"], expected);
}

proptest! {
    #![proptest_config(config())]

    // SS-5, SS-10 to SS-15: what has its defaults gets none, and both versions get the same.
    #[test]
    fn defaults_are_filled_in_once_and_alike(object in objects("SidecarSet", "v1alpha1", true)) {
        let mut set: v1alpha1::SidecarSet = serde_json::from_value(object).unwrap();
        let mut there = SidecarSet::from(set.clone());
        fill_v1beta1(&mut there.spec);
        let mut twice = there.clone();
        fill_v1beta1(&mut twice.spec);
        prop_assert_eq!(&twice, &there);
        fill_v1alpha1(&mut set.spec);
        prop_assert_eq!(SidecarSet::from(set), there);
    }
}
