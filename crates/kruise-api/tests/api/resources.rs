//! Resources that change in place.

use kruise_api::{
    inplace::{
        Completion, NotInPlace, Options, Refresh, RefreshInput, Resources, Start, StartWrites,
        Update, Workload, calculate, completion, has_resize_subresource, must_become_unready,
        refresh, start,
    },
    pod::Pod,
};
use rstest::rstest;
use serde_json::{Value, json};

use crate::{
    qos::both,
    support::merged,
    support::{GRACE, STATE, annotation, now, pod, revision, running_pod, time},
};

const OLD_SERVER: Options = Options {
    vertical_scaling: true,
    env_from_metadata: true,
    resize_subresource: false,
};
const NEW_SERVER: Options = Options {
    resize_subresource: true,
    ..OLD_SERVER
};

/// A revision whose container has these resources.
fn with(resources: &Value) -> Value {
    revision(&json!({ "spec": { "containers": [{ "name": "app", "resources": resources }] } }))
}

fn between(old: &Value, new: &Value, options: &Options) -> Result<Update, NotInPlace> {
    calculate(&with(old), &with(new), options)
}

fn cpu_limit(amount: &str) -> Value {
    json!({ "limits": { "cpu": amount, "memory": "1Gi" } })
}

fn resources(limits: &[(&str, &str)], requests: &[(&str, &str)]) -> Resources {
    let map = |amounts: &[(&str, &str)]| {
        let amounts = amounts.iter();
        amounts
            .map(|(name, amount)| ((*name).to_owned(), (*amount).to_owned()))
            .collect()
    };
    Resources {
        limits: map(limits),
        requests: map(requests),
    }
}

/// A pod of a revision whose container has these resources, changed by `patch`.
fn pod_with(resources: &Value, patch: &Value) -> Value {
    let mut object = running_pod(&json!({}));
    object["spec"]["containers"][0]["resources"] = resources.clone();
    object["status"]["containerStatuses"][0]["resources"] = resources.clone();
    merged(&object, patch)
}

fn started(object: &Value, update: &Update, options: Options, grace_seconds: i32) -> StartWrites {
    let terms = Start {
        revision: "web-bbb",
        target: &with(&cpu_limit("2")),
        workload: Workload::CloneSet { short_label: false },
        grace_seconds,
        options,
        now: now(),
    };
    start(&pod(object), update, &terms)
}

fn refreshed(pod: &Pod, options: Options, at: &str) -> Refresh {
    refresh(&RefreshInput {
        pod,
        update_revision: "web-bbb",
        pod_readiness_controller_live: false,
        lifecycle: None,
        options,
        now: time(at),
    })
}

// IP-6
#[test]
fn only_what_changes_is_recorded_ip_6() {
    let before = json!({
        "limits": { "cpu": "1", "memory": "1Gi" }, "requests": { "cpu": "500m", "memory": "1Gi" },
    });
    let after = json!({
        "limits": { "cpu": "2", "memory": "1Gi" }, "requests": { "cpu": "500m", "memory": "512Mi" },
    });
    let update = between(&before, &after, &NEW_SERVER).unwrap();
    let expected = resources(&[("cpu", "2")], &[("memory", "512Mi")]);
    assert_eq!(update.resources, [("app".to_owned(), expected)].into());
    assert_eq!(update.metadata_patch, None);
    assert_eq!(
        serde_json::to_value(&update.resources["app"]).unwrap(),
        json!({ "limits": { "cpu": "2" }, "requests": { "memory": "512Mi" } })
    );
}

