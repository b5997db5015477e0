//! BroadcastJobs: what only a real cluster shows of them. What planner and executor decide is proved in process, by
//! crates/broadcastjob-controller/tests.

use e2e::{
    Part, Test, Workload,
    names::{BROADCASTJOB_CONTROLLER, BROADCASTJOBS, BROADCASTJOBS_V1ALPHA1, NODES},
    templates::{container, image},
    wait::{PATIENCE, eventually},
};
use k8s_openapi::api::core::v1::Pod;
use serde_json::{Value, json};

mod admission;
mod faults;
#[cfg(feature = "full")]
mod full;

/// A spec whose pods run this script, changed by a merge.
fn job(script: &str, change: Value) -> Value {
    let mut container = container("app", &image(1));
    container["command"] = json!(["/bin/sh", "-c", script]);
    // The script knows where it runs.
    let node = json!({ "fieldRef": { "fieldPath": "spec.nodeName" } });
    container["env"] = json!([{ "name": "NODE", "valueFrom": node }]);
    let mut spec = json!({ "template": {
        "metadata": { "labels": { "app": "scan" } },
        "spec": {
            "restartPolicy": "Never", "terminationGracePeriodSeconds": 1, "containers": [container],
        },
    } });
    json_patch::merge(&mut spec, &change);
    spec
}

/// Waits for a phase, and returns the status.
async fn becomes(jobs: &Workload, name: &str, phase: &str) -> Value {
    let what = format!("{name} is {phase}");
    let job = jobs.when(&what, name, |job| job["status"]["phase"] == phase);
    job.await["status"].clone()
}

/// Waits until the status counts `desired active succeeded failed`.
async fn counts(jobs: &Workload, name: &str, wanted: [i64; 4]) {
    let what = format!("{name} counts {wanted:?}");
    let fields = ["desired", "active", "succeeded", "failed"];
    let is_wanted =
        |job: &Value| fields.map(|field| job["status"][field].as_i64()) == wanted.map(Some);
    jobs.when(&what, name, is_wanted).await;
}

/// The nodes that pods were bound to, sorted. A pod that is bound to no node counts as an empty name.
fn nodes(pods: &[Pod]) -> Vec<String> {
    let node = |pod: &Pod| pod.spec.as_ref()?.node_name.clone();
    let mut nodes: Vec<_> = pods
        .iter()
        .map(|pod| node(pod).unwrap_or_default())
        .collect();
    nodes.sort_unstable();
    nodes
}

// BJ-S1, BJ-S2, BJ-S32: written through the older version, bound by the real scheduler, read in both versions.
#[tokio::test(flavor = "multi_thread")]
async fn a_job_runs_to_completion_on_every_node() {
    let test = Test::of(BROADCASTJOB_CONTROLLER).begin().await;
    let old = test.workload(BROADCASTJOBS_V1ALPHA1);
    old.create("scan", job("sleep 1", json!({}))).await.unwrap();
    let jobs = test.workload(BROADCASTJOBS);
    let status = becomes(&jobs, "scan", "completed").await;
    assert_eq!(status["succeeded"], 3);
    assert_eq!(status["conditions"][0]["type"], "Complete");
    assert_eq!(nodes(&test.pods().all().await), NODES);
    let (old, new) = (old.get("scan").await, jobs.get("scan").await);
    assert_eq!(
        (&old["spec"], &old["status"]),
        (&new["spec"], &new["status"])
    );
    test.told("SuccessfulCreate", 3).await;
    test.told("JobComplete", 1).await;
}

// BJ-S7
#[tokio::test(flavor = "multi_thread")]
async fn the_first_failed_pod_fails_the_job() {
    let test = Test::of(BROADCASTJOB_CONTROLLER).begin().await;
    let jobs = test.workload(BROADCASTJOBS);
    let script = format!("[ $NODE = {} ] && sleep 3 && exit 1; sleep 600", NODES[0]);
    jobs.create("scan", job(&script, json!({}))).await.unwrap();
    let status = becomes(&jobs, "scan", "failed").await;
    assert_eq!(status["conditions"][0]["type"], "Failed");
    assert_eq!(status["failed"], 3);
    eventually("the others are gone", PATIENCE, || async {
        match nodes(&test.pods().all().await) {
            left if left == NODES[..1] => Ok(()),
            left => Err(left),
        }
    })
    .await;
}

// BJ-S11, BJ-S17, BJ-S20, BJ-P4: by what a real cordon writes.
#[tokio::test(flavor = "multi_thread")]
async fn a_cordoned_node_is_left_and_served_again() {
    let claim = Test::of(BROADCASTJOB_CONTROLLER).disturbs(Part::Node(NODES[2]));
    let Some(test) = claim.begin_locally().await else {
        return;
    };
    let jobs = test.workload(BROADCASTJOBS);
    let spec = job(
        "sleep 600",
        json!({ "completionPolicy": { "type": "Never" } }),
    );
    jobs.create("scan", spec).await.unwrap();
    counts(&jobs, "scan", [3, 3, 0, 0]).await;
    let cordoned = test.cluster.cordon(NODES[2]);
    counts(&jobs, "scan", [2, 2, 0, 0]).await;
    drop(cordoned);
    counts(&jobs, "scan", [3, 3, 0, 0]).await;
}

// BJ-S5, BJ-P5: by the real garbage collector.
#[tokio::test(flavor = "multi_thread")]
async fn a_job_goes_with_its_pods_when_its_time_is_over() {
    let test = Test::of(BROADCASTJOB_CONTROLLER).begin().await;
    let jobs = test.workload(BROADCASTJOBS);
    let spec = job(
        "true",
        json!({ "completionPolicy": { "ttlSecondsAfterFinished": 2 } }),
    );
    jobs.create("scan", spec).await.unwrap();
    jobs.is_gone("scan").await;
    test.told("SuccessfulCreate", 3).await;
    eventually("its pods are gone", PATIENCE, || async {
        let left = nodes(&test.pods().all().await);
        if left.is_empty() { Ok(()) } else { Err(left) }
    })
    .await;
}
