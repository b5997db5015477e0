//! Kinds of installed definitions.

use serde_json::json;

use super::*;

const THINGS: &str = "/apis/x.io/v2/namespaces/ns/things";

fn definition() -> Value {
    let version = |name: &str, storage: bool| {
        json!({
            "name": name, "served": true, "storage": storage,
            "subresources": {
                "status": {},
                "scale": { "specReplicasPath": ".spec.replicas", "statusReplicasPath": ".status.replicas" },
            },
            "schema": { "openAPIV3Schema": { "type": "object", "properties": {
                "spec": { "type": "object", "properties": {
                    "replicas": { "type": "integer", "minimum": 0, "default": 1 },
                    "size": { "type": "string" },
                } },
                "status": { "type": "object", "properties": { "replicas": { "type": "integer" } } },
            } } },
        })
    };
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": { "name": "things.x.io" },
        "spec": {
            "group": "x.io", "scope": "Namespaced",
            "names": { "plural": "things", "singular": "thing", "kind": "Thing", "listKind": "ThingList" },
            "versions": [version("v1", false), version("v2", true)],
            "conversion": { "strategy": "Webhook" },
        },
    })
}

fn thing(version: &str) -> Value {
    json!({
        "apiVersion": format!("x.io/{version}"), "kind": "Thing", "metadata": { "name": "a" },
        "spec": { "size": "s", "unknown": 1 }, "status": { "replicas": 9 },
    })
}

#[tokio::test(start_paused = true)]
async fn a_definition_makes_a_kind() {
    let test = Tester::new();
    assert_eq!(test.get(THINGS).await.0, 404);
    test.server.install(definition());
    let (code, created) = test.post(THINGS, thing("v2")).await;
    assert_eq!(code, 201, "{created}");
    assert_eq!(created["spec"], json!({ "size": "s", "replicas": 1 }));
    assert_eq!(
        (created.get("status"), &created["metadata"]["generation"]),
        (None, &json!(1))
    );
    let path = format!("{THINGS}/a");
    let status = json!({ "status": { "replicas": 1 }, "metadata": { "labels": { "a": "b" } } });
    let (_, patched) = test.merge(&format!("{path}/status"), status).await;
    assert_eq!(patched["status"]["replicas"], 1);
    assert_eq!(
        (
            patched["metadata"].get("labels"),
            &patched["metadata"]["generation"]
        ),
        (None, &json!(1))
    );
    let (_, patched) = test
        .merge(
            &path,
            json!({ "spec": { "size": "m" }, "status": { "replicas": 5 } }),
        )
        .await;
    assert_eq!(
        (
            &patched["status"]["replicas"],
            &patched["metadata"]["generation"]
        ),
        (&json!(1), &json!(2))
    );
    let refused = test
        .merge(&path, json!({ "spec": { "replicas": -1 } }))
        .await;
    let expected = "Thing.x.io \"a\" is invalid: spec.replicas: Invalid value: -1: spec.replicas in body should be \
                    greater than or equal to 0";
    assert_eq!(message(&refused), (422, expected));
    let (code, _) = test.send(Method::PATCH, &path, STRATEGIC, json!({})).await;
    assert_eq!(code, 415);
    // An update must name the version that it is about.
    let refused = test.put(&path, thing("v2")).await;
    let expected = "things.x.io \"a\" is invalid: metadata.resourceVersion: Invalid value: 0: must be specified for \
                    an update";
    assert_eq!(message(&refused), (422, expected));
}

#[tokio::test(start_paused = true)]
async fn a_kind_scales() {
    let test = Tester::new();
    test.server.install(definition());
    test.post(THINGS, thing("v2")).await;
    let path = format!("{THINGS}/a/scale");
    let (code, scale) = test.get(&path).await;
    assert_eq!(
        (code, &scale["kind"], &scale["spec"]),
        (200, &json!("Scale"), &json!({ "replicas": 1 }))
    );
    let (code, scale) = test
        .merge(&path, json!({ "spec": { "replicas": 3 } }))
        .await;
    assert_eq!((code, &scale["spec"]["replicas"]), (200, &json!(3)));
    let (_, whole) = test.get(&format!("{THINGS}/a")).await;
    assert_eq!(
        (&whole["spec"]["replicas"], &whole["metadata"]["generation"]),
        (&json!(3), &json!(2))
    );
}