// IP-4, IP-6, IP-S23, IP-S25
#[rstest]
#[case::gate_off(cpu_limit("1"), cpu_limit("2"), Options::default())]
#[case::first_limit(json!({}), json!({ "limits": { "cpu": "1" } }), NEW_SERVER)]
#[case::further_limit(
    json!({ "limits": { "cpu": "1" } }), json!({ "limits": { "cpu": "1", "memory": "1Gi" } }),
    NEW_SERVER
)]
#[case::limit_goes(cpu_limit("1"), json!({ "limits": { "cpu": "1" } }), NEW_SERVER)]
#[case::requests_added(
    json!({ "limits": { "cpu": "1" } }),
    json!({ "limits": { "cpu": "1" }, "requests": { "cpu": "1" } }),
    NEW_SERVER
)]
#[case::another_resource(
    json!({ "limits": { "ephemeral-storage": "1Gi" } }),
    json!({ "limits": { "ephemeral-storage": "2Gi" } }),
    NEW_SERVER
)]
#[case::claims(
    json!({ "claims": [{ "name": "a" }] }), json!({ "claims": [{ "name": "b" }] }), NEW_SERVER
)]
fn other_changes_of_resources_need_a_new_pod_ip_6(
    #[case] before: Value,
    #[case] after: Value,
    #[case] options: Options,
) {
    let error = between(&before, &after, &options).unwrap_err();
    assert!(
        error.path.starts_with("/spec/containers/0/resources"),
        "{error}"
    );
}

// DV-IP1: nothing that is no amount is taken for one, and nothing panics.
#[rstest]
#[case(json!({ "limits": { "cpu": "much" } }))]
#[case(json!({ "limits": { "cpu": 2 } }))]
#[case(json!({ "limits": { "cpu": null } }))]
#[case(json!({ "limits": { "cpu": { "x": "1" } } }))]
#[case(json!({ "limits": "1" }))]
#[case(json!("1"))]
fn amounts_that_are_none_are_refused(#[case] resources: Value) {
    let good = with(&json!({ "limits": { "cpu": "1" } }));
    let mut odd = good.clone();
    odd["spec"]["template"]["spec"]["containers"][0]["resources"] = resources;
    assert!(calculate(&good, &odd, &NEW_SERVER).is_err());
    let _ = calculate(&odd, &good, &NEW_SERVER);
}

// IP-7, IP-S24
#[test]
fn class_must_stay_ip_7() {
    let template = |resources: &Value| {
        revision(&json!({ "spec": {
            "containers": [{ "name": "app", "resources": resources }],
            "initContainers": [{ "name": "init", "resources": both("1", "1Gi") }],
        } }))
    };
    let lower_request = json!({
        "limits": { "cpu": "1", "memory": "1Gi" }, "requests": { "cpu": "1", "memory": "512Mi" },
    });
    let before = template(&both("1", "1Gi"));
    let error = calculate(&before, &template(&lower_request), &NEW_SERVER).unwrap_err();
    assert!(error.why.contains("quality-of-service"), "{error}");
    assert!(calculate(&before, &template(&both("2", "1Gi")), &NEW_SERVER).is_ok());
}

// IP-16, IP-S7, IP-S28: (what changes, policy of cpu, whether the pod leaves service)
#[rstest]
#[case::resources_only(json!({}), "NotRequired", "2", "1Gi", false)]
#[case::with_a_label(json!({ "metadata": { "labels": { "t": "b" } } }), "NotRequired", "2", "1Gi", false)]
#[case::with_an_image(
    json!({ "spec": { "containers": [{ "name": "app", "image": "acme/app:2" }] } }),
    "NotRequired", "2", "1Gi", true
)]
#[case::cpu_restarts(json!({}), "RestartContainer", "2", "1Gi", true)]
#[case::only_memory_changes(json!({}), "RestartContainer", "1", "2Gi", false)]
#[case::nothing_changes(json!({}), "NotRequired", "1", "1Gi", true)]
fn resized_pod_stays_in_service_ip_16(
    #[case] also: Value,
    #[case] cpu_policy: &str,
    #[case] cpu: &str,
    #[case] memory: &str,
    #[case] unready: bool,
) {
    let before = revision(&merged(
        &json!({ "metadata": { "labels": { "t": "a" } } }),
        &json!({ "spec": { "containers": [{ "name": "app", "resources": cpu_limit("1") }] } }),
    ));
    let resources = json!({ "limits": { "cpu": cpu, "memory": memory } });
    let after = revision(&merged(
        &json!({
            "metadata": { "labels": { "t": "a" } },
            "spec": { "containers": [{ "name": "app", "resources": resources }] },
        }),
        &also,
    ));
    let update = calculate(&before, &after, &NEW_SERVER).unwrap();
    let policy = json!([{ "resourceName": "cpu", "restartPolicy": cpu_policy }]);
    let object = pod_with(
        &cpu_limit("1"),
        &json!({ "spec": { "containers": [{ "name": "app", "resizePolicy": policy }] } }),
    );
    assert_eq!(
        must_become_unready(&pod(&object), &update, &NEW_SERVER),
        unready
    );
    // Without the feature gate, every update marks the pod not ready.
    assert!(must_become_unready(
        &pod(&object),
        &update,
        &Options::default()
    ));
}

