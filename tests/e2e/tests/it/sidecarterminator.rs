//! SidecarTerminator: what only a real cluster shows of it, real jobs whose containers end. What planner and executor decide is
//! proved in process, by crates/sidecarterminator-controller/tests.
//!
//! Nobody stops containers by request in this cluster. A sidecar that is asked to end does so by itself after a while, and
//! one whose pod has ended is stopped by the kubelet.

use e2e::{
    PATIENCE, Part, Test, eventually,
    names::{CONTAINER_RECREATE_REQUESTS, JOBS, SIDECARTERMINATOR_CONTROLLER},
    pods::{condition, name_of},
    stand_in::StandIn,
    templates::{container, image},
};
use k8s_openapi::api::core::v1::Pod;
use kube::{
    Api,
    api::{DynamicObject, ListParams, Patch, PatchParams},
};
use serde_json::{Value, json};

/// A job whose sidecar runs this script, and carries these variables.
fn job(sidecar: &str, variables: &[&str]) -> Value {
    let mut main = container("main", &image(1));
    main["command"] = json!(["/bin/sh", "-c", "sleep 1"]);
    let mut side = container("side", &image(1));
    side["command"] = json!(["/bin/sh", "-c", sidecar]);
    let variables = variables.iter();
    let variables = variables.map(|name| json!({ "name": name, "value": "true" }));
    side["env"] = variables.collect();
    json!({ "backoffLimit": 0, "template": { "spec": {
        "restartPolicy": "Never", "terminationGracePeriodSeconds": 1, "containers": [main, side],
    } } })
}

const KILLED: &str = "KRUISE_TERMINATE_SIDECAR_WHEN_JOB_EXIT";
const IGNORED: &str = "KRUISE_TERMINATE_SIDECAR_IGNORE_EXIT_CODE";

/// Waits for the request about the pod of a job, which is another than one that was there before.
async fn request_for(
    requests: &Api<DynamicObject>,
    job: &str,
    before: Option<&DynamicObject>,
) -> DynamicObject {
    let what = format!("a request for the pod of job {job}");
    let before = before.map(|before| &before.metadata.uid);
    eventually(&what, PATIENCE, || async {
        let all = requests
            .list(&ListParams::default())
            .await
            .map_err(|error| error.to_string())?
            .items;
        let names: Vec<_> = all.iter().map(|it| it.data["spec"].clone()).collect();
        let of_job = |request: &DynamicObject| {
            let pod = request.data["spec"]["podName"].as_str().unwrap_or_default();
            pod.starts_with(&format!("{job}-"))
        };
        let mut others = all
            .into_iter()
            .filter(|request| Some(&request.metadata.uid) != before);
        others.find(of_job).ok_or(format!("{names:?}"))
    })
    .await
}

async fn completes(test: &Test, job: &str) {
    let is_complete = |job: &Value| job["status"]["succeeded"] == 1;
    let what = format!("job {job} is complete");
    test.workload(JOBS).when(&what, job, is_complete).await;
}

async fn pod_of(test: &Test, job: &str) -> Pod {
    let pods = test.pods().all().await;
    let of_job = |pod: &Pod| name_of(pod).starts_with(&format!("{job}-"));
    pods.into_iter().find(of_job).expect("its pod")
}

// ST-A1, ST-A6, ST-A9, DV-ST1: they share the kind, so that the controller has to notice it once.
#[tokio::test(flavor = "multi_thread")]
async fn jobs_with_sidecars_end() {
    let kind = Part::Kind("containerrecreaterequests.apps.kruise.io");
    let plan = Test::of(SIDECARTERMINATOR_CONTROLLER).disturbs(kind);
    let test = plan.begin().await;
    let requests = StandIn::install(&test, CONTAINER_RECREATE_REQUESTS).await;
    let requests = requests.api(&test);
    let jobs = test.workload(JOBS);
    jobs.create("vain", job("sleep 600", &[KILLED]))
        .await
        .unwrap();
    let in_vain = request_for(&requests, "vain", None).await;

    let counts = job("sleep 8", &[KILLED]);
    let ignored = job("sleep 600", &[KILLED, IGNORED]);
    jobs.create("counts", counts).await.unwrap();
    jobs.create("ignored", ignored).await.unwrap();
    // Nobody answers the first request.
    let status = json!({ "status": {
        "phase": "Completed", "message": "daemon has not responded for a long time",
    } });
    requests
        .patch_status(
            in_vain.metadata.name.as_deref().unwrap(),
            &PatchParams::default(),
            &Patch::Merge(status),
        )
        .await
        .unwrap();

    let request = request_for(&requests, "counts", None).await;
    let pod = pod_of(&test, "counts").await;
    let owner = &request.metadata.owner_references.as_ref().unwrap()[0];
    assert_eq!(
        (&owner.kind, Some(&owner.uid)),
        (&"Pod".to_owned(), pod.metadata.uid.as_ref())
    );
    let spec = &request.data["spec"];
    assert_eq!(spec["containers"][0]["name"], "side");
    assert_eq!(spec["strategy"]["forceRecreate"], true);
    assert_eq!(spec["strategy"]["failurePolicy"], "Ignore");
    completes(&test, "counts").await;
    assert!(condition(&pod_of(&test, "counts").await, "SidecarTerminated").is_none());

    // The kubelet stops what is left of a pod that has ended, and leaves its phase alone.
    completes(&test, "ignored").await;
    let what = "the ignored sidecar has ended";
    let pod = eventually(what, PATIENCE, || async {
        let pod = pod_of(&test, "ignored").await;
        let code = exit_code(&pod, "side");
        if code.is_some() {
            Ok(pod)
        } else {
            Err(pod.status)
        }
    })
    .await;
    assert_ne!(exit_code(&pod, "side"), Some(0));
    assert_eq!(condition(&pod, "SidecarTerminated").unwrap().status, "True");
    let phase = pod.status.as_ref().and_then(|status| status.phase.clone());
    assert_eq!(phase.as_deref(), Some("Succeeded"));

    let anew = request_for(&requests, "vain", Some(&in_vain)).await;
    assert_eq!(anew.metadata.name, in_vain.metadata.name);
    // Each creation is told: two for the job whose first request was in vain.
    test.told("SidecarTerminator", 4).await;
}

/// With which code a container has ended.
fn exit_code(pod: &Pod, container: &str) -> Option<i32> {
    let statuses = pod.status.as_ref()?.container_statuses.as_ref()?;
    let status = statuses.iter().find(|status| status.name == container)?;
    Some(status.state.as_ref()?.terminated.as_ref()?.exit_code)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sample_is_what_a_server_takes() {
    let test = Test::of(SIDECARTERMINATOR_CONTROLLER).begin().await;
    let directory = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../deploy/samples/sidecarterminator"
    );
    // Its image is not in the registry of the tests.
    let (ok, said) = test.cluster.kubectl(&[
        "apply",
        "--dry-run=server",
        "--warnings-as-errors",
        "--namespace",
        &test.name,
        "--filename",
        directory,
    ]);
    assert!(ok, "{said}");
}
