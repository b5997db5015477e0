//! Environment variables, volume mounts and devices that sidecars share with the pod's own containers.

use rstest::rstest;
use serde_json::{Value, json};

use crate::world::{container, env, injected, pod, set};

fn paths<'a>(container: &'a Value, list: &str, field: &str) -> Vec<&'a str> {
    let list = container[list].as_array().unwrap().iter();
    list.map(|it| it[field].as_str().unwrap()).collect()
}

fn agent(pod: Value, agent: Value) -> Value {
    let mut agent = agent;
    agent["name"] = json!("agent");
    let pod = injected(&pod, &[set("log", json!({ "containers": [agent] }))]).unwrap();
    container(&pod, "agent").clone()
}

// SS-A6, SS-115, SS-117
#[test]
fn mounts_of_the_pods_own_containers_are_shared() {
    let main = json!({
        "name": "main",
        "env": [
            { "name": "POD_NAME", "valueFrom": { "fieldRef": { "fieldPath": "metadata.name" } } },
            { "name": "UNUSED", "value": "1" },
        ],
        "volumeMounts": [
            { "name": "d", "mountPath": "/data" },
            { "name": "l", "mountPath": "/logs", "subPathExpr": "$(POD_NAME)/$(MISSING)", "newer": 1 },
        ],
    });
    let agent = agent(
        pod(json!([main])),
        json!({
            "shareVolumePolicy": { "type": "enabled" },
            "volumeMounts": [{ "name": "own", "mountPath": "/data" }],
        }),
    );
    assert_eq!(
        paths(&agent, "volumeMounts", "mountPath"),
        ["/data", "/logs"]
    );
    assert_eq!(agent["volumeMounts"][0]["name"], "own");
    assert_eq!(agent["volumeMounts"][1], main["volumeMounts"][1]);
    assert_eq!(env(&agent), ["IS_INJECTED=true", "POD_NAME"]);
    assert_eq!(agent["env"][1], main["env"][0]);
}

// SS-115: neither init containers nor what was injected before.
#[rstest]
#[case::shared("enabled", &["/main", "/second"])]
#[case::not_shared("disabled", &[])]
fn whose_mounts_are_shared(#[case] policy: &str, #[case] expected: &[&str]) {
    let mounting = |name: &str, path: &str| json!({ "name": name, "volumeMounts": [{ "name": "v", "mountPath": path }] });
    let mut theirs = mounting("other", "/other");
    theirs["env"] = json!([{ "name": "IS_INJECTED", "value": "true" }]);
    let mut pod = pod(json!([
        theirs,
        mounting("main", "/main"),
        mounting("second", "/second")
    ]));
    pod["spec"]["initContainers"] = json!([mounting("setup", "/setup")]);
    let init = json!({ "name": "i", "shareVolumePolicy": { "type": policy } });
    let pod = injected(&pod, &[set("s", json!({ "initContainers": [init] }))]).unwrap();
    let mounts = container(&pod, "i").get("volumeMounts").cloned();
    let mounts = json!({ "m": mounts.unwrap_or(json!([])) });
    assert_eq!(paths(&mounts, "m", "mountPath"), expected);
}

// SS-117, SS-119
#[test]
fn paths_are_taken_once_by_mounts_and_devices() {
    let main = json!({
        "name": "main",
        "volumeMounts": [
            { "name": "a", "mountPath": "/dev/own" }, { "name": "b", "mountPath": "/b" },
            { "name": "c", "mountPath": "/b" },
        ],
        "volumeDevices": [
            { "name": "d", "devicePath": "/b" }, { "name": "e", "devicePath": "/e" },
            { "name": "f", "devicePath": "/e" }, { "name": "g", "devicePath": "/dev/own" },
        ],
    });
    let agent = agent(
        pod(json!([main])),
        json!({
            "shareVolumePolicy": { "type": "enabled" },
            "shareVolumeDevicePolicy": { "type": "enabled" },
            "volumeDevices": [{ "name": "o", "devicePath": "/dev/own" }],
        }),
    );
    assert_eq!(paths(&agent, "volumeMounts", "name"), ["b"]);
    assert_eq!(paths(&agent, "volumeDevices", "name"), ["o", "e"]);
}

fn with_env(name: &str, env: Value) -> Value {
    json!({ "name": name, "env": env })
}

