//! Where containers, volumes and secrets come in a pod.

use rstest::rstest;
use serde_json::{Value, json};
use sidecarset_controller::inject::{InjectOptions, inject};

use crate::world::{container, injected, names, options, pod, prepared, set};

// SS-A1
#[test]
fn a_pod_gets_the_container() {
    let log = set(
        "log",
        json!({ "containers": [{ "name": "agent", "image": "agent:1" }] }),
    );
    let pod = injected(&pod(json!([{ "name": "main" }])), &[log]).unwrap();
    assert_eq!(names(&pod, "containers"), ["agent", "main"]);
    let expected = json!({
        "name": "agent", "image": "agent:1", "imagePullPolicy": "IfNotPresent", "resources": {},
        "terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File",
        "env": [{ "name": "IS_INJECTED", "value": "true" }],
    });
    assert_eq!(*container(&pod, "agent"), expected);
}

fn before(name: &str) -> Value {
    json!({ "name": name, "podInjectPolicy": "BeforeAppContainer" })
}

fn behind(name: &str) -> Value {
    json!({ "name": name, "podInjectPolicy": "AfterAppContainer" })
}

// SS-132
#[rstest]
// SS-A2
#[case::both_ends(json!([{ "name": "a" }, behind("b")]), &["m1", "m2"], &["a", "m1", "m2", "b"])]
#[case::in_order(json!([before("z"), behind("y"), before("a"), behind("b")]), &["m"], &["z", "a", "m", "y", "b"])]
#[case::unknown_policy(json!([{ "name": "a", "podInjectPolicy": "Anywhere" }]), &["m"], &["m", "a"])]
// SS-A11, SS-P11
#[case::in_place(json!([{ "name": "agent" }]), &["x", "agent", "y"], &["x", "agent", "y"])]
#[case::twins(
    json!([{ "name": "mesh", "upgradeStrategy": { "upgradeType": "HotUpgrade" } }, behind("z")]),
    &["m"],
    &["mesh-1", "mesh-2", "m", "z"],
)]
fn containers_have_their_places(
    #[case] containers: Value,
    #[case] own: &[&str],
    #[case] expected: &[&str],
) {
    let own: Vec<_> = own
        .iter()
        .map(|name| json!({ "name": name, "image": "own" }))
        .collect();
    let pod = injected(
        &pod(json!(own)),
        &[set("s", json!({ "containers": containers }))],
    );
    assert_eq!(names(&pod.unwrap(), "containers"), expected);
}

// SS-A11
#[test]
fn a_container_of_that_name_is_replaced_whole() {
    let own = json!([{ "name": "x" }, { "name": "agent", "image": "old", "stdin": true }, { "name": "y" }]);
    let log = set(
        "log",
        json!({ "containers": [{ "name": "agent", "image": "agent:1" }] }),
    );
    let pod = injected(&pod(own), &[log]).unwrap();
    let agent = container(&pod, "agent");
    assert_eq!(
        (&agent["image"], agent.get("stdin")),
        (&json!("agent:1"), None)
    );
    assert_eq!(pod["spec"]["containers"][0], json!({ "name": "x" }));
}

// SS-A3, SS-130, SS-132
#[rstest]
#[case::by_name(json!({ "name": "z-init" }), &["setup", "a-init", "z-init"])]
#[case::before(before("z-init"), &["z-init", "setup", "a-init"])]
fn init_containers_are_sorted(#[case] last: Value, #[case] expected: &[&str]) {
    let mut pod = pod(json!([{ "name": "main" }]));
    pod["spec"]["initContainers"] = json!([{ "name": "setup" }]);
    let set = set(
        "s1",
        json!({ "initContainers": [last, { "name": "a-init" }] }),
    );
    assert_eq!(
        names(&injected(&pod, &[set]).unwrap(), "initContainers"),
        expected
    );
}

// SS-A36, SS-121: a native sidecar may have a twin, an ordinary init container none.
#[test]
fn init_containers_of_all_sets_are_sorted_with_their_twins() {
    let hot = json!({ "upgradeType": "HotUpgrade", "hotUpgradeEmptyImage": "idle:1" });
    let native = json!({ "name": "m", "restartPolicy": "Always", "upgradeStrategy": hot });
    let sets = [
        set(
            "s1",
            json!({ "initContainers": [{ "name": "z", "upgradeStrategy": hot }, native] }),
        ),
        set("s2", json!({ "initContainers": [{ "name": "a" }] })),
    ];
    let pod = injected(&pod(json!([{ "name": "main" }])), &sets).unwrap();
    assert_eq!(names(&pod, "initContainers"), ["a", "m-1", "m-2", "z"]);
    assert_eq!(names(&pod, "containers"), ["main"]);
    assert_eq!(container(&pod, "m-2")["image"], "idle:1");
}

