//! Pods come, go, and are recognised.

use std::collections::BTreeSet;

use e2e::{
    Namespace, eventually,
    namespace::{PATIENCE, label, name_of, spec, uids},
    undisturbed,
};
use kube::api::{DeleteParams, Patch, PatchParams};
use serde_json::{Value, json};

// CS-S1, CS-S2, IP-S10
#[tokio::test(flavor = "multi_thread")]
async fn a_new_clone_set_gets_its_pods() {
    let _guard = undisturbed().await;
    let test = Namespace::create("create").await;
    test.create_clone_set("web", spec(5, json!({})))
        .await
        .unwrap();
    let set = test.rolled_out("web").await;

    let revisions = test.revisions().await;
    assert_eq!(revisions.len(), 1, "one template, one revision");
    let revision = revisions[0].metadata.name.clone().unwrap();
    assert_eq!(revisions[0].revision, 1);
    assert_eq!(set["status"]["updateRevision"], json!(revision));
    assert_eq!(set["status"]["labelSelector"], json!("app=web"));

    let pods = test.active_pods().await;
    assert_eq!(pods.len(), 5);
    for pod in &pods {
        let name = name_of(pod);
        let id = label(pod, "apps.kruise.io/cloneset-instance-id");
        assert_eq!(name, format!("web-{id}"), "CS-59");
        assert_eq!(id.len(), 5, "CS-58");
        assert!(
            id.chars()
                .all(|c| "bcdfghjklmnpqrstvwxz2456789".contains(c)),
            "CS-58: {id}"
        );
        assert_eq!(label(pod, "controller-revision-hash"), revision, "CS-39");
        assert_eq!(
            label(pod, "pod-template-hash"),
            revision.rsplit('-').next().unwrap(),
            "CS-39"
        );
        assert_eq!(
            label(pod, "lifecycle.apps.kruise.io/state"),
            "Normal",
            "CS-97"
        );
        let owners = pod.metadata.owner_references.clone().unwrap();
        assert_eq!(owners.len(), 1);
        assert_eq!(owners[0].api_version, "apps.kruise.io/v1beta1", "CS-30");
        assert_eq!(owners[0].kind, "CloneSet", "CS-30");
        assert_eq!(owners[0].controller, Some(true), "CS-30");
        let gates: BTreeSet<String> = pod
            .spec
            .clone()
            .unwrap()
            .readiness_gates
            .unwrap()
            .into_iter()
            .map(|gate| gate.condition_type)
            .collect();
        assert!(gates.contains("InPlaceUpdateReady"), "CS-59: {gates:?}");
        let conditions = pod.status.clone().unwrap().conditions.unwrap();
        for type_ in ["InPlaceUpdateReady", "KruisePodReady", "Ready"] {
            let condition = conditions.iter().find(|condition| condition.type_ == type_);
            assert_eq!(
                condition.map(|c| c.status.as_str()),
                Some("True"),
                "{type_} of {name}"
            );
        }
    }
    eventually("5 SuccessfulCreate events", PATIENCE, || async {
        match test.event_count("SuccessfulCreate").await {
            5 => Ok(()),
            other => Err(other),
        }
    })
    .await;
}

// CS-S4, CS-57
#[tokio::test(flavor = "multi_thread")]
async fn scales_out_and_in_through_the_scale_subresource() {
    let _guard = undisturbed().await;
    let test = Namespace::create("scale").await;
    test.create_clone_set("web", spec(2, json!({})))
        .await
        .unwrap();
    test.rolled_out("web").await;
    let first = uids(&test.facts().await);

    scale(&test, 5).await;
    test.rolled_out("web").await;
    let grown = uids(&test.facts().await);
    assert_eq!(grown.len(), 5);
    assert!(first.is_subset(&grown), "scaling out keeps what is there");

    scale(&test, 1).await;
    test.rolled_out("web").await;
    let shrunk = uids(&test.facts().await);
    assert_eq!(shrunk.len(), 1);
    assert!(shrunk.is_subset(&grown));

    scale(&test, 0).await;
    test.rolled_out("web").await;
    assert!(test.active_pods().await.is_empty());
}

