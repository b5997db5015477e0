//! What a budget comes to: plans and statuses, without an API server. Each is looked at with other eyes, too.

use std::sync::Arc;

use jiff::SignedDuration;
use pub_webhook::{
    budget::Budget,
    check,
    plan::{
        Plan, plan,
        status::{Tally, tally},
    },
    pod::BudgetPod,
    snapshot::Snapshot,
};
use rstest::rstest;
use serde_json::{Value, json};

use crate::objects::{NOW, budget, pod, pod_with, with};

/// A budget with this spec and status, of so many pods `p0`, `p1` … that serve.
fn snapshot(n_pods: usize, expected: i32, budget_change: Value) -> Snapshot {
    let mut budget = budget(0, json!({ "status": null }));
    budget["spec"] = json!({});
    let names: Vec<String> = (0..n_pods).map(|number| format!("p{number}")).collect();
    let pods = names.iter().map(|name| decoded(&pod(name)));
    Snapshot {
        budget: Arc::new(serde_json::from_value(with(budget, budget_change)).unwrap()),
        pods: pods.collect(),
        expected,
        read_live: names.into_iter().collect(),
        now: NOW.parse().unwrap(),
        ..Snapshot::default()
    }
}

fn decoded(pod: &Value) -> Arc<BudgetPod> {
    Arc::new(serde_json::from_str(&pod.to_string()).unwrap())
}

fn planned(snapshot: &Snapshot) -> Plan {
    let plan = plan(snapshot);
    assert_eq!(check::violations(snapshot, &plan), Vec::<String>::new());
    plan
}

fn counted_by(snapshot: &Snapshot, newest: &Budget) -> Tally {
    let desired = planned(snapshot).desired.unwrap();
    let tally = tally(snapshot, desired, newest);
    let violations = check::status_violations(snapshot, newest, &tally);
    assert_eq!(violations, Vec::<String>::new());
    tally
}

fn counted(snapshot: &Snapshot) -> Tally {
    counted_by(snapshot, &snapshot.budget)
}

/// `total desired current allowed`
fn numbers(tally: &Tally) -> [i32; 4] {
    let status = &tally.status;
    [
        status.total_replicas,
        status.desired_available,
        status.current_available,
        status.unavailable_allowed,
    ]
}

fn seconds_ago(seconds: i64) -> Value {
    let now: jiff::Timestamp = NOW.parse().unwrap();
    json!((now - SignedDuration::from_secs(seconds)).to_string())
}

/// PB-S1, PB-S10, PB-S11, PB-S12, PB-S17, PB-S30, PB-55, PB-57
#[rstest]
#[case::the_first_scenario(10, 10, json!({ "maxUnavailable": "30%" }), [10, 7, 10, 3])]
#[case::rounded_up(15, 15, json!({ "maxUnavailable": "10%" }), [15, 13, 15, 2])]
#[case::half(7, 7, json!({ "minAvailable": "50%" }), [7, 4, 7, 3])]
#[case::more_than_there_can_be(10, 10, json!({ "minAvailable": 100 }), [10, 100, 10, 0])]
#[case::unknown_scale(3, -1, json!({ "maxUnavailable": 1 }), [-1, 0, 3, 3])]
#[case::all_of_unknown(3, -1, json!({ "minAvailable": "100%" }), [-1, -1, 3, 4])]
#[case::scaled_in(100, 50, json!({ "maxUnavailable": "10%" }), [50, 45, 100, 55])]
#[case::surge(12, 10, json!({ "maxUnavailable": "30%" }), [10, 7, 12, 5])]
#[case::nothing_wanted(0, 0, json!({ "maxUnavailable": "30%" }), [0, 0, 0, 0])]
fn numbers_follow(
    #[case] n_pods: usize,
    #[case] expected: i32,
    #[case] spec: Value,
    #[case] expected_numbers: [i32; 4],
) {
    let snapshot = snapshot(n_pods, expected, json!({ "spec": spec }));
    let tally = counted(&snapshot);
    assert_eq!(numbers(&tally), expected_numbers);
    assert_eq!(tally.status.observed_generation, 1);
    let patch = tally.patch.unwrap();
    assert_eq!(
        patch["metadata"],
        json!({ "uid": "budget", "resourceVersion": "1" })
    );
    assert_eq!(patch["status"]["disruptedPods"], json!({}));
}

