//! What changes in a pod that is updated, and what keeps pods as they are (SS-210, SS-240 to SS-247, SS-270).

use rstest::rstest;
use serde_json::{Value, json};
use sidecarset_controller::plan::Step;

use crate::world::{agent, mesh, reasons, updated, world};

const HASH: &str = "kruise.io/sidecarset-hash";
const HASH_WITHOUT_IMAGE: &str = "kruise.io/sidecarset-hash-without-image";
const STATE: &str = "kruise.io/sidecarset-inplace-update-state";

// SS-210, SS-240 to SS-244, SS-247, SS-270
#[test]
fn a_new_image_reaches_a_pod_in_one_patch() {
    let mut world = world(1, json!({}));
    assert_eq!(world.counts(), "1 1 1 1");
    world.change(json!({ "containers": agent("agent:2") }));
    world.reconcile();
    let plan = world.reconcile();
    let [Step::PatchStatus { .. }, Step::UpdatePods { pods }] = &plan.steps[..] else {
        panic!("{plan:?}");
    };
    let patch = &pods[0].patch;
    assert_eq!(
        patch["spec"],
        json!({ "containers": [{ "name": "agent", "image": "agent:2" }] })
    );
    let keys: Vec<&String> = patch["metadata"]["annotations"]
        .as_object()
        .unwrap()
        .keys()
        .collect();
    assert_eq!(keys, [HASH, STATE]);
    let hash: Value = serde_json::from_str(world.annotation("web-0", HASH)).unwrap();
    assert_eq!(hash["log"]["updateTimestamp"], "2026-01-10T10:00:00Z");
    assert_eq!(hash["log"]["sidecarList"], json!(["agent"]));
    assert_eq!(
        hash["log"]["controllerRevision"],
        world.set["status"]["latestRevision"]
    );
    let state: Value = serde_json::from_str(world.annotation("web-0", STATE)).unwrap();
    assert_eq!(
        state["log"],
        json!({
            "revision": hash["log"]["hash"], "updateTimestamp": "2026-01-10T10:00:00Z",
            "lastContainerStatuses": { "agent": { "imageID": "id-of-agent:1" } },
        })
    );
    let condition = &world.pods["web-0"]["status"]["conditions"][1];
    assert_eq!(condition["message"], r#"{"log":true}"#);
    assert_eq!(condition["reason"], "AllSidecarsetUpgradable");
    world.reconcile();
    assert_eq!(world.counts(), "1 1 0 0");
    world.run("web-0");
    world.settle();
    assert_eq!(world.counts(), "1 1 1 1");
}

// SS-244: the first update's time and hash stay, and other containers' entries too.
#[test]
fn what_was_recorded_first_stays() {
    let two = |image: &str| json!([{ "name": "agent", "image": "agent:1" }, { "name": "tail", "image": image }]);
    let mut world = world(1, json!({ "containers": two("tail:1") }));
    world.change(json!({ "containers": two("tail:2") }));
    world.settle();
    world.run("web-0");
    world.settle();
    let before: Value = serde_json::from_str(world.annotation("web-0", STATE)).unwrap();
    world.pass(60);
    let both =
        json!([{ "name": "agent", "image": "agent:2" }, { "name": "tail", "image": "tail:2" }]);
    world.change(json!({ "containers": both }));
    world.settle();
    let after: Value = serde_json::from_str(world.annotation("web-0", STATE)).unwrap();
    for field in ["revision", "updateTimestamp"] {
        assert_eq!(before["log"][field], after["log"][field]);
    }
    assert_eq!(
        after["log"]["lastContainerStatuses"],
        json!({
            "agent": { "imageID": "id-of-agent:1" }, "tail": { "imageID": "id-of-tail:1" },
        })
    );
}

// SS-242, SS-244: of a pod that has all images only what is recorded is refreshed.
#[test]
fn without_a_new_image_only_annotations_change() {
    let mut world = world(1, json!({}));
    world.change(json!({ "containers": agent("agent:2") }));
    world.change_pod("web-0", |pod| {
        pod["spec"]["containers"][1]["image"] = json!("agent:2");
    });
    world.run("web-0");
    world.reconcile();
    let plan = world.reconcile();
    let Some(Step::UpdatePods { pods }) = plan.steps.last() else {
        panic!("{plan:?}");
    };
    assert_eq!(pods[0].patch.get("spec"), None);
    let state: Value = serde_json::from_str(world.annotation("web-0", STATE)).unwrap();
    assert_eq!(state["log"]["lastContainerStatuses"], json!({}));
}

// SS-243: entries of others stay; the old form goes from both annotations; what can't be read is replaced.
#[test]
fn an_old_form_is_migrated() {
    let mut world = world(1, json!({}));
    let hash: Value = serde_json::from_str(world.annotation("web-0", HASH_WITHOUT_IMAGE)).unwrap();
    let without_image = hash["log"]["hash"].clone();
    world.change_pod("web-0", |pod| {
        let annotations = &mut pod["metadata"]["annotations"];
        annotations[HASH] = json!(json!({ "log": "old", "mesh": "m" }).to_string());
        annotations[HASH_WITHOUT_IMAGE] =
            json!(json!({ "log": without_image, "mesh": "n" }).to_string());
    });
    assert_eq!(updated(&world.reconcile()), ["web-0"]);
    let hash: Value = serde_json::from_str(world.annotation("web-0", HASH)).unwrap();
    assert_eq!(hash["mesh"]["hash"], "m");
    let hash: Value = serde_json::from_str(world.annotation("web-0", HASH_WITHOUT_IMAGE)).unwrap();
    assert_eq!(
        (&hash["log"]["hash"], &hash["mesh"]["hash"]),
        (&without_image, &json!("n"))
    );
}

#[test]
fn a_hash_that_can_not_be_read_is_replaced() {
    let mut world = world(1, json!({}));
    world.change_pod("web-0", |pod| {
        pod["metadata"]["annotations"][HASH] = json!("oops");
    });
    assert_eq!(updated(&world.reconcile()), ["web-0"]);
    let hash: Value = serde_json::from_str(world.annotation("web-0", HASH)).unwrap();
    assert_eq!(hash.as_object().unwrap().len(), 1);
}

// SS-245, SS-112
#[test]
fn annotations_are_patched_with_the_update() {
    let mut world = world(1, json!({}));
    world.change_pod("web-0", |pod| {
        pod["metadata"]["annotations"]["kept"] = json!("mine");
        pod["metadata"]["annotations"]["oom"] = json!(r#"{"main":2}"#);
    });
    world.change(json!({
        "containers": agent("agent:2"),
        "patchPodMetadata": [
            { "annotations": { "kept": "yours", "new": "1" } },
            { "annotations": { "oom": r#"{"agent":1}"# }, "patchPolicy": "MergePatchJson" },
        ],
    }));
    world.settle();
    assert_eq!(world.annotation("web-0", "kept"), "mine");
    assert_eq!(world.annotation("web-0", "new"), "1");
    assert_eq!(world.annotation("web-0", "oom"), r#"{"agent":1,"main":2}"#);
}

// SS-245, SS-112, SS-229: what can't be merged keeps its own pod back, whose place another one takes, and is told.
#[rstest]
fn an_annotation_that_can_not_be_merged_keeps_its_pod_back(#[values(1, 2)] max: u32) {
    let mut world = world(2, json!({ "updateStrategy": { "maxUnavailable": max } }));
    world.change_pod("web-0", |pod| {
        pod["metadata"]["annotations"]["oom"] = json!("oops");
    });
    let patch = json!([{ "annotations": { "oom": "{}" }, "patchPolicy": "MergePatchJson" }]);
    world.change(json!({ "containers": agent("agent:2"), "patchPodMetadata": patch }));
    world.reconcile();
    let plan = world.reconcile();
    assert_eq!(updated(&plan), ["web-1"]);
    assert_eq!(reasons(&plan)[0], "BrokenUpdateState");
    let words = plan.notes.waiting_on[0].to_string();
    assert!(
        words.starts_with("pod shop/web-0: patchPodMetadata can't be merged into annotation oom"),
        "{words}"
    );
}

// SS-245, SS-A24, SS-72: metadata, volumes and strategies alone update nothing.
#[rstest]
#[case::metadata(json!({ "patchPodMetadata": [{ "annotations": { "a": "1" } }] }), 2)]
#[case::volumes(json!({ "volumes": [{ "name": "v" }] }), 2)]
#[case::init(json!({ "initContainers": [{ "name": "i", "image": "i:1" }] }), 2)]
#[case::strategy(json!({ "updateStrategy": { "maxUnavailable": 3 } }), 1)]
fn other_changes_update_no_pod(#[case] change: Value, #[case] n_revisions: usize) {
    let mut world = world(2, json!({}));
    world.change(change);
    world.settle();
    assert_eq!(world.counts(), "2 2 2 2");
    assert_eq!(world.revisions.len(), n_revisions);
}

// SS-A23, SS-221, SS-240, SS-247, SS-P10
#[test]
fn pods_that_are_not_upgradable_are_skipped_and_told_of() {
    let mut world = world(2, json!({}));
    let changed =
        json!([{ "name": "agent", "image": "agent:2", "env": [{ "name": "A", "value": "1" }] }]);
    world.change(json!({ "containers": changed }));
    let plan = world.settle();
    assert_eq!(world.counts(), "2 0 2 0");
    assert_eq!(reasons(&plan), ["NotUpgradable"]);
    for pod in world.pods.values() {
        let condition = &pod["status"]["conditions"][1];
        assert_eq!(condition["status"], "False");
        assert_eq!(condition["reason"], "UpdateImmutableField");
        assert_eq!(condition["message"], r#"{"log":false}"#);
        assert_eq!(pod["metadata"]["annotations"].get(STATE), None);
    }
    let words = "Normal NotUpgradablePods: SidecarSet in-place update detected 2 not upgradable pod(s) in this round, will skip them.";
    assert_eq!(world.told("NotUpgradablePods"), [words]);
    // New pods get what is new, and one pod less is no news.
    world.add_pod("web-2");
    world.pods.remove("web-0");
    world.settle();
    assert_eq!(world.counts(), "2 1 2 1");
    assert_eq!(world.told("NotUpgradablePods").len(), 1);
    // When it is taken back, the condition is too.
    world.change(json!({ "containers": agent("agent:1") }));
    world.settle();
    assert_eq!(
        world.pods["web-1"]["status"]["conditions"][1]["message"],
        r#"{"log":true}"#
    );
}

// SS-247: an update whose condition was not written is told of later.
#[test]
fn a_condition_that_was_missed_is_written_later() {
    let mut world = world(1, json!({}));
    world.change(json!({ "containers": agent("agent:2") }));
    world.settle();
    world.run("web-0");
    world.change_pod("web-0", |pod| {
        pod["status"]["conditions"]
            .as_array_mut()
            .unwrap()
            .truncate(1);
    });
    world.settle();
    assert_eq!(
        world.pods["web-0"]["status"]["conditions"][1]["message"],
        r#"{"log":true}"#
    );
}

// SS-210, SS-254, SS-272: the status is counted all the same.
#[rstest]
#[case::paused(json!({ "paused": true }), "Paused")]
#[case::not_update(json!({ "type": "NotUpdate" }), "NotUpdate")]
fn nothing_is_updated_while_that_is_not_wanted(#[case] strategy: Value, #[case] reason: &str) {
    let mut world = world(2, json!({ "updateStrategy": strategy }));
    world.change(json!({ "containers": agent("agent:2") }));
    let plan = world.settle();
    assert_eq!(world.counts(), "2 0 2 0");
    assert_eq!(reasons(&plan), [reason]);
    world.change(
        json!({ "updateStrategy": { "paused": false, "type": "Whatever", "maxUnavailable": 2 } }),
    );
    world.settle();
    assert_eq!(world.counts(), "2 2 0 0");
}

// SS-A10
#[test]
fn paused_injection_does_not_pause_updates() {
    let mut world = world(1, json!({ "injectionStrategy": { "paused": true } }));
    world.change(json!({ "containers": agent("agent:2") }));
    world.settle();
    assert_eq!(world.image("web-0", "agent"), "agent:2");
}

// SS-A25: a pod that was given an older revision is brought to the newest.
#[test]
fn a_pod_that_got_an_older_revision_is_updated() {
    let mut world = world(0, json!({ "customVersion": "v1" }));
    world.add_pod("web-0");
    world.change(json!({ "customVersion": "v2", "containers": agent("agent:2") }));
    world.reconcile();
    world.reconcile();
    assert_eq!(world.image("web-0", "agent"), "agent:2");
}

// SS-A36: a native sidecar needs NotUpdate, is hashed, and is in the list.
#[test]
fn a_native_sidecar_is_not_updated() {
    let native = |image: &str| json!([{ "name": "n", "image": image, "restartPolicy": "Always" }]);
    let spec =
        json!({ "initContainers": native("n:1"), "updateStrategy": { "type": "NotUpdate" } });
    let mut world = world(1, spec);
    let hash: Value = serde_json::from_str(world.annotation("web-0", HASH)).unwrap();
    assert_eq!(hash["log"]["sidecarList"], json!(["agent", "n"]));
    world.change(json!({ "initContainers": native("n:2") }));
    world.settle();
    assert_eq!(world.counts(), "1 0 1 0");
}

// SS-P12
#[test]
fn cold_and_hot_sidecars_are_updated_together() {
    let both = |version: u32| {
        let mut both = agent(&format!("agent:{version}"));
        let mesh = mesh(&format!("mesh:{version}"));
        both.as_array_mut().unwrap().push(mesh[0].clone());
        both
    };
    let mut world = world(1, json!({ "containers": both(1) }));
    world.change(json!({ "containers": both(2) }));
    world.settle();
    assert_eq!(world.image("web-0", "agent"), "agent:2");
    assert_eq!(world.image("web-0", "mesh-2"), "mesh:2");
    world.run("web-0");
    world.settle();
    world.run("web-0");
    world.settle();
    assert_eq!(world.counts(), "1 1 1 1");
    assert_eq!(world.image("web-0", "mesh-1"), "idle:1");
}

// SS-271, SS-P8: a settled set is never written.
#[test]
fn what_is_settled_is_left_alone() {
    let mut world = world(3, json!({}));
    let before = world.set.clone();
    for _ in 0..3 {
        world.pass(60);
        assert_eq!(world.reconcile().steps, []);
    }
    assert_eq!(world.set, before);
}

#[test]
fn one_on_its_way_out_is_left_alone() {
    let mut world = world(1, json!({}));
    world.set["metadata"]["deletionTimestamp"] = json!("2026-01-10T10:00:00Z");
    world.change(json!({ "containers": agent("agent:2") }));
    assert_eq!(world.reconcile().steps, []);
}

// SS-16, PF-907: what admission wrote counts; where it wrote nothing, it is computed as it would.
#[test]
fn hashes_are_those_that_admission_wrote() {
    let mut world = world(1, json!({}));
    world.set["metadata"]["annotations"] = json!({ HASH: "other", HASH_WITHOUT_IMAGE: "another" });
    world.reconcile();
    assert_eq!(world.counts(), "1 0 1 0");
}

// SS-210, SS-282, DV-SS4: who has left the set is no longer waited for.
#[test]
fn a_pod_that_left_after_its_update_holds_nobody_back() {
    let mut world = world(2, json!({}));
    world.change(json!({ "containers": agent("agent:2") }));
    world.reconcile();
    let first = updated(&world.reconcile());
    world.label(&first[0], "app", "db");
    let second = updated(&world.reconcile());
    assert_eq!((first.len(), second.len()), (1, 1));
    assert_ne!(first, second);
}
