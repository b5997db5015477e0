//! Creation, update, patches, deletion.

use kruise_api::resource::{ObjectKey, PODS as POD_KIND};
use serde_json::json;

use super::*;

#[tokio::test(start_paused = true)]
async fn creation_fills_in_what_the_server_decides() {
    let test = Tester::new();
    let (code, created) = test.post(PODS, pod("a")).await;
    assert_eq!(code, 201, "{created}");
    let metadata = &created["metadata"];
    assert_eq!(metadata["namespace"], "ns");
    assert_eq!(metadata["creationTimestamp"], "2026-01-10T08:00:00Z");
    assert_eq!(metadata["generation"], 1);
    assert_eq!(
        created["status"],
        json!({ "phase": "Pending", "qosClass": "BestEffort" })
    );
    assert_eq!(created["spec"]["restartPolicy"], "Always");
    assert_eq!(
        created["spec"]["containers"][0]["imagePullPolicy"],
        "IfNotPresent"
    );
    assert_eq!(created["spec"]["tolerations"].as_array().unwrap().len(), 2);
    let again = test.post(PODS, pod("a")).await;
    assert_eq!(message(&again), (409, "pods \"a\" already exists"));
    assert_eq!(again.1["reason"], "AlreadyExists");
}

#[tokio::test(start_paused = true)]
async fn names_are_generated_and_judged() {
    let test = Tester::new();
    let mut object = map("", "1");
    object["metadata"] = json!({ "generateName": "x-" });
    let (code, created) = test.post(MAPS, object).await;
    let name = created["metadata"]["name"].as_str().unwrap();
    assert_eq!((code, name.len(), name.starts_with("x-")), (201, 7, true));
    let refused = test.post(MAPS, map("", "1")).await;
    let expected = "ConfigMap \"\" is invalid: metadata.name: Required value: name or generateName is required";
    assert_eq!(message(&refused), (422, expected));
    let refused = test.post(MAPS, map("A", "1")).await;
    assert_eq!(refused.0, 422);
    let refused = test
        .post("/api/v1/namespaces/none/configmaps", map("a", "1"))
        .await;
    assert_eq!(message(&refused), (404, "namespaces \"none\" not found"));
    let mut elsewhere = map("a", "1");
    elsewhere["metadata"]["namespace"] = "default".into();
    let refused = test.post(MAPS, elsewhere).await;
    let expected =
        "the namespace of the provided object does not match the namespace sent on the request";
    assert_eq!(message(&refused), (400, expected));
}

#[tokio::test(start_paused = true)]
async fn an_update_of_an_old_version_conflicts() {
    let test = Tester::new();
    let (_, first) = test.post(MAPS, map("a", "1")).await;
    let path = format!("{MAPS}/a");
    let mut changed = first.clone();
    changed["data"]["a"] = "2".into();
    let (code, second) = test.put(&path, changed.clone()).await;
    assert_eq!(code, 200);
    let refused = test.put(&path, changed).await;
    let expected = "Operation cannot be fulfilled on configmaps \"a\": the object has been modified; please apply \
                    your changes to the latest version and try again";
    assert_eq!(message(&refused), (409, expected));
    let patch = json!({ "metadata": { "resourceVersion": first["metadata"]["resourceVersion"] } });
    assert_eq!(test.merge(&path, patch).await.0, 409);
    // Without a version it is taken as it is; without a difference there is no new version.
    let (code, third) = test.put(&path, map("a", "2")).await;
    assert_eq!((code, &third["metadata"]), (200, &second["metadata"]));
    let mut other = map("a", "3");
    other["metadata"]["uid"] = "x".into();
    let refused = test.put(&path, other).await;
    let uid = first["metadata"]["uid"].as_str().unwrap();
    let expected = format!(
        "Operation cannot be fulfilled on configmaps \"a\": StorageError: invalid object, Code: 4, Key: \
         /registry/configmaps/ns/a, ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: UID in \
         precondition: x, UID in object meta: {uid}"
    );
    assert_eq!(message(&refused), (409, expected.as_str()));
    let refused = test.put(&path, map("b", "1")).await;
    let expected = "the name of the object (b) does not match the name on the URL (a)";
    assert_eq!(message(&refused), (400, expected));
}

