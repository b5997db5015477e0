//! Another tag of the same image: through the older version, by the next leader, and after OpenKruise.

use e2e::{
    Test,
    cloneset::{in_place, small},
    names::{CLONESET_CONTROLLER, CLONESETS, CLONESETS_V1ALPHA1, REVISION, STATE, UPDATE_STATE},
    pods::{is_ready, label, name_of, uids},
};
use kube::api::{Patch, PatchParams};
use serde_json::json;

use crate::cloneset::same_image::{again, update_state, updated_in_place};

use crate::cloneset::controller;

// IP-51, CS-1: through the older version.
#[tokio::test(flavor = "multi_thread")]
async fn another_tag_of_the_same_image_is_rolled_out_through_v1alpha1() {
    let test = Test::of(CLONESET_CONTROLLER).begin().await;
    let sets = test.workload(CLONESETS);
    let older = test.workload(CLONESETS_V1ALPHA1);
    let mut spec = small(1, json!(null));
    spec["updateStrategy"] = json!({ "type": "InPlaceOnly" });
    older.create("web", spec).await.unwrap();
    sets.rolled_out("web").await;
    let before = uids(&test.pods().facts().await);
    older.set_app_image("web", &again()).await;
    sets.rolled_out("web").await;
    updated_in_place(&test, &before).await;
}

// IP-51: what decides is kept in the pods.
#[tokio::test(flavor = "multi_thread")]
async fn another_tag_of_the_same_image_is_rolled_out_by_the_next_leader() {
    let Some(test) = Test::that_disturbs(CLONESET_CONTROLLER)
        .begin_locally()
        .await
    else {
        return;
    };
    let sets = test.workload(CLONESETS);
    sets.create("web", small(1, in_place(json!(1))))
        .await
        .unwrap();
    sets.rolled_out("web").await;
    let before = uids(&test.pods().facts().await);
    let pod = test.pods().n(1).await.remove(0);
    sets.set_app_image("web", &again()).await;
    test.pods().in_state(&pod, "Updating").await;
    let killed = controller(&test).kill_leader().await.unwrap();
    controller(&test).is_led_by_another_than(&killed).await;
    sets.rolled_out("web").await;
    updated_in_place(&test, &before).await;
}

// DV-IP13: a pod in the middle of an update that OpenKruise began.
#[tokio::test(flavor = "multi_thread")]
async fn another_tag_of_the_same_image_is_rolled_out_after_openkruise_began() {
    let Some(test) = Test::that_disturbs(CLONESET_CONTROLLER)
        .begin_locally()
        .await
    else {
        return;
    };
    let sets = test.workload(CLONESETS);
    sets.create("web", small(1, in_place(json!(1))))
        .await
        .unwrap();
    sets.rolled_out("web").await;
    let before = uids(&test.pods().facts().await);
    sets.set_app_image("web", &again()).await;
    sets.rolled_out("web").await;
    updated_in_place(&test, &before).await;

    // As it was before the last write, with the state as OpenKruise has it.
    let stood_down = controller(&test).stand_down().await;
    let pod = test.pods().active().await.remove(0);
    let (name, revision) = (name_of(&pod), label(&pod, REVISION).to_owned());
    let mut state = update_state(&pod);
    let last = state["lastContainerStatuses"]["app"]
        .as_object_mut()
        .unwrap();
    last.retain(|field, _| field == "imageID");
    let patch = json!({
        "metadata": {
            "labels": { STATE: "Updating" },
            "annotations": { UPDATE_STATE: state.to_string() },
        },
        "status": { "conditions": [
            { "type": "InPlaceUpdateReady", "status": "False", "reason": "StartInPlaceUpdate" },
        ] },
    });
    test.pods()
        .api()
        .patch_status(&name, &PatchParams::default(), &Patch::Strategic(patch))
        .await
        .unwrap();
    test.pods()
        .when("it is out of service", |pods| !is_ready(&pods[0]))
        .await;
    drop(stood_down);
    sets.rolled_out("web").await;
    let pod = test.pods().in_state(&name, "Normal").await;
    assert_eq!(label(&pod, REVISION), revision);
    let last = &update_state(&pod)["lastContainerStatuses"]["app"];
    assert_eq!(last.get("containerID"), None, "the state is left as it was");
    updated_in_place(&test, &before).await;
}