async fn scale(test: &Namespace, replicas: i32) {
    test.clone_sets()
        .patch_scale(
            "web",
            &PatchParams::default(),
            &Patch::Merge(json!({ "spec": { "replicas": replicas } })),
        )
        .await
        .unwrap();
}

// CS-S17, CS-65
#[tokio::test(flavor = "multi_thread")]
async fn pods_to_delete_go_first_and_leave_the_list() {
    let _guard = undisturbed().await;
    let test = Namespace::create("podstodelete").await;
    test.create_clone_set("web", spec(3, json!({})))
        .await
        .unwrap();
    test.rolled_out("web").await;
    let victim = name_of(&test.active_pods().await[1]);

    let strategy = json!({ "podsToDelete": [victim] });
    test.patch(
        "web",
        json!({ "spec": { "replicas": 2, "scaleStrategy": strategy } }),
    )
    .await;
    test.rolled_out("web").await;
    assert!(!test.facts().await.contains_key(&victim));
    eventually("podsToDelete is empty", PATIENCE, || async {
        let set = test.clone_set("web").await;
        match set["spec"]["scaleStrategy"]["podsToDelete"].as_array() {
            Some(names) if !names.is_empty() => Err(names.clone()),
            _ => Ok(()),
        }
    })
    .await;
}

// CS-S40: a pod whose labels no longer match is released and replaced, and not adopted again.
#[tokio::test(flavor = "multi_thread")]
async fn a_pod_that_stops_matching_is_released() {
    let _guard = undisturbed().await;
    let test = Namespace::create("release").await;
    test.create_clone_set("web", spec(2, json!({})))
        .await
        .unwrap();
    test.rolled_out("web").await;
    let released = name_of(&test.active_pods().await[0]);
    let relabel = |value: Value| json!({ "metadata": { "labels": { "app": value } } });
    let patch = |value: Value| {
        let (pods, released) = (test.pod_api(), released.clone());
        async move {
            pods.patch(
                &released,
                &PatchParams::default(),
                &Patch::Merge(relabel(value)),
            )
            .await
            .unwrap();
        }
    };

    patch(json!("other")).await;
    eventually(
        "the pod has no owner, and a new one is there",
        PATIENCE,
        || async {
            let pods = test.active_pods().await;
            let orphan = pods.iter().any(|pod| {
                name_of(pod) == released
                    && pod
                        .metadata
                        .owner_references
                        .as_ref()
                        .is_none_or(Vec::is_empty)
            });
            if orphan && pods.len() == 3 {
                Ok(())
            } else {
                Err(pods.len())
            }
        },
    )
    .await;

    patch(json!("web")).await;
    test.rolled_out("web").await;
    tokio::time::sleep(std::time::Duration::from_secs(3)).await;
    let pod = test.pod_api().get(&released).await.unwrap();
    assert!(
        pod.metadata
            .owner_references
            .is_none_or(|owners| owners.is_empty()),
        "CS-29"
    );
    assert_eq!(test.active_pods().await.len(), 3);
}

// CS-23: pods go with their CloneSet, by garbage collection.
#[tokio::test(flavor = "multi_thread")]
async fn pods_go_with_their_clone_set() {
    let _guard = undisturbed().await;
    let test = Namespace::create("gone").await;
    test.create_clone_set("web", spec(2, json!({})))
        .await
        .unwrap();
    test.rolled_out("web").await;
    test.clone_sets()
        .delete("web", &DeleteParams::default())
        .await
        .unwrap();
    eventually("no pod and no revision is left", PATIENCE, || async {
        let (pods, revisions) = (test.all_pods().await.len(), test.revisions().await.len());
        if pods + revisions == 0 {
            Ok(())
        } else {
            Err((pods, revisions))
        }
    })
    .await;
}
