//! Workloads and namespaces that are deleted.

use e2e::{
    Namespace, PATIENCE, Test, eventually,
    names::{DEPLOYMENTS, PUB_WEBHOOK},
};
use k8s_openapi::api::core::v1::{Namespace as CoreNamespace, Pod};
use kube::{Api, api::DeleteParams};
use serde_json::json;

use super::{TEXT, delete, names, shop};

/// PB-70: nothing is left of the budget, and garbage collection and the namespace controller go on.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_deleted_as_a_whole_goes() {
    let test = Test::of(PUB_WEBHOOK).begin().await;
    let other = Namespace::create("goes").await;
    let (_, _) = tokio::join!(shop(&test, 2, json!(0)), shop(&other, 2, json!(0)));
    for namespace in [&*test, &other] {
        let pod = names(namespace).await.remove(0);
        let refused = delete(namespace, &pod).await.unwrap_err();
        assert!(refused.contains(TEXT), "{refused}");
    }
    test.workload(DEPLOYMENTS).delete("web").await;
    let namespaces: Api<CoreNamespace> = Api::all(test.client.clone());
    namespaces
        .delete(&other.name, &DeleteParams::default())
        .await
        .unwrap();
    test.pods()
        .when("the pods go with their Deployment", <[Pod]>::is_empty)
        .await;
    eventually("the namespace goes", PATIENCE, || async {
        match namespaces.get_opt(&other.name).await {
            Ok(None) => Ok(()),
            there => Err(format!("{there:?}")),
        }
    })
    .await;
}