/// PB-55: what is there already is not written.
#[test]
fn a_status_that_holds_is_not_written() {
    let whole = json!({
        "spec": { "maxUnavailable": 3 },
        "status": {
            "observedGeneration": 1, "unavailableAllowed": 3, "currentAvailable": 10,
            "desiredAvailable": 7, "totalReplicas": 10,
        },
    });
    let stands = snapshot(10, 10, whole.clone());
    assert_eq!(counted(&stands).patch, None);
    let mut grown = whole;
    grown["metadata"] = json!({ "generation": 2 });
    let grown = snapshot(10, 10, grown);
    assert!(counted(&grown).patch.is_some());
}

/// PB-S23, PB-S36
#[test]
fn a_disruption_that_did_not_come_is_told_and_forgotten() {
    let overdue = snapshot(
        2,
        2,
        json!({
            "spec": { "maxUnavailable": 1 },
            "status": { "disruptedPods": { "p1": seconds_ago(21) } },
        }),
    );
    let tally = counted(&overdue);
    assert_eq!(numbers(&tally), [2, 1, 2, 1]);
    let names: Vec<_> = tally
        .not_deleted
        .iter()
        .map(|pod| &pod.metadata.name)
        .collect();
    assert_eq!(names, ["p1"]);
    assert_eq!(tally.next_expiry, None);
    assert_eq!(
        tally.patch.unwrap()["status"]["disruptedPods"],
        json!({ "p1": null })
    );
}

/// PB-S24, PB-54
#[test]
fn entries_that_stand_are_not_counted_and_looked_at_when_they_expire() {
    let young = snapshot(
        4,
        4,
        json!({
            "spec": { "maxUnavailable": 2 },
            "status": {
                "disruptedPods": { "p1": seconds_ago(5) }, "unavailablePods": { "p2": seconds_ago(2) },
            },
        }),
    );
    let tally = counted(&young);
    assert_eq!(numbers(&tally), [4, 2, 2, 0]);
    assert_eq!(tally.next_expiry.unwrap().as_secs(), 8);
    assert!(tally.not_deleted.is_empty());
}

/// PB-S25, PB-53
#[test]
fn an_update_that_takes_longer_counts_by_the_pod_itself() {
    let mut snapshot = snapshot(
        1,
        2,
        json!({
            "spec": { "maxUnavailable": 1 },
            "status": { "unavailablePods": { "updating": seconds_ago(11) } },
        }),
    );
    let state = json!({ "revision": "r", "lastContainerStatuses": { "app": { "imageID": "app@sha256:1" } } });
    let updating = pod_with(
        "updating",
        json!({
            "metadata": { "annotations": { "apps.kruise.io/inplace-update-state": state.to_string() } },
            "spec": { "containers": [{ "name": "app", "image": "app:2" }] },
        }),
    );
    snapshot.pods.push(decoded(&updating));
    snapshot.read_live.insert("updating".to_owned());
    let tally = counted(&snapshot);
    assert_eq!(numbers(&tally), [2, 1, 1, 0]);
    assert!(tally.status.unavailable_pods.is_empty() && tally.not_deleted.is_empty());
}

/// PB-53: exactly that age stands; pods that are gone or end are forgotten without a word.
#[rstest]
#[case::just_old_enough("p0", "disruptedPods", 20, true)]
#[case::too_old("p0", "disruptedPods", 21, false)]
#[case::an_update("p0", "unavailablePods", 10, true)]
#[case::an_old_update("p0", "unavailablePods", 11, false)]
#[case::of_a_pod_that_is_gone("gone", "disruptedPods", 1, false)]
fn entries_are_kept_for_a_time(
    #[case] pod: &str,
    #[case] map: &str,
    #[case] age: i64,
    #[case] stays: bool,
) {
    let mut snapshot = snapshot(
        1,
        1,
        json!({
            "spec": { "maxUnavailable": 1 }, "status": { map: { pod: seconds_ago(age) } },
        }),
    );
    snapshot.ended.insert("gone".to_owned());
    let tally = counted(&snapshot);
    let kept = match map {
        "disruptedPods" => &tally.status.disrupted_pods,
        _ => &tally.status.unavailable_pods,
    };
    assert_eq!(kept.contains_key(pod), stays);
    assert_eq!(tally.status.current_available, i32::from(!stays));
}

