//! What goes when its owner goes.

use kruise_api::resource::{ObjectKey, Resource};
use serde_json::json;

use super::*;

const MAP_KIND: Resource = Resource {
    group: "",
    version: "v1",
    plural: "configmaps",
    kind: "ConfigMap",
    namespaced: true,
};

async fn owned(test: &Tester, name: &str, owners: &[&Value]) -> Value {
    let mut object = map(name, "1");
    let references: Vec<_> = owners
        .iter()
        .map(|owner| {
            json!({
                "apiVersion": "v1", "kind": "ConfigMap", "blockOwnerDeletion": true,
                "name": owner["metadata"]["name"], "uid": owner["metadata"]["uid"],
            })
        })
        .collect();
    object["metadata"]["ownerReferences"] = references.into();
    let (code, created) = test.post(MAPS, object).await;
    assert_eq!(code, 201, "{created}");
    created
}

fn names(test: &Tester) -> Vec<String> {
    let all = test.server.list(MAP_KIND);
    all.iter()
        .map(|object| object["metadata"]["name"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test(start_paused = true)]
async fn what_nobody_owns_any_more_goes() {
    let test = Tester::new();
    let (a, b) = (owned(&test, "a", &[]).await, owned(&test, "b", &[]).await);
    let of_a = owned(&test, "of-a", &[&a]).await;
    owned(&test, "of-both", &[&a, &b]).await;
    owned(&test, "of-of-a", &[&of_a]).await;
    test.server.collect_garbage();
    assert_eq!(names(&test).len(), 5);
    test.delete(
        &format!("{MAPS}/a"),
        json!({ "propagationPolicy": "Background" }),
    )
    .await;
    assert_eq!(names(&test).len(), 4);
    test.server.collect_garbage();
    assert_eq!(names(&test), ["b", "of-both"]);
    let left = test
        .server
        .get(MAP_KIND, &ObjectKey::new("ns", "of-both"))
        .unwrap();
    let owners = left["metadata"]["ownerReferences"].as_array().unwrap();
    assert_eq!((owners.len(), &owners[0]["name"]), (1, &json!("b")));
}

#[tokio::test(start_paused = true)]
async fn an_owner_waits_for_its_dependents_in_the_foreground() {
    let test = Tester::new();
    let a = owned(&test, "a", &[]).await;
    owned(&test, "of-a", &[&a]).await;
    let of_a = ObjectKey::new("ns", "of-a");
    test.server.change("test", MAP_KIND, &of_a, |object| {
        object["metadata"]["finalizers"] = json!(["x.io/hold"]);
    });
    let foreground = json!({ "propagationPolicy": "Foreground" });
    let (_, deleting) = test.delete(&format!("{MAPS}/a"), foreground).await;
    assert_eq!(
        deleting["metadata"]["finalizers"],
        json!(["foregroundDeletion"])
    );
    test.server.collect_garbage();
    assert_eq!(names(&test), ["a", "of-a"]);
    test.server.change("test", MAP_KIND, &of_a, |object| {
        object["metadata"]["finalizers"] = json!([]);
    });
    test.server.collect_garbage();
    assert_eq!(names(&test), [] as [&str; 0]);
}

#[tokio::test(start_paused = true)]
async fn orphans_stay() {
    let test = Tester::new();
    let a = owned(&test, "a", &[]).await;
    owned(&test, "of-a", &[&a]).await;
    test.delete(
        &format!("{MAPS}/a"),
        json!({ "propagationPolicy": "Orphan" }),
    )
    .await;
    test.server.collect_garbage();
    assert_eq!(names(&test), ["of-a"]);
    let left = test
        .server
        .get(MAP_KIND, &ObjectKey::new("ns", "of-a"))
        .unwrap();
    assert_eq!(left["metadata"].get("ownerReferences"), None);
    let both = json!({ "propagationPolicy": "Orphan", "orphanDependents": true });
    let refused = test.delete(&format!("{MAPS}/of-a"), both).await;
    assert_eq!(refused.0, 422);
}

#[tokio::test(start_paused = true)]
async fn a_namespace_goes_with_what_is_in_it() {
    let test = Tester::new();
    owned(&test, "a", &[]).await;
    let (code, deleting) = test.delete("/api/v1/namespaces/ns", Value::Null).await;
    assert_eq!(
        (code, &deleting["status"]["phase"]),
        (200, &json!("Terminating"))
    );
    let refused = test.post(MAPS, map("b", "1")).await;
    let expected = "configmaps \"b\" is forbidden: unable to create new content in namespace ns because it is being \
                    terminated";
    assert_eq!(message(&refused), (403, expected));
    test.server.collect_garbage();
    assert_eq!(test.get("/api/v1/namespaces/ns").await.0, 404);
    assert_eq!(names(&test), [] as [&str; 0]);
    let refused = test.delete("/api/v1/namespaces/default", Value::Null).await;
    assert_eq!(
        message(&refused),
        (
            403,
            "namespaces \"default\" is forbidden: this namespace may not be deleted"
        )
    );
}

#[tokio::test(start_paused = true)]
async fn a_collection_is_deleted_by_selector() {
    let test = Tester::new();
    for name in ["a", "b"] {
        test.post(PODS, pod(name)).await;
    }
    let (code, list) = test
        .delete(&format!("{PODS}?labelSelector=app%3Da"), Value::Null)
        .await;
    assert_eq!(
        (code, &list["kind"], list["items"].as_array().unwrap().len()),
        (200, &json!("PodList"), 1)
    );
    let (_, left) = test.get(PODS).await;
    assert_eq!(left["items"][0]["metadata"]["name"], "b");
}

#[tokio::test(start_paused = true)]
async fn evictions_spend_the_budget() {
    let test = Tester::new();
    let budget = json!({
        "metadata": { "name": "budget", "namespace": "ns" },
        "spec": { "selector": { "matchLabels": { "app": "a" } }, "minAvailable": 1 },
        "status": {
            "observedGeneration": 1, "disruptionsAllowed": 1, "currentHealthy": 2, "desiredHealthy": 1,
            "expectedPods": 2,
        },
    });
    let budgets = Resource {
        group: "policy",
        version: "v1",
        plural: "poddisruptionbudgets",
        kind: "PodDisruptionBudget",
        namespaced: true,
    };
    test.server.put("test", budgets, budget);
    let running = json!({ "status": {
        "phase": "Running", "conditions": [{ "type": "Ready", "status": "True" }],
    } });
    for name in ["a1", "a2"] {
        let mut object = pod(name);
        object["metadata"]["labels"] = json!({ "app": "a" });
        object["spec"]["nodeName"] = "n".into();
        test.post(PODS, object).await;
        test.merge(&format!("{PODS}/{name}/status"), running.clone())
            .await;
    }
    let evict = |name: &str| {
        let body =
            json!({ "apiVersion": "policy/v1", "kind": "Eviction", "metadata": { "name": name } });
        (format!("{PODS}/{name}/eviction"), body)
    };
    let (path, body) = evict("a1");
    let (code, _) = test.post(&path, body).await;
    assert_eq!(code, 201);
    let (_, evicted) = test.get(&format!("{PODS}/a1")).await;
    assert_eq!(evicted["metadata"]["deletionGracePeriodSeconds"], 30);
    assert_eq!(
        evicted["status"]["conditions"][1]["type"],
        "DisruptionTarget"
    );
    let (path, body) = evict("a2");
    let refused = test.post(&path, body).await;
    assert_eq!(
        message(&refused),
        (
            429,
            "Cannot evict pod as it would violate the pod's disruption budget."
        )
    );
    let cause = &refused.1["details"]["causes"][0]["message"];
    assert_eq!(
        *cause,
        "The disruption budget budget does not allow evicting pods currently"
    );
}