// IP-16, IP-22: an image that waits is started with the resources.
#[test]
fn waiting_image_takes_a_resized_pod_out_of_service_ip_16() {
    let object = pod_with(
        &cpu_limit("1"),
        &json!({ "metadata": { "annotations": {
            STATE: json!({
                "revision": "web-aaa",
                "lastContainerStatuses": null,
                "nextContainerImages": { "app": "acme/app:9" },
            })
            .to_string(),
        } } }),
    );
    let update = between(&cpu_limit("1"), &cpu_limit("2"), &NEW_SERVER).unwrap();
    assert!(must_become_unready(&pod(&object), &update, &NEW_SERVER));
}

// IP-S7, IP-30
#[test]
fn resources_go_to_their_subresource_first_ip_30() {
    let object = pod_with(&cpu_limit("1"), &json!({}));
    let update = between(&cpu_limit("1"), &cpu_limit("2"), &NEW_SERVER).unwrap();
    let writes = started(&object, &update, NEW_SERVER, 0);
    assert_eq!(
        writes.resize.unwrap(),
        json!({
            "metadata": { "uid": "u1", "resourceVersion": "7" },
            "spec": { "containers": [
                { "name": "app", "resources": { "limits": { "cpu": "2" } } },
            ] },
        })
    );
    assert_eq!(writes.pod.get("spec"), None);
    let state = annotation(&writes.pod, STATE);
    assert_eq!(state["updateResources"], true);
    assert_eq!(state["lastContainerStatuses"], json!(null));
    assert_eq!(
        state["containerBatchesRecord"][0]["containers"],
        json!(["app"])
    );
}

// IP-S8, IP-30
#[test]
fn older_servers_take_resources_with_the_pod_ip_30() {
    let object = pod_with(&cpu_limit("1"), &json!({}));
    let mut update = between(&cpu_limit("1"), &cpu_limit("2"), &OLD_SERVER).unwrap();
    update
        .images
        .insert("app".to_owned(), "acme/app:2".to_owned());
    let writes = started(&object, &update, OLD_SERVER, 0);
    assert_eq!(writes.resize, None);
    assert_eq!(
        writes.pod["spec"]["containers"],
        json!([{
            "name": "app", "image": "acme/app:2", "resources": { "limits": { "cpu": "2" } },
        }])
    );
}

// IP-30, IP-31: the process was killed after the first write, or someone resized the pod before.
#[rstest]
#[case("2")]
#[case("2000m")]
fn nothing_is_resized_that_has_its_size_ip_31(
    #[case] present: &str,
    #[values(OLD_SERVER, NEW_SERVER)] options: Options,
) {
    let object = pod_with(&cpu_limit(present), &json!({}));
    let update = between(&cpu_limit("1"), &cpu_limit("2"), &options).unwrap();
    let writes = started(&object, &update, options, 0);
    assert_eq!(writes.resize, None);
    assert_eq!(writes.pod.get("spec"), None);
    assert_eq!(annotation(&writes.pod, STATE)["updateResources"], true);
}

