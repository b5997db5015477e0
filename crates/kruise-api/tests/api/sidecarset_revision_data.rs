//! What revisions store of a SidecarSet (SS-74).

use kruise_api::{
    apps::v1beta1::SidecarSet,
    kinds::sidecarset::{defaults::fill_v1beta1, revision_data},
    revision,
};
use rstest::rstest;
use serde_json::{Value, json};

/// Of a spec that gets its defaults before.
fn data(spec: &Value) -> String {
    let mut set: SidecarSet = serde_json::from_value(json!({ "spec": spec })).unwrap();
    fill_v1beta1(&mut set.spec);
    revision_data::of(&set.spec)
}

// SS-74, SS-71: sorted keys, the members that are always written, null for what is absent, and Go's escapes.
#[test]
fn data_is_written_as_openkruise_writes_it() {
    let agent = json!({ "name": "agent", "image": "agent:1", "args": ["<&>"] });
    let container = concat!(
        r#"{"args":["\u003c\u0026\u003e"],"image":"agent:1","imagePullPolicy":"IfNotPresent","name":"agent","#,
        r#""podInjectPolicy":"BeforeAppContainer","resources":{},"shareVolumePolicy":{"type":"disabled"},"#,
        r#""terminationMessagePath":"/dev/termination-log","terminationMessagePolicy":"File","#,
        r#""upgradeStrategy":{"upgradeType":"ColdUpgrade"}}"#,
    );
    let expected = format!(
        r#"{{"spec":{{"$patch":"replace","containers":[{container}],"imagePullSecrets":null,"initContainers":null,"patchPodMetadata":null,"volumes":null}}}}"#
    );
    assert_eq!(data(&json!({ "containers": [agent] })), expected);
}

// SS-74
#[test]
fn all_five_fields_are_stored_and_no_other() {
    let stored: Value = serde_json::from_str(&data(&json!({
        "selector": { "matchLabels": { "app": "web" } },
        "containers": [],
        "volumes": [{ "name": "v" }],
        "imagePullSecrets": [{ "name": "s" }, {}],
        "patchPodMetadata": [{ "annotations": { "b": "2", "a": "1" } }],
        "initContainers": [{ "name": "i", "image": "i:1" }],
        "updateStrategy": { "paused": true },
        "revisionHistoryLimit": 3,
    })))
    .unwrap();
    let spec = &stored["spec"];
    let names: Vec<&String> = spec.as_object().unwrap().keys().collect();
    let expected = [
        "$patch",
        "containers",
        "imagePullSecrets",
        "initContainers",
        "patchPodMetadata",
        "volumes",
    ];
    assert_eq!(names, expected);
    assert_eq!(spec["containers"], Value::Null);
    assert_eq!(spec["volumes"], json!([{ "name": "v", "emptyDir": {} }]));
    assert_eq!(spec["imagePullSecrets"], json!([{ "name": "s" }, {}]));
    assert_eq!(
        spec["patchPodMetadata"],
        json!([{ "annotations": { "a": "1", "b": "2" }, "patchPolicy": "Retain" }])
    );
    assert_eq!(spec["initContainers"][0]["name"], "i");
}

// SS-A24, SS-76: what changes data, and what does not.
#[rstest]
#[case::image(json!({ "containers": [{ "name": "a", "image": "a:2" }] }), false)]
#[case::volumes(json!({ "volumes": [{ "name": "v" }] }), false)]
#[case::strategy(json!({ "updateStrategy": { "partition": 3 } }), true)]
#[case::custom_version(json!({ "customVersion": "v2" }), true)]
fn a_change_of_other_fields_is_no_new_revision(#[case] change: Value, #[case] is_same: bool) {
    let mut spec = json!({ "containers": [{ "name": "a", "image": "a:1" }] });
    let before = data(&spec);
    json_patch::merge(&mut spec, &change);
    assert_eq!(data(&spec) == before, is_same);
    // It survives a round through the API server.
    let stored: Value = serde_json::from_str(&before).unwrap();
    assert_eq!(revision::canonical(stored), before);
}
