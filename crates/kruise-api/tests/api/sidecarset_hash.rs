//! The hashes of a SidecarSet's containers (SS-16, SS-70 to SS-72).

use kruise_api::{
    apps::v1beta1::SidecarSet,
    kinds::sidecarset::{defaults::fill_v1beta1, hash::SidecarSetHashes},
};
use rstest::rstest;
use serde_json::{Value, json};

/// Of a spec that gets its defaults before.
fn hashes(spec: &Value) -> SidecarSetHashes {
    let mut set: SidecarSet = serde_json::from_value(json!({ "spec": spec })).unwrap();
    fill_v1beta1(&mut set.spec);
    SidecarSetHashes::of(&set.spec.containers, &set.spec.init_containers)
}

fn logger() -> Value {
    json!({ "name": "logger", "image": "registry.example/logger:2.3" })
}

// SS-A40
#[test]
fn hashes_are_those_of_openkruise() {
    let hashes = hashes(&json!({ "containers": [logger()] }));
    let whole = "9wv592wwd6wbcd7zw56fz4456bbxwcx468x9bdc4b4f7966794wwzzw49cv4dzc9";
    let without_image = "54wdczcvf9fwd2bcvz4xw79dc4wzvb882244vbb4w2b6wwxv8b9zddf2752f7x99";
    assert_eq!(
        hashes.annotations(),
        [
            ("kruise.io/sidecarset-hash", whole.to_owned()),
            (
                "kruise.io/sidecarset-hash-without-image",
                without_image.to_owned()
            ),
        ]
    );
}

// SS-70, SS-71: hashes of the JSON that is written by hand after the rule. The second is of the same without "image".
#[test]
fn every_part_has_its_place_in_what_is_hashed() {
    let container = json!({
        "resourcesPolicy": {
            "resourcesExpr": { "requests": {}, "limits": { "cpu": "cpu" } }, "targetContainersMode": "sum",
        },
        "transferEnv": [{
            "envNames": ["F"], "envName": "E", "sourceContainerName": "x",
            "sourceContainerNameFrom": { "fieldRef": { "fieldPath": "metadata.labels['a']" } },
        }],
        "shareVolumeDevicePolicy": { "type": "enabled" },
        "upgradeStrategy": { "hotUpgradeEmptyImage": "e:1", "upgradeType": "HotUpgrade" },
        "livenessProbe": { "grpc": { "port": 1 } },
        "resources": { "limits": { "memory": "128Mi", "cpu": 1.5 } },
        "env": [
            { "valueFrom": { "fieldRef": { "fieldPath": "metadata.name" } }, "name": "A" },
            { "name": "B", "valueFrom": { "resourceFieldRef": { "resource": "limits.cpu" } } },
        ],
        "ports": [{ "containerPort": 80 }],
        "args": ["<&>"], "image": "m:1", "name": "mesh",
    });
    let native = json!({ "restartPolicy": "Always", "image": "n:1", "name": "n" });
    let hashes = hashes(&json!({ "containers": [container], "initContainers": [native] }));
    assert_eq!(
        hashes.whole,
        "7x9v5bd4z26cf674xbx48448v94cz5cxv2df55db6xxv66648w57vwcw46d6xf46"
    );
    assert_eq!(
        hashes.without_image,
        "d488f92w598x924fbc5x5v84c5582x9c86449fd277dd9vd89cfbfv4w94w4ff5x"
    );
}

/// Each case changes the container in some way that means nothing.
#[rstest]
#[case::order_and_empty_parts(json!({
    "resources": {}, "image": "registry.example/logger:2.3", "env": [], "command": null, "name": "logger", "stdin": false,
}))]
#[case::unknown_to_kubernetes(json!({
    "name": "logger", "image": "registry.example/logger:2.3", "future": { "a": 1 },
}))]
#[case::defaults_written(json!({
    "name": "logger", "image": "registry.example/logger:2.3", "imagePullPolicy": "IfNotPresent",
    "podInjectPolicy": "BeforeAppContainer", "shareVolumePolicy": { "type": "disabled", "future": 1 },
    "upgradeStrategy": { "hotUpgradeEmptyImage": "" },
}))]
fn what_means_nothing_is_not_hashed(#[case] container: Value) {
    let expected = hashes(&json!({ "containers": [logger()] }));
    assert_eq!(hashes(&json!({ "containers": [container] })), expected);
}

// SS-71
#[rstest]
#[case(json!({ "resources": { "limits": { "cpu": "1000m" } } }), json!({ "resources": { "limits": { "cpu": 1 } } }))]
#[case(
    json!({ "livenessProbe": { "grpc": { "port": 1 } } }),
    json!({ "livenessProbe": { "grpc": { "service": null, "port": 1 }, "periodSeconds": 10 } }),
)]
fn amounts_and_parts_have_one_form(#[case] a: Value, #[case] b: Value) {
    let of = |part: &Value| {
        let mut container = logger();
        json_patch::merge(&mut container, part);
        // A merge patch can't write null.
        if let Some(grpc) = part.pointer("/livenessProbe/grpc") {
            container["livenessProbe"]["grpc"] = grpc.clone();
        }
        hashes(&json!({ "containers": [container] }))
    };
    assert_eq!(of(&a), of(&b));
    assert_ne!(of(&a), hashes(&json!({ "containers": [logger()] })));
}

#[rstest]
#[case(json!({ "shareVolumeDevicePolicy": {} }))]
#[case(json!({ "transferEnv": [{ "envNames": ["A"] }] }))]
#[case(json!({ "transferEnv": [{ "sourceContainerNameFrom": { "fieldRef": { "fieldPath": "metadata.labels['a']" } } }] }))]
#[case(json!({ "resourcesPolicy": { "targetContainersMode": "sum", "resourcesExpr": { "limits": { "cpu": "1" } } } }))]
#[case(json!({ "upgradeStrategy": { "upgradeType": "HotUpgrade" } }))]
#[case(json!({ "args": ["<&>"] }))]
fn every_part_of_a_container_is_hashed(#[case] part: Value) {
    let mut container = logger();
    json_patch::merge(&mut container, &part);
    let changed = hashes(&json!({ "containers": [container] }));
    let plain = hashes(&json!({ "containers": [logger()] }));
    assert_ne!(changed.whole, plain.whole);
    assert_ne!(changed.without_image, plain.without_image);
}

// SS-70, SS-72
#[test]
fn init_containers_count_once_one_is_native() {
    let plain = hashes(&json!({ "containers": [logger()] }));
    let with = |init: Value| hashes(&json!({ "containers": [logger()], "initContainers": init }));
    let ordinary = json!({ "name": "i", "image": "i:1" });
    let native = |image: &str| json!({ "name": "n", "image": image, "restartPolicy": "Always" });
    assert_eq!(with(json!([ordinary])), plain);
    let one = with(json!([ordinary, native("n:1")]));
    assert_ne!(one.without_image, plain.without_image);
    assert_ne!(with(json!([native("n:1")])), one);
    let other_image = with(json!([ordinary, native("n:2")]));
    assert_ne!(other_image.whole, one.whole);
    assert_eq!(other_image.without_image, one.without_image);
    // Volumes and strategies are not hashed.
    let more = json!({ "containers": [logger()], "volumes": [{ "name": "v" }], "revisionHistoryLimit": 1 });
    assert_eq!(hashes(&more), plain);
}
