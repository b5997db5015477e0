//! Two tags, one image: nothing but the container itself tells that it was updated (DV-IP13).

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use kruise_api::{
    inplace::{Completion, Options, Refresh, RefreshInput, Update, completion, refresh, start},
    meta::timestamp,
    pod::Pod,
};
use proptest::prelude::*;
use rstest::rstest;
use serde_json::{Value, json};

use crate::support::{STATE, annotation, condition, merged, now, pod, running_pod, terms, time};

/// An update of container `app` to `acme/app:2` as it begins, on a pod of generation 4 that was seen.
fn begun(patch: &Value) -> Value {
    let patch = merged(
        &json!({
            "metadata": { "generation": 4 },
            "status": { "observedGeneration": 4 },
        }),
        patch,
    );
    let object = running_pod(&patch);
    let update = Update {
        images: [("app".to_owned(), "acme/app:2".to_owned())].into(),
        ..Update::default()
    };
    let writes = start(&pod(&object), &update, &terms(0));
    let mut object = merged(&object, &writes.pod);
    if !object["metadata"]["generation"].is_null() {
        object["metadata"]["generation"] = json!(5);
    }
    object["status"]["conditions"][0]["status"] = json!("False");
    object
}

/// The kubelet's report: the generation that it has seen, and a container of this identity that was started
/// then. The runtime names the image by its earlier tag.
fn reported(object: &Value, seen: Option<i64>, id: &str, started: &str) -> Value {
    let mut object = object.clone();
    object["status"]["observedGeneration"] = json!(seen);
    let status = &mut object["status"]["containerStatuses"][0];
    status["containerID"] = json!(format!("containerd://{id}"));
    status["state"] = json!({ "running": { "startedAt": started } });
    object
}

fn is_complete(object: &Value) -> bool {
    completion(&pod(object), &Options::default()) == Completion::Complete
}

fn input(pod: &Pod) -> RefreshInput<'_> {
    RefreshInput {
        pod,
        update_revision: "web-bbb",
        pod_readiness_controller_live: false,
        lifecycle: None,
        options: Options::default(),
        now: now(),
    }
}

fn due(object: &Value) -> Refresh {
    refresh(&input(&pod(object)))
}

/// The pod after the write that is due.
fn refreshed(object: &Value) -> Value {
    match due(object) {
        Refresh::Patch {
            resize: None,
            patch,
            ..
        } => {
            assert_eq!(patch["metadata"]["resourceVersion"], "7", "guarded");
            merged(object, &patch)
        }
        other => panic!("{other:?}"),
    }
}

fn state(object: &Value) -> Value {
    annotation(object, STATE)["lastContainerStatuses"]["app"].clone()
}

// IP-27, DV-IP13
#[test]
fn the_container_that_is_to_go_is_remembered() {
    assert_eq!(
        state(&begun(&json!({}))),
        json!({ "imageID": "id1", "containerID": "containerd://c1", "generation": 5 })
    );
    let without_generations = json!({
        "metadata": { "generation": null }, "status": { "observedGeneration": null },
    });
    assert_eq!(
        state(&begun(&without_generations)),
        json!({ "imageID": "id1", "containerID": "containerd://c1" })
    );
}

// IP-51, DV-IP13. The update began at 08:00:00, by a clock that has fractions of a second.
#[rstest]
#[case::as_before(Some(4), "c1", "2026-01-10T07:00:00Z", false)]
#[case::seen_but_not_started_again(Some(5), "c1", "2026-01-10T07:00:00Z", false)]
#[case::started_again(Some(5), "c2", "2026-01-10T08:00:01Z", true)]
#[case::within_the_same_second(Some(5), "c2", "2026-01-10T08:00:00Z", true)]
#[case::by_a_clock_that_is_late(Some(5), "c2", "2026-01-10T07:59:56Z", true)]
#[case::long_before(Some(5), "c2", "2026-01-10T07:59:50Z", false)]
#[case::crashed_before_the_kubelet_knew(Some(4), "c2", "2026-01-10T08:00:01Z", false)]
#[case::no_generations_told(None, "c2", "2026-01-10T08:00:00Z", true)]
#[case::no_generations_told_and_earlier(None, "c2", "2026-01-10T07:59:59Z", false)]
fn a_container_that_was_started_again_is_updated(
    #[case] seen: Option<i64>,
    #[case] id: &str,
    #[case] started: &str,
    #[case] expected: bool,
) {
    let object = reported(&begun(&json!({})), seen, id, started);
    assert_eq!(is_complete(&object), expected);
    let told = matches!(due(&object), Refresh::WaitContainers { .. });
    let crashed = seen == Some(4) && id == "c2";
    assert_eq!(told, !expected && !crashed);
}

