//! A leader that goes in the middle of a roll-out.

use std::collections::BTreeSet;

use e2e::{
    Namespace, Test,
    cloneset::{in_place, spec},
    names::{CLONESET_CONTROLLER, CLONESETS, UPDATE_STATE},
    pods::{name_of, uids},
    templates::image,
};
use serde_json::{Value, json};

use crate::runtime::controller;

/// Each pod went through exactly one update in place, and none was made or lost.
pub(super) async fn updated_exactly_once(test: &Namespace, before: &BTreeSet<String>) {
    let facts = test.pods().facts().await;
    assert_eq!(&uids(&facts), before, "no pod was made or lost");
    for (name, is) in &facts {
        assert_eq!(
            (is.restarts["app"], is.restarts["sidecar"]),
            (1, 0),
            "{name}"
        );
        assert_eq!(is.images["app"], image(2), "{name}");
    }
    for pod in test.pods().active().await {
        let state = &pod.metadata.annotations.clone().unwrap()[UPDATE_STATE];
        let state: Value = serde_json::from_str(state).unwrap();
        assert_eq!(
            state["containerBatchesRecord"].as_array().map(Vec::len),
            Some(1),
            "{}: {state}",
            name_of(&pod)
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_leader_killed_in_a_roll_out_is_succeeded() {
    let Some(test) = Test::that_disturbs(CLONESET_CONTROLLER)
        .begin_locally()
        .await
    else {
        return;
    };
    let sets = test.workload(CLONESETS);
    sets.create("web", spec(4, in_place(json!(1))))
        .await
        .unwrap();
    sets.rolled_out("web").await;
    let before = uids(&test.pods().facts().await);

    sets.set_app_image("web", &image(2)).await;
    sets.status_becomes("web", "updatedReplicas", 1).await;
    let killed = controller(&test).kill_leader().await.unwrap();
    // Usually the warm standby. A container that restarts at once sees the lease a moment after the last
    // renewal, though, and the standby looks only every two seconds: either may see it expire first.
    controller(&test).is_led_by_another_than(&killed).await;
    sets.rolled_out("web").await;
    updated_exactly_once(&test, &before).await;
}
