//! What `cargo xtask conformance` found to be otherwise in a real server.

use serde_json::json;

use super::*;

const CLAIMS: &str = "/api/v1/namespaces/ns/persistentvolumeclaims";
const SECRETS: &str = "/api/v1/namespaces/ns/secrets";
const THINGS: &str = "/apis/x.io/v2/namespaces/ns/things";

/// A kind whose stored version fills in what the other one doesn't know.
fn definition() -> Value {
    let version = |name: &str, storage: bool, spec: Value| {
        json!({
            "name": name, "served": true, "storage": storage, "subresources": { "status": {} },
            "schema": { "openAPIV3Schema": { "type": "object", "properties": {
                "spec": { "type": "object", "properties": spec },
            } } },
        })
    };
    let old = version("v1", false, json!({ "size": { "type": "string" } }));
    let reuse = json!({ "type": "boolean", "default": false });
    let new = version(
        "v2",
        true,
        json!({ "size": { "type": "string" }, "reuse": reuse }),
    );
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": { "name": "things.x.io" },
        "spec": {
            "group": "x.io", "scope": "Namespaced",
            "names": { "plural": "things", "singular": "thing", "kind": "Thing", "listKind": "ThingList" },
            "versions": [old, new], "conversion": { "strategy": "None" },
        },
    })
}

fn claim() -> Value {
    json!({ "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": { "name": "a" }, "spec": {
        "accessModes": ["ReadWriteOnce"], "resources": { "requests": { "storage": "1Gi" } },
    } })
}

fn version(answer: &(u16, Value)) -> String {
    let version = answer.1["metadata"]["resourceVersion"].as_str();
    version.unwrap_or_default().to_owned()
}

fn causes(answer: &(u16, Value)) -> Vec<&str> {
    let causes = answer.1["details"]["causes"].as_array().unwrap();
    causes
        .iter()
        .map(|cause| cause["field"].as_str().unwrap())
        .collect()
}

/// A deletion takes the object up and writes it down in the version that the client speaks
/// (`crdConversionRESTOptionsGetter`).
#[tokio::test(start_paused = true)]
async fn a_deletion_in_another_version_writes_anew_what_that_version_does_not_know() {
    let test = Tester::new();
    test.server.install(definition());
    let (new, old) = (format!("{THINGS}/a"), THINGS.replace("v2", "v1") + "/a");
    let thing = json!({
        "apiVersion": "x.io/v2", "kind": "Thing",
        "metadata": { "name": "a", "finalizers": ["x.io/hold"] },
        "spec": { "size": "s", "reuse": true },
    });
    test.post(THINGS, thing).await;
    let marked = test.delete(&new, Value::Null).await;
    assert_eq!(
        version(&test.delete(&new, Value::Null).await),
        version(&marked)
    );
    let anew = test.delete(&old, Value::Null).await;
    assert_ne!(version(&anew), version(&marked));
    assert_eq!(
        version(&test.delete(&old, Value::Null).await),
        version(&anew)
    );
    // The old version doesn't know it, so it is lost, and filled in when it is read.
    let (_, read) = test.get(&new).await;
    assert_eq!(read["spec"], json!({ "size": "s", "reuse": false }));
    let again = test.delete(&new, Value::Null).await;
    assert_ne!(version(&again), version(&anew));
}

/// A new claim lies in the store without its phase, which `SetDefaults_PersistentVolumeClaim` fills in.
#[tokio::test(start_paused = true)]
async fn the_first_write_of_a_claim_makes_a_version_although_it_changes_nothing() {
    let test = Tester::new();
    let path = format!("{CLAIMS}/a");
    let created = test.post(CLAIMS, claim()).await;
    let first = test.merge(&path, json!({})).await;
    let second = test.merge(&path, json!({})).await;
    assert_ne!(version(&first), version(&created));
    assert_eq!(version(&second), version(&first));
    assert_eq!(first.1["spec"], created.1["spec"]);
}

/// `ValidatePersistentVolumeClaimUpdate` compares the specs, and then the modes.
#[tokio::test(start_paused = true)]
async fn another_mode_of_a_claim_is_refused_for_two_reasons() {
    let test = Tester::new();
    test.post(CLAIMS, claim()).await;
    let patch = json!({ "spec": { "volumeMode": "Block" } });
    let refused = test.merge(&format!("{CLAIMS}/a"), patch).await;
    assert_eq!(
        (refused.0, causes(&refused)),
        (422, vec!["spec", "volumeMode"])
    );
}

/// `ValidatePodUpdate` goes on after what it finds wrong with a deadline, tolerations and gates.
#[tokio::test(start_paused = true)]
async fn all_that_is_wrong_with_a_change_of_a_pod_is_told() {
    let test = Tester::new();
    let mut object = pod("a");
    object["spec"]["activeDeadlineSeconds"] = 9.into();
    test.post(PODS, object).await;
    let patch = json!({ "spec": {
        "activeDeadlineSeconds": null, "tolerations": null, "schedulingGates": [{ "name": "x.io/gate" }], "priority": 7,
    } });
    let refused = test.merge(&format!("{PODS}/a"), patch).await;
    let expected = [
        "spec.activeDeadlineSeconds",
        "spec.schedulingGates[0].name",
        "spec",
    ];
    assert_eq!((refused.0, causes(&refused)), (422, expected.to_vec()));
}