// IP-45: what the user reads.
#[test]
fn what_is_missing_is_said() {
    let object = reported(&begun(&json!({})), Some(5), "c1", "2026-01-10T07:00:00Z");
    assert_eq!(
        due(&object),
        Refresh::WaitContainers {
            why: "container app has not been started again with image acme/app:2: it still runs \
                  acme/app:1"
                .to_owned()
        }
    );
}

// IP-42, DV-IP13: the order of events in which a crash could be taken for the update.
#[test]
fn a_crash_before_the_kubelet_knew_is_not_the_update() {
    // Each step is followed by a refresh, as the pod's events cause one.
    let object = begun(&json!({}));
    let object = reported(&object, Some(4), "crashed", "2026-01-10T08:00:01Z");
    let object = refreshed(&object);
    assert_eq!(state(&object)["containerID"], "containerd://crashed");
    assert_eq!(
        condition(&object, "InPlaceUpdateReady").unwrap()["status"],
        "False"
    );
    assert!(matches!(due(&object), Refresh::WaitContainers { .. }));
    let object = reported(&object, Some(5), "crashed", "2026-01-10T08:00:01Z");
    assert!(!is_complete(&object));
    assert!(matches!(due(&object), Refresh::WaitContainers { .. }));
    let object = reported(&object, Some(5), "updated", "2026-01-10T08:00:02Z");
    let object = refreshed(&object);
    assert_eq!(
        condition(&object, "InPlaceUpdateReady").unwrap()["status"],
        "True"
    );
}

// DV-IP13: completion is not taken back by what changes later.
#[rstest]
#[case::another_change_of_the_pod(Some(5), "c2", json!({ "running": { "startedAt": "2026-01-10T08:00:01Z" } }))]
#[case::a_crash_after_it(Some(6), "c3", json!({ "running": { "startedAt": "2026-01-10T09:00:00Z" } }))]
#[case::a_container_that_ended(Some(6), "c3", json!({ "terminated": { "startedAt": "2026-01-10T09:00:00Z" } }))]
fn what_is_complete_stays_so(#[case] seen: Option<i64>, #[case] id: &str, #[case] now: Value) {
    let mut object = reported(&begun(&json!({})), seen, id, "2026-01-10T08:00:01Z");
    object["metadata"]["generation"] = json!(6);
    object["status"]["containerStatuses"][0]["state"] = now;
    assert!(is_complete(&object));
}

#[test]
fn one_that_waits_to_be_started_again_was_updated() {
    let mut object = reported(&begun(&json!({})), Some(5), "c3", "2026-01-10T08:00:01Z");
    let status = &mut object["status"]["containerStatuses"][0];
    status["state"] = json!({ "waiting": { "reason": "CrashLoopBackOff" } });
    status["lastState"] = json!({ "terminated": { "startedAt": "2026-01-10T08:00:09Z" } });
    assert!(is_complete(&object));
}

/// The state as OpenKruise writes it.
fn handed_over(object: &Value) -> Value {
    let mut object = object.clone();
    let mut state = annotation(&object, STATE);
    state["lastContainerStatuses"] = json!({ "app": { "imageID": "id1" } });
    object["metadata"]["annotations"][STATE] = json!(state.to_string());
    object
}

// DV-IP13: a roll-out that OpenKruise began.
#[rstest]
#[case::not_started_again(Some(5), "2026-01-10T07:00:00Z", false)]
#[case::started_again(Some(5), "2026-01-10T08:00:00Z", true)]
#[case::not_seen(Some(4), "2026-01-10T08:00:09Z", false)]
#[case::no_generations_told(None, "2026-01-10T08:00:01Z", true)]
#[case::which_of_the_two_is_not_known(None, "2026-01-10T08:00:00Z", false)]
fn a_state_without_the_container_is_judged_by_its_start(
    #[case] seen: Option<i64>,
    #[case] started: &str,
    #[case] expected: bool,
) {
    let object = handed_over(&begun(&json!({})));
    let object = reported(&object, seen, "c1", started);
    assert_eq!(is_complete(&object), expected);
    // Nothing is written into the state.
    assert_eq!(
        matches!(due(&object), Refresh::WaitContainers { .. }),
        !expected
    );
}

