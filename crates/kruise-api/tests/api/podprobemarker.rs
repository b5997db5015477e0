//! PodProbeMarker on the wire, and what is refused that the table in tests/validation can't say.

use kruise_api::{
    apps::v1alpha1::{PodProbeMarker, PodProbeMarkerSpec},
    kinds::podprobemarker::validation,
};
use rstest::rstest;
use serde_json::{Value, json};

use crate::{
    every_kind::{Version, version},
    instances::definition,
};

pub(crate) fn versions() -> Vec<Version> {
    vec![version(
        |marker: PodProbeMarker, old: Option<PodProbeMarker>| {
            validation::validate(&marker.spec, old.as_ref().map(|old| &old.spec))
        },
    )]
}

/// A probe with these fields changed.
fn probe(change: &Value) -> Value {
    let mut probe = json!({
        "name": "idle", "containerName": "app", "podConditionType": "acme.com/idle",
        "probe": { "exec": { "command": ["true"] } },
    });
    json_patch::merge(&mut probe, change);
    probe
}

fn refused(probes: &[Value]) -> Vec<String> {
    let spec = json!({ "selector": { "matchLabels": { "app": "web" } }, "probes": probes });
    let spec: PodProbeMarkerSpec = serde_json::from_value(spec).unwrap();
    let errors = validation::validate(&spec, None);
    errors.iter().map(|error| error.field.clone()).collect()
}

// PodProbeMarker, 2
#[test]
fn the_definition_has_one_version_and_no_columns() {
    let crd = definition("PodProbeMarker");
    assert_eq!(crd["spec"]["scope"], "Namespaced");
    let versions = crd["spec"]["versions"].as_array().unwrap();
    assert_eq!(versions.len(), 1);
    assert_eq!(versions[0]["storage"], true);
    assert!(versions[0].get("additionalPrinterColumns").is_none());
}

// PP-4: the mark † ends the check, so that the second probe's faults are not told.
#[rstest]
#[case::hash(json!({ "name": "a#b" }), "name")]
#[case::no_name(json!({ "name": "" }), "name")]
#[case::no_container(json!({ "containerName": "" }), "containerName")]
#[case::reserved(json!({ "name": "Ready" }), "name")]
#[case::without_effect(json!({ "podConditionType": "" }), "")]
#[case::state_twice(json!({ "markerPolicy": [
    { "state": "Failed", "labels": { "a": "b" } }, { "state": "Failed" },
] }), "markerPolicy[1].state")]
fn some_faults_end_the_check(#[case] change: Value, #[case] field: &str) {
    let bad = json!({ "name": "second", "probe": { "exec": null } });
    let at = format!("spec.probes[0].{field}");
    let at = at.trim_end_matches('.');
    assert_eq!(refused(&[probe(&change), probe(&bad)]), [at]);
}

#[rstest]
#[case::name(json!({ "podConditionType": "acme.com/busy" }), "name")]
#[case::condition(json!({ "name": "busy" }), "podConditionType")]
fn no_two_probes_have_the_same(#[case] change: Value, #[case] field: &str) {
    let third = json!({ "containerName": "" });
    let probes = [probe(&json!({})), probe(&change), probe(&third)];
    assert_eq!(refused(&probes), [format!("spec.probes[1].{field}")]);
}

// PP-5, PP-6: other faults are told together.
#[test]
fn other_faults_are_told_together() {
    let first = json!({
        "probe": { "exec": { "command": null }, "tcpSocket": { "port": 1 }, "periodSeconds": -1 },
        "podConditionType": "a b",
        "markerPolicy": [{ "state": "Unknown" }],
    });
    let second = json!({ "name": "second", "podConditionType": null, "probe": { "exec": null }, "markerPolicy": [
        { "state": "Failed", "labels": { "a b": "c d" }, "annotations": { "Acme.com/a": "c d", "/": "" } },
    ] });
    assert_eq!(
        refused(&[probe(&first), probe(&second)]),
        [
            "spec.probes[0].probe.exec.command",
            "spec.probes[0].probe.tcpSocket",
            "spec.probes[0].probe.periodSeconds",
            "spec.probes[0].podConditionType",
            "spec.probes[0].markerPolicy[0].state",
            "spec.probes[0].markerPolicy[0]",
            "spec.probes[1].probe",
            "spec.probes[1].markerPolicy[0].labels",
            "spec.probes[1].markerPolicy[0].labels",
            "spec.probes[1].markerPolicy[0].annotations",
        ]
    );
}

// PP-5
#[rstest]
#[case(json!(1), true)]
#[case(json!(65535), true)]
#[case(json!(0), false)]
#[case(json!(65536), false)]
#[case(json!("http"), true)]
#[case(json!("a-1"), true)]
#[case(json!("8080"), false)]
#[case(json!(""), false)]
#[case(json!("Http"), false)]
#[case(json!("-a"), false)]
#[case(json!("a-"), false)]
#[case(json!("a--b"), false)]
#[case(json!("a123456789012345"), false)]
fn a_port_is_a_number_or_a_name(#[case] port: Value, #[case] is_right: bool) {
    let errors = refused(&[probe(
        &json!({ "probe": { "exec": null, "tcpSocket": { "port": port } } }),
    )]);
    let expected: &[&str] = if is_right {
        &[]
    } else {
        &["spec.probes[0].probe.tcpSocket.port"]
    };
    assert_eq!(errors, expected);
}

// PP-5
#[rstest]
#[case("/", true)]
#[case("ready", true)]
#[case("/ready?a=%zz&b=:", true)]
#[case("/a%20b#c", true)]
#[case("/a:b", true)]
#[case("http://other/ready", true)]
#[case("", false)]
#[case("/a%2", false)]
#[case("/a%zz", false)]
#[case("/a#%zz", false)]
#[case("/a\nb", false)]
#[case(":80", false)]
#[case("1:2/a", false)]
fn a_path_can_be_read_as_a_url(#[case] path: &str, #[case] is_right: bool) {
    let get = json!({ "path": path, "port": 80, "scheme": "HTTP" });
    let errors = refused(&[probe(&json!({ "probe": { "exec": null, "httpGet": get } }))]);
    let expected: &[&str] = if is_right {
        &[]
    } else {
        &["spec.probes[0].probe.httpGet.path"]
    };
    assert_eq!(errors, expected);
}

// PP-6
#[test]
fn annotations_have_a_limit_together() {
    let annotations = |n: usize| {
        probe(&json!({ "markerPolicy": [
            { "state": "Failed", "annotations": { "key": "v".repeat(n - 3) } },
        ] }))
    };
    assert_eq!(refused(&[annotations(256 * 1024)]), [""; 0]);
    assert_eq!(
        refused(&[annotations(256 * 1024 + 1)]),
        ["spec.probes[0].markerPolicy[0].annotations"]
    );
}
