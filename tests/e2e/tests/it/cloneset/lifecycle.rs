//! Pods come and go.

use std::collections::BTreeSet;

use e2e::{
    PATIENCE, Test,
    cloneset::{small, spec},
    eventually,
    names::{CLONESET_CONTROLLER, CLONESETS, INSTANCE_ID, REVISION, STATE, TEMPLATE_HASH},
    pods::{label, name_of, uids},
};
use serde_json::json;

// CS-S1, CS-S2, IP-S10
#[tokio::test(flavor = "multi_thread")]
async fn a_new_clone_set_gets_its_pods() {
    let test = Test::of(CLONESET_CONTROLLER).begin().await;
    let sets = test.workload(CLONESETS);
    sets.create("web", spec(3, json!({}))).await.unwrap();
    let set = sets.rolled_out("web").await;

    let revisions = test.revisions().await;
    assert_eq!(revisions.len(), 1, "one template, one revision");
    let revision = revisions[0].metadata.name.clone().unwrap();
    assert_eq!(revisions[0].revision, 1);
    assert_eq!(set["status"]["updateRevision"], json!(revision));
    assert_eq!(set["status"]["labelSelector"], json!("app=web"));

    let pods = test.pods().active().await;
    assert_eq!(pods.len(), 3);
    for pod in &pods {
        let name = name_of(pod);
        let id = label(pod, INSTANCE_ID);
        assert_eq!(name, format!("web-{id}"), "CS-59");
        assert_eq!(id.len(), 5, "CS-58");
        assert!(
            id.chars()
                .all(|c| "bcdfghjklmnpqrstvwxz2456789".contains(c)),
            "CS-58: {id}"
        );
        assert_eq!(label(pod, REVISION), revision, "CS-39");
        assert_eq!(
            label(pod, TEMPLATE_HASH),
            revision.rsplit('-').next().unwrap(),
            "CS-39"
        );
        assert_eq!(label(pod, STATE), "Normal", "CS-97");
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
    eventually("3 SuccessfulCreate events", PATIENCE, || async {
        match test.event_count("SuccessfulCreate").await {
            3 => Ok(()),
            other => Err(other),
        }
    })
    .await;
}

// CS-S4, CS-57
#[tokio::test(flavor = "multi_thread")]
async fn scales_out_and_in_through_the_scale_subresource() {
    let test = Test::of(CLONESET_CONTROLLER).begin().await;
    let sets = test.workload(CLONESETS);
    sets.create("web", small(2, json!({}))).await.unwrap();
    sets.rolled_out("web").await;
    let first = uids(&test.pods().facts().await);

    sets.scale("web", 4).await;
    sets.rolled_out("web").await;
    let grown = uids(&test.pods().facts().await);
    assert_eq!(grown.len(), 4);
    assert!(first.is_subset(&grown), "scaling out keeps what is there");

    sets.scale("web", 1).await;
    sets.rolled_out("web").await;
    let shrunk = uids(&test.pods().facts().await);
    assert_eq!(shrunk.len(), 1);
    assert!(shrunk.is_subset(&grown));

    sets.scale("web", 0).await;
    sets.rolled_out("web").await;
    assert!(test.pods().active().await.is_empty());
}