#[tokio::test(start_paused = true)]
async fn patches_of_all_kinds_are_applied() {
    let test = Tester::new();
    test.post(PODS, pod("a")).await;
    let path = format!("{PODS}/a");
    let patch = json!({ "spec": { "containers": [{ "name": "main", "image": "nginx:2" }] } });
    let (code, patched) = test.send(Method::PATCH, &path, STRATEGIC, patch).await;
    assert_eq!(
        (code, &patched["spec"]["containers"][0]["image"]),
        (200, &json!("nginx:2")),
        "{patched}"
    );
    assert_eq!(patched["metadata"]["generation"], 2);
    let patch = json!([{ "op": "add", "path": "/metadata/labels/b", "value": "c" }]);
    let (code, patched) = test
        .send(Method::PATCH, &path, "application/json-patch+json", patch)
        .await;
    assert_eq!(
        (code, &patched["metadata"]["labels"]["b"]),
        (200, &json!("c"))
    );
    assert_eq!(patched["metadata"]["generation"], 2);
    let (code, _) = test.send(Method::PATCH, &path, JSON, json!({})).await;
    assert_eq!(code, 415);
    let patch = json!({ "spec": { "hostname": "other" } });
    let refused = test.merge(&path, patch).await;
    assert_eq!(refused.0, 422);
    assert!(message(&refused).1.starts_with(
        "Pod \"a\" is invalid: spec: Forbidden: pod updates may not change fields other than `spec.containers[*].image`"
    ));
}

#[tokio::test(start_paused = true)]
async fn a_status_is_written_apart() {
    let test = Tester::new();
    test.post(PODS, pod("a")).await;
    let status = json!({ "status": { "phase": "Running" }, "spec": { "hostname": "x" } });
    let (code, patched) = test
        .merge(&format!("{PODS}/a/status"), status.clone())
        .await;
    assert_eq!(
        (code, &patched["status"]["phase"]),
        (200, &json!("Running")),
        "{patched}"
    );
    assert_eq!(patched["spec"].get("hostname"), None);
    assert_eq!(patched["metadata"]["generation"], 1);
    let before = test.server.version();
    let patch = json!({ "status": { "phase": "Failed" } });
    let (code, patched) = test.merge(&format!("{PODS}/a"), patch).await;
    assert_eq!(
        (code, &patched["status"]["phase"]),
        (200, &json!("Running"))
    );
    assert_eq!(test.server.version(), before);
}

#[tokio::test(start_paused = true)]
async fn a_bound_pod_waits_for_its_kubelet() {
    let test = Tester::new();
    let (_, created) = test.post(PODS, pod("a")).await;
    let uid = created["metadata"]["uid"].clone();
    let binding = json!({ "target": { "kind": "Node", "name": "n" } });
    let (code, bound) = test
        .post(&format!("{PODS}/a/binding"), binding.clone())
        .await;
    assert_eq!((code, &bound["status"]), (201, &json!("Success")));
    assert_eq!(
        test.post(&format!("{PODS}/a/binding"), binding).await.0,
        409
    );
    let wrong = json!({ "preconditions": { "uid": "x" } });
    let refused = test.delete(&format!("{PODS}/a"), wrong).await;
    let expected = format!(
        "Operation cannot be fulfilled on Pod \"a\": the UID in the precondition (x) does not match the UID in \
         record ({}). The object might have been deleted and then recreated",
        uid.as_str().unwrap()
    );
    assert_eq!(message(&refused), (409, expected.as_str()));
    let (code, deleting) = test
        .delete(
            &format!("{PODS}/a"),
            json!({ "preconditions": { "uid": uid } }),
        )
        .await;
    assert_eq!(
        (code, &deleting["metadata"]["deletionGracePeriodSeconds"]),
        (200, &json!(30))
    );
    assert_eq!(
        deleting["metadata"]["deletionTimestamp"],
        "2026-01-10T08:00:30Z"
    );
    let key = ObjectKey::new("ns", "a");
    assert!(test.server.get(POD_KIND, &key).is_some());
    test.server.delete_now("kubelet", POD_KIND, &key);
    assert!(test.server.get(POD_KIND, &key).is_none());
}