// IP-32, DV-IP13: a later batch begins later.
#[test]
fn a_container_of_a_later_batch_is_compared_with_that_batch() {
    let mut object = begun(&json!({}));
    let mut state = annotation(&object, STATE);
    state["containerBatchesRecord"] = json!([
        { "timestamp": "2026-01-10T08:00:00Z", "containers": ["other"] },
        { "timestamp": "2026-01-10T08:10:00Z", "containers": ["app"] },
    ]);
    object["metadata"]["annotations"][STATE] = json!(state.to_string());
    let at = |started: &str| is_complete(&reported(&object, Some(5), "c2", started));
    assert!(!at("2026-01-10T08:05:00Z"));
    assert!(at("2026-01-10T08:10:00Z"));
}

#[test]
fn times_are_compared_as_the_wire_has_them() {
    // The update began at .9 of a second. The annotation has no fractions.
    let update = Update {
        images: [("app".to_owned(), "acme/app:2".to_owned())].into(),
        ..Update::default()
    };
    let mut terms = terms(0);
    terms.now = time("2026-01-10T08:00:00.9Z");
    let object = running_pod(&json!({ "metadata": { "generation": 4 } }));
    let writes = start(&pod(&object), &update, &terms);
    let mut object = merged(&object, &writes.pod);
    object["metadata"]["generation"] = json!(5);
    let object = reported(&object, None, "c2", "2026-01-10T08:00:00Z");
    assert!(is_complete(&object));
}

/// A node without a daemon, whose runtime names an image by the tag that it had first. Two containers are updated
/// in two batches, from one tag to another of the same image.
#[derive(Debug)]
struct Node {
    object: Value,
    seconds: i64,
    n_started: usize,
    /// Containers that the kubelet knows to have a new image.
    known: BTreeSet<usize>,
    /// Containers that run the new image.
    updated: BTreeSet<usize>,
    /// Whether server and kubelet tell generations.
    generations: bool,
}

const NAMES: [&str; 2] = ["first", "second"];

#[derive(Debug, Clone)]
enum Event {
    /// The container ends by itself and is started again, as the kubelet knows it.
    Crash(usize),
    /// The kubelet learns of the pod as it is now, and reports so before it acts.
    Sync,
    /// The kubelet acts on what it has learned.
    Restart(usize),
    /// Somebody else changes the pod's spec.
    Edit,
    Refresh,
}

impl Node {
    fn begin(generations: bool) -> Self {
        let container = |name: &str, priority: &str| {
            json!({ "name": name, "image": "acme/app:rc1", "env": [{
                "name": "KRUISE_CONTAINER_BARRIER",
                "valueFrom": { "configMapKeyRef": { "name": "b", "key": priority } },
            }] })
        };
        let mut object = running_pod(&json!({}));
        object["spec"]["containers"] =
            json!([container("first", "p_2"), container("second", "p_1")]);
        object["status"]["containerStatuses"] = json!([]);
        if generations {
            object["metadata"]["generation"] = json!(1);
            object["status"]["observedGeneration"] = json!(1);
        }
        let mut node = Self {
            object,
            seconds: 0,
            n_started: 0,
            known: BTreeSet::new(),
            updated: BTreeSet::new(),
            generations,
        };
        (0..NAMES.len()).for_each(|index| node.start_container(index));
        let update = Update {
            images: NAMES
                .map(|name| (name.to_owned(), "acme/app:1.0".to_owned()))
                .into(),
            ..Update::default()
        };
        let mut terms = terms(0);
        terms.now = node.now();
        let writes = start(&pod(&node.object), &update, &terms);
        node.write(&writes.pod);
        node.object["status"]["conditions"][0]["status"] = json!("False");
        node
    }

    fn now(&self) -> Timestamp {
        now() + SignedDuration::from_secs(self.seconds)
    }