#[tokio::test(start_paused = true)]
async fn other_versions_are_converted() {
    let test = Tester::new();
    test.server.install(definition());
    let old = THINGS.replace("v2", "v1");
    test.server
        .set_converter("things.x.io", |mut object, wanted| {
            // In v1, size is written in capitals.
            let size = object["spec"]["size"].as_str().unwrap_or_default();
            let size = if wanted == "x.io/v1" {
                size.to_uppercase()
            } else {
                size.to_lowercase()
            };
            object["spec"]["size"] = size.into();
            object["apiVersion"] = wanted.into();
            Ok(object)
        });
    let mut object = thing("v1");
    object["spec"]["size"] = "S".into();
    let (code, created) = test.post(&old, object).await;
    assert_eq!(
        (code, &created["spec"]["size"]),
        (201, &json!("S")),
        "{created}"
    );
    let (_, stored) = test.get(&format!("{THINGS}/a")).await;
    assert_eq!(
        (&stored["apiVersion"], &stored["spec"]["size"]),
        (&json!("x.io/v2"), &json!("s"))
    );
    let (_, list) = test.get(&old).await;
    assert_eq!(
        (&list["kind"], &list["items"][0]["spec"]["size"]),
        (&json!("ThingList"), &json!("S"))
    );
    let before = test.server.version();
    let mut watch = test
        .watch(&format!("{old}?watch=true&resourceVersion={before}"))
        .await;
    let (_, patched) = test
        .merge(&format!("{old}/a"), json!({ "spec": { "size": "M" } }))
        .await;
    assert_eq!(patched["spec"]["size"], "M");
    let event = watch.next().await.unwrap().unwrap();
    assert_eq!(event["object"]["spec"]["size"], "M");
    test.server.set_converters_down(true);
    let (code, refused) = test.get(&format!("{old}/a")).await;
    assert_eq!(code, 500);
    assert!(
        refused["message"]
            .as_str()
            .unwrap()
            .starts_with("conversion webhook for x.io/v2, Kind=Thing failed")
    );
    assert_eq!(test.get(&format!("{THINGS}/a")).await.0, 200);
}

#[tokio::test(start_paused = true)]
async fn a_kind_goes_with_its_definition() {
    let test = Tester::new();
    let definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
    let (code, _) = test.post(definitions, definition()).await;
    assert_eq!(code, 201);
    test.post(THINGS, thing("v2")).await;
    let version = test.server.version();
    let mut watch = test
        .watch(&format!("{THINGS}?watch=true&resourceVersion={version}"))
        .await;
    test.delete(&format!("{definitions}/things.x.io"), Value::Null)
        .await;
    assert_eq!(test.get(THINGS).await.0, 404);
    assert!(watch.next().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn the_server_says_what_it_serves() {
    let test = Tester::new();
    for path in ["/apis/x.io", "/apis/x.io/v2", "/apis/apps/v2", "/api/v2"] {
        assert_eq!(test.get(path).await.0, 404, "{path}");
    }
    test.server.install(definition());
    let (_, group) = test.get("/apis/x.io").await;
    let names = |versions: &Value| -> Vec<String> {
        let versions = versions.as_array().unwrap().iter();
        versions.map(|it| it["version"].to_string()).collect()
    };
    assert_eq!(names(&group["versions"]), [r#""v2""#, r#""v1""#]);
    assert_eq!(group["preferredVersion"]["groupVersion"], "x.io/v2");
    let (_, kinds) = test.get("/apis/x.io/v1").await;
    let kinds: Vec<_> = kinds["resources"].as_array().unwrap().iter().collect();
    let name = |it: &&Value| {
        (
            it["name"].clone(),
            it["kind"].clone(),
            it["namespaced"].clone(),
        )
    };
    let of = |name: &str, kind: &str| (json!(name), json!(kind), json!(true));
    assert_eq!(
        kinds.iter().map(name).collect::<Vec<_>>(),
        [
            of("things", "Thing"),
            of("things/status", "Thing"),
            of("things/scale", "Scale")
        ]
    );
    let (_, core) = test.get("/api/v1").await;
    let core: Vec<_> = core["resources"].as_array().unwrap().iter().collect();
    assert!(
        core.iter()
            .any(|it| it["name"] == "nodes" && it["namespaced"] == false)
    );
    assert!(!core.iter().any(|it| it["name"] == "pods/scale"));
}
