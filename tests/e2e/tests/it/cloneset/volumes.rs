//! Pods with volumes of their own, on disks that keep what is written.

use std::collections::{BTreeMap, BTreeSet};

use e2e::{
    Namespace, PATIENCE, Test,
    cloneset::{claim_templates, in_place, small},
    eventually,
    names::{CLONESET_CONTROLLER, CLONESETS},
    pods::name_of,
    templates::image,
};
use k8s_openapi::api::core::v1::{PersistentVolumeClaim, Pod};
use kube::{
    Api,
    api::{ListParams, LogParams},
};
use serde_json::{Value, json};

/// Writes a word of its own into an empty volume, tells what is in there, and stays.
const SCRIPT: &str = "[ -s /data/word ] || cat /proc/sys/kernel/random/uuid > /data/word; sync; \
                      cat /data/word; trap 'exit 0' TERM; while :; do sleep 3600 & wait $!; done";

fn with_volume(replicas: i32, reuse: bool, storage: &str) -> Value {
    let mut spec = small(replicas, in_place(json!(1)));
    let app = &mut spec["template"]["spec"]["containers"][0];
    app["command"] = json!(["sh", "-c", SCRIPT]);
    app["volumeMounts"] = json!([{ "name": "data", "mountPath": "/data" }]);
    spec["volumeClaimTemplates"] = claim_templates(storage);
    spec["scaleStrategy"] = json!({ "enablePVCReuse": reuse });
    spec
}

fn claims(test: &Namespace) -> Api<PersistentVolumeClaim> {
    Api::namespaced(test.client.clone(), &test.name)
}

/// UIDs of the claims that are there, by name; those on their way out too.
async fn claim_uids(test: &Namespace) -> BTreeMap<String, String> {
    let listed = claims(test).list(&ListParams::default()).await.unwrap();
    listed
        .into_iter()
        .map(|claim| (claim.metadata.name.unwrap(), claim.metadata.uid.unwrap()))
        .collect()
}

async fn storage_of(test: &Namespace, pod: &str) -> String {
    let claim = claims(test).get(&format!("data-{pod}")).await.unwrap();
    let requests = claim.spec.unwrap().resources.unwrap().requests.unwrap();
    requests["storage"].0.clone()
}

/// What the app of each pod found in its volume.
async fn words(test: &Namespace) -> BTreeMap<String, String> {
    let params = LogParams {
        container: Some("app".to_owned()),
        ..LogParams::default()
    };
    let mut words = BTreeMap::new();
    for pod in test.pods().active().await {
        let name = name_of(&pod);
        let word = eventually(&format!("{name} tells its word"), PATIENCE, || async {
            match test.pods().api().logs(&name, &params).await {
                Ok(log) if !log.trim().is_empty() => Ok(log.trim().to_owned()),
                other => Err(format!("{other:?}")),
            }
        })
        .await;
        words.insert(name, word);
    }
    words
}

/// Exactly the claims of these pods are there.
async fn claims_are_of(test: &Namespace, pods: &BTreeSet<String>) {
    let wanted: BTreeSet<String> = pods.iter().map(|pod| format!("data-{pod}")).collect();
    eventually("a claim for each pod, and no other", PATIENCE, || async {
        let there: BTreeSet<String> = claim_uids(test).await.into_keys().collect();
        if there == wanted { Ok(()) } else { Err(there) }
    })
    .await;
}

async fn names(test: &Namespace) -> BTreeSet<String> {
    test.pods().active().await.iter().map(name_of).collect()
}

// CS-71, CS-72, CS-76, CS-S29
#[tokio::test(flavor = "multi_thread")]
async fn data_outlives_an_update_in_place_and_goes_with_a_scale_in() {
    let test = Test::of(CLONESET_CONTROLLER).begin().await;
    let sets = test.workload(CLONESETS);
    sets.create("web", with_volume(2, false, "1Mi"))
        .await
        .unwrap();
    sets.rolled_out("web").await;
    let (pods, written) = (names(&test).await, words(&test).await);
    claims_are_of(&test, &pods).await;
    let before = claim_uids(&test).await;
    let distinct: BTreeSet<_> = written.values().collect();
    assert_eq!(distinct.len(), 2, "each has a volume of its own");

    // Another size too: it is for pods to come.
    sets.patch(
        "web",
        json!({ "spec": { "volumeClaimTemplates": claim_templates("2Mi") } }),
    )
    .await;
    sets.set_app_image("web", &image(2)).await;
    sets.rolled_out("web").await;
    for (name, facts) in test.pods().facts().await {
        assert_eq!(facts.restarts["app"], 1, "{name}");
    }
    assert_eq!(words(&test).await, written);
    assert_eq!(claim_uids(&test).await, before);

    sets.patch("web", json!({ "spec": { "replicas": 3 } }))
        .await;
    sets.rolled_out("web").await;
    let grown = names(&test).await;
    claims_are_of(&test, &grown).await;
    for pod in &grown {
        let wanted = if pods.contains(pod) { "1Mi" } else { "2Mi" };
        assert_eq!(storage_of(&test, pod).await, wanted, "{pod}");
    }

    sets.patch("web", json!({ "spec": { "replicas": 1 } }))
        .await;
    sets.rolled_out("web").await;
    claims_are_of(&test, &names(&test).await).await;
}

// CS-S27, CS-75, CS-77
#[tokio::test(flavor = "multi_thread")]
async fn with_reuse_a_deleted_pod_comes_back_with_its_name_and_data() {
    let test = Test::of(CLONESET_CONTROLLER).begin().await;
    let sets = test.workload(CLONESETS);
    sets.create("web", with_volume(2, true, "1Mi"))
        .await
        .unwrap();
    sets.rolled_out("web").await;
    let (facts, written) = (test.pods().facts().await, words(&test).await);
    let before = claim_uids(&test).await;
    let lost = written.keys().next().unwrap();
    test.pods().delete(lost).await;
    eventually("a new pod of that name", PATIENCE, || async {
        match test.pods().facts().await.get(lost) {
            Some(new) if new.uid != facts[lost].uid => Ok(()),
            other => Err(format!("{other:?}")),
        }
    })
    .await;
    sets.rolled_out("web").await;
    assert_eq!(words(&test).await, written);
    assert_eq!(claim_uids(&test).await, before);
    // Deleted by the controller, claims go although reuse is on (CS-76).
    sets.patch("web", json!({ "spec": { "replicas": 1 } }))
        .await;
    sets.rolled_out("web").await;
    claims_are_of(&test, &names(&test).await).await;
}

// CS-23: by garbage collection.
#[tokio::test(flavor = "multi_thread")]
async fn a_set_that_is_deleted_takes_pods_and_claims_along() {
    let test = Test::of(CLONESET_CONTROLLER).begin().await;
    let sets = test.workload(CLONESETS);
    sets.create("web", with_volume(2, true, "1Mi"))
        .await
        .unwrap();
    sets.rolled_out("web").await;
    sets.delete("web").await;
    claims_are_of(&test, &BTreeSet::new()).await;
    let left: Vec<Pod> = test.pods().all().await;
    assert!(left.is_empty(), "claims go after their pods: {left:?}");
    eventually("no revision is left", PATIENCE, || async {
        let left = test.revisions().await;
        if left.is_empty() { Ok(()) } else { Err(left) }
    })
    .await;
}