/// DV-PB16: a watch that has fallen silent shows pods as running that are gone.
#[rstest]
#[case::a_deletion("disruptedPods", 21)]
#[case::an_update("unavailablePods", 11)]
fn a_pod_is_read_live_before_its_entry_goes(#[case] map: &str, #[case] age: i64) {
    let change = json!({
        "spec": { "maxUnavailable": 1 }, "status": { map: { "p1": seconds_ago(age) } },
    });
    let mut snapshot = snapshot(2, 2, change);
    snapshot.read_live.clear();
    let tally = counted(&snapshot);
    assert_eq!(numbers(&tally), [2, 1, 1, 0]);
    assert!(tally.not_deleted.is_empty());
    assert!(tally.doubted.contains("p1"));
    assert_eq!(tally.looks_again().unwrap().as_secs(), 1);
}

/// DV-PB16: the index may lack a pod that is new, and would count it as soon as it has it.
#[rstest]
#[case::a_deletion("disruptedPods", 20, true)]
#[case::an_update("unavailablePods", 10, true)]
#[case::whose_time_is_up("disruptedPods", 21, false)]
fn a_pod_that_nobody_has_seen_is_read_live_before_its_entry_goes(
    #[case] map: &str,
    #[case] age: i64,
    #[case] stays: bool,
) {
    let change = json!({
        "spec": { "maxUnavailable": 1 }, "status": { map: { "new": seconds_ago(age) } },
    });
    let mut snapshot = snapshot(2, 2, change);
    let has_entry = |tally: &Tally| {
        let status = &tally.status;
        status.disrupted_pods.contains_key("new") || status.unavailable_pods.contains_key("new")
    };
    let tally = counted(&snapshot);
    assert_eq!(has_entry(&tally), stays);
    assert_eq!(tally.doubted.contains("new"), stays);
    snapshot.read_live.insert("new".to_owned());
    let tally = counted(&snapshot);
    assert!(!has_entry(&tally) && tally.doubted.is_empty());
}

/// PB-53, PB-52.4: one that came while workloads were looked up and pods linked may be paid for by now.
#[rstest]
#[case::young(19, true)]
#[case::old(21, false)]
fn the_entry_of_a_pod_that_has_just_come_stands(#[case] age: i64, #[case] stays: bool) {
    let change = json!({
        "spec": { "maxUnavailable": 1 }, "status": { "disruptedPods": { "new": seconds_ago(age) } },
    });
    let mut snapshot = snapshot(2, 2, change);
    snapshot.elsewhere.insert("new".to_owned());
    let tally = counted(&snapshot);
    assert_eq!(numbers(&tally), [2, 1, 2, 1]);
    assert_eq!(tally.status.disrupted_pods.contains_key("new"), stays);
    assert_eq!(tally.looks_again().is_some(), stays);
}

/// PB-46: what was spent meanwhile is in the newest copy alone.
#[test]
fn the_newest_copy_is_counted_by() {
    let snapshot = snapshot(3, 3, json!({ "spec": { "maxUnavailable": 2 } }));
    let newest = with(
        budget(1, json!({})),
        json!({
            "metadata": { "resourceVersion": "7", "generation": 4 },
            "status": { "disruptedPods": { "p1": seconds_ago(1) } },
        }),
    );
    let tally = counted_by(&snapshot, &serde_json::from_value(newest).unwrap());
    assert_eq!(numbers(&tally), [3, 1, 2, 1]);
    assert_eq!(tally.status.observed_generation, 4);
    assert_eq!(tally.patch.unwrap()["metadata"]["resourceVersion"], "7");
}

/// PB-S31, PB-52.2
#[test]
fn no_pods_are_told() {
    let events = planned(&snapshot(0, 0, json!({ "spec": { "maxUnavailable": 1 } }))).events;
    let [event] = events.as_slice() else {
        panic!("{events:?}");
    };
    assert_eq!(
        (event.warning, event.reason, event.message.as_str()),
        (false, "NoPods", "No matching pods found")
    );
}

