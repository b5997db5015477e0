//! Reading, and the runtime's own client.

use kruise_api::resource::{ObjectKey, PODS as POD_KIND, PatchKind};
use kruise_runtime::{ApiClient, Metrics};
use serde_json::json;

use super::*;

#[tokio::test(start_paused = true)]
async fn the_runtimes_client_finds_what_it_asks_for() {
    let test = Tester::new();
    let client = ApiClient::new(
        test.server.client_of("controller"),
        "controller",
        Metrics::unregistered(),
    );
    assert_eq!(client.server_version().await.unwrap(), "v1.36.3");
    let key = ObjectKey::new("ns", "a");
    let written = client
        .create_briefly(&POD_KIND, "ns", &pod("a"))
        .await
        .unwrap();
    let live = client.get(&POD_KIND, &key).await.unwrap().unwrap();
    assert_eq!(live["metadata"]["uid"], written.uid.as_str());
    assert_eq!(live["status"]["phase"], "Pending");
    let patch = json!({ "metadata": { "labels": { "b": "c" } } });
    let patched = client
        .patch_briefly(&POD_KIND, &key, None, PatchKind::Strategic, &patch)
        .await
        .unwrap();
    assert_ne!(patched.resource_version, written.resource_version);
    client
        .delete(&POD_KIND, &key, &written.uid, None)
        .await
        .unwrap();
    assert_eq!(client.get(&POD_KIND, &key).await.unwrap(), None);
    let requests = test.server.requests();
    let words: Vec<_> = requests
        .iter()
        .map(|request| (request.verb, request.code.unwrap()))
        .collect();
    assert_eq!(
        words,
        [
            ("create", 201),
            ("get", 200),
            ("patch", 200),
            ("delete", 200),
            ("get", 404)
        ]
    );
    assert!(
        requests
            .iter()
            .all(|request| request.by == "controller" && request.key == key)
    );
}

#[tokio::test(start_paused = true)]
async fn what_is_not_there_is_not_found() {
    let test = Tester::new();
    let answer = test.get("/api/v1/namespaces/ns/pods/x").await;
    let expected = json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": "pods \"x\" not found", "reason": "NotFound",
        "details": { "name": "x", "kind": "pods" }, "code": 404,
    });
    assert_eq!(answer, (404, expected));
    let answer = test
        .get("/apis/apps/v1/namespaces/ns/controllerrevisions/x")
        .await;
    assert_eq!(
        message(&answer),
        (404, "controllerrevisions.apps \"x\" not found")
    );
    assert_eq!(answer.1["details"]["group"], "apps");
    let answer = test.get("/apis/unknown.io/v1/things").await;
    assert_eq!(answer, (404, json!("404 page not found\n")));
}

#[tokio::test(start_paused = true)]
async fn lists_come_in_pages_of_one_version() {
    let test = Tester::new();
    for name in ["a", "b", "c", "d"] {
        test.post(MAPS, map(name, "1")).await;
    }
    let names = |list: &Value| {
        let items = list["items"].as_array().unwrap().iter();
        items
            .map(|item| item["metadata"]["name"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    let (code, first) = test.get(&format!("{MAPS}?limit=2")).await;
    assert_eq!(
        (code, names(&first)),
        (200, vec!["a".to_owned(), "b".to_owned()])
    );
    assert_eq!(first["kind"], "ConfigMapList");
    assert_eq!(first["metadata"]["remainingItemCount"], 2);
    assert_eq!(first["items"][0].get("kind"), None);
    // What happens in between isn't seen: the list is of one version.
    test.delete(&format!("{MAPS}/c"), Value::Null).await;
    test.post(MAPS, map("e", "1")).await;
    let next = first["metadata"]["continue"].as_str().unwrap();
    let (_, second) = test.get(&format!("{MAPS}?limit=2&continue={next}")).await;
    assert_eq!(names(&second), ["c", "d"]);
    assert_eq!(
        second["metadata"]["resourceVersion"],
        first["metadata"]["resourceVersion"]
    );
    assert_eq!(second["metadata"].get("continue"), None);
    // A page that is asked for too late is refused, with a way to go on.
    test.server.faults().compact();
    let (code, gone) = test.get(&format!("{MAPS}?limit=2&continue={next}")).await;
    assert_eq!((code, &gone["reason"]), (410, &json!("Expired")));
    let next = gone["metadata"]["continue"].as_str().unwrap();
    let (_, rest) = test.get(&format!("{MAPS}?limit=2&continue={next}")).await;
    assert_eq!(names(&rest), ["d", "e"]);
}

#[tokio::test(start_paused = true)]
async fn lists_are_of_the_version_that_is_asked_for() {
    let test = Tester::new();
    let (_, a) = test.post(MAPS, map("a", "1")).await;
    let version = a["metadata"]["resourceVersion"].as_str().unwrap();
    test.post(MAPS, map("b", "1")).await;
    let count = |list: &Value| list["items"].as_array().unwrap().len();
    for (query, expected) in [
        (
            format!("?resourceVersion={version}&resourceVersionMatch=Exact"),
            1,
        ),
        (format!("?resourceVersion={version}&limit=5"), 1),
        (format!("?resourceVersion={version}"), 2),
        (
            format!("?resourceVersion={version}&resourceVersionMatch=NotOlderThan"),
            2,
        ),
        ("?resourceVersion=0&limit=1".to_owned(), 2),
        ("?labelSelector=none".to_owned(), 0),
        ("?fieldSelector=metadata.name%3Db".to_owned(), 1),
    ] {
        let (code, list) = test.get(&format!("{MAPS}{query}")).await;
        assert_eq!((code, count(&list)), (200, expected), "{query}");
    }
    let (code, refused) = test.get(&format!("{MAPS}?resourceVersion=100000")).await;
    assert_eq!(
        (code, &refused["details"]["causes"][0]["reason"]),
        (504, &json!("ResourceVersionTooLarge"))
    );
    let refused = test
        .get(&format!("{MAPS}?resourceVersionMatch=Exact"))
        .await;
    let expected = "ListOptions.meta.k8s.io \"\" is invalid: resourceVersionMatch: Forbidden: resourceVersionMatch is \
                    forbidden unless resourceVersion is provided";
    assert_eq!(message(&refused), (422, expected));
}

// A list that was asked for its metadata once came whole, since only the form of one object was known.
#[tokio::test(start_paused = true)]
async fn objects_and_lists_come_as_metadata_alone() {
    let test = Tester::new();
    test.post(MAPS, map("a", "1")).await;
    let one = format!("{MAPS}/a");
    let (code, object) = test.get_as("PartialObjectMetadata", &one).await;
    assert_eq!(
        (code, object["metadata"]["name"].as_str()),
        (200, Some("a"))
    );
    assert_eq!(
        (&object["kind"], object.get("data")),
        (&json!("PartialObjectMetadata"), None)
    );
    let (code, list) = test.get_as("PartialObjectMetadataList", MAPS).await;
    assert_eq!(
        (code, &list["kind"]),
        (200, &json!("PartialObjectMetadataList"))
    );
    assert_eq!(list["items"], json!([object]));
    for (form, path, is) in [
        ("PartialObjectMetadata", MAPS, "a list"),
        ("PartialObjectMetadataList", one.as_str(), "not a list"),
    ] {
        let refused = test.get_as(form, path).await;
        let expected = format!("you requested {form}, but the requested object is {is}");
        assert_eq!(message(&refused), (406, expected.as_str()));
    }
}