// IP-19, IP-37, 3.2.2
#[rstest]
fn resources_wait_for_the_grace_period_ip_37(#[values(OLD_SERVER, NEW_SERVER)] options: Options) {
    let object = pod_with(&cpu_limit("1"), &json!({}));
    let update = between(&cpu_limit("1"), &cpu_limit("2"), &options).unwrap();
    let writes = started(&object, &update, options, 30);
    assert_eq!(writes.resize, None);
    assert_eq!(writes.pod.get("spec"), None);
    assert_eq!(
        writes.pod["metadata"]["annotations"][GRACE],
        r#"{"revision":"web-bbb","containerResources":{"app":{"limits":{"cpu":"2"}}},"graceSeconds":30}"#
    );
    let waiting = merged(&object, &writes.pod);
    let due = refreshed(&pod(&waiting), options, "2026-01-10T08:00:30Z");
    let Refresh::Patch {
        resize,
        subresource: None,
        patch,
    } = due
    else {
        panic!("{due:?}")
    };
    assert_eq!(resize.is_some(), options.resize_subresource);
    let changed = resize.as_ref().unwrap_or(&patch);
    assert_eq!(
        changed["spec"]["containers"],
        json!([{ "name": "app", "resources": { "limits": { "cpu": "2" } } }])
    );
    let after = merged(&merged(&waiting, &resize.unwrap_or(json!({}))), &patch);
    assert_eq!(after["metadata"]["annotations"].get(GRACE), None);
}

/// Two containers that are both to be resized. `b` starts after `a`, so `a` is resized and `b` waits.
fn half_resized() -> Value {
    let container = |name: &str, key: &str| {
        json!({
            "name": name,
            "image": "x:1",
            "resources": { "limits": { "cpu": "1" } },
            "env": [{
                "name": "KRUISE_CONTAINER_BARRIER",
                "valueFrom": { "configMapKeyRef": { "name": "web-x1-barrier", "key": key } },
            }],
        })
    };
    let status = |name: &str| {
        json!({
            "name": name, "image": "x:1", "imageID": "i1", "ready": true,
            "resources": { "limits": { "cpu": "1" } },
        })
    };
    let mut object = running_pod(&json!({}));
    object["spec"]["containers"] = json!([container("a", "p_10"), container("b", "p_0")]);
    object["status"]["containerStatuses"] = json!([status("a"), status("b")]);
    let to_2 = || resources(&[("cpu", "2")], &[]);
    let update = Update {
        resources: [("a".to_owned(), to_2()), ("b".to_owned(), to_2())].into(),
        ..Update::default()
    };
    let writes = started(&object, &update, NEW_SERVER, 0);
    merged(&merged(&object, &writes.resize.unwrap()), &writes.pod)
}

/// The kubelet has the new limit in effect; it writes the list of statuses as a whole.
fn resized(object: &Value, container: &str) -> Value {
    let mut object = object.clone();
    let statuses = object["status"]["containerStatuses"].as_array_mut();
    for status in statuses.unwrap() {
        if status["name"] == container {
            status["resources"] = json!({ "limits": { "cpu": "2" } });
        }
    }
    object
}

