//! The deadline of progress.

use e2e::{
    Namespace, eventually,
    namespace::{PATIENCE, name_of},
    pods::{gated, is_ready},
    undisturbed,
    witness::Diary,
};
use k8s_openapi::jiff::Timestamp;
use kube::api::DynamicObject;
use serde_json::{Value, json};

const DEADLINE: i64 = 3;

fn progressing(set: &DynamicObject) -> Value {
    let conditions = set.data["status"]["conditions"].as_array();
    let mut conditions = conditions.into_iter().flatten();
    let found = conditions.find(|condition| condition["type"] == "Progressing");
    found.cloned().unwrap_or_default()
}

async fn becomes(test: &Namespace, reason: &str) -> Value {
    eventually(&format!("Progressing: {reason}"), PATIENCE, || async {
        let condition = progressing(&test.clone_sets().get("web").await.unwrap());
        if condition["reason"] == reason {
            Ok(condition)
        } else {
            Err(condition)
        }
    })
    .await
}

fn updated_at(condition: &Value) -> Timestamp {
    let time = condition["lastUpdateTime"].as_str().unwrap();
    time.parse().unwrap()
}

// CS-S39, CS-120 to CS-122, DV-CS8
#[tokio::test(flavor = "multi_thread")]
async fn the_deadline_runs_from_the_last_progress() {
    let _guard = undisturbed().await;
    let test = Namespace::create("deadline").await;
    let diary = Diary::start(test.clone_sets(), |set| progressing(set).to_string()).await;
    let mut spec = gated(
        2,
        json!({ "podUpdatePolicy": "ReCreate", "maxUnavailable": 1 }),
    );
    spec["progressDeadlineSeconds"] = json!(DEADLINE);
    test.create_clone_set("web", spec).await.unwrap();

    // It never gets ready; told, that stops nothing.
    becomes(&test, "ProgressDeadlineExceeded").await;
    test.patch("web", json!({ "spec": { "replicas": 3 } }))
        .await;
    let pods = test.n_pods(3).await;
    test.open(&pods).await;
    let available = becomes(&test, "CloneSetAvailable").await;

    // Available for longer than the deadline when the template changes.
    eventually("the deadline after that", PATIENCE, || async {
        let age = Timestamp::now().duration_since(updated_at(&available));
        if age.as_secs() > DEADLINE {
            Ok(())
        } else {
            Err(age)
        }
    })
    .await;
    test.relabel_template("web", "b").await;
    becomes(&test, "ProgressDeadlineExceeded").await;
    eventually("rolled out", PATIENCE, || async {
        for pod in test.active_pods().await {
            let runs = pod
                .status
                .as_ref()
                .and_then(|status| status.phase.as_deref());
            if runs == Some("Running") && !is_ready(&pod) {
                test.open(&[name_of(&pod)]).await;
            }
        }
        let set = test.clone_set("web").await;
        let done = set["status"]["updatedAvailableReplicas"] == 3;
        if done {
            Ok(())
        } else {
            Err(set["status"].clone())
        }
    })
    .await;
    becomes(&test, "CloneSetAvailable").await;

    let notes = eventually("the end is noted", PATIENCE, || async {
        let notes = diary.of("web");
        let ended = notes
            .last()
            .is_some_and(|note| note.contains("CloneSetAvailable"));
        if ended { Ok(notes) } else { Err(notes) }
    })
    .await;
    let notes: Vec<Value> = notes
        .iter()
        .map(|note| serde_json::from_str(note).unwrap())
        .filter(|note: &Value| !note.is_null())
        .collect();
    for pair in notes.windows(2) {
        let [before, after] = pair else { panic!() };
        if after["reason"] == "ProgressDeadlineExceeded" {
            assert_eq!(before["reason"], "CloneSetUpdated", "{notes:#?}");
            let waited = updated_at(after).duration_since(updated_at(before));
            assert!(waited.as_secs() >= DEADLINE, "{before} {after}");
            assert_eq!(after["status"], "False");
        } else {
            assert_eq!(after["status"], "True");
        }
    }
    let mut story: Vec<&str> = notes
        .iter()
        .map(|note| note["reason"].as_str().unwrap())
        .collect();
    story.dedup();
    let exceeded = "ProgressDeadlineExceeded";
    assert_eq!(story[..2], ["CloneSetUpdated", exceeded], "{story:?}");
    let settled: Vec<usize> = (0..story.len())
        .filter(|at| story[*at] == "CloneSetAvailable")
        .collect();
    let [first, last] = settled[..] else {
        panic!("{story:?}")
    };
    let roll_out = &story[first + 1..last];
    // However it moves on: it has taken too long.
    assert_eq!(roll_out, ["CloneSetUpdated", exceeded], "{story:?}");
}