// SS-A4, SS-131
#[rstest]
#[case::gate_on(true, &["beta", "zeta", "main"])]
#[case::gate_off(false, &["zeta", "beta", "main"])]
fn containers_of_all_sets_are_sorted_if_the_gate_is_on(
    #[case] sorted: bool,
    #[case] expected: &[&str],
) {
    let sets = prepared(&[
        set("s1", json!({ "containers": [{ "name": "zeta" }] })),
        set("s2", json!({ "containers": [{ "name": "beta" }] })),
    ]);
    let options = InjectOptions {
        sort_containers_by_name: sorted,
        ..options()
    };
    let pod = inject(&pod(json!([{ "name": "main" }])), &sets, options).unwrap();
    assert_eq!(names(&pod, "containers"), expected);
}

// SS-A5, SS-120, SS-P4, SS-P13
#[test]
fn mounted_volumes_come_along() {
    let spec = json!({
        "containers": [{
            "name": "agent",
            "volumeMounts": [
                { "name": "v1", "mountPath": "/a" }, { "name": "data", "mountPath": "/b" },
                { "name": "v1", "mountPath": "/c" }, { "name": "nowhere", "mountPath": "/d" },
            ],
            "volumeDevices": [{ "name": "block", "devicePath": "/dev/x" }],
        }],
        "initContainers": [{ "name": "i", "volumeMounts": [{ "name": "v3", "mountPath": "/e" }] }],
        "volumes": [
            { "name": "v1" }, { "name": "v2" }, { "name": "data" }, { "name": "v3" },
            { "name": "block" },
        ],
    });
    let mut pod = pod(json!([{ "name": "main" }]));
    let own = json!({ "name": "data", "hostPath": { "path": "/own" } });
    pod["spec"]["volumes"] = json!([own]);
    let pod = injected(&pod, &[set("s", spec)]).unwrap();
    assert_eq!(names(&pod, "volumes"), ["data", "v3", "v1", "block"]);
    assert_eq!(pod["spec"]["volumes"][0], own);
    assert_eq!(
        pod["spec"]["volumes"][2],
        json!({ "name": "v1", "emptyDir": {} })
    );
}

// SS-A12, SS-133
#[rstest]
#[case::both(json!([{ "name": "s1" }]), json!({ "containers": [{ "name": "a" }] }), &["s1", "s2"])]
#[case::none(json!(null), json!({ "containers": [{ "name": "a" }] }), &["s2", "s1"])]
#[case::twice(
    json!([{ "name": "s1" }, { "name": "s1" }]),
    json!({ "initContainers": [{ "name": "a" }] }),
    &["s1", "s2"],
)]
// SS-134
#[case::without_containers(json!([{ "name": "s1" }]), json!({}), &["s1"])]
fn secrets_are_united(#[case] own: Value, #[case] mut spec: Value, #[case] expected: &[&str]) {
    spec["imagePullSecrets"] = json!([{ "name": "s2" }, { "name": "s1" }]);
    let mut pod = pod(json!([{ "name": "main" }]));
    pod["spec"]["imagePullSecrets"] = own;
    let pod = injected(&pod, &[set("s", spec)]).unwrap();
    assert_eq!(names(&pod, "imagePullSecrets"), expected);
}

// What this crate does not know of a pod is in it still (PF-212).
#[test]
fn the_rest_of_the_pod_is_not_touched() {
    let mut before = pod(json!([{ "name": "main", "fromTheFuture": [1.5, null, {}] }]));
    before["spec"]["alsoNew"] = json!({ "a": null });
    before["metadata"]["managedFields"] = json!([{ "manager": "kubectl" }]);
    let log = set("log", json!({ "containers": [{ "name": "agent" }] }));
    let mut pod = injected(&before, &[log]).unwrap();
    pod["spec"]["containers"].as_array_mut().unwrap().remove(0);
    pod["metadata"]
        .as_object_mut()
        .unwrap()
        .remove("annotations");
    assert_eq!(pod, before);
}

#[test]
fn what_is_no_pod_is_refused() {
    let log = set("log", json!({ "containers": [{ "name": "agent" }] }));
    assert_eq!(
        injected(&json!({}), &[log]).unwrap_err(),
        "the pod has no spec"
    );
}
