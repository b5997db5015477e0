//! CloneSets that are stored as v1alpha1, as an OpenKruise before v1beta1 left them: the API server can list
//! them only with the help of the controller, whose own watch needs that list.

use std::time::Instant;

use e2e::{
    Deployable, Namespace, PATIENCE, Part, Test,
    cloneset::spec,
    etcd::Etcd,
    eventually,
    names::{CLONESET_CONTROLLER, CLONESETS, CLONESETS_V1ALPHA1},
    pods::uids,
    templates::image,
};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::{
    Api, Client,
    api::{DeleteParams, Patch, PatchParams},
};
use serde_json::json;

const CRD: &str = "clonesets.apps.kruise.io";
const NAMES: [&str; 2] = ["first", "second"];

/// The CRD stores this version instead of v1beta1; made good when dropped.
struct StorageVersion<'a> {
    client: &'a Client,
}

impl<'a> StorageVersion<'a> {
    async fn v1alpha1(client: &'a Client) -> Self {
        let changed = Self { client };
        changed.set("v1alpha1").await;
        changed
    }

    async fn set(&self, version: &str) {
        let crds: Api<CustomResourceDefinition> = Api::all(self.client.clone());
        let mut versions = crds.get(CRD).await.expect("the CRD").spec.versions;
        for one in &mut versions {
            one.storage = one.name == version;
        }
        let patch = Patch::Merge(json!({ "spec": { "versions": versions } }));
        crds.patch(CRD, &PatchParams::default(), &patch)
            .await
            .expect("patch the CRD");
    }

    async fn strike_off_v1alpha1(&self) {
        let crds: Api<CustomResourceDefinition> = Api::all(self.client.clone());
        let patch = Patch::Merge(json!({ "status": { "storedVersions": ["v1beta1"] } }));
        crds.patch_status(CRD, &PatchParams::default(), &patch)
            .await
            .expect("patch the CRD's status");
    }

    async fn stored(&self) -> Vec<String> {
        let crds: Api<CustomResourceDefinition> = Api::all(self.client.clone());
        let status = crds.get(CRD).await.expect("the CRD").status;
        let status = status.unwrap_or_default();
        status.stored_versions.unwrap_or_default()
    }
}

impl Drop for StorageVersion<'_> {
    fn drop(&mut self) {
        tokio::task::block_in_place(|| {
            tokio::runtime::Handle::current().block_on(self.set("v1beta1"));
        });
    }
}

fn key(test: &Namespace, name: &str) -> String {
    format!("/registry/apps.kruise.io/clonesets/{}/{name}", test.name)
}

/// Makes an object in v1alpha1 and returns once etcd has it so. The API server learns of a CRD's change a moment
/// later, so that the first ones may still be stored as before.
async fn make_stored_as_v1alpha1(test: &Namespace, etcd: &Etcd, name: &str) {
    let mut old = spec(2, json!({}));
    old["selector"]["matchLabels"]["app"] = json!(name);
    old["template"]["metadata"]["labels"]["app"] = json!(name);
    old["updateStrategy"] = json!({ "type": "InPlaceIfPossible", "maxUnavailable": "100%" });
    let older = test.workload(CLONESETS_V1ALPHA1);
    eventually("an object is stored as v1alpha1", PATIENCE, || async {
        older
            .create(name, old.clone())
            .await
            .map_err(|error| error.to_string())?;
        let stored = etcd.object(&key(test, name)).await;
        if stored["apiVersion"] == "apps.kruise.io/v1alpha1" {
            return Ok(());
        }
        older
            .api()
            .delete(name, &DeleteParams::default())
            .await
            .map_err(|error| error.to_string())?;
        Err(stored["apiVersion"].to_string())
    })
    .await;
}

// CS-1, PF-402
#[tokio::test(flavor = "multi_thread")]
async fn objects_stored_as_v1alpha1_are_taken_over_by_a_controller_that_starts() {
    let plan = Test::that_disturbs(CLONESET_CONTROLLER).disturbs(Part::ApiServer);
    let Some(test) = plan.begin_locally().await else {
        return;
    };
    let (sets, older) = (test.workload(CLONESETS), test.workload(CLONESETS_V1ALPHA1));
    let (cluster, client) = (test.cluster, test.client.clone());
    let etcd = Etcd::of(cluster).await;
    let stood_down = Deployable::of(&client, CLONESET_CONTROLLER)
        .stand_down()
        .await;

    let storage = StorageVersion::v1alpha1(&client).await;
    for name in NAMES {
        make_stored_as_v1alpha1(&test, &etcd, name).await;
    }
    storage.set("v1beta1").await;
    assert_eq!(storage.stored().await, ["v1beta1", "v1alpha1"]);

    // Nothing converts, and nothing that was converted is remembered.
    cluster.control(&["restart", "apiserver"]);
    eventually(
        "the list fails for want of a converter",
        PATIENCE,
        || async {
            // Not by the client, which repeats what fails.
            let list = "/apis/apps.kruise.io/v1beta1/clonesets";
            let (listed, answer) = cluster.kubectl(&["get", "--raw", list]);
            assert!(!listed, "without a converter: {answer}");
            let expected = answer.contains("conversion webhook");
            if expected { Ok(()) } else { Err(answer) }
        },
    )
    .await;
    for name in NAMES {
        let stored = etcd.object(&key(&test, name)).await;
        assert_eq!(stored["apiVersion"], "apps.kruise.io/v1alpha1", "{name}");
    }

    // Waits until both replicas are ready.
    let start = Instant::now();
    drop(stood_down);
    println!("both replicas ready after {:.1?}", start.elapsed());
    for name in NAMES {
        sets.rolled_out(name).await;
    }
    let before = test.pods().facts().await;
    assert_eq!(before.len(), 4);
    for name in NAMES {
        older.set_app_image(name, &image(2)).await;
        sets.rolled_out(name).await;
    }
    let after = test.pods().facts().await;
    assert_eq!(uids(&after), uids(&before), "in place");
    assert!(after.values().all(|pod| pod.images["app"] == image(2)));
    // The first write of any kind, here the status, stores it anew. So the old version can be struck off.
    for name in NAMES {
        let stored = etcd.object(&key(&test, name)).await;
        assert_eq!(stored["apiVersion"], "apps.kruise.io/v1beta1", "{name}");
    }
    storage.strike_off_v1alpha1().await;
    assert_eq!(storage.stored().await, ["v1beta1"]);
}
