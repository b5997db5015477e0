//! Containers that new pods get.

use e2e::{
    names::SIDECAR_SETS_V1ALPHA1,
    sidecar_sets::{HASH, INJECTED, SidecarSet, annotation, containers},
    templates::image,
};
use serde_json::{Value, json};

use super::{agent, create, create_ready, of_sidecarset, pod, sidecar};

// SS-A1, SS-A2, SS-A37: written through the older version, and started by a real kubelet.
#[tokio::test(flavor = "multi_thread")]
async fn a_pod_gets_the_containers_of_a_sidecar_set() {
    let test = of_sidecarset().begin().await;
    let mut behind = sidecar("behind");
    behind["podInjectPolicy"] = json!("AfterAppContainer");
    let whole = json!({ "spec": {
        "selector": { "matchLabels": { "app": "web" } },
        "namespace": test.name,
        "containers": [sidecar("before"), behind],
    } });
    let set = SidecarSet::create_as(&test, "set", SIDECAR_SETS_V1ALPHA1, whole)
        .await
        .unwrap();
    create_ready(&test, 1).await;
    let pod = test.pods().get("web-0").await;
    assert_eq!(containers(&pod), ["before", "app", "behind"]);
    assert_eq!(annotation(&pod, INJECTED), set.name);
    let hashes: Value = serde_json::from_str(annotation(&pod, HASH)).unwrap();
    let entry = &hashes[&set.name];
    assert_eq!(entry["sidecarList"], json!(["before", "behind"]));
    assert_eq!(
        entry["hash"],
        set.get().await["metadata"]["annotations"][HASH]
    );
    set.counts([1, 1, 1, 1]).await;
    let (old, new) = (set.get_as(SIDECAR_SETS_V1ALPHA1).await, set.get().await);
    assert_eq!(old["status"], new["status"]);
    let selector = json!({ "matchLabels": { "kubernetes.io/metadata.name": test.name } });
    assert_eq!(new["spec"]["namespaceSelector"], selector);
}

// SS-A36: a native sidecar runs beside the pod's own containers.
#[tokio::test(flavor = "multi_thread")]
async fn a_native_sidecar_is_injected() {
    let test = of_sidecarset().begin().await;
    let mut native = sidecar("native");
    native["restartPolicy"] = json!("Always");
    let spec = json!({ "initContainers": [native], "updateStrategy": { "type": "NotUpdate" } });
    let set = SidecarSet::create(&test, "set", spec).await;
    create_ready(&test, 1).await;
    let pod = test.pods().get("web-0").await;
    let init = pod.spec.as_ref().unwrap().init_containers.as_ref().unwrap();
    assert_eq!(init[0].name, "native");
    let status = pod.status.unwrap().init_container_statuses.unwrap();
    assert!(status[0].started.unwrap());
    let hashes: Value =
        serde_json::from_str(pod.metadata.annotations.as_ref().unwrap()[HASH].as_str()).unwrap();
    assert_eq!(hashes[&set.name]["sidecarList"], json!(["native"]));
}

// SS-102, SS-A9, DV-D4: nobody else's pod is touched.
#[tokio::test(flavor = "multi_thread")]
async fn other_pods_are_left_alone() {
    let test = of_sidecarset().begin().await;
    let _set = agent(&test, json!({})).await;
    let other = pod(
        "other",
        json!({ "metadata": { "labels": { "app": "other" } } }),
    );
    let opted_out = pod(
        "opted-out",
        json!({ "metadata": { "labels": { "sidecarset.kruise.io/inject": "false" } } }),
    );
    for pod in [other, opted_out] {
        let created = create(&test, &pod).await.unwrap();
        assert_eq!(containers(&created), ["app"]);
        assert_eq!(annotation(&created, INJECTED), "");
    }
}

// SS-A13, SS-A32, SS-289, PF-211: what can't be injected is refused, and the SidecarSet is named.
#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_injected_is_refused_by_name() {
    let test = of_sidecarset().begin().await;
    let mut broken = sidecar("agent");
    broken["resources"] = json!({});
    broken["resourcesPolicy"] = json!({
        "targetContainersMode": "sum",
        "targetContainersNameRegex": "^db$",
        "resourcesExpr": { "limits": { "cpu": "cpu*50%" } },
    });
    let set = SidecarSet::create(&test, "set", json!({ "containers": [broken] })).await;
    let refused = create(&test, &pod("web-0", json!({}))).await.unwrap_err();
    assert!(refused.to_string().contains(&set.name), "{refused}");
    set.patch(json!({ "injectionStrategy": { "paused": true } }))
        .await;
    // The webhook may be asked for a moment longer; it knows of the pause by its watch.
    e2e::eventually(
        "a paused SidecarSet refuses nothing",
        e2e::PATIENCE,
        || async {
            create(&test, &pod("web-0", json!({})))
                .await
                .map_err(|error| error.to_string())
        },
    )
    .await;
}

// Each pod that is created right after its SidecarSet was acknowledged has its container. The full tier does it a
// thousand times.
#[tokio::test(flavor = "multi_thread")]
async fn a_pod_right_after_its_sidecar_set_has_its_container() {
    let test = of_sidecarset().begin().await;
    for round in 0..10 {
        right_after(&test, round).await;
    }
}

/// A SidecarSet, and a pod within a moment of its acknowledgement.
pub(super) async fn right_after(test: &e2e::Test, round: usize) {
    let app = format!("right-after-{round}");
    let selector = json!({ "matchLabels": { "app": app } });
    let spec = json!({ "selector": selector, "containers": [sidecar("agent")] });
    let pod = pod(
        &app,
        json!({
            "metadata": { "labels": { "app": app } },
            // Nobody has to run it.
            "spec": { "schedulerName": "nobody" },
        }),
    );
    let set = SidecarSet::create(test, &app, spec).await;
    let created = create(test, &pod).await.unwrap();
    assert_eq!(containers(&created), ["agent", "app"], "round {round}");
    drop(set);
    test.pods().delete(&app).await;
}

// SS-53, DV-CS10, PF-211: the API server's own judgement comes with admission.
#[tokio::test(flavor = "multi_thread")]
async fn a_sidecar_set_that_no_pod_could_take_is_refused() {
    let test = of_sidecarset().begin().await;
    let mut broken = sidecar("agent");
    broken["volumeMounts"] = json!([{ "name": "nowhere", "mountPath": "/data" }]);
    let spec = json!({ "containers": [broken] });
    let refused = SidecarSet::try_create(&test, "set", spec)
        .await
        .err()
        .unwrap();
    let text = refused.to_string();
    assert!(
        text.contains("spec.containers[0].volumeMounts[0].name"),
        "{text}"
    );
    let set = agent(&test, json!({})).await;
    // SS-A35
    let two = json!({ "containers": [sidecar("agent"), container_of("extra")] });
    let refused = set.try_patch(json!({ "spec": two })).await.unwrap_err();
    assert!(
        refused.to_string().contains("spec.containers[1].name"),
        "{refused}"
    );
}

fn container_of(name: &str) -> Value {
    e2e::templates::container(name, &image(2))
}
