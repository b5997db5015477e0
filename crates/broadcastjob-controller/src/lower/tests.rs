use std::sync::Arc;

use kruise_plan::{Event, PodRef, stage::Member};
use serde_json::json;

use super::*;

fn snapshot() -> Snapshot {
    let metadata =
        json!({ "name": "scan", "namespace": "ns", "uid": "job-uid", "resourceVersion": "7" });
    let job = json!({ "metadata": metadata });
    Snapshot {
        job: Arc::new(serde_json::from_value(job).unwrap()),
        ..Snapshot::default()
    }
}

fn pod_ref(name: &str) -> PodRef {
    PodRef {
        name: name.to_owned(),
        uid: format!("uid-of-{name}"),
    }
}

fn new_pod(name: &str) -> NewPod {
    NewPod {
        name: name.to_owned(),
        node: "n1".to_owned(),
        metadata: Arc::new(json!({ "name": name })),
        spec: Arc::new(json!({})),
        own: [Member {
            path: &["nodeName"],
            value: json!("n1"),
        }],
    }
}

/// The calls of a stage, each with its tolerated answers and the reasons of its events.
fn calls(stage: &Stage<'_>) -> Vec<String> {
    let calls = stage.works.iter().flat_map(|work| &work.calls);
    calls
        .map(|call| {
            let verb = match &call.verb {
                Verb::Create { body } => format!("create {}", body.whole()["spec"]),
                Verb::Delete { uid, version } => {
                    let version = version
                        .as_ref()
                        .map(|version| format!(" in version {version}"));
                    format!("delete {uid}{}", version.unwrap_or_default())
                }
                other => format!("{other:?}"),
            };
            let done = call.done.as_ref().map_or("", |event| event.reason);
            let failed = call.failed.map_or("", |failed| failed.reason);
            let tolerated = call.tolerated;
            let (plural, name) = (call.resource.plural, &call.name);
            format!("{plural} {name}: {verb} {tolerated:?} [{done}|{failed}]")
        })
        .collect()
}

// BJ-55: all at once, by UID (DV-D1); a pod that is gone will do, and a failure is no event.
#[test]
fn pods_are_stopped_side_by_side() {
    let pods = vec![pod_ref("a"), pod_ref("b")];
    let step = Step::StopPods { pods };
    let stages = lower(&snapshot(), &step);
    assert_eq!(stages.len(), 1);
    assert_eq!(stages[0].order, Order::SideBySide);
    assert_eq!(
        calls(&stages[0]),
        [
            "pods a: delete uid-of-a [NotFound] [SuccessfulDelete|]",
            "pods b: delete uid-of-b [NotFound] [SuccessfulDelete|]",
        ]
    );
}

// BJ-52
#[test]
fn pods_are_created_batch_by_batch() {
    let batches = vec![vec![new_pod("a")], vec![new_pod("b"), new_pod("c")]];
    let step = Step::CreatePods { batches };
    let stages = lower(&snapshot(), &step);
    let calls: Vec<Vec<String>> = stages.iter().map(calls).collect();
    let created = |name: &str| {
        format!(
            r#"pods {name}: create {{"nodeName":"n1"}} [TimedOut] [SuccessfulCreate|FailedCreate]"#
        )
    };
    assert_eq!(
        calls,
        [vec![created("a")], vec![created("b"), created("c")]]
    );
    assert!(stages.iter().all(|stage| stage.order == Order::SideBySide));
    let told_anyhow = stages.iter().flat_map(|stage| &stage.works);
    let mut told_anyhow = told_anyhow.flat_map(|work| &work.calls);
    assert!(told_anyhow.all(|call| call.failed.unwrap().though_tolerated));
}

// BJ-61: a TTL that was taken away is in another version.
#[test]
fn the_job_is_deleted_by_its_uid_if_it_is_still_as_it_was_read() {
    let stages = lower(&snapshot(), &Step::DeleteJob);
    assert_eq!((stages.len(), stages[0].works.len()), (1, 1));
    assert_eq!(
        calls(&stages[0]),
        ["broadcastjobs scan: delete job-uid in version 7 [NotFound] [|]"]
    );
}

// BJ-35, BJ-45: that the job has ended is told when it is stored.
#[test]
fn the_end_is_told_with_the_status() {
    let written = Written {
        patch: json!({ "status": {} }),
        event: Some(Event::normal("JobComplete", "done".to_owned())),
    };
    let call = status(&snapshot(), &written);
    assert_eq!(call.done, written.event);
    assert_eq!((call.resource, call.name.as_str()), (BROADCASTJOBS, "scan"));
    assert_eq!(call.verb, Verb::merge(Some("status"), &written.patch));
}
