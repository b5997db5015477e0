//! Short histories, lawful ones and one at least for each bound that breaks it.

use super::super::seen::{InPlaceUpdate, SetSeen};
use super::*;

/// A history: events a minute apart unless said otherwise, in the order of their versions.
struct History {
    base: Vec<Event>,
    after: Vec<Event>,
    now: Timestamp,
}

const MINUTE: i64 = 60_000;

impl History {
    /// A CloneSet "web" with these pods in service, at `demo:1`.
    fn of(terms: Terms, names: &[&str]) -> Self {
        let mut history = Self {
            base: Vec::new(),
            after: Vec::new(),
            now: "2026-01-01T00:00:00Z".parse().unwrap(),
        };
        let mut base = vec![set(terms)];
        base.extend(names.iter().map(|name| What::Pod(pod(name))));
        for what in base {
            let event = history.event(what, MINUTE);
            history.base.push(event);
        }
        history
    }

    fn event(&mut self, what: What, milliseconds: i64) -> Event {
        self.now += SignedDuration::from_millis(milliseconds);
        Event {
            at: self.now,
            version: self.now.as_millisecond().unsigned_abs(),
            what,
        }
    }

    /// Something that happens a minute later.
    fn then(self, what: What) -> Self {
        self.soon(what, MINUTE)
    }

    /// Something that happens some milliseconds later.
    fn soon(mut self, what: What, milliseconds: i64) -> Self {
        let event = self.event(what, milliseconds);
        self.after.push(event);
        self
    }

    fn broken(&self) -> Vec<Bound> {
        let violations = violations(&self.base, &self.after);
        violations.iter().map(|violation| violation.bound).collect()
    }
}

fn in_place(replicas: u64) -> Terms {
    Terms {
        replicas,
        max_unavailable: 1,
        max_surge: 0,
        partition: 0,
        in_place: true,
        image: "demo:1".to_owned(),
    }
}

fn recreate(replicas: u64) -> Terms {
    Terms {
        in_place: false,
        ..in_place(replicas)
    }
}

/// These terms, with another image.
fn to(image: &str, mut terms: Terms) -> Terms {
    image.clone_into(&mut terms.image);
    terms
}

fn set(terms: Terms) -> What {
    What::Set(SetSeen {
        name: "web".to_owned(),
        terms,
        ..SetSeen::default()
    })
}

/// A pod in service.
fn pod(name: &str) -> PodSeen {
    PodSeen {
        name: name.to_owned(),
        uid: format!("uid-of-{name}"),
        set: "web".to_owned(),
        instance: name.to_owned(),
        image: "demo:1".to_owned(),
        state: "Normal".to_owned(),
        ready: true,
        in_place_ready: true,
        ..PodSeen::default()
    }
}

fn with(name: &str, change: impl FnOnce(&mut PodSeen)) -> What {
    let mut pod = pod(name);
    change(&mut pod);
    What::Pod(pod)
}

/// Not ready, and at this image.
fn updating(name: &str, image: &str) -> What {
    with(name, |pod| {
        pod.image = image.to_owned();
        pod.state = "Updating".to_owned();
        pod.ready = false;
        pod.in_place_ready = false;
        pod.update = Some(InPlaceUpdate {
            revision: format!("web-{image}"),
            began: "1".to_owned(),
            n_batches: 1,
        });
    })
}

/// In service again, with one restart.
fn updated(name: &str, image: &str) -> What {
    let What::Pod(mut pod) = updating(name, image) else {
        unreachable!()
    };
    pod.state = "Normal".to_owned();
    pod.ready = true;
    pod.in_place_ready = true;
    pod.app_restarts = 1;
    What::Pod(pod)
}

fn leaving(name: &str) -> What {
    with(name, |pod| pod.terminating = true)
}

#[test]
fn a_roll_out_in_place_one_after_the_other_breaks_nothing() {
    let history = History::of(in_place(2), &["a", "b"])
        .then(set(to("demo:2", in_place(2))))
        .then(updating("a", "demo:2"))
        .then(updated("a", "demo:2"))
        .then(updating("b", "demo:2"))
        .then(updated("b", "demo:2"));
    assert_eq!(history.broken(), []);
}

#[test]
fn a_roll_out_by_recreate_one_after_the_other_breaks_nothing() {
    let new = |name: &str| {
        with(name, |pod| {
            pod.image = "demo:2".to_owned();
            pod.ready = false;
        })
    };
    let history = History::of(recreate(2), &["a", "b"])
        .then(set(to("demo:2", recreate(2))))
        .then(leaving("a"))
        .then(new("c"))
        .then(What::PodGone(pod("a")))
        .then(with("c", |pod| pod.image = "demo:2".to_owned()))
        .then(leaving("b"));
    assert_eq!(history.broken(), []);
}

#[test]
fn a_pod_more_than_replicas_and_surge_is_found() {
    let terms = Terms {
        max_surge: 1,
        ..in_place(2)
    };
    let history = History::of(terms, &["a", "b"]).then(What::Pod(pod("c")));
    assert_eq!(history.broken(), []);
    assert_eq!(
        history.then(What::Pod(pod("d"))).broken(),
        [Bound::TooManyPods]
    );
}

#[test]
fn pods_that_leave_are_not_counted_but_keep_their_id() {
    let history = History::of(recreate(1), &["a"])
        .then(set(to("demo:2", recreate(1))))
        .then(leaving("a"))
        .then(with("b", |pod| pod.instance = "a".to_owned()));
    assert_eq!(history.broken(), [Bound::InstanceTwice]);
}