// IP-28, IP-32, IP-41, DV-IP4: a batch of resources alone is a batch.
#[test]
fn resources_follow_the_order_of_containers_ip_41() {
    let object = half_resized();
    let state = annotation(&object, STATE);
    assert_eq!(
        state["nextContainerResources"],
        json!({ "b": { "limits": { "cpu": "2" } } })
    );
    assert_eq!(
        state["preCheckBeforeNext"],
        json!({ "containersRequiredReady": ["a"] })
    );
    let waits = refreshed(&pod(&object), NEW_SERVER, "2026-01-10T08:01:00Z");
    assert!(matches!(waits, Refresh::WaitContainers { .. }), "{waits:?}");

    let object = resized(&object, "a");
    let due = refreshed(&pod(&object), NEW_SERVER, "2026-01-10T08:01:00Z");
    let Refresh::Patch {
        resize: Some(resize),
        subresource: None,
        patch,
    } = due
    else {
        panic!("{due:?}")
    };
    assert_eq!(
        resize["spec"]["containers"],
        json!([{ "name": "b", "resources": { "limits": { "cpu": "2" } } }])
    );
    assert_eq!(patch.get("spec"), None);
    let object = merged(&merged(&object, &resize), &patch);
    assert_eq!(
        annotation(&object, STATE).get("nextContainerResources"),
        None
    );
    assert_ne!(completion(&pod(&object), &NEW_SERVER), Completion::Complete);
    let object = resized(&object, "b");
    assert_eq!(completion(&pod(&object), &NEW_SERVER), Completion::Complete);
}

// IP-48
#[rstest]
#[case::in_effect(json!({ "resources": { "limits": { "cpu": "2000m" } } }), true)]
#[case::not_yet(json!({ "resources": { "limits": { "cpu": "1" } } }), false)]
#[case::not_reported(json!({ "resources": null }), false)]
#[case::more_than_asked_for(
    json!({ "resources": { "limits": { "cpu": "2" }, "requests": { "cpu": "1" } } }), false
)]
fn resources_must_be_in_effect_ip_48(#[case] status: Value, #[case] complete: bool) {
    let object = resized(&half_resized(), "a");
    let done = json!({ "revision": "web-bbb", "updateResources": true });
    let mut object = merged(
        &object,
        &json!({ "metadata": { "annotations": { STATE: done.to_string() } } }),
    );
    object["spec"]["containers"][1]["resources"] = json!({ "limits": { "cpu": "2" } });
    let members = object["status"]["containerStatuses"][1]
        .as_object_mut()
        .unwrap();
    members.extend(status.as_object().unwrap().clone());
    let is_complete =
        |object: &Value, options| completion(&pod(object), &options) == Completion::Complete;
    assert_eq!(is_complete(&object, NEW_SERVER), complete);
    // Resources are not looked at without the feature gate.
    assert!(is_complete(&object, Options::default()));
}

// IP-48
#[test]
fn there_must_be_as_many_statuses_as_containers_ip_48() {
    let mut object = resized(&resized(&half_resized(), "a"), "b");
    let done = json!({ "revision": "web-bbb", "updateResources": true });
    object["metadata"]["annotations"][STATE] = json!(done.to_string());
    object["spec"]["containers"][1]["resources"] = json!({ "limits": { "cpu": "2" } });
    assert_eq!(completion(&pod(&object), &NEW_SERVER), Completion::Complete);
    let further = json!({ "name": "gone", "resources": {} });
    let statuses = object["status"]["containerStatuses"]
        .as_array_mut()
        .unwrap();
    statuses.push(further);
    assert!(matches!(
        completion(&pod(&object), &NEW_SERVER),
        Completion::Waiting { .. }
    ));
}

// IP-30, IP-S42
#[rstest]
#[case("v1.32.0", true)]
#[case("v1.33.1", true)]
#[case("1.32.0", true)]
#[case("v2.0.0", true)]
#[case("v1.32.0-rc.1", true)]
#[case("v1.32+gke.1", true)]
#[case("v1.32.1+k3s1", true)]
#[case("v1.31.4", false)]
#[case("v1.31.99-eks-1", false)]
#[case("v0.33.0", false)]
#[case("1.32", false)]
#[case("v1.32.x", false)]
#[case("main", false)]
#[case("", false)]
fn version_with_resize_ip_30(#[case] git_version: &str, #[case] expected: bool) {
    assert_eq!(has_resize_subresource(git_version), expected);
}