/// PB-51, DV-PB10: nobody tells when they change; a thousand of them are not read each ten seconds.
#[rstest]
#[case(0, None)]
#[case(1, Some(10))]
#[case(40, Some(40))]
#[case(1000, Some(300))]
fn workloads_that_nobody_watches_are_looked_at_again(
    #[case] n_unwatched: usize,
    #[case] seconds: Option<u64>,
) {
    let mut snapshot = snapshot(1, 1, json!({ "spec": { "maxUnavailable": 1 } }));
    snapshot.n_unwatched = n_unwatched;
    let looks_again = planned(&snapshot).looks_again;
    assert_eq!(looks_again.map(|it| it.as_secs()), seconds);
}

/// DV-PB17
#[test]
fn what_goes_on_is_not_told_again() {
    let mut snapshot = snapshot(0, 0, json!({ "spec": { "maxUnavailable": 1 } }));
    snapshot.had_no_pods = true;
    assert_eq!(planned(&snapshot).events, []);
}

/// PB-28
#[test]
fn a_limit_that_is_none_is_told_and_nothing_is_written() {
    let plan = planned(&snapshot(
        1,
        1,
        json!({ "spec": { "maxUnavailable": "some" } }),
    ));
    assert!(plan.desired.is_err());
    let [event] = plan.events.as_slice() else {
        panic!("{:?}", plan.events);
    };
    assert_eq!(
        (event.warning, event.reason),
        (true, "CalculateExpectedPodCountFailed")
    );
    assert!(
        event
            .message
            .starts_with("Failed to calculate the number of expected pods: "),
        "{}",
        event.message
    );
}

/// PB-S33, PB-18: those that were there before the budget; not those of a budget that is gone.
#[test]
fn pods_without_a_link_are_linked() {
    let mut snapshot = snapshot(1, 4, json!({ "spec": { "maxUnavailable": 1 } }));
    let old_key = json!({ "metadata": { "annotations": { "pub.kruise.io/related-pub": null, "kruise.io/related-pub": "gone" } } });
    for pod in [
        pod_with(
            "bare",
            json!({ "metadata": { "annotations": null, "resourceVersion": "5" } }),
        ),
        pod_with("other", old_key),
    ] {
        snapshot.pods.push(decoded(&pod));
    }
    let links = planned(&snapshot).links;
    let [link] = links.as_slice() else {
        panic!("{links:?}");
    };
    assert_eq!(link.pod, "bare");
    let expected = json!({ "metadata": {
        "uid": "uid-bare", "resourceVersion": "5",
        "annotations": { "pub.kruise.io/related-pub": "shop", "kruise.io/related-pub": "shop" },
    } });
    assert_eq!(link.patch, expected);
}

/// A check that finds nothing wrong with nonsense would be none.
#[test]
fn the_checker_sees_what_is_wrong() {
    let snapshot = snapshot(2, 2, json!({ "spec": { "maxUnavailable": 1 } }));
    let good = plan(&snapshot);
    let wrong = |change: &dyn Fn(&mut Plan)| {
        let mut plan = good.clone();
        change(&mut plan);
        assert_ne!(
            check::violations(&snapshot, &plan),
            Vec::<String>::new(),
            "{plan:?}"
        );
    };
    wrong(&|plan| plan.desired = Ok(2));
    wrong(&|plan| {
        plan.events
            .push(kruise_plan::Event::normal("NoPods", String::new()));
    });
    wrong(&|plan| {
        plan.links.push(pub_webhook::plan::Link {
            pod: "p0".to_owned(),
            patch: json!({}),
        });
    });
    let counted = tally(&snapshot, 1, &snapshot.budget);
    let wrong = |change: &dyn Fn(&mut Tally)| {
        let mut tally = counted.clone();
        change(&mut tally);
        let violations = check::status_violations(&snapshot, &snapshot.budget, &tally);
        assert_ne!(violations, Vec::<String>::new(), "{tally:?}");
    };
    wrong(&|tally| tally.status.current_available = 1);
    wrong(&|tally| tally.status.unavailable_allowed = 2);
    wrong(&|tally| tally.status.total_replicas = 3);
    wrong(&|tally| {
        let entries = &mut tally.status.disrupted_pods;
        entries.insert("p0".to_owned(), snapshot.now);
    });
    wrong(&|tally| tally.patch = Some(json!({ "status": {} })));
}
