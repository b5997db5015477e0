//! Moving over from OpenKruise: what it leaves behind is built here by hand, from the specification, and taken over.

use std::collections::BTreeMap;

use e2e::{
    Namespace, PATIENCE, PodFacts, Pods, Test, Workload, eventually,
    names::{CLONESET_CONTROLLER, CLONESETS, UPDATE_STATE},
    templates::image,
    witness::Witness,
};
use k8s_openapi::api::{apps::v1::ControllerRevision, core::v1::Pod};
use kube::{
    Api,
    api::{Patch, PatchParams, PostParams},
};
use serde_json::{Value, json};

use crate::runtime::controller;

/// What releases before 0.7 wrote.
const OLD_STATE: &str = "inplace-update-state";

/// A template as OpenKruise's webhook leaves it (CS-9).
fn template(version: u32) -> Value {
    let container = |name: &str, image: String| {
        json!({
            "name": name,
            "image": image,
            "imagePullPolicy": "Always",
            "resources": { "requests": { "cpu": "1m", "memory": "4Mi" } },
            "terminationMessagePath": "/dev/termination-log",
            "terminationMessagePolicy": "File",
        })
    };
    json!({
        "metadata": { "labels": { "app": "web" } },
        "spec": {
            "containers": [container("app", image(version)), container("sidecar", image(1))],
            "dnsPolicy": "ClusterFirst",
            "restartPolicy": "Always",
            "schedulerName": "default-scheduler",
            "securityContext": {},
            "terminationGracePeriodSeconds": 1,
        },
    })
}

/// The bytes of a revision (IP-133). What the Go type always writes is there, and keys are sorted.
fn data(version: u32) -> String {
    let mut template = template(version);
    template["metadata"]["creationTimestamp"] = Value::Null;
    template["$patch"] = json!("replace");
    json!({ "spec": { "template": template } }).to_string()
}

/// IP-129, written down once more: FNV-1 over the bytes and the collision count, digits that form no words.
fn hash(data: &str) -> String {
    let hash = data
        .bytes()
        .chain(*b"0")
        .fold(2_166_136_261_u32, |hash, byte| {
            hash.wrapping_mul(16_777_619) ^ u32::from(byte)
        });
    let safe = |digit: char| {
        let digit = digit.to_digit(10).unwrap();
        b"456789bcdf"[usize::try_from(digit).unwrap()] as char
    };
    hash.to_string().chars().map(safe).collect()
}

fn revision_name(version: u32) -> String {
    format!("web-{}", hash(&data(version)))
}

/// What OpenKruise left in a namespace.
struct Left<'a> {
    test: &'a Namespace,
    sets: Workload,
    pods: Pods,
    uid: String,
}

impl<'a> Left<'a> {
    /// A CloneSet half-way through a roll-out that its partition holds at 50 %.
    async fn new(test: &'a Namespace) -> Self {
        let sets = test.workload(CLONESETS);
        let created = sets
            .create(
                "web",
                json!({
                    "replicas": 4,
                    "revisionHistoryLimit": 10,
                    "selector": { "matchLabels": { "app": "web" } },
                    "scaleStrategy": { "enablePVCReuse": true },
                    "template": template(2),
                    "updateStrategy": { "type": "RollingUpdate", "rollingUpdate": {
                        "inPlaceUpdateStrategy": {},
                        "maxSurge": 0,
                        "maxUnavailable": 1,
                        "partition": "50%",
                        "podUpdatePolicy": "InPlaceIfPossible",
                    } },
                }),
            )
            .await
            .unwrap();
        Self {
            test,
            sets,
            pods: test.pods(),
            uid: created.metadata.uid.unwrap(),
        }
    }

    /// Objects of before v1beta1 name the older version.
    fn owner(&self) -> Value {
        json!([{
            "apiVersion": "apps.kruise.io/v1alpha1",
            "kind": "CloneSet",
            "name": "web",
            "uid": self.uid,
            "controller": true,
            "blockOwnerDeletion": true,
        }])
    }

    async fn revision(&self, version: u32, number: i64, annotations: Value) {
        let data = data(version);
        let body = json!({
            "metadata": {
                "name": revision_name(version),
                "labels": { "app": "web", "controller.kubernetes.io/hash": hash(&data) },
                "annotations": annotations,
                "ownerReferences": self.owner(),
            },
            "data": serde_json::from_str::<Value>(&data).unwrap(),
            "revision": number,
        });
        let revision: ControllerRevision = serde_json::from_value(body).unwrap();
        Api::namespaced(self.test.client.clone(), &self.test.name)
            .create(&PostParams::default(), &revision)
            .await
            .unwrap();
    }

