//! NodeImage: what a way through v1alpha1 loses, and its defaults.

use kruise_api::{
    apps::{v1alpha1, v1beta1},
    conversion::convert,
    kinds::nodeimage::{
        defaults,
        validation::{ANSWER_CODE, validate_v1alpha1, validate_v1beta1},
    },
    meta::Time,
};
use serde_json::{Value, json};

use crate::every_kind::{Version, version};

fn now() -> Time {
    "2026-01-10T08:00:00Z".parse().unwrap()
}

pub(crate) fn versions() -> Vec<Version> {
    vec![
        version(|mut node_image: v1alpha1::NodeImage, _| {
            defaults::fill_v1alpha1(&mut node_image.spec, now());
            validate_v1alpha1(&node_image.spec)
        }),
        version(|mut node_image: v1beta1::NodeImage, _| {
            defaults::fill_v1beta1(&mut node_image.spec, now());
            validate_v1beta1(&node_image.spec)
        })
        .settles(without_modes),
    ]
}

/// NI-0: v1alpha1 has no modes.
fn without_modes(object: &mut Value) {
    let Some(Value::Object(images)) = object.pointer_mut("/spec/images") else {
        return;
    };
    for image in images.values_mut() {
        let secrets = image.get_mut("pullSecrets").and_then(Value::as_array_mut);
        for secret in secrets.into_iter().flatten() {
            secret.as_object_mut().unwrap().remove("mode");
        }
    }
}

// NI-0
#[test]
fn a_way_through_v1alpha1_makes_a_secret_legacy() {
    let object = json!({
        "apiVersion": "apps.kruise.io/v1beta1", "kind": "NodeImage", "metadata": { "name": "n1" },
        "spec": { "images": { "nginx": {
            "pullSecrets": [{ "namespace": "a", "name": "b", "mode": "batch" }, { "namespace": "a", "name": "c" }],
            "tags": [{ "tag": "1" }],
        } } },
    });
    let there = convert(object.clone(), "apps.kruise.io/v1alpha1").unwrap();
    let mut expected = object;
    without_modes(&mut expected);
    expected["apiVersion"] = json!("apps.kruise.io/v1alpha1");
    assert_eq!(there, expected);
}

// NI-1
#[test]
fn what_is_left_open_gets_its_default_and_tags_are_in_order() {
    let created = "2026-01-01T00:00:00Z";
    let mut spec: v1beta1::NodeImageSpec = serde_json::from_value(json!({ "images": { "nginx": { "tags": [
        { "tag": "b", "createdAt": created, "pullPolicy": { "timeoutSeconds": 5, "ttlSecondsAfterFinished": 1 } },
        { "tag": "a" },
    ] } } }))
    .unwrap();
    defaults::fill_v1beta1(&mut spec, now());
    let expected = json!({ "images": { "nginx": { "tags": [
        { "tag": "a", "createdAt": "2026-01-10T08:00:00Z", "pullPolicy": { "timeoutSeconds": 600, "backoffLimit": 3 } },
        {
            "tag": "b", "createdAt": created,
            "pullPolicy": { "timeoutSeconds": 5, "backoffLimit": 3, "ttlSecondsAfterFinished": 1 },
        },
    ] } } });
    assert_eq!(serde_json::to_value(&spec).unwrap(), expected);

    let mut old: v1alpha1::NodeImageSpec =
        serde_json::from_value(json!({ "images": { "nginx": { "tags": [{ "tag": "a" }] } } }))
            .unwrap();
    defaults::fill_v1alpha1(&mut old, now());
    assert_eq!(old.images["nginx"].tags[0], spec.images["nginx"].tags[0]);

    let tag = |tag: &str| json!({ "tag": tag, "phase": "Waiting" });
    let status =
        json!({ "desired": 2, "imageStatuses": { "nginx": { "tags": [tag("b"), tag("a")] } } });
    let mut status: v1beta1::NodeImageStatus = serde_json::from_value(status).unwrap();
    defaults::sort_status(&mut status);
    let expected =
        json!({ "desired": 2, "imageStatuses": { "nginx": { "tags": [tag("a"), tag("b")] } } });
    assert_eq!(serde_json::to_value(&status).unwrap(), expected);
}

// NI-2: without defaults, and at the limits.
#[test]
fn a_task_needs_a_beginning_and_limits() {
    let refused = |spec: Value| {
        let spec: v1beta1::NodeImageSpec = serde_json::from_value(spec).unwrap();
        validate_v1beta1(&spec).to_string()
    };
    assert_eq!(
        refused(json!({ "images": { "nginx": { "tags": [{ "tag": "a" }] } } })),
        "[spec.images.nginx.tags[0].createdAt: Required value: the task needs a beginning, \
         spec.images.nginx.tags[0].pullPolicy: Required value: the task needs limits]"
    );
    let images = |n_images: usize| {
        let images = (0..n_images).map(|index| (format!("image-{index}"), json!({ "tags": [] })));
        json!({ "images": images.collect::<serde_json::Map<_, _>>() })
    };
    assert_eq!(refused(images(256)), "[]");
    assert_eq!(
        refused(images(257)),
        "spec.images: Too many: 257: must have at most 256 items"
    );
    assert_eq!(ANSWER_CODE, 400);
}
