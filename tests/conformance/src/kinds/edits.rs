//! What is changed in objects that are there.

use kruise_testkit::random::Random;
use serde_json::json;

use crate::request::Edit;

/// A change of metadata, of any kind.
pub(crate) fn metadata(random: &mut Random) -> Edit {
    match random.below(16) {
        0..=3 => Edit::set("/metadata/labels/app", json!(random.pick(&["a", "b"]))),
        4 => Edit::set("/metadata/labels/tier", json!("x")),
        5 => Edit::unset("/metadata/labels/app"),
        6 => Edit::unset("/metadata/labels"),
        7 => Edit::set(
            "/metadata/annotations/note",
            json!(random.pick(&["1", "2", ""])),
        ),
        8 => Edit::unset("/metadata/annotations"),
        9 => Edit::set("/metadata/finalizers", json!(["example.com/hold"])),
        10 => Edit::set(
            "/metadata/finalizers",
            random
                .pick(&[json!([]), json!(["example.com/hold", "example.com/more"])])
                .clone(),
        ),
        11 | 12 => Edit::unset("/metadata/finalizers"),
        13 => Edit::unset("/metadata/ownerReferences"),
        14 => Edit::set("/metadata/labels/app", json!("not a label")),
        _ => random
            .pick(&[
                Edit::set(
                    "/metadata/uid",
                    json!("00000000-0000-0000-0000-000000000000"),
                ),
                Edit::set("/metadata/generation", json!(7)),
                Edit::set("/metadata/creationTimestamp", json!("2020-01-01T00:00:00Z")),
                Edit::set("/metadata/deletionTimestamp", json!("2020-01-01T00:00:00Z")),
                Edit::set("/metadata/generateName", json!("other-")),
                Edit::set("/metadata/selfLink", json!("/x")),
                Edit::unset("/metadata/uid"),
                Edit::unset("/metadata/resourceVersion"),
                Edit::set("/metadata/deletionGracePeriodSeconds", json!(3)),
            ])
            .clone(),
    }
}

pub(super) fn pod(random: &mut Random) -> Edit {
    random
        .pick(&[
            Edit::set("/spec/containers/0/image", json!("app:3")),
            Edit::set("/spec/containers/0/image", json!("app:4")),
            Edit::set("/spec/activeDeadlineSeconds", json!(100)),
            Edit::set("/spec/nodeName", json!("other")),
            Edit::set("/spec/priority", json!(5)),
            Edit::set("/spec/containers/0/command", json!(["y"])),
            Edit::set("/spec/unknown", json!(1)),
            Edit::set("/spec/terminationGracePeriodSeconds", json!(1)),
            Edit::set("/status/phase", json!("Failed")),
        ])
        .clone()
}

pub(super) fn pod_status(random: &mut Random) -> Edit {
    random
        .pick(&[
            Edit::set("/status/phase", json!("Running")),
            Edit::set("/status/phase", json!("Succeeded")),
            Edit::set("/status/podIP", json!("10.1.2.3")),
            Edit::set(
                "/status/conditions",
                json!([{ "type": "Ready", "status": "True", "lastTransitionTime": "2026-01-10T08:00:00Z" }]),
            ),
            Edit::set(
                "/status/conditions",
                json!([{ "type": "InPlaceUpdateReady", "status": "False", "reason": "Updating" }]),
            ),
            Edit::set(
                "/status/containerStatuses",
                json!([{ "name": "main", "ready": true, "restartCount": 0, "image": "app:1", "imageID": "x", "started": true,
                    "state": { "running": { "startedAt": "2026-01-10T08:00:00Z" } } }]),
            ),
            Edit::unset("/status/conditions"),
            Edit::set("/spec/containers/0/image", json!("app:9")),
            Edit::set("/metadata/labels/app", json!("b")),
            Edit::set("/metadata/annotations/note", json!("3")),
            Edit::set("/status/message", json!("m")),
        ])
        .clone()
}

pub(super) fn config_map(random: &mut Random) -> Edit {
    random
        .pick(&[
            Edit::set("/data/a", json!("2")),
            Edit::set("/data/n", json!("3")),
            Edit::unset("/data/a"),
            Edit::unset("/data"),
            Edit::set("/binaryData/c", json!("AAED")),
            Edit::set("/immutable", json!(true)),
            Edit::set("/immutable", json!(false)),
            Edit::set("/unknown", json!({ "x": 1 })),
        ])
        .clone()
}

