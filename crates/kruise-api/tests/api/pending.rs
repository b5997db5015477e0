//! What an earlier update ordered and has not applied yet (IP-22, DV-IP2).

use std::collections::BTreeMap;

use kruise_api::{
    inplace::{
        InPlaceUpdateState, Options, RefMetadata, Resources, Start, Update, Workload, start,
    },
    meta::StringMap,
};
use rstest::rstest;
use serde_json::{Value, json};

use crate::support::{GRACE, STATE, annotation, merged, now, pod, revision, running_pod};

fn map(entries: &[(&str, &str)]) -> StringMap {
    let entries = entries.iter();
    entries
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect()
}

fn image(image: &str) -> Update {
    Update {
        images: map(&[("app", image)]),
        ..Update::default()
    }
}

fn read_by(container: &str, annotations: &[(&str, &str)]) -> BTreeMap<String, RefMetadata> {
    let metadata = RefMetadata {
        annotations: map(annotations),
        ..RefMetadata::default()
    };
    [(container.to_owned(), metadata)].into()
}

fn metadata(patch: Value) -> Update {
    Update {
        metadata_patch: Some(patch),
        ..Update::default()
    }
}

/// A target whose container has this image and this CPU limit.
fn target(image: &str, cpu: &str) -> Value {
    revision(&json!({ "spec": { "containers": [
        { "name": "app", "image": image, "resources": { "limits": { "cpu": cpu } } },
    ] } }))
}

/// The pod after an update to this revision began.
fn begun(object: &Value, update: &Update, to: &str, target: &Value, grace_seconds: i32) -> Value {
    let terms = Start {
        revision: to,
        target,
        workload: Workload::CloneSet { short_label: false },
        grace_seconds,
        options: Options::default(),
        now: now(),
    };
    let writes = start(&pod(object), update, &terms);
    merged(
        &merged(object, &writes.resize.unwrap_or(json!({}))),
        &writes.pod,
    )
}

// The pod is in its grace period on the way to web-bbb (image 2, tier b) when it is sent to another
// revision.
#[rstest]
#[case::another_thing_changes(
    metadata(json!({ "labels": { "zone": "z" } })), "acme/app:2", json!({ "tier": "b", "zone": "z" })
)]
#[case::the_same_thing_changes(
    Update { metadata_patch: Some(json!({ "labels": { "tier": "a" } })), ..image("acme/app:1") },
    "acme/app:1",
    json!({ "tier": "a", "zone": null })
)]
#[case::a_label_goes(
    metadata(json!({ "labels": { "tier": null } })), "acme/app:2", json!({ "tier": null })
)]
fn what_was_ordered_and_waits_is_taken_along_ip_22(
    #[case] next: Update,
    #[case] image_after: &str,
    #[case] labels: Value,
) {
    let first = Update {
        metadata_patch: Some(json!({ "labels": { "tier": "b" } })),
        ..image("acme/app:2")
    };
    let waiting = begun(
        &running_pod(&json!({})),
        &first,
        "web-bbb",
        &Value::Null,
        30,
    );
    let after = begun(&waiting, &next, "web-ccc", &target(image_after, "1"), 0);
    assert_eq!(after["spec"]["containers"][0]["image"], image_after);
    for (key, value) in labels.as_object().unwrap() {
        assert_eq!(&after["metadata"]["labels"][key], value, "{key}");
    }
    assert_eq!(after["metadata"]["annotations"].get(GRACE), None);
    assert_eq!(annotation(&after, STATE)["updateImages"], true);
}

// No later difference names the value, and the pod is in its grace period all the time.
#[test]
fn what_waits_is_taken_along_over_several_steps_ip_22() {
    let first = Update {
        metadata_patch: Some(json!({ "labels": { "tier": "b" } })),
        resources: [(
            "app".to_owned(),
            Resources {
                limits: map(&[("cpu", "2")]),
                requests: StringMap::new(),
            },
        )]
        .into(),
        ref_metadata: read_by("app", &[("cfg", "v2")]),
        ..image("acme/app:2")
    };
    let target = target("acme/app:2", "2");
    let mut object = running_pod(&json!({}));
    object = begun(&object, &first, "web-bbb", &target, 30);
    object = begun(
        &object,
        &metadata(json!({ "labels": { "x": "1" } })),
        "web-ccc",
        &target,
        30,
    );
    object = begun(
        &object,
        &metadata(json!({ "labels": { "y": "1" } })),
        "web-ddd",
        &target,
        30,
    );
    let stored = annotation(&object, GRACE);
    assert_eq!(stored["containerImages"], json!({ "app": "acme/app:2" }));
    assert_eq!(
        stored["containerResources"],
        json!({ "app": { "limits": { "cpu": "2" } } })
    );
    assert_eq!(
        stored["containerRefMetadata"],
        json!({ "app": { "creationTimestamp": null, "annotations": { "cfg": "v2" } } })
    );
    object = begun(&object, &Update::default(), "web-eee", &target, 0);
    let container = &object["spec"]["containers"][0];
    assert_eq!(container["image"], "acme/app:2");
    assert_eq!(container["resources"], json!({ "limits": { "cpu": "2" } }));
    let labels = &object["metadata"]["labels"];
    assert_eq!(
        (&labels["tier"], &labels["x"], &labels["y"]),
        (&json!("b"), &json!("1"), &json!("1"))
    );
    assert_eq!(object["metadata"]["annotations"]["cfg"], "v2");
    let state = annotation(&object, STATE);
    for flag in ["updateImages", "updateResources", "updateEnvFromMetadata"] {
        assert_eq!(state[flag], true, "{flag}");
    }
}

