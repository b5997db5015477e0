//! Environment variables that come from labels and annotations.

use kruise_api::{
    hash::go_bytes_hash,
    inplace::{
        Completion, DaemonReport, NotInPlace, Options, Refresh, RefreshInput, Update, calculate,
        completion, daemon_report, refresh, start,
    },
    meta::StringMap,
};
use rstest::rstest;
use serde_json::{Value, json};

use crate::support::{
    GRACE, STATE, annotation, merged, now, pod, revision, running_pod, terms, time,
};

const META: &str = "apps.kruise.io/runtime-containers-meta";

fn env(name: &str, path: &str) -> Value {
    json!({ "name": name, "valueFrom": { "fieldRef": { "fieldPath": path } } })
}

/// A revision with this metadata, whose container `app` has one variable from this path.
fn reading(metadata: &Value, name: &str, path: &str) -> Value {
    let container = json!({ "name": "app", "env": [env(name, path)] });
    revision(&json!({ "metadata": metadata, "spec": { "containers": [container] } }))
}

fn between(before: &Value, after: &Value, options: &Options) -> Result<Update, NotInPlace> {
    let data = |annotations: &Value| {
        reading(
            &json!({ "annotations": annotations }),
            "CFG",
            "metadata.annotations['cfg']",
        )
    };
    calculate(&data(before), &data(after), options)
}

fn read(update: &Update) -> StringMap {
    update
        .ref_metadata
        .get("app")
        .map(|read| read.annotations.clone())
        .unwrap_or_default()
}

// IP-9, IP-10, IP-S26: (before, after, what the container reads, the rest as patch)
#[rstest]
#[case::changed(json!({ "cfg": "v1" }), json!({ "cfg": "v2" }), Some("v2"), json!({}))]
#[case::added(json!({ "x": "" }), json!({ "x": "", "cfg": "v2" }), Some("v2"), json!({}))]
#[case::with_another(
    json!({ "cfg": "v1", "x": "1" }), json!({ "cfg": "v2", "x": "2" }), Some("v2"),
    json!({ "annotations": { "x": "2" } })
)]
#[case::removed(
    json!({ "x": "", "cfg": "v1" }), json!({ "x": "" }), None,
    json!({ "annotations": { "cfg": null } })
)]
#[case::first_of_all(
    json!({}), json!({ "cfg": "v2" }), None, json!({ "annotations": { "cfg": "v2" } })
)]
#[case::last_of_all(
    json!({ "cfg": "v1" }), json!({}), None, json!({ "annotations": { "cfg": null } })
)]
fn metadata_that_env_reads_ip_9(
    #[case] before: Value,
    #[case] after: Value,
    #[case] value: Option<&str>,
    #[case] rest: Value,
) {
    let update = between(&before, &after, &Options::default()).unwrap();
    assert_eq!(read(&update).get("cfg").map(String::as_str), value);
    assert_eq!(update.changes_environment(), value.is_some());
    assert_eq!(update.metadata_patch, Some(rest));
}

// IP-9: without the feature gate, a label that a container reads is metadata like any other.
#[test]
fn without_the_gate_it_is_plain_metadata_ip_9() {
    let options = Options {
        env_from_metadata: false,
        ..Options::default()
    };
    let update = between(&json!({ "cfg": "v1" }), &json!({ "cfg": "v2" }), &options).unwrap();
    assert!(!update.changes_environment());
    assert_eq!(
        update.metadata_patch,
        Some(json!({ "annotations": { "cfg": "v2" } }))
    );
}

// IP-9, IP-57: who reads
#[rstest]
#[case::annotation("CFG", "metadata.annotations['a/b~c']", true)]
#[case::label_of_that_name("CFG", "metadata.labels['a/b~c']", false)]
#[case::hot_upgrade("SIDECARSET_VERSION", "metadata.annotations['a/b~c']", false)]
#[case::hot_upgrade_alt("SIDECARSET_VERSION_ALT", "metadata.annotations['a/b~c']", false)]
#[case::other_key("CFG", "metadata.annotations['a/b']", false)]
#[case::other_field("CFG", "metadata.name", false)]
fn readers_ip_9(#[case] name: &str, #[case] path: &str, #[case] reads: bool) {
    let data = |value: &str| reading(&json!({ "annotations": { "a/b~c": value } }), name, path);
    let update = calculate(&data("1"), &data("2"), &Options::default()).unwrap();
    assert_eq!(update.changes_environment(), reads);
}

