//! What holds of every budget, whatever its pods are.

use std::sync::Arc;

use jiff::SignedDuration;
use proptest::prelude::*;
use pub_webhook::{
    check,
    plan::{plan, status::tally},
    snapshot::Snapshot,
};
use serde_json::{Value, json};

use crate::objects::{NOW, budget, pod_with, with};

#[derive(Debug, Clone)]
struct Pod {
    is_ready: bool,
    is_linked: bool,
    disrupted: Option<i64>,
    unavailable: Option<i64>,
    is_read_live: bool,
}

fn pods() -> impl Strategy<Value = Vec<Pod>> {
    let age = || proptest::option::weighted(0.3, 0..40i64);
    let flag = any::<bool>;
    let pod = (flag(), flag(), age(), age(), flag());
    let pod = pod.prop_map(
        |(is_ready, is_linked, disrupted, unavailable, is_read_live)| Pod {
            is_ready,
            is_linked,
            disrupted,
            unavailable,
            is_read_live,
        },
    );
    proptest::collection::vec(pod, 0..12)
}

fn limit() -> impl Strategy<Value = Value> {
    prop_oneof![
        (0..20i32).prop_map(|number| json!(number)),
        (0..=100i32).prop_map(|percent| json!(format!("{percent}%"))),
    ]
}

fn snapshot(pods: &[Pod], expected: i32, field: &str, limit: &Value, n_gone: usize) -> Snapshot {
    let now: jiff::Timestamp = NOW.parse().unwrap();
    let at = |age: i64| json!((now - SignedDuration::from_secs(age)).to_string());
    let mut stored = with(
        budget(0, json!({})),
        json!({ "spec": { "maxUnavailable": null } }),
    );
    stored["spec"][field] = limit.clone();
    for number in 0..n_gone {
        stored["status"]["disruptedPods"][format!("gone-{number}")] = at(1);
    }
    let mut decoded = vec![];
    for (number, pod) in pods.iter().enumerate() {
        let name = format!("p{number}");
        for (map, age) in [
            ("disruptedPods", pod.disrupted),
            ("unavailablePods", pod.unavailable),
        ] {
            if let Some(age) = age {
                stored["status"][map][&name] = at(age);
            }
        }
        let mut change = json!({});
        if !pod.is_ready {
            change["status"] = json!({ "conditions": [] });
        }
        if !pod.is_linked {
            change["metadata"] = json!({ "annotations": null });
        }
        let pod = pod_with(&name, change);
        decoded.push(Arc::new(serde_json::from_str(&pod.to_string()).unwrap()));
    }
    let read_live = pods.iter().enumerate().filter(|(_, pod)| pod.is_read_live);
    let read_live = read_live.map(|(number, _)| format!("p{number}"));
    // Of those that are none of the pods, one is there all the same.
    let elsewhere = (n_gone > 1).then(|| "gone-0".to_owned()).into_iter();
    Snapshot {
        budget: Arc::new(serde_json::from_value(stored).unwrap()),
        pods: decoded,
        expected,
        read_live: read_live.collect(),
        elsewhere: elsewhere.collect(),
        ended: (n_gone > 2)
            .then(|| "gone-1".to_owned())
            .into_iter()
            .collect(),
        now,
        ..Snapshot::default()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// PB-18, PB-26, PB-27, PB-31, PB-53 to PB-55
    #[test]
    fn plans_and_statuses_keep_the_rules(
        pods in pods(),
        expected in -1..15i32,
        field in prop_oneof![Just("maxUnavailable"), Just("minAvailable")],
        limit in limit(),
        n_gone in 0..3usize,
    ) {
        let snapshot = snapshot(&pods, expected, field, &limit, n_gone);
        let plan = plan(&snapshot);
        prop_assert_eq!(check::violations(&snapshot, &plan), Vec::<String>::new());
        let desired = plan.desired.unwrap();
        let first = tally(&snapshot, desired, &snapshot.budget);
        prop_assert_eq!(check::status_violations(&snapshot, &snapshot.budget, &first), Vec::<String>::new());

        // Once it is written there is nothing more to write.
        if let Some(patch) = &first.patch {
            let mut stored = json!({ "metadata": { "generation": 1 }, "status": {
                "disruptedPods": {}, "unavailablePods": {},
            } });
            for (map, kept) in [
                ("disruptedPods", &snapshot.budget.asked.status.disrupted_pods),
                ("unavailablePods", &snapshot.budget.asked.status.unavailable_pods),
            ] {
                for (name, at) in kept {
                    stored["status"][map][name] = json!(at.to_string());
                }
            }
            json_patch::merge(&mut stored, patch);
            let written = serde_json::from_value(stored).unwrap();
            prop_assert_eq!(tally(&snapshot, desired, &written).patch, None);
        }
    }
}