#[tokio::test(start_paused = true)]
async fn finalizers_hold_an_object() {
    let test = Tester::new();
    let mut object = map("a", "1");
    object["metadata"]["finalizers"] = json!(["x.io/hold"]);
    test.post(MAPS, object).await;
    let path = format!("{MAPS}/a");
    let (code, deleting) = test.delete(&path, Value::Null).await;
    assert_eq!(
        (code, &deleting["metadata"]["deletionGracePeriodSeconds"]),
        (200, &json!(0))
    );
    let patch = json!({ "metadata": { "finalizers": ["x.io/hold", "x.io/more"] } });
    let refused = test.merge(&path, patch).await;
    assert_eq!(refused.0, 422);
    let taken = test.post(MAPS, map("a", "2")).await;
    assert_eq!(
        message(&taken),
        (
            409,
            "object is being deleted: configmaps \"a\" already exists"
        )
    );
    let (code, last) = test
        .merge(&path, json!({ "metadata": { "finalizers": null } }))
        .await;
    assert_eq!((code, last["metadata"].get("finalizers")), (200, None));
    assert_eq!(test.get(&path).await.0, 404);
    test.post(MAPS, map("b", "1")).await;
    let (code, done) = test.delete(&format!("{MAPS}/b"), Value::Null).await;
    assert_eq!(
        (code, &done["status"], &done["details"]["kind"]),
        (200, &json!("Success"), &json!("configmaps"))
    );
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_leaves_everything_as_it_is() {
    let test = Tester::new();
    test.post(MAPS, map("a", "1")).await;
    let before = test.server.version();
    let (code, tried) = test
        .post(&format!("{MAPS}?dryRun=All"), map("b", "1"))
        .await;
    assert_eq!(
        (code, tried["metadata"].get("resourceVersion")),
        (201, None)
    );
    let (code, tried) = test
        .merge(
            &format!("{MAPS}/a?dryRun=All"),
            json!({ "data": { "a": "2" } }),
        )
        .await;
    assert_eq!((code, &tried["data"]["a"]), (200, &json!("2")));
    let (code, _) = test
        .delete(&format!("{MAPS}/a"), json!({ "dryRun": ["All"] }))
        .await;
    assert_eq!(code, 200);
    assert_eq!(test.server.version(), before);
}

#[tokio::test(start_paused = true)]
async fn changes_are_told_with_their_authors() {
    let test = Tester::new();
    let before = test.server.version();
    test.post(MAPS, map("a", "1")).await;
    let key = ObjectKey::new("ns", "a");
    let maps = kruise_api::resource::Resource {
        plural: "configmaps",
        kind: "ConfigMap",
        ..POD_KIND
    };
    test.server.change("kubelet", maps, &key, |object| {
        object["data"]["a"] = "2".into()
    });
    test.server.change("kubelet", maps, &key, |_| {});
    test.server.delete("user", maps, &key);
    let changes = test.server.changes_since(before);
    let told: Vec<_> = changes
        .iter()
        .map(|change| {
            (
                change.version - before,
                change.by,
                change.before.is_some(),
                change.after.is_some(),
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            (1, "tester", false, true),
            (2, "kubelet", true, true),
            (3, "user", true, false)
        ]
    );
}
