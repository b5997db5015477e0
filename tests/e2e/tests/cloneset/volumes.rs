//! Pods with volumes of their own, on disks that keep what is written.

use std::collections::{BTreeMap, BTreeSet};

use e2e::{
    Namespace, eventually,
    namespace::{PATIENCE, image, in_place, name_of, spec},
    undisturbed,
};
use k8s_openapi::api::core::v1::{PersistentVolumeClaim, Pod};
use kube::{
    Api,
    api::{DeleteParams, ListParams, LogParams, Patch, PatchParams, PostParams},
};
use serde_json::{Value, json};

/// What keeps a deleted pod in the API; taken off at the end, whatever happens.
const HOLD: &str = "e2e.kruise.io/hold";

/// Writes a word of its own into an empty volume, tells what is in there, and stays.
const SCRIPT: &str = "[ -s /data/word ] || cat /proc/sys/kernel/random/uuid > /data/word; sync; \
                      cat /data/word; trap 'exit 0' TERM; while :; do sleep 3600 & wait $!; done";

fn with_volume(replicas: i32, reuse: bool, storage: &str) -> Value {
    let mut spec = spec(replicas, in_place(json!(1)));
    let app = &mut spec["template"]["spec"]["containers"][0];
    app["command"] = json!(["sh", "-c", SCRIPT]);
    app["volumeMounts"] = json!([{ "name": "data", "mountPath": "/data" }]);
    spec["volumeClaimTemplates"] = claim_templates(storage);
    spec["scaleStrategy"] = json!({ "enablePVCReuse": reuse });
    spec
}

