//! Another tag of the same image, on real kubelets without a node daemon (DV-IP13).

use std::collections::BTreeSet;

use e2e::{
    Namespace, Test,
    cloneset::{in_place, small},
    names::{CLONESET_CONTROLLER, CLONESETS, STATE, UPDATE_STATE},
    pods::{condition, is_ready, label, name_of, uids},
    templates::image,
};
use k8s_openapi::api::core::v1::Pod;
use serde_json::{Value, json};

/// The first image under a second tag.
pub(super) fn again() -> String {
    format!("{}-again", image(1))
}

pub(super) fn update_state(pod: &Pod) -> Value {
    let annotations = pod.metadata.annotations.as_ref();
    let text = annotations.and_then(|annotations| annotations.get(UPDATE_STATE));
    text.map_or(Value::Null, |text| serde_json::from_str(text).unwrap())
}

/// The pods were updated in place, once each, and serve.
pub(super) async fn updated_in_place(test: &Namespace, before: &BTreeSet<String>) {
    let pods = test
        .pods()
        .when("all serve", |pods| pods.iter().all(is_ready))
        .await;
    assert_eq!(&uids(&test.pods().facts().await), before);
    for pod in &pods {
        let status = pod.status.as_ref().unwrap();
        let container = &status.container_statuses.as_ref().unwrap()[0];
        assert_eq!(container.restart_count, 1, "{}", name_of(pod));
        let spec = &pod.spec.as_ref().unwrap().containers[0];
        assert_eq!(spec.image, Some(again()));
        assert_eq!(condition(pod, "InPlaceUpdateReady").unwrap().status, "True");
        assert_eq!(label(pod, STATE), "Normal");
        let last = &update_state(pod)["lastContainerStatuses"]["app"];
        assert_eq!(
            last["imageID"],
            json!(container.image_id),
            "the same image, or this test shows nothing"
        );
    }
}

// IP-51
#[tokio::test(flavor = "multi_thread")]
async fn another_tag_of_the_same_image_is_rolled_out() {
    let test = Test::of(CLONESET_CONTROLLER).begin().await;
    let sets = test.workload(CLONESETS);
    sets.create("web", small(2, in_place(json!(1))))
        .await
        .unwrap();
    sets.rolled_out("web").await;
    let before = uids(&test.pods().facts().await);
    sets.set_app_image("web", &again()).await;
    sets.rolled_out("web").await;
    updated_in_place(&test, &before).await;
}
