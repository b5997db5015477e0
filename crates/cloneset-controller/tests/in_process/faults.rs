//! What others do at a bad moment, and what goes wrong on the way to the API server. `cargo xtask sim` does this by the
//! thousand; here are stories that users have met.

use std::time::Duration;

use kruise_api::resource::{ObjectKey, PODS};
use kruise_testkit::server::{Fault, Rule};
use serde_json::json;

use crate::{
    cluster::{CONTROLLER, play},
    look::{image_of, restarts, uids},
    specs::{image, in_place, spec},
};

// DV-D10: many writes of the update are refused as if somebody had been faster. It is done in the end, in order, and
// nobody is told of a failure that was none.
#[test]
fn conflicts_skip_no_step_and_end() {
    play(async |cluster| {
        cluster.create(spec(2, in_place(json!(2)))).await;
        cluster.rolled_out().await;
        let before = uids(&cluster.pods());
        let seen = cluster.world.server.requests().len();
        let conflict = Rule::new(Fault::Conflict, 600).of(CONTROLLER);
        let conflict = conflict.verbs(&["patch"]).plurals(&["pods"]);
        cluster.world.server.faults().set(vec![conflict]);
        cluster.set_image(&image(2)).await;
        cluster.rolled_out().await;
        cluster.world.server.faults().stop();
        cluster.settle().await;

        let pods = cluster.pods();
        assert_eq!(uids(&pods), before);
        let requests = cluster.world.server.requests();
        let patches: Vec<_> = requests[seen..]
            .iter()
            .filter(|request| request.verb == "patch" && request.plural == "pods")
            .filter(|request| !request.dry_run)
            .collect();
        assert!(patches.iter().any(|request| request.code == Some(409)));
        for pod in &pods {
            assert_eq!((restarts(pod), image_of(pod)), (1, image(2)));
            let done: Vec<&str> = patches
                .iter()
                .filter(|request| request.key == ObjectKey::new("default", crate::look::name(pod)))
                .filter(|request| request.code == Some(200))
                .map(|request| request.subresource.as_str())
                .collect();
            // A refused change may be followed by a moment back in service, and then by the drain again.
            let before_it = done
                .iter()
                .take_while(|subresource| !subresource.is_empty());
            assert_eq!(before_it.count() % 2, 1, "out of service: {done:?}");
            let changes = done.iter().filter(|subresource| subresource.is_empty());
            assert_eq!(changes.count(), 1, "{done:?}");
            assert!(done.ends_with(&["status", "", "status"]), "{done:?}");
        }
        assert_eq!(cluster.event_count("SuccessfulUpdatePodInPlace"), 2);
        assert_eq!(cluster.event_count("FailedUpdatePodInPlace"), 0);
        let status = cluster.set()["status"].to_string();
        assert!(!status.contains("FailedUpdate"), "{status}");
    });
}

// A pod is deleted before the controller has seen that it made it.
#[test]
fn nothing_leaks_after_a_create_and_a_fast_delete() {
    play(async |cluster| {
        cluster.create(spec(2, in_place(json!(2)))).await;
        cluster.rolled_out().await;
        let known = cluster.names();
        let late = Fault::EventsLate(Duration::from_secs(5));
        let late = Rule::new(late, 1000).of(CONTROLLER).plurals(&["pods"]);
        cluster.world.server.faults().set(vec![late]);
        cluster.scale(3).await;
        let third = cluster.n_pods(3).await;
        let third = third.into_iter().find(|pod| !known.contains(pod)).unwrap();
        let key = ObjectKey::new("default", third.clone());
        cluster.world.server.delete_now("somebody", PODS, &key);
        cluster.rolled_out().await;
        cluster.world.server.faults().stop();
        cluster.settle().await;
        let pods = cluster.names();
        assert_eq!(pods.len(), 3);
        assert!(
            !pods.contains(&third),
            "another one took its place: {pods:?}"
        );
        assert!(known.iter().all(|name| pods.contains(name)), "{pods:?}");
    });
}

// CS-S36, IP-S39, DV-D2: events are late, those of pods are lost, and more than a quarter of the writes has no answer. Nothing is done
// twice.
#[test]
fn watches_that_lie_make_nothing_happen_twice() {
    play(async |cluster| {
        let rule = |fault, per_mille| Rule::new(fault, per_mille).of(CONTROLLER);
        cluster.create(spec(4, in_place(json!("50%")))).await;
        cluster.rolled_out().await;
        cluster.world.server.faults().set(vec![
            // What a user asks for is not lost for good: nobody could know of it.
            rule(Fault::EventLost, 300).plurals(&["pods"]),
            rule(Fault::EventsLate(Duration::from_secs(5)), 500),
            rule(Fault::WatchBroken, 20),
            rule(Fault::AnswerLost, 150).verbs(&["create", "patch", "delete"]),
            rule(Fault::TimeoutAfter, 150).verbs(&["create", "patch", "delete"]),
        ]);
        let since = cluster.now();
        cluster.scale(8).await;
        cluster.rolled_out().await;
        let before = uids(&cluster.pods());
        cluster.set_image(&image(2)).await;
        cluster.rolled_out().await;
        let pods = cluster.pods();
        assert_eq!(uids(&pods), before, "in place");
        for pod in &pods {
            assert_eq!((restarts(pod), image_of(pod)), (1, image(2)), "once");
        }
        cluster.scale(4).await;
        cluster.rolled_out().await;
        cluster.world.server.faults().stop();
        cluster.settle().await;
        assert_eq!(cluster.pods().len(), 4);
        let created = cluster.changes(since, PODS);
        let created = created.iter().filter(|change| change.before.is_none());
        assert_eq!(created.count(), 4, "none is made in vain");
    });
}