// SS-116, SS-118
#[rstest]
// SS-A7
#[case::what_is_free(
    json!([{ "sourceContainerName": "main", "envName": "A", "envNames": ["C", "B"] }]),
    &["B=own", "IS_INJECTED=true", "A=1"],
)]
#[case::in_order_of_entries_and_names(
    json!([
        { "sourceContainerName": "main", "envNames": ["Z", "D"] },
        { "sourceContainerName": "main", "envName": "A" },
    ]),
    &["B=own", "IS_INJECTED=true", "D=4", "Z=9", "A=1"],
)]
#[case::the_last_of_several(json!([{ "sourceContainerName": "main", "envName": "T" }]), &["B=own", "IS_INJECTED=true", "T=2"])]
#[case::no_such_container(json!([{ "sourceContainerName": "nobody", "envName": "A" }]), &["B=own", "IS_INJECTED=true"])]
#[case::no_container(json!([{ "envName": "A" }]), &["B=own", "IS_INJECTED=true"])]
#[case::no_init_container(json!([{ "sourceContainerName": "setup", "envName": "S" }]), &["B=own", "IS_INJECTED=true"])]
#[case::the_first_source_counts(
    json!([{ "sourceContainerName": "app1", "envName": "X" }, { "sourceContainerName": "app2", "envName": "X" }]),
    &["B=own", "IS_INJECTED=true", "X=1"],
)]
fn variables_are_copied(#[case] transfer: Value, #[case] expected: &[&str]) {
    let value = |name: &str, value: &str| json!({ "name": name, "value": value });
    let main = json!([
        value("A", "1"),
        value("B", "2"),
        value("D", "4"),
        value("Z", "9"),
        value("T", "1"),
        value("T", "2"),
    ]);
    let mut pod = pod(json!([
        with_env("main", main),
        with_env("app1", json!([value("X", "1")])),
        with_env("app2", json!([value("X", "2")])),
    ]));
    pod["spec"]["initContainers"] = json!([with_env("setup", json!([value("S", "1")]))]);
    let own = json!({ "env": [value("B", "own")], "transferEnv": transfer });
    assert_eq!(env(&agent(pod, own)), expected);
}

// SS-A8, SS-116
#[rstest]
#[case::label("metadata.labels['src']", json!({ "labels": { "src": "app2" } }), &["IS_INJECTED=true", "X=2"])]
#[case::annotation("metadata.annotations['src']", json!({ "annotations": { "src": "app1" } }), &["IS_INJECTED=true", "X=1"])]
#[case::patched_annotation("metadata.annotations['patched']", json!({}), &["IS_INJECTED=true", "X=2"])]
#[case::absent("metadata.labels['src']", json!({}), &["IS_INJECTED=true"])]
#[case::another_field("metadata.name", json!({ "name": "app1" }), &["IS_INJECTED=true"])]
fn a_field_of_the_pod_says_where_variables_come_from(
    #[case] path: &str,
    #[case] metadata: Value,
    #[case] expected: &[&str],
) {
    let x = |value: &str| json!([{ "name": "X", "value": value }]);
    let mut pod = pod(json!([with_env("app1", x("1")), with_env("app2", x("2"))]));
    pod["metadata"] = metadata;
    let transfer = json!([{
        "sourceContainerName": "app1",
        "sourceContainerNameFrom": { "fieldRef": { "fieldPath": path } },
        "envName": "X",
    }]);
    let spec = json!({
        "containers": [{ "name": "agent", "transferEnv": transfer }],
        "patchPodMetadata": [{ "annotations": { "patched": "app2" } }],
    });
    let pod = injected(&pod, &[set("log", spec)]).unwrap();
    assert_eq!(env(container(&pod, "agent")), expected);
}

// SS-118: the mark is there whatever the user wrote.
#[test]
fn the_mark_of_injected_containers_is_always_written() {
    let agent = agent(
        pod(json!([{ "name": "main" }])),
        json!({ "env": [{ "name": "IS_INJECTED", "value": "no" }] }),
    );
    assert_eq!(env(&agent), ["IS_INJECTED=no", "IS_INJECTED=true"]);
}

// Section 5.4: sidecars of one request don't see each other.
#[test]
fn sidecars_share_nothing_with_each_other() {
    let first = json!({
        "name": "first", "env": [{ "name": "A", "value": "1" }],
        "volumeMounts": [{ "name": "v", "mountPath": "/v" }],
    });
    let second = json!({
        "name": "second", "shareVolumePolicy": { "type": "enabled" },
        "transferEnv": [{ "sourceContainerName": "first", "envName": "A" }],
    });
    let sets = [
        set("s1", json!({ "containers": [first] })),
        set("s2", json!({ "containers": [second] })),
    ];
    let pod = injected(&pod(json!([{ "name": "main" }])), &sets).unwrap();
    let second = container(&pod, "second");
    assert_eq!(env(second), ["IS_INJECTED=true"]);
    assert_eq!(second.get("volumeMounts"), None);
}
