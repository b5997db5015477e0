//! Webhooks.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::json;

use super::*;
use crate::server::Webhook;

fn webhook(name: &str, operations: &[&str], fails: bool) -> Webhook {
    Webhook {
        name: name.to_owned(),
        group: String::new(),
        versions: vec!["v1".to_owned()],
        plural: "configmaps".to_owned(),
        subresource: String::new(),
        operations: operations
            .iter()
            .map(|operation| (*operation).to_owned())
            .collect(),
        fails,
    }
}

fn allow(review: &Value) -> Value {
    json!({ "response": { "uid": review["request"]["uid"], "allowed": true } })
}

#[tokio::test(start_paused = true)]
async fn a_webhook_changes_what_is_stored() {
    let test = Tester::new();
    test.server.set_mutating(webhook("m.x.io", &["CREATE", "UPDATE"], true), |review| async move {
        assert_eq!(review["request"]["namespace"], "ns");
        let patch = json!([{ "op": "add", "path": "/data/by", "value": review["request"]["operation"] }]);
        let mut answer = allow(&review);
        answer["response"]["patchType"] = "JSONPatch".into();
        answer["response"]["patch"] = STANDARD.encode(patch.to_string()).into();
        Ok(answer)
    });
    let (_, created) = test.post(MAPS, map("a", "1")).await;
    assert_eq!(created["data"], json!({ "a": "1", "by": "CREATE" }));
    let (_, patched) = test
        .merge(&format!("{MAPS}/a"), json!({ "data": { "a": "2" } }))
        .await;
    assert_eq!(patched["data"], json!({ "a": "2", "by": "UPDATE" }));
}

#[tokio::test(start_paused = true)]
async fn a_webhook_refuses() {
    let test = Tester::new();
    test.server.set_validating(
        webhook("v.x.io", &["CREATE", "DELETE"], true),
        |review| async move {
            let request = &review["request"];
            let object = if request["operation"] == "DELETE" {
                &request["oldObject"]
            } else {
                &request["object"]
            };
            let mut answer = allow(&review);
            if object["data"]["a"] == "bad" {
                answer["response"]["allowed"] = false.into();
                answer["response"]["status"] = json!({ "message": "it is bad" });
            }
            Ok(answer)
        },
    );
    let refused = test.post(MAPS, map("a", "bad")).await;
    assert_eq!(
        message(&refused),
        (
            403,
            "admission webhook \"v.x.io\" denied the request: it is bad"
        )
    );
    let tried = test
        .post(&format!("{MAPS}?dryRun=All"), map("a", "bad"))
        .await;
    assert_eq!(tried.0, 403);
    assert_eq!(test.post(MAPS, map("a", "1")).await.0, 201);
    test.merge(&format!("{MAPS}/a"), json!({ "data": { "a": "bad" } }))
        .await;
    assert_eq!(test.delete(&format!("{MAPS}/a"), Value::Null).await.0, 403);
    test.server.remove_webhook("v.x.io");
    assert_eq!(test.delete(&format!("{MAPS}/a"), Value::Null).await.0, 200);
}

// As a real server does: a collection's objects are asked about one by one, and named in themselves alone.
#[tokio::test(start_paused = true)]
async fn a_deletion_says_what_it_is_about() {
    let test = Tester::new();
    let seen = std::sync::Arc::new(std::sync::Mutex::new(vec![]));
    for plural in ["configmaps", "namespaces"] {
        let asked = seen.clone();
        let webhook = Webhook {
            plural: plural.to_owned(),
            ..webhook(&format!("{plural}.x.io"), &["DELETE"], true)
        };
        test.server.set_validating(webhook, move |review| {
            let request = &review["request"];
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            let names = [
                text(&request["namespace"]),
                text(&request["name"]),
                text(&request["oldObject"]["metadata"]["name"]),
            ];
            asked.lock().unwrap().push(names);
            let answer = allow(&review);
            async move { Ok(answer) }
        });
    }
    for name in ["a", "b"] {
        test.post(MAPS, map(name, "1")).await;
    }
    test.delete(&format!("{MAPS}/a"), Value::Null).await;
    test.delete(MAPS, Value::Null).await;
    test.delete("/api/v1/namespaces/ns", Value::Null).await;
    assert_eq!(
        *seen.lock().unwrap(),
        [["ns", "a", "a"], ["ns", "", "b"], ["ns", "ns", "ns"]]
    );
}

#[tokio::test(start_paused = true)]
async fn what_follows_when_a_webhook_is_down_is_its_own_to_say() {
    let test = Tester::new();
    let handler = |review: Value| async move { Ok(allow(&review)) };
    test.server
        .set_validating(webhook("a.x.io", &["CREATE"], false), handler);
    test.server.set_webhook_down("a.x.io", true);
    assert_eq!(test.post(MAPS, map("a", "1")).await.0, 201);
    test.server
        .set_validating(webhook("b.x.io", &["CREATE"], true), handler);
    test.server.set_webhook_down("b.x.io", true);
    let refused = test.post(MAPS, map("b", "1")).await;
    let expected = "Internal error occurred: failed calling webhook \"b.x.io\": failed to call webhook: connect: \
                    connection refused";
    assert_eq!(message(&refused), (500, expected));
    test.server.set_webhook_down("b.x.io", false);
    assert_eq!(test.post(MAPS, map("b", "1")).await.0, 201);
}

// An update that a webhook takes its time for is made anew when the object changes meanwhile.
#[tokio::test(start_paused = true)]
async fn a_slow_webhook_sees_the_object_again() {
    let test = Tester::new();
    test.post(MAPS, map("a", "1")).await;
    let server = test.server.clone();
    test.server
        .set_validating(webhook("v.x.io", &["UPDATE"], true), move |review| {
            let server = server.clone();
            async move {
                let key = kruise_api::resource::ObjectKey::new("ns", "a");
                let maps = kruise_api::resource::Resource {
                    plural: "configmaps",
                    kind: "ConfigMap",
                    ..kruise_api::resource::PODS
                };
                server.change("somebody", maps, &key, |object| {
                    object["data"]["other"] = "x".into();
                });
                Ok(allow(&review))
            }
        });
    let (code, patched) = test
        .merge(&format!("{MAPS}/a"), json!({ "data": { "a": "2" } }))
        .await;
    assert_eq!(
        (code, &patched["data"]),
        (200, &json!({ "a": "2", "other": "x" }))
    );
}