// IP-9: init containers have run already; a value that is given wins over a field.
#[rstest]
#[case::init(json!({ "initContainers": [
    { "name": "init", "env": [env("CFG", "metadata.annotations['cfg']")] },
] }))]
#[case::value(json!({ "containers": [{ "name": "app", "env": [merged(
    &env("CFG", "metadata.annotations['cfg']"), &json!({ "value": "fixed" })
)] }] }))]
fn who_does_not_read_ip_9(#[case] spec: Value) {
    let data = |value: &str| {
        revision(&json!({ "metadata": { "annotations": { "cfg": value } }, "spec": spec }))
    };
    let update = calculate(&data("1"), &data("2"), &Options::default()).unwrap();
    assert!(!update.changes_environment());
}

/// The pod of IP-S6, which runs with `cfg` = `v1`.
fn reader() -> Value {
    running_pod(&json!({
        "metadata": { "annotations": { "cfg": "v1" } },
        "spec": { "containers": [
            { "name": "app", "env": [env("APP_CONFIG", "metadata.annotations['cfg']")] },
        ] },
    }))
}

fn reported(object: &Value, container_id: &str, environment: u64) -> Value {
    let plain = go_bytes_hash(r#"{"image":"acme/app:1","name":"app"}"#);
    let meta = json!({ "containers": [{
        "name": "app", "containerID": container_id, "restartCount": 0,
        "hashes": { "plainHash": plain, "extractedEnvFromMetadataHash": environment },
    }] });
    let annotations = json!({ META: meta.to_string() });
    merged(
        object,
        &json!({ "metadata": { "annotations": annotations } }),
    )
}

// IP-S6, IP-47, IP-54
#[test]
fn environment_changes_with_a_restart_ip_47() {
    let update = between(
        &json!({ "cfg": "v1" }),
        &json!({ "cfg": "v2" }),
        &Options::default(),
    )
    .unwrap();
    let object = reported(&reader(), "containerd://c1", 4_274_367_333);
    let patch = start(&pod(&object), &update, &terms(0)).pod;
    let state = annotation(&patch, STATE);
    assert_eq!(state["updateEnvFromMetadata"], true);
    assert_eq!(
        state["containerBatchesRecord"][0]["containers"],
        json!(["app"])
    );
    let object = merged(&object, &patch);
    assert_eq!(object["metadata"]["annotations"]["cfg"], "v2");
    let is_complete =
        |object: &Value| completion(&pod(object), &Options::default()) == Completion::Complete;
    assert!(!is_complete(&object));
    let restarted = merged(
        &object,
        &json!({ "status": { "containerStatuses": [
            { "name": "app", "containerID": "containerd://c2" },
        ] } }),
    );
    assert!(!is_complete(&restarted));
    assert!(!is_complete(&reported(
        &restarted,
        "containerd://c1",
        984_755_435
    )));
    assert!(is_complete(&reported(
        &restarted,
        "containerd://c2",
        984_755_435
    )));
}

// IP-19, 3.2.2 to the byte
#[test]
fn what_is_read_waits_for_the_grace_period_ip_19() {
    let update = between(
        &json!({ "cfg": "v1" }),
        &json!({ "cfg": "v2" }),
        &Options::default(),
    )
    .unwrap();
    let object = reader();
    let patch = start(&pod(&object), &update, &terms(30)).pod;
    let annotations = &patch["metadata"]["annotations"];
    assert_eq!(annotations.get("cfg"), None);
    assert_eq!(
        annotations[GRACE],
        concat!(
            r#"{"revision":"web-bbb","containerRefMetadata":{"app":{"creationTimestamp":null,"#,
            r#""annotations":{"cfg":"v2"}}},"metaDataPatch":"e30=","updateEnvFromMetadata":true,"#,
            r#""graceSeconds":30}"#,
        )
    );
    let waiting = merged(&object, &patch);
    let due = refresh(&RefreshInput {
        pod: &pod(&waiting),
        update_revision: "web-bbb",
        pod_readiness_controller_live: false,
        lifecycle: None,
        options: Options::default(),
        now: time("2026-01-10T08:00:30Z"),
    });
    let Refresh::Patch { patch, .. } = due else {
        panic!("{due:?}")
    };
    assert_eq!(patch["metadata"]["annotations"]["cfg"], "v2");
}

// IP-26, IP-29, IP-S31: (key that b reads, containers of the first batch)
#[rstest]
#[case::the_same_key("l", json!(["a", "b"]))]
#[case::another_key("m", json!(["a"]))]
fn who_reads_the_same_changes_together_ip_26(#[case] key: &str, #[case] batch: Value) {
    let container = |name: &str, key: &str| {
        json!({
            "name": name, "image": "x:1",
            "env": [env("L", &format!("metadata.labels['{key}']"))],
        })
    };
    let data = |value: &str| {
        let containers = json!([container("a", "l"), container("b", key)]);
        let mut template = json!({
            "metadata": { "labels": { "l": value, "m": value } },
            "spec": { "containers": containers },
        });
        template["metadata"]["labels"]["app"] = json!("web");
        let data = kruise_api::revision::data(&template);
        serde_json::from_str::<Value>(&data).unwrap()
    };
    let update = calculate(&data("1"), &data("2"), &Options::default()).unwrap();
    let mut object = running_pod(&json!({}));
    object["spec"]["containers"] = json!([container("a", "l"), container("b", key)]);
    for (index, priority) in ["p_5", "p_0"].iter().enumerate() {
        object["spec"]["containers"][index]["env"]
            .as_array_mut()
            .unwrap()
            .push(json!({
                "name": "KRUISE_CONTAINER_BARRIER",
                "valueFrom": { "configMapKeyRef": { "name": "x", "key": priority } },
            }));
    }
    let patch = start(&pod(&object), &update, &terms(0)).pod;
    let state = annotation(&patch, STATE);
    assert_eq!(state["containerBatchesRecord"][0]["containers"], batch);
    assert_eq!(patch["metadata"]["labels"]["l"], "2");
    let waits = state["nextContainerRefMetadata"]["b"]["labels"]["m"].clone();
    assert_eq!(waits == json!("2"), batch == json!(["a"]));
}

// DV-IP12
#[rstest]
#[case::reported(json!({ "metadata": { "annotations": { META: "{}" } } }), DaemonReport::Counted)]
#[case::not_running(json!({ "status": { "phase": "Pending" } }), DaemonReport::NotYet)]
#[case::reported_before_it_stopped(
    json!({ "metadata": { "annotations": { META: "{}" } }, "status": { "phase": "Pending" } }),
    DaemonReport::Counted
)]
#[case::ready_since_a_moment(ready_since("2026-01-10T07:59:59Z"), DaemonReport::Awaited { seconds: 9 })]
#[case::ready_since_a_fraction(
    ready_since("2026-01-10T07:59:50.4Z"), DaemonReport::Awaited { seconds: 1 }
)]
#[case::too_late(ready_since("2026-01-10T07:59:50Z"), DaemonReport::Missing)]
#[case::made_a_moment_ago(
    json!({ "metadata": { "creationTimestamp": "2026-01-10T07:59:55Z" } }),
    DaemonReport::Awaited { seconds: 5 }
)]
#[case::of_unknown_age(json!({}), DaemonReport::Missing)]
fn report_of_the_daemon_is_waited_for_dv_ip12(
    #[case] patch: Value,
    #[case] expected: DaemonReport,
) {
    let object = running_pod(&patch);
    assert_eq!(daemon_report(&pod(&object), now()), expected);
}

fn ready_since(time: &str) -> Value {
    json!({
        "metadata": { "creationTimestamp": "2026-01-10T00:00:00Z" },
        "status": { "conditions": [{ "type": "ContainersReady", "lastTransitionTime": time }] },
    })
}
