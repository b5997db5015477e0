//! Pods and claims that are to outlive their CloneSet (DV-CS17).

use std::collections::BTreeSet;

use e2e::{
    Namespace, Test,
    cloneset::{claim_templates, in_place, small},
    names::{CLONESET_CONTROLLER, CLONESETS},
    pods::name_of,
};
use k8s_openapi::api::core::v1::PersistentVolumeClaim;
use kube::{
    Api, ResourceExt,
    api::{DeleteParams, ListParams, PropagationPolicy},
};
use serde_json::{Value, json};

fn with_volume(replicas: i32) -> Value {
    let mut spec = small(replicas, in_place(json!(1)));
    spec["volumeClaimTemplates"] = claim_templates("1Mi");
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
    test.pods().active().await.iter().map(name_of).collect()
}

// CS-23, CS-74: what `kubectl delete --cascade=orphan` does.
#[tokio::test(flavor = "multi_thread")]
async fn a_set_that_is_deleted_without_its_pods_leaves_them_their_claims() {
    let test = Test::of(CLONESET_CONTROLLER).begin().await;
    let sets = test.workload(CLONESETS);
    sets.create("web", with_volume(2)).await.unwrap();
    sets.rolled_out("web").await;
    let before = names(&test).await;
    let params = DeleteParams {
        propagation_policy: Some(PropagationPolicy::Orphan),
        ..DeleteParams::default()
    };
    sets.api().delete("web", &params).await.unwrap();
    sets.is_gone("web").await;
    assert_eq!(names(&test).await, before);
    let claims = claims(&test).await;
    assert_eq!(claims.len(), 2);
    for (claim, goes, n_owners) in claims {
        assert!(!goes, "{claim} is on its way out");
        assert_eq!(n_owners, 0, "{claim}");
    }
}