#[test]
fn more_replicas_count_from_the_moment_they_are_asked_for_and_fewer_a_little_later() {
    let fewer = |milliseconds| {
        History::of(in_place(2), &["a"])
            .then(set(in_place(1)))
            .soon(What::Pod(pod("b")), milliseconds)
    };
    assert_eq!(fewer(500).broken(), []);
    assert_eq!(fewer(3000).broken(), [Bound::TooManyPods]);
}

#[test]
fn a_second_pod_out_of_service_is_found() {
    let history = History::of(in_place(3), &["a", "b", "c"])
        .then(set(to("demo:2", in_place(3))))
        .then(updating("a", "demo:2"));
    assert_eq!(history.broken(), []);
    let history = history.then(updating("b", "demo:2"));
    assert_eq!(history.broken(), [Bound::MaxUnavailable]);
}

#[test]
fn marking_not_ready_and_deleting_take_a_pod_out_of_service_too() {
    let marked = |name: &str| with(name, |pod| pod.in_place_ready = false);
    let history = History::of(in_place(2), &["a", "b"])
        .then(marked("a"))
        .then(marked("b"));
    assert_eq!(history.broken(), [Bound::MaxUnavailable]);
    let history = History::of(recreate(2), &["a", "b"])
        .then(set(to("demo:2", recreate(2))))
        .then(leaving("a"))
        .then(leaving("b"));
    assert_eq!(history.broken(), [Bound::MaxUnavailable]);
}

#[test]
fn readiness_that_a_kubelet_takes_is_not_the_controllers_doing() {
    let not_ready = |name: &str| with(name, |pod| pod.ready = false);
    let history = History::of(in_place(3), &["a", "b", "c"])
        .then(set(to("demo:2", in_place(3))))
        .then(not_ready("a"))
        .then(updating("b", "demo:2"));
    assert_eq!(history.broken(), []);
}

#[test]
fn a_pod_that_came_into_service_a_moment_ago_may_still_be_taken_out() {
    let taken_out_after = |milliseconds| {
        History::of(in_place(3), &["a", "c"])
            .then(with("b", |pod| pod.ready = false))
            .then(set(to("demo:2", in_place(3))))
            .then(What::Pod(pod("b")))
            .soon(updating("a", "demo:2"), 100)
            .soon(updating("b", "demo:2"), milliseconds)
    };
    assert_eq!(taken_out_after(500).broken(), []);
    assert_eq!(taken_out_after(3000).broken(), [Bound::MaxUnavailable]);
}

#[test]
fn a_pod_too_many_at_the_newest_image_is_found() {
    let terms = Terms {
        partition: 1,
        ..in_place(2)
    };
    let history = History::of(in_place(2), &["a", "b"])
        .then(set(to("demo:2", terms)))
        .then(updating("a", "demo:2"))
        .then(updated("a", "demo:2"));
    assert_eq!(history.broken(), []);
    assert_eq!(
        history.then(updating("b", "demo:2")).broken(),
        [Bound::Partition]
    );
}

#[test]
fn a_deletion_where_updates_are_in_place_is_found_unless_pods_are_too_many() {
    let history = History::of(in_place(2), &["a", "b"]).then(leaving("a"));
    assert_eq!(history.broken(), [Bound::DeletedInPlace]);
    // Also one without notice.
    let history = History::of(in_place(2), &["a", "b"]).then(What::PodGone(pod("a")));
    assert_eq!(history.broken(), [Bound::DeletedInPlace]);
    let history = History::of(in_place(2), &["a", "b"])
        .then(set(in_place(1)))
        .then(leaving("a"));
    assert_eq!(history.broken(), []);
}

#[test]
fn a_deletion_of_a_pod_that_is_updated_already_is_found() {
    let history = History::of(recreate(2), &["a", "b"]).then(leaving("a"));
    assert_eq!(history.broken(), [Bound::DeletedUpdated]);
}

#[test]
fn a_second_update_in_place_to_one_revision_is_found() {
    let again = |change: fn(&mut InPlaceUpdate)| {
        let What::Pod(mut pod) = updating("a", "demo:2") else {
            unreachable!()
        };
        pod.update.as_mut().map(change);
        History::of(in_place(2), &["a", "b"])
            .then(set(to("demo:2", in_place(2))))
            .then(updating("a", "demo:2"))
            .then(What::Pod(pod))
            .broken()
    };
    assert_eq!(again(|_| ()), []);
    assert_eq!(
        again(|update| update.began = "2".to_owned()),
        [Bound::UpdatedTwice]
    );
    assert_eq!(again(|update| update.n_batches = 2), [Bound::UpdatedTwice]);
}

#[test]
fn restarts_without_a_new_image_are_found() {
    let history = History::of(in_place(2), &["a", "b"]).then(with("a", |pod| pod.app_restarts = 1));
    assert_eq!(history.broken(), [Bound::AppRestarted]);
    let history =
        History::of(in_place(2), &["a", "b"]).then(with("a", |pod| pod.sidecar_restarts = 1));
    assert_eq!(history.broken(), [Bound::SidecarRestarted]);
}

#[test]
fn what_was_so_at_the_beginning_is_not_judged() {
    let history = History::of(in_place(1), &["a", "b", "c"]);
    assert_eq!(history.broken(), []);
}

#[test]
fn the_order_is_that_of_versions_not_of_arrival() {
    let mut history = History::of(in_place(1), &["a"])
        .then(set(in_place(2)))
        .then(What::Pod(pod("b")));
    history.after.reverse();
    assert_eq!(history.broken(), []);
}