/// `ValidateSecretUpdate` compares by `reflect.DeepEqual`, to which an empty map isn't none.
#[tokio::test(start_paused = true)]
async fn empty_data_change_what_is_immutable() {
    let test = Tester::new();
    let maps = json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "a" }, "immutable": true, "data": {} });
    let secret = json!({ "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "a" }, "immutable": true });
    for (path, object) in [(MAPS, maps), (SECRETS, secret)] {
        let (code, created) = test.post(path, object).await;
        assert_eq!((code, created.get("data")), (201, None));
        let path = format!("{path}/a");
        assert_eq!(test.merge(&path, json!({ "metadata": {} })).await.0, 200);
        let refused = test.merge(&path, json!({ "data": { "a": null } })).await;
        assert_eq!((refused.0, causes(&refused)), (422, vec!["data"]));
    }
    test.post(MAPS, json!({ "metadata": { "name": "b" } }))
        .await;
    let (_, patched) = test
        .merge(&format!("{MAPS}/b"), json!({ "data": { "a": null } }))
        .await;
    assert_eq!(patched.get("data"), None);
}

/// In evanphx/json-patch 4, an object's missing member is a null.
#[tokio::test(start_paused = true)]
async fn a_json_patch_copies_what_is_not_there_and_does_not_move_it() {
    let test = Tester::new();
    let mut object = map("a", "1");
    object["metadata"]["labels"] = json!({ "x": "y" });
    test.post(MAPS, object).await;
    let patch = async |operation: &str, from: &str| {
        let patch = json!([{ "op": operation, "from": from, "path": "/metadata/labels/new" }]);
        let path = format!("{MAPS}/a");
        let sent = test.send(Method::PATCH, &path, "application/json-patch+json", patch);
        sent.await
    };
    assert_eq!(patch("move", "/metadata/labels/none").await.0, 422);
    assert_eq!(patch("copy", "/metadata/annotations/none").await.0, 422);
    let (code, copied) = patch("copy", "/metadata/labels/none").await;
    assert_eq!(
        (code, &copied["metadata"]["labels"]),
        (200, &json!({ "x": "y", "new": "" }))
    );
}

/// `interpretStrategicMergePatchError` knows few errors; the others are the server's own.
#[tokio::test(start_paused = true)]
async fn a_strategic_patch_that_cannot_be_merged_is_the_servers_error() {
    let test = Tester::new();
    test.post(PODS, pod("a")).await;
    let path = format!("{PODS}/a");
    let patch = async |patch: Value| test.send(Method::PATCH, &path, STRATEGIC, patch).await;
    let ports = json!([{ "containerPort": 1 }]);
    let element = json!({ "image": "b", "stdin": true, "command": null, "ports": ports });
    let refused = patch(json!({ "spec": { "containers": [element] } })).await;
    let expected = "map: map[command:<nil> image:b ports:[map[containerPort:1]] stdin:true] does not contain declared \
                    merge key: name";
    assert_eq!(message(&refused), (500, expected));
    let refused = patch(json!({ "metadata": { "$patch": "x", "labels": null } })).await;
    let expected = "unknown patch type: x in map: map[$patch:x labels:<nil>]";
    assert_eq!(message(&refused), (500, expected));
    let refused =
        patch(json!({ "metadata": { "$retainKeys": ["labels"], "annotations": { "a": "b" } } }))
            .await;
    assert_eq!(
        message(&refused),
        (400, "invalid patch format of retainKeys")
    );
}

/// `ValidateListOptions` comes after selectors are parsed, and before their fields are looked up.
#[tokio::test(start_paused = true)]
async fn options_of_a_list_are_judged_before_the_fields_that_it_selects_by() {
    let test = Tester::new();
    for (query, code) in [
        ("fieldSelector=spec.x=1", 400),
        ("fieldSelector=spec.x=1&resourceVersionMatch=Nonsense", 422),
        ("labelSelector==&resourceVersionMatch=Nonsense", 400),
        (
            "watch=true&fieldSelector=spec.x=1&resourceVersionMatch=Nonsense",
            422,
        ),
    ] {
        assert_eq!(
            test.get(&format!("{MAPS}?{query}")).await.0,
            code,
            "{query}"
        );
    }
}

/// The cache has an index of pods by their nodes: the pods of other nodes don't make another page.
#[tokio::test(start_paused = true)]
async fn a_page_of_a_nodes_pods_is_the_last_when_the_rest_is_elsewhere() {
    let test = Tester::new();
    for (name, node) in [("a", "one"), ("b", "two")] {
        let mut object = pod(name);
        object["spec"]["nodeName"] = node.into();
        test.post(PODS, object).await;
    }
    let more = async |selector: &str| {
        let path = format!("{PODS}?limit=1&fieldSelector={selector}");
        let (_, list) = test.get(&path).await;
        assert_eq!(list["items"].as_array().unwrap().len(), 1);
        list["metadata"]["continue"].is_string()
    };
    assert!(!more("spec.nodeName=one").await);
    assert!(more("spec.nodeName!=two").await);
}

/// `DryRunnableStorage` asks for the UID before it comes to the prefix of all keys.
#[tokio::test(start_paused = true)]
async fn a_dry_run_names_keys_without_their_prefix() {
    let test = Tester::new();
    test.post(MAPS, map("a", "1")).await;
    let mut other = map("a", "2");
    other["metadata"]["uid"] = "x".into();
    for (query, key) in [
        ("", "Key: /registry/configmaps/ns/a,"),
        ("?dryRun=All", "Key: /configmaps/ns/a,"),
    ] {
        let refused = test.put(&format!("{MAPS}/a{query}"), other.clone()).await;
        let (code, message) = message(&refused);
        assert_eq!((code, message.contains(key)), (409, true), "{message}");
    }
}