    async fn pod(&self, id: &str, version: u32) {
        let revision = revision_name(version);
        let hash = revision.rsplit('-').next().unwrap();
        let mut spec = template(version)["spec"].clone();
        spec["readinessGates"] = json!([
            { "conditionType": "InPlaceUpdateReady" },
            { "conditionType": "KruisePodReady" },
        ]);
        let pod: Pod = serde_json::from_value(json!({
            "metadata": {
                "name": format!("web-{id}"),
                "generateName": "web-",
                "labels": {
                    "app": "web",
                    "apps.kruise.io/cloneset-instance-id": id,
                    "controller-revision-hash": revision,
                    "pod-template-hash": hash,
                    "lifecycle.apps.kruise.io/state": "Normal",
                },
                "annotations": { "lifecycle.apps.kruise.io/timestamp": "2026-01-10T08:00:00Z" },
                "ownerReferences": self.owner(),
            },
            "spec": spec,
        }))
        .unwrap();
        self.pods
            .api()
            .create(&PostParams::default(), &pod)
            .await
            .unwrap();
        self.patch_pod(
            id,
            Some("status"),
            json!({ "status": { "conditions": [
                condition("InPlaceUpdateReady", "True"), condition("KruisePodReady", "True"),
            ] } }),
        )
        .await;
        self.ready(id, true).await;
    }

    /// Updates a pod in place as OpenKruise does, up to the moment at which its containers have changed.
    async fn updated(&self, id: &str, state_key: &str) {
        let pod = self.get(id).await;
        let app = pod["status"]["containerStatuses"]
            .as_array()
            .unwrap()
            .iter()
            .find(|status| status["name"] == "app")
            .unwrap();
        let mut not_ready = condition("InPlaceUpdateReady", "False");
        not_ready["reason"] = json!("StartInPlaceUpdate");
        self.patch_pod(
            id,
            Some("status"),
            json!({ "status": { "conditions": [not_ready] } }),
        )
        .await;
        let revision = revision_name(2);
        let state = json!({
            "revision": revision,
            "updateTimestamp": "2026-01-10T09:00:00Z",
            "lastContainerStatuses": { "app": { "imageID": app["imageID"] } },
            "updateImages": true,
            "containerBatchesRecord": [
                { "timestamp": "2026-01-10T09:00:00Z", "containers": ["app"] },
            ],
        });
        self.patch_pod(
            id,
            None,
            json!({
                "metadata": {
                    "labels": {
                        "controller-revision-hash": revision,
                        "pod-template-hash": revision.rsplit('-').next(),
                        "lifecycle.apps.kruise.io/state": "Updating",
                    },
                    "annotations": { state_key: state.to_string() },
                },
                "spec": { "containers": [{ "name": "app", "image": image(2) }] },
            }),
        )
        .await;
        eventually(
            &format!("web-{id} runs its new image"),
            PATIENCE,
            || async {
                let facts = self.pods.facts().await;
                match facts[&format!("web-{id}")].restarts["app"] {
                    1 => Ok(()),
                    restarts => Err(restarts),
                }
            },
        )
        .await;
    }

    /// The update's end: back in service.
    async fn complete(&self, id: &str) {
        self.patch_pod(
            id,
            Some("status"),
            json!({
                "metadata": { "labels": { "lifecycle.apps.kruise.io/state": "Normal" } },
                "status": { "conditions": [condition("InPlaceUpdateReady", "True")] },
            }),
        )
        .await;
        self.ready(id, true).await;
    }

    async fn status(&self) {
        let status = json!({ "status": {
            "observedGeneration": 1, "replicas": 4, "readyReplicas": 3, "availableReplicas": 3,
            "updatedReplicas": 2, "updatedReadyReplicas": 1, "updatedAvailableReplicas": 1,
            "expectedUpdatedReplicas": 2, "collisionCount": 0, "labelSelector": "app=web",
            "currentRevision": revision_name(1), "updateRevision": revision_name(2),
        } });
        self.sets
            .api()
            .patch_status("web", &PatchParams::default(), &Patch::Merge(status))
            .await
            .unwrap();
    }

    async fn patch_pod(&self, id: &str, subresource: Option<&str>, patch: Value) {
        let (pods, name) = (self.pods.api(), format!("web-{id}"));
        let (params, patch) = (PatchParams::default(), Patch::Strategic(patch));
        let patched = match subresource {
            Some(_) => pods.patch_status(&name, &params, &patch).await,
            None => pods.patch(&name, &params, &patch).await,
        };
        patched.unwrap();
    }