    fn start_container(&mut self, index: usize) {
        self.n_started += 1;
        let status = json!({
            "name": NAMES[index], "image": "acme/app:rc1", "imageID": "id1", "ready": true, "restartCount": 0,
            "containerID": format!("containerd://{}", self.n_started),
            "state": { "running": { "startedAt": timestamp(self.now()) } },
        });
        let statuses = self.object["status"]["containerStatuses"]
            .as_array_mut()
            .unwrap();
        match statuses.get_mut(index) {
            Some(place) => *place = status,
            None => statuses.push(status),
        }
    }

    fn write(&mut self, patch: &Value) {
        self.object = merged(&self.object, patch);
        if patch.get("spec").is_some() {
            self.grow();
        }
    }

    fn grow(&mut self) {
        if let Some(generation) = self.object["metadata"]["generation"].as_i64() {
            self.object["metadata"]["generation"] = json!(generation + 1);
        }
    }

    fn has_new_image(&self, index: usize) -> bool {
        self.object["spec"]["containers"][index]["image"] == "acme/app:1.0"
    }

    fn happens(&mut self, event: &Event) {
        self.seconds += 10;
        match event {
            // Without generations such a crash can't be told from the update.
            Event::Crash(index)
                if !self.generations
                    && self.has_new_image(*index)
                    && !self.known.contains(index) => {}
            Event::Crash(index) => {
                self.start_container(*index);
                if self.known.contains(index) {
                    self.updated.insert(*index);
                }
            }
            Event::Sync => {
                let known = (0..NAMES.len()).filter(|index| self.has_new_image(*index));
                self.known = known.collect();
                if self.generations {
                    self.object["status"]["observedGeneration"] =
                        self.object["metadata"]["generation"].clone();
                }
            }
            Event::Restart(index) => {
                if self.known.contains(index) && self.updated.insert(*index) {
                    self.start_container(*index);
                }
            }
            Event::Edit => self.grow(),
            Event::Refresh => {
                let pod = pod(&self.object);
                let input = RefreshInput {
                    now: self.now(),
                    ..input(&pod)
                };
                if let Refresh::Patch { patch, .. } = refresh(&input) {
                    self.write(&patch);
                }
            }
        }
    }

    /// A container counts if it was started with the new image, and only then.
    fn check(&self) {
        let ready = &condition(&self.object, "InPlaceUpdateReady").unwrap()["status"];
        let all = self.updated.len() == NAMES.len();
        assert!(all || ready == "False", "{self:#?}");
        assert!(all || !is_complete(&self.object), "{self:#?}");
        if self.has_new_image(1) {
            assert!(self.updated.contains(&0), "a batch too early: {self:#?}");
        }
    }
}

fn events() -> impl Strategy<Value = Event> {
    prop_oneof![
        (0..NAMES.len()).prop_map(Event::Crash),
        Just(Event::Sync),
        (0..NAMES.len()).prop_map(Event::Restart),
        Just(Event::Edit),
        Just(Event::Refresh),
    ]
}

proptest! {
    #![proptest_config(crate::instances::config())]

    // IP-38 to IP-42, IP-51, DV-IP13. A crash is seen before the kubelet learns of the update, as a refresh
    // follows each.
    #[test]
    fn whatever_happens_an_update_ends_and_not_before(
        generations in any::<bool>(),
        events in prop::collection::vec(events(), 0..20),
    ) {
        let mut node = Node::begin(generations);
        for event in &events {
            node.happens(event);
            if matches!(event, Event::Crash(_)) {
                node.happens(&Event::Refresh);
            }
            node.check();
        }
        for _ in 0..4 {
            node.happens(&Event::Sync);
            (0..NAMES.len())
                .filter(|index| !node.updated.contains(index))
                .collect::<Vec<_>>()
                .into_iter()
                .for_each(|index| node.happens(&Event::Restart(index)));
            node.happens(&Event::Refresh);
            node.check();
        }
        prop_assert!(is_complete(&node.object), "{node:#?}");
        prop_assert_eq!(&condition(&node.object, "InPlaceUpdateReady").unwrap()["status"], "True");
        // And the update stays complete, whatever comes.
        for event in &events {
            node.happens(event);
            prop_assert!(is_complete(&node.object), "{event:?} {node:#?}");
        }
    }
}
