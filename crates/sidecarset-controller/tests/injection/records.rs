//! What a pod's annotations say after injection.

use rstest::rstest;
use serde_json::{Value, json};

use crate::world::{annotation, container, env, injected, pod, set};

fn hot(name: &str) -> Value {
    json!({
        "name": name, "image": "mesh:1",
        "upgradeStrategy": { "upgradeType": "HotUpgrade", "hotUpgradeEmptyImage": "idle:1" },
    })
}

fn main() -> Value {
    pod(json!([{ "name": "main" }]))
}

// SS-A1, SS-135, SS-136, SS-P7, SS-P9
#[test]
fn it_is_recorded_who_injected_what() {
    let mut log = set(
        "log",
        json!({
            "containers": [{ "name": "z" }, hot("agent")],
            "initContainers": [{ "name": "setup" }, { "name": "n", "restartPolicy": "Always" }],
        }),
    );
    log["metadata"]["annotations"] = json!({
        "kruise.io/sidecarset-hash": "h", "kruise.io/sidecarset-hash-without-image": "w",
    });
    log["status"] = json!({ "latestRevision": "log-7" });
    let pod = injected(&main(), &[log]).unwrap();
    assert_eq!(
        annotation(&pod, "kruise.io/sidecarset-injected-list"),
        Some("log")
    );
    let entry = |hash: &str, revision: &str| {
        format!(
            r#"{{"log":{{"updateTimestamp":"2026-01-10T08:00:00Z","hash":"{hash}","sidecarSetName":"log","sidecarList":["agent","n","z"]{revision}}}}}"#
        )
    };
    assert_eq!(
        annotation(&pod, "kruise.io/sidecarset-hash").unwrap(),
        entry("h", r#","controllerRevision":"log-7""#)
    );
    assert_eq!(
        annotation(&pod, "kruise.io/sidecarset-hash-without-image").unwrap(),
        entry("w", "")
    );
}

// SS-135, SS-136
#[test]
fn what_others_recorded_stays() {
    let mut pod = main();
    pod["metadata"]["annotations"] = json!({
        "kruise.io/sidecarset-injected-list": "old",
        "kruise.io/sidecarset-hash": r#"{"old":"h0"}"#,
        "kruise.io/sidecarset-working-hotupgrade-container": r#"{"proxy":"proxy-2"}"#,
    });
    let log = set("log", json!({ "containers": [hot("mesh")] }));
    let pod = injected(&pod, &[log]).unwrap();
    assert_eq!(
        annotation(&pod, "kruise.io/sidecarset-injected-list"),
        Some("log,old")
    );
    let hashes = annotation(&pod, "kruise.io/sidecarset-hash").unwrap();
    let hashes: Value = serde_json::from_str(hashes).unwrap();
    assert_eq!(hashes["old"]["hash"], "h0");
    assert_eq!(
        annotation(&pod, "kruise.io/sidecarset-working-hotupgrade-container"),
        Some(r#"{"mesh":"mesh-1","proxy":"proxy-2"}"#)
    );
}

// SS-A15, SS-121
#[test]
fn twins_have_versions() {
    let pod = injected(&main(), &[set("s", json!({ "containers": [hot("mesh")] }))]).unwrap();
    assert_eq!(container(&pod, "mesh-1")["image"], "mesh:1");
    assert_eq!(container(&pod, "mesh-2")["image"], "idle:1");
    for (key, value) in [
        ("version.sidecarset.kruise.io/mesh-1", "1"),
        ("versionalt.sidecarset.kruise.io/mesh-1", "0"),
        ("version.sidecarset.kruise.io/mesh-2", "0"),
        ("versionalt.sidecarset.kruise.io/mesh-2", "1"),
        (
            "kruise.io/sidecarset-working-hotupgrade-container",
            r#"{"mesh":"mesh-1"}"#,
        ),
    ] {
        assert_eq!(annotation(&pod, key), Some(value), "{key}");
    }
    let twin = container(&pod, "mesh-2");
    assert_eq!(
        env(twin),
        [
            "IS_INJECTED=true",
            "SIDECARSET_VERSION",
            "SIDECARSET_VERSION_ALT"
        ]
    );
    let source = |index: usize| twin["env"][index]["valueFrom"]["fieldRef"]["fieldPath"].clone();
    assert_eq!(
        source(1),
        "metadata.annotations['version.sidecarset.kruise.io/mesh-2']"
    );
    assert_eq!(
        source(2),
        "metadata.annotations['versionalt.sidecarset.kruise.io/mesh-2']"
    );
}

// SS-112, SS-134: annotations come without any container, records don't.
#[test]
fn without_containers_only_annotations_are_patched() {
    let spec = json!({ "patchPodMetadata": [{ "annotations": { "team": "x" }, "patchPolicy": "Retain" }] });
    let pod = injected(&main(), &[set("s", spec)]).unwrap();
    let mut expected = main();
    expected["metadata"]["annotations"] = json!({ "team": "x" });
    assert_eq!(pod, expected);
}

// SS-112, SS-A13: SidecarSets in order, each sees what those before it did. SS-113: labels stay.
#[test]
fn annotations_are_patched_in_order() {
    let patch = |value: &str, policy: &str| {
        json!({
            "containers": [],
            "patchPodMetadata": [{ "annotations": { "oom": value }, "patchPolicy": policy }],
        })
    };
    let sets = [
        set("s1", patch(r#"{"agent":1}"#, "MergePatchJson")),
        set("s2", patch(r#"{"main":null,"z":0}"#, "MergePatchJson")),
        set("s3", patch("never", "Retain")),
    ];
    let mut pod = main();
    pod["metadata"]["annotations"] = json!({ "oom": r#"{"main":2,"agent":9}"# });
    let changed = injected(&pod, &sets).unwrap();
    assert_eq!(annotation(&changed, "oom"), Some(r#"{"agent":1,"z":0}"#));
    assert_eq!(changed["metadata"]["labels"], pod["metadata"]["labels"]);
}

// SS-289, SS-A13: the error says what to look at.
#[rstest]
#[case::no_json(
    json!({ "oom": "oops" }),
    "SidecarSet log can't be injected: patchPodMetadata can't be merged into annotation oom of the pod: \
     its value is no JSON: expected value at line 1 column 1",
)]
#[case::hash(
    json!({ "kruise.io/sidecarset-hash": "oops" }),
    "no SidecarSet can be injected: annotation kruise.io/sidecarset-hash can't be read: expected value at line 1 column 1",
)]
#[case::hash_without_image(
    json!({ "kruise.io/sidecarset-hash-without-image": "[1]" }),
    "no SidecarSet can be injected: annotation kruise.io/sidecarset-hash-without-image can't be read: \
     invalid type: sequence, expected a map at line 1 column 0",
)]
fn a_pod_whose_annotations_are_broken_is_refused(#[case] annotations: Value, #[case] error: &str) {
    let mut pod = main();
    pod["metadata"]["annotations"] = annotations;
    let spec = json!({
        "containers": [{ "name": "agent" }],
        "patchPodMetadata": [{ "annotations": { "oom": "{}" }, "patchPolicy": "MergePatchJson" }],
    });
    assert_eq!(injected(&pod, &[set("log", spec)]).unwrap_err(), error);
}
