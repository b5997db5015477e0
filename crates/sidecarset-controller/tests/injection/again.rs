//! The API server asks again, with what other webhooks made of the pod (PF-908, PF-909).

use serde_json::{Value, json};

use crate::world::{annotation, container, injected, names, pod, set};

fn mesh(image: &str) -> Value {
    set(
        "mesh",
        json!({
            "containers": [
                {
                    "name": "mesh", "image": image,
                    "upgradeStrategy": { "upgradeType": "HotUpgrade", "hotUpgradeEmptyImage": "idle:1" },
                    "resourcesPolicy": {
                        "targetContainersMode": "sum", "resourcesExpr": { "requests": { "cpu": "100m" } },
                    },
                },
                { "name": "behind", "podInjectPolicy": "AfterAppContainer", "shareVolumePolicy": { "type": "enabled" } },
            ],
            "initContainers": [{ "name": "setup" }],
            "patchPodMetadata": [
                { "annotations": { "m": r#"{"a":null}"# }, "patchPolicy": "MergePatchJson" },
            ],
        }),
    )
}

fn main() -> Value {
    let mount = json!({ "name": "v", "mountPath": "/v" });
    pod(json!([{ "name": "main", "volumeMounts": [mount] }]))
}

#[test]
fn a_pod_that_has_everything_is_left_as_it_is() {
    let once = injected(&main(), &[mesh("mesh:1")]).unwrap();
    assert_eq!(injected(&once, &[mesh("mesh:1")]).unwrap(), once);
}

#[test]
fn containers_of_other_webhooks_make_no_difference() {
    let mut once = injected(&main(), &[mesh("mesh:1")]).unwrap();
    let containers = once["spec"]["containers"].as_array_mut().unwrap();
    containers.insert(0, json!({ "name": "first" }));
    containers
        .push(json!({ "name": "last", "volumeMounts": [{ "name": "w", "mountPath": "/w" }] }));
    assert_eq!(injected(&once, &[mesh("mesh:1")]).unwrap(), once);
    assert_eq!(
        names(&once, "containers"),
        ["first", "mesh-1", "mesh-2", "main", "behind", "last"]
    );
}

// A SidecarSet that was made, or changed, between the two calls.
#[test]
fn what_is_new_is_injected_beside_what_is_there() {
    let once = injected(&main(), &[mesh("mesh:1")]).unwrap();
    let log = set("log", json!({ "containers": [{ "name": "agent" }] }));
    let twice = injected(&once, &[log.clone(), mesh("mesh:2")]).unwrap();
    assert_eq!(
        names(&twice, "containers"),
        ["agent", "mesh-1", "mesh-2", "main", "behind"]
    );
    assert_eq!(names(&twice, "initContainers"), ["setup"]);
    assert_eq!(container(&twice, "mesh-1")["image"], "mesh:2");
    assert_eq!(
        container(&twice, "behind")["volumeMounts"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    assert_eq!(
        annotation(&twice, "kruise.io/sidecarset-injected-list"),
        Some("log,mesh")
    );
    assert_eq!(injected(&twice, &[log, mesh("mesh:2")]).unwrap(), twice);
}

// Someone made a pod from another one's manifest, and left out containers that he doesn't know.
#[test]
fn annotations_without_containers_are_not_believed() {
    let mut copy = injected(&main(), &[mesh("mesh:1")]).unwrap();
    let whole = copy.clone();
    copy["spec"] = main()["spec"].clone();
    copy["metadata"]["annotations"]["m"] = json!(r#"{"a":null}"#);
    let pod = injected(&copy, &[mesh("mesh:1")]).unwrap();
    assert_eq!(pod["spec"], whole["spec"]);
}