    async fn get(&self, id: &str) -> Value {
        let pod = self.pods.get(&format!("web-{id}")).await;
        serde_json::to_value(pod).unwrap()
    }

    async fn ready(&self, id: &str, wanted: bool) {
        eventually(&format!("web-{id} ready: {wanted}"), PATIENCE, || async {
            let pod = self.get(id).await;
            let conditions = pod["status"]["conditions"].as_array().cloned();
            let ready = conditions
                .into_iter()
                .flatten()
                .any(|condition| condition["type"] == "Ready" && condition["status"] == "True");
            if ready == wanted {
                Ok(())
            } else {
                Err(pod["status"].clone())
            }
        })
        .await;
    }
}

fn condition(type_: &str, status: &str) -> Value {
    json!({ "type": type_, "status": status, "lastTransitionTime": "2026-01-10T08:00:00Z" })
}

// IP-129: the vectors of the specification, for the hash written down above.
#[test]
fn the_fixtures_hash_is_the_specifications() {
    let bare = r#"{"spec":{"template":{"$patch":"replace"}}}"#;
    assert_eq!(hash(bare), "589f85db5b");
}

// CS-30, CS-36 to CS-39, IP-133, IP-134: two pods are at the old revision, two at the new one; of those, one is done and
// one has its new container but is not back in service. Nobody restarts or deletes anything, and the roll-out goes on.
#[tokio::test(flavor = "multi_thread")]
async fn a_half_done_roll_out_of_openkruise_is_taken_over() {
    let Some(test) = Test::that_disturbs(CLONESET_CONTROLLER)
        .begin_locally()
        .await
    else {
        return;
    };
    let sets = test.workload(CLONESETS);
    let stood_down = controller(&test).stand_down().await;
    let left = Left::new(&test).await;
    // An early release wrote no annotation.
    left.revision(1, 1, Value::Null).await;
    left.revision(
        2,
        2,
        json!({ "kruise.io/cloneset-volumeclaimtemplate-hash": "" }),
    )
    .await;
    for id in ["bbbb2", "cccc4", "dddd5", "ffff6"] {
        left.pod(id, 1).await;
    }
    left.updated("bbbb2", OLD_STATE).await;
    left.complete("bbbb2").await;
    left.updated("cccc4", UPDATE_STATE).await;
    left.ready("cccc4", false).await;
    left.status().await;
    let before = test.pods().facts().await;
    let revisions = names_of_revisions(&test).await;
    let witness = Witness::start(test.pods().api()).await;

    drop(stood_down);
    left.ready("cccc4", true).await;
    sets.status_becomes("web", "updatedAvailableReplicas", 2)
        .await;
    // It has looked at all of it, and says what holds.
    sets.waits_for("web", "PartitionReached").await;
    assert_eq!(test.pods().facts().await, before);
    assert_eq!(names_of_revisions(&test).await, revisions);
    let status = sets.get("web").await["status"].clone();
    assert_eq!(status["currentRevision"], json!(revision_name(1)));
    assert_eq!(status["updateRevision"], json!(revision_name(2)));
    assert_eq!(status["availableReplicas"], json!(4));

    sets.patch_rolling_update("web", json!({ "partition": 0 }))
        .await;
    sets.rolled_out("web").await;
    let after = test.pods().facts().await;
    assert_eq!(identities(&after), identities(&before));
    for (name, pod) in &after {
        assert_eq!(
            (pod.restarts["app"], pod.restarts["sidecar"]),
            (1, 0),
            "{name}"
        );
        assert_eq!(pod.images["app"], image(2), "{name}");
    }
    assert_eq!(names_of_revisions(&test).await, revisions);
    let seen = witness.pods();
    assert_eq!(seen.len(), 4);
    assert!(seen.values().all(|pod| !pod.deleted));
}

async fn names_of_revisions(test: &Namespace) -> Vec<(Option<String>, i64)> {
    let revisions = test.revisions().await.into_iter();
    revisions
        .map(|revision| (revision.metadata.name, revision.revision))
        .collect()
}

fn identities(facts: &BTreeMap<String, PodFacts>) -> BTreeMap<&str, (&str, &str, &str)> {
    facts
        .iter()
        .map(|(name, pod)| {
            let identity = (pod.uid.as_str(), pod.ip.as_str(), pod.node.as_str());
            (name.as_str(), identity)
        })
        .collect()
}