/// A pod on its way to `web-bbb`, of which image 9 and the CPU limit 9 wait for a later batch.
fn between_batches() -> Value {
    running_pod(&json!({ "metadata": { "annotations": { STATE: json!({
        "revision": "web-aaa",
        "updateTimestamp": null,
        "lastContainerStatuses": null,
        "nextContainerImages": { "app": "acme/app:9" },
        "nextContainerResources": { "app": { "limits": { "cpu": "9" } } },
    })
    .to_string() } } }))
}

// The difference names neither value, since somebody changed the pod's label or its annotation.
#[rstest]
#[case::still_wanted("acme/app:9", "9000m", json!({ "image": "acme/app:9", "cpu": "9" }))]
#[case::other_image("acme/app:3", "9", json!({ "image": "acme/app:1", "cpu": "9" }))]
#[case::other_amount("acme/app:9", "8", json!({ "image": "acme/app:9", "cpu": null }))]
fn what_the_new_target_has_not_is_dropped_ip_22(
    #[case] image: &str,
    #[case] cpu: &str,
    #[case] expected: Value,
) {
    let target = target(image, cpu);
    let after = begun(
        &between_batches(),
        &Update::default(),
        "web-bbb",
        &target,
        0,
    );
    let container = &after["spec"]["containers"][0];
    assert_eq!(container["image"], expected["image"]);
    assert_eq!(container["resources"]["limits"]["cpu"], expected["cpu"]);
}

// Each limit and request is an item of its own.
#[test]
fn resources_are_taken_along_one_by_one_ip_22() {
    let update = Update {
        resources: [(
            "app".to_owned(),
            Resources {
                limits: StringMap::new(),
                requests: map(&[("cpu", "1")]),
            },
        )]
        .into(),
        ..Update::default()
    };
    let after = begun(
        &between_batches(),
        &update,
        "web-bbb",
        &target("acme/app:9", "9"),
        0,
    );
    assert_eq!(
        after["spec"]["containers"][0]["resources"],
        json!({ "limits": { "cpu": "9" }, "requests": { "cpu": "1" } })
    );
}

// What waits belongs to another revision than the pod's label names.
#[test]
fn what_waits_for_another_revision_is_dropped_ip_22() {
    let mut object = between_batches();
    object["metadata"]["labels"]["controller-revision-hash"] = json!("web-zzz");
    assert!(
        InPlaceUpdateState::of(&pod(&object))
            .unwrap()
            .unwrap()
            .has_pending()
    );
    let after = begun(
        &object,
        &Update::default(),
        "web-bbb",
        &target("acme/app:9", "9"),
        0,
    );
    assert_eq!(after["spec"], object["spec"]);
}

// A key is named by the difference on either of its two ways: read by a container, or not.
#[rstest]
#[case::waits_as_read(
    Update { ref_metadata: read_by("app", &[("cfg", "v2")]), metadata_patch: Some(json!({})), ..Update::default() },
    metadata(json!({ "annotations": { "cfg": "v3" } }))
)]
#[case::waits_as_plain(
    metadata(json!({ "annotations": { "cfg": "v2" } })),
    Update { ref_metadata: read_by("app", &[("cfg", "v3")]), metadata_patch: Some(json!({})), ..Update::default() }
)]
fn later_value_of_a_key_wins_ip_22(
    #[case] first: Update,
    #[case] next: Update,
    #[values(0, 30)] grace_seconds: i32,
) {
    let waiting = begun(
        &running_pod(&json!({})),
        &first,
        "web-bbb",
        &Value::Null,
        30,
    );
    let after = begun(&waiting, &next, "web-ccc", &Value::Null, grace_seconds);
    let annotations = &after["metadata"]["annotations"];
    if grace_seconds == 0 {
        assert_eq!(annotations["cfg"], "v3");
    } else {
        let last = begun(&after, &Update::default(), "web-ddd", &Value::Null, 0);
        assert_eq!(last["metadata"]["annotations"]["cfg"], "v3");
    }
}

// Lists of finalizers are merged name by name.
#[rstest]
#[case::others(json!({ "finalizers": ["h"] }), &["f", "h", "mine"])]
#[case::the_same_goes(json!({ "$deleteFromPrimitiveList/finalizers": ["f"] }), &["mine"])]
#[case::what_went_comes_back(json!({ "finalizers": ["g"] }), &["f", "g", "mine"])]
#[case::no_finalizers(json!({ "labels": { "x": "1" } }), &["f", "mine"])]
fn finalizers_are_taken_along_ip_22(#[case] next: Value, #[case] expected: &[&str]) {
    let object = running_pod(&json!({ "metadata": { "finalizers": ["mine", "g"] } }));
    // As the reference writes it, with an order.
    let first = metadata(json!({
        "$setElementOrder/finalizers": ["f"],
        "finalizers": ["f"],
        "$deleteFromPrimitiveList/finalizers": ["g"],
    }));
    let waiting = begun(&object, &first, "web-bbb", &Value::Null, 30);
    let after = begun(&waiting, &metadata(next), "web-ccc", &Value::Null, 0);
    let mut finalizers = pod(&after).metadata.finalizers;
    finalizers.sort_unstable();
    assert_eq!(finalizers, expected);
}
