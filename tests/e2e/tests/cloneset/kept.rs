//! Pods and claims that are to outlive their CloneSet (DV-CS17).

use std::collections::BTreeSet;

use e2e::{
    Namespace, eventually,
    namespace::{PATIENCE, in_place, name_of},
    pods::small,
    undisturbed,
};
use k8s_openapi::api::core::v1::PersistentVolumeClaim;
use kube::{
    Api, ResourceExt,
    api::{DeleteParams, ListParams, PropagationPolicy},
};
use serde_json::{Value, json};

fn with_volume(replicas: i32) -> Value {
    let mut spec = small(replicas, in_place(json!(1)));
    spec["volumeClaimTemplates"] = json!([{
        "metadata": { "name": "data" },
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "resources": { "requests": { "storage": "1Mi" } },
        },
    }]);
    spec["scaleStrategy"] = json!({ "enablePVCReuse": false });
    spec
}

/// Claims by name: whether each is on its way out, and how many owners it has.
async fn claims(test: &Namespace) -> Vec<(String, bool, usize)> {
    let api: Api<PersistentVolumeClaim> = Api::namespaced(test.client.clone(), &test.name);
    let listed = api.list(&ListParams::default()).await.unwrap();
    let claims = listed.iter().map(|claim| {
        let goes = claim.metadata.deletion_timestamp.is_some();
        (claim.name_any(), goes, claim.owner_references().len())
    });
    claims.collect()
}

async fn names(test: &Namespace) -> BTreeSet<String> {
    test.active_pods().await.iter().map(name_of).collect()
}

// CS-23, CS-74: what `kubectl delete --cascade=orphan` does.
#[tokio::test(flavor = "multi_thread")]
async fn a_set_that_is_deleted_without_its_pods_leaves_them_their_claims() {
    let _guard = undisturbed().await;
    let test = Namespace::create("orphaned").await;
    test.create_clone_set("web", with_volume(3)).await.unwrap();
    test.rolled_out("web").await;
    let before = names(&test).await;
    let params = DeleteParams {
        propagation_policy: Some(PropagationPolicy::Orphan),
        ..DeleteParams::default()
    };
    test.clone_sets().delete("web", &params).await.unwrap();
    eventually("the CloneSet is gone", PATIENCE, || async {
        match test.clone_sets().get_opt("web").await {
            Ok(None) => Ok(()),
            other => Err(format!("{other:?}")),
        }
    })
    .await;
    assert_eq!(names(&test).await, before);
    let claims = claims(&test).await;
    assert_eq!(claims.len(), 3);
    for (claim, goes, n_owners) in claims {
        assert!(!goes, "{claim} is on its way out");
        assert_eq!(n_owners, 0, "{claim}");
    }
}

// CS-28, CS-74
#[tokio::test(flavor = "multi_thread")]
async fn a_released_pod_keeps_its_claim() {
    let _guard = undisturbed().await;
    let test = Namespace::create("letgo").await;
    test.create_clone_set("web", with_volume(2)).await.unwrap();
    test.rolled_out("web").await;
    let released = test.n_pods(2).await.remove(0);
    test.label_pod(&released, "app", json!("debug")).await;
    test.n_pods(3).await;
    test.rolled_out("web").await;
    test.decided("web").await;
    let claims = claims(&test).await;
    assert_eq!(claims.len(), 3);
    for (claim, goes, _) in claims {
        assert!(!goes, "{claim} is on its way out");
    }
}
