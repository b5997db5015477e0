//! A controller that ends in the middle of a job.

use e2e::{
    Deployable, Test,
    names::{BROADCASTJOB_CONTROLLER, BROADCASTJOBS, NODES},
};
use serde_json::json;

use super::{becomes, counts, job, nodes};

// BJ-S3, BJ-P8: the next leader goes on, and no node gets a second pod.
#[tokio::test(flavor = "multi_thread")]
async fn the_leader_killed_in_a_job_is_succeeded() {
    let claim = Test::that_disturbs(BROADCASTJOB_CONTROLLER);
    let Some(test) = claim.begin_locally().await else {
        return;
    };
    let jobs = test.workload(BROADCASTJOBS);
    let spec = job("sleep 4", json!({ "parallelism": 1 }));
    jobs.create("scan", spec).await.unwrap();
    counts(&jobs, "scan", [3, 1, 0, 0]).await;
    let controller = Deployable::of(&test.client, BROADCASTJOB_CONTROLLER);
    let killed = controller.kill_leader().await.unwrap();
    controller.is_led_by_another_than(&killed).await;
    becomes(&jobs, "scan", "completed").await;
    assert_eq!(nodes(&test.pods().all().await), NODES);
    assert_eq!(test.event_count("DuplicatePodCreatedOnSameNode").await, 0);
}