pub(super) fn secret(random: &mut Random) -> Edit {
    random
        .pick(&[
            Edit::set("/data/a", json!("Mw==")),
            Edit::unset("/data/a"),
            Edit::set("/stringData/s", json!("4")),
            Edit::set("/type", json!("example.com/other")),
            Edit::set("/immutable", json!(true)),
        ])
        .clone()
}

pub(super) fn lease(random: &mut Random) -> Edit {
    random
        .pick(&[
            Edit::set("/spec/renewTime", json!("2026-01-10T08:00:09.123456Z")),
            Edit::set("/spec/renewTime", json!("2026-01-10T08:00:09Z")),
            Edit::set("/spec/holderIdentity", json!("three")),
            Edit::set("/spec/leaseTransitions", json!(1)),
            Edit::unset("/spec/holderIdentity"),
        ])
        .clone()
}

pub(super) fn controller_revision(random: &mut Random) -> Edit {
    random
        .pick(&[
            Edit::set("/revision", json!(3)),
            Edit::set("/revision", json!(4)),
            Edit::set("/data/x", json!(1)),
        ])
        .clone()
}

pub(super) fn claim(random: &mut Random) -> Edit {
    random
        .pick(&[
            Edit::set("/spec/resources/requests/storage", json!("2Gi")),
            Edit::set("/spec/storageClassName", json!("other")),
            Edit::set("/spec/accessModes", json!(["ReadOnlyMany"])),
            Edit::set("/status/phase", json!("Bound")),
        ])
        .clone()
}

pub(super) fn claim_status(random: &mut Random) -> Edit {
    random
        .pick(&[
            Edit::set("/metadata/labels/app", json!("b")),
            Edit::set(
                "/status/conditions",
                json!([{ "type": "Resizing", "status": "True" }]),
            ),
        ])
        .clone()
}

pub(super) fn event(random: &mut Random) -> Edit {
    random
        .pick(&[
            Edit::set("/count", json!(2)),
            Edit::set("/lastTimestamp", json!("2026-01-10T09:00:00Z")),
            Edit::set("/message", json!("again")),
        ])
        .clone()
}

pub(super) fn clone_set(random: &mut Random) -> Edit {
    random
        .pick(&[
            Edit::set("/spec/replicas", json!(3)),
            Edit::set("/spec/replicas", json!(0)),
            Edit::unset("/spec/replicas"),
            Edit::set("/spec/template/spec/containers/0/image", json!("app:2")),
            Edit::set("/spec/template/metadata/annotations", json!({ "x": "1" })),
            Edit::set("/spec/scaleStrategy", json!({ "podsToDelete": ["y", "z"] })),
            Edit::set("/spec/scaleStrategy/podsToDelete", json!(["w"])),
            Edit::set("/spec/minReadySeconds", json!(7)),
            Edit::set("/spec/minReadySeconds", json!("7")),
            Edit::set("/spec/unknown", json!("x")),
            Edit::set(
                "/spec/lifecycle",
                json!({ "preDelete": { "labelsHandler": { "x": "1" } } }),
            ),
            Edit::set("/status/replicas", json!(2)),
            Edit::unset("/spec/template"),
            Edit::unset("/spec/selector"),
            Edit::unset("/spec"),
        ])
        .clone()
}

pub(super) fn clone_set_status(random: &mut Random) -> Edit {
    random
        .pick(&[
            Edit::set(
                "/status",
                json!({ "replicas": 2, "readyReplicas": 1, "availableReplicas": 1, "updatedReplicas": 0, "updatedReadyReplicas": 0 }),
            ),
            Edit::set(
                "/status",
                json!({ "replicas": 3, "readyReplicas": 3, "availableReplicas": 3, "updatedReplicas": 3, "updatedReadyReplicas": 3,
                    "labelSelector": "app=a", "unknown": 1 }),
            ),
            Edit::set("/status/observedGeneration", json!(1)),
            Edit::set("/status/replicas", json!(4)),
            Edit::set("/status/replicas", json!("x")),
            Edit::set("/spec/replicas", json!(9)),
            Edit::set("/metadata/labels/app", json!("b")),
            Edit::set("/metadata/annotations/note", json!("4")),
            Edit::unset("/status"),
        ])
        .clone()
}
