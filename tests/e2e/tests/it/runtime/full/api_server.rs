//! An API server that goes in the middle of a roll-out.

use e2e::{
    Part, Test,
    cloneset::{in_place, spec},
    names::{CLONESET_CONTROLLER, CLONESETS},
    pods::uids,
    templates::image,
};
use serde_json::json;

use crate::runtime::faults::updated_exactly_once;

#[tokio::test(flavor = "multi_thread")]
async fn the_api_server_restarted_in_a_roll_out_delays_it_only() {
    let plan = Test::of(CLONESET_CONTROLLER).disturbs(Part::ApiServer);
    let Some(test) = plan.begin_locally().await else {
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
    test.cluster
        .control(&["restart", "apiserver", "--wait", "3"]);
    sets.rolled_out("web").await;
    updated_exactly_once(&test, &before).await;
}