fn claim_templates(storage: &str) -> Value {
    json!([{
        "metadata": { "name": "data" },
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "resources": { "requests": { "storage": storage } },
        },
    }])
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
    for pod in test.active_pods().await {
        let name = name_of(&pod);
        let word = eventually(&format!("{name} tells its word"), PATIENCE, || async {
            match test.pod_api().logs(&name, &params).await {
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
    test.active_pods().await.iter().map(name_of).collect()
}

async fn delete(test: &Namespace, pod: &str) {
    test.pod_api()
        .delete(pod, &DeleteParams::default())
        .await
        .unwrap();
}

// CS-71, CS-72, CS-76, CS-S29
#[tokio::test(flavor = "multi_thread")]
async fn data_outlives_an_update_in_place_and_goes_with_a_scale_in() {
    let _guard = undisturbed().await;
    let test = Namespace::create("volumes").await;
    test.create_clone_set("web", with_volume(2, false, "1Mi"))
        .await
        .unwrap();
    test.rolled_out("web").await;
    let (pods, written) = (names(&test).await, words(&test).await);
    claims_are_of(&test, &pods).await;
    let before = claim_uids(&test).await;
    let distinct: BTreeSet<_> = written.values().collect();
    assert_eq!(distinct.len(), 2, "each has a volume of its own");

    // Another size too: it is for pods to come.
    test.patch(
        "web",
        json!({ "spec": { "volumeClaimTemplates": claim_templates("2Mi") } }),
    )
    .await;
    test.set_app_image("web", &image(2)).await;
    test.rolled_out("web").await;
    for (name, facts) in test.facts().await {
        assert_eq!(facts.restarts["app"], 1, "{name}");
    }
    assert_eq!(words(&test).await, written);
    assert_eq!(claim_uids(&test).await, before);

    test.patch("web", json!({ "spec": { "replicas": 3 } }))
        .await;
    test.rolled_out("web").await;
    let grown = names(&test).await;
    claims_are_of(&test, &grown).await;
    for pod in &grown {
        let wanted = if pods.contains(pod) { "1Mi" } else { "2Mi" };
        assert_eq!(storage_of(&test, pod).await, wanted, "{pod}");
    }

    test.patch("web", json!({ "spec": { "replicas": 1 } }))
        .await;
    test.rolled_out("web").await;
    claims_are_of(&test, &names(&test).await).await;
}

// CS-S27, CS-75, CS-77
#[tokio::test(flavor = "multi_thread")]
async fn with_reuse_a_deleted_pod_comes_back_with_its_name_and_data() {
    let _guard = undisturbed().await;
    let test = Namespace::create("reuse").await;
    test.create_clone_set("web", with_volume(2, true, "1Mi"))
        .await
        .unwrap();
    test.rolled_out("web").await;
    let (facts, written) = (test.facts().await, words(&test).await);
    let before = claim_uids(&test).await;
    let lost = written.keys().next().unwrap();
    delete(&test, lost).await;
    eventually("a new pod of that name", PATIENCE, || async {
        match test.facts().await.get(lost) {
            Some(new) if new.uid != facts[lost].uid => Ok(()),
            other => Err(format!("{other:?}")),
        }
    })
    .await;
    test.rolled_out("web").await;
    assert_eq!(words(&test).await, written);
    assert_eq!(claim_uids(&test).await, before);
    // Deleted by the controller, claims go although reuse is on (CS-76).
    test.patch("web", json!({ "spec": { "replicas": 1 } }))
        .await;
    test.rolled_out("web").await;
    claims_are_of(&test, &names(&test).await).await;
}

// CS-77, DV-CS6: a finalizer keeps the old pod, which holds back its own replacement, tells so, and
// nothing else.
#[tokio::test(flavor = "multi_thread")]
async fn with_reuse_an_id_waits_for_the_old_pod_and_the_others_do_not() {
    let _guard = undisturbed().await;
    let test = Namespace::create("heldid").await;
    test.create_clone_set("web", with_volume(2, true, "1Mi"))
        .await
        .unwrap();
    test.rolled_out("web").await;
    let lost = names(&test).await.pop_first().unwrap();
    test.set_finalizers(&lost, &[HOLD]).await;
    delete(&test, &lost).await;
    test.patch("web", json!({ "spec": { "replicas": 3 } }))
        .await;
    test.status_becomes("web", "availableReplicas", 2).await;
    let message = test.waits_for("web", "ClaimsInUse").await;
    assert!(message.contains(&lost), "{message}");
    eventually("an event", PATIENCE, || async {
        let told = test.events("FailedCreate").await;
        let about = |event: &k8s_openapi::api::core::v1::Event| {
            event
                .message
                .as_ref()
                .is_some_and(|text| text.contains(&lost))
        };
        if told.iter().any(about) {
            Ok(())
        } else {
            Err(told.len())
        }
    })
    .await;

    test.set_finalizers(&lost, &[]).await;
    test.rolled_out("web").await;
    assert!(names(&test).await.contains(&lost));
    test.stops_waiting("web").await;
}

// CS-S28, CS-74: deleted by somebody else, a pod takes its claim along.
#[tokio::test(flavor = "multi_thread")]
async fn without_reuse_a_deleted_pod_takes_its_claim_along() {
    let _guard = undisturbed().await;
    let test = Namespace::create("noreuse").await;
    test.create_clone_set("web", with_volume(2, false, "1Mi"))
        .await
        .unwrap();
    test.rolled_out("web").await;
    let before = names(&test).await;
    let lost = before.first().unwrap();
    test.set_finalizers(lost, &[HOLD]).await;
    let uid = test.pod_api().get(lost).await.unwrap().metadata.uid;
    delete(&test, lost).await;

    // The new pod does not wait for the old one, whose claim is its own by now.
    test.pods_when("another pod", |pods| {
        let active = pods.iter().map(name_of).filter(|name| name != lost);
        active.count() == 2
    })
    .await;
    test.rolled_out("web").await;
    eventually("the claim is its pod's", PATIENCE, || async {
        let claim = claims(&test).get(&format!("data-{lost}")).await.unwrap();
        let owners = claim.metadata.owner_references.unwrap();
        match &owners[..] {
            [owner] if owner.kind == "Pod" && Some(&owner.uid) == uid.as_ref() => Ok(()),
            _ => Err(owners),
        }
    })
    .await;

    test.set_finalizers(lost, &[]).await;
    let after = names(&test).await;
    assert!(!after.contains(lost), "another id: {after:?}");
    claims_are_of(&test, &after).await;
}

// CloneSet 7.1: the next pod of this id would need a claim whose name somebody else has.
#[tokio::test(flavor = "multi_thread")]
async fn a_claim_of_somebody_else_is_named_and_left_alone() {
    let _guard = undisturbed().await;
    let test = Namespace::create("foreign").await;
    test.create_clone_set("web", with_volume(1, true, "1Mi"))
        .await
        .unwrap();
    test.rolled_out("web").await;
    let pod = names(&test).await.pop_first().unwrap();
    let foreign: PersistentVolumeClaim = serde_json::from_value(json!({
        "metadata": { "name": format!("logs-{pod}") },
        "spec": claim_templates("1Mi")[0]["spec"],
    }))
    .unwrap();
    let foreign = claims(&test)
        .create(&PostParams::default(), &foreign)
        .await
        .unwrap();
    let mut templates = claim_templates("1Mi");
    let mut logs = templates[0].clone();
    logs["metadata"]["name"] = json!("logs");
    templates.as_array_mut().unwrap().push(logs);
    test.patch(
        "web",
        json!({ "spec": { "volumeClaimTemplates": templates } }),
    )
    .await;
    delete(&test, &pod).await;
    let event = eventually("an event that names the claim", PATIENCE, || async {
        let mut told = test.events("FailedCreate").await;
        told.retain(|event| {
            let message = event.message.clone().unwrap_or_default();
            message.contains(&format!("logs-{pod}")) && message.contains("somebody else")
        });
        told.pop().ok_or("none")
    })
    .await;
    assert_eq!(event.type_.as_deref(), Some("Warning"));
    let object = event.involved_object;
    assert_eq!(object.name.as_deref(), Some("web"), "names the object");
    let source = event.source.unwrap();
    assert_eq!(source.component.as_deref(), Some("cloneset-controller"));
    assert!(names(&test).await.is_empty());

    claims(&test)
        .delete(&format!("logs-{pod}"), &DeleteParams::default())
        .await
        .unwrap();
    test.rolled_out("web").await;
    assert_eq!(names(&test).await, BTreeSet::from([pod.clone()]));
    let made = claim_uids(&test).await.remove(&format!("logs-{pod}"));
    assert_ne!(made, foreign.metadata.uid);
}

// CS-S40 with reuse: the pod that was let go keeps its name and its claim.
#[tokio::test(flavor = "multi_thread")]
async fn with_reuse_a_released_pod_is_replaced_by_one_of_another_name() {
    let _guard = undisturbed().await;
    let test = Namespace::create("released").await;
    test.create_clone_set("web", with_volume(1, true, "1Mi"))
        .await
        .unwrap();
    test.rolled_out("web").await;
    let released = names(&test).await.pop_first().unwrap();
    let patch = json!({ "metadata": { "labels": { "app": "debug" } } });
    test.pod_api()
        .patch(&released, &PatchParams::default(), &Patch::Merge(patch))
        .await
        .unwrap();
    let pods = eventually("another pod", PATIENCE, || async {
        let pods = names(&test).await;
        if pods.len() == 2 { Ok(pods) } else { Err(pods) }
    })
    .await;
    test.rolled_out("web").await;
    assert!(pods.contains(&released));
    claims_are_of(&test, &pods).await;
    assert!(test.events("FailedCreate").await.is_empty());
}

// CS-23
#[tokio::test(flavor = "multi_thread")]
async fn a_set_that_is_deleted_takes_pods_and_claims_along() {
    let _guard = undisturbed().await;
    let test = Namespace::create("gone").await;
    test.create_clone_set("web", with_volume(2, true, "1Mi"))
        .await
        .unwrap();
    test.rolled_out("web").await;
    test.clone_sets()
        .delete("web", &DeleteParams::default())
        .await
        .unwrap();
    claims_are_of(&test, &BTreeSet::new()).await;
    let left: Vec<Pod> = test.all_pods().await;
    assert!(left.is_empty(), "claims go after their pods: {left:?}");
}
