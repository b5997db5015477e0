//! What goes wrong while the scope is made wider.

use std::time::Duration;

use futures::future::{self, BoxFuture, FutureExt};
use http_body_util::BodyExt;
use kruise_testkit::server::{Fault, Rule};
use kube::client::Body;
use rstest::rstest;
use serde_json::{Value, json};
use sidecarset_controller::scope::{Extent, Form};

use crate::{
    cluster::{Cluster, Start, set, story},
    narrowing::{SETTLED, SOON, app},
    widening::{LATE, admitted},
};

#[rstest]
#[case::conflict(Fault::Conflict)]
#[case::answer_lost(Fault::AnswerLost)]
#[case::reset_before(Fault::ResetBefore)]
#[case::reset_after(Fault::ResetAfter)]
#[case::timeout_after(Fault::TimeoutAfter)]
#[case::internal(Fault::Internal)]
fn a_patch_that_goes_wrong_now_and_then_is_tried_again(#[case] fault: Fault) {
    story(Start::default(), async |cluster| {
        cluster.run_for(SOON).await;
        let rule = Rule::new(fault, 400).verbs(&["patch"]);
        cluster.fail(vec![rule.plurals(&["mutatingwebhookconfigurations"])]);
        let mut n_admitted = 0;
        for n in 0..10 {
            let name = format!("s{n}");
            if cluster.create(set(&name, &name)).await.is_err() {
                continue;
            }
            n_admitted += 1;
            let matched = cluster.pod(&name, json!({ "app": name })).await.unwrap();
            assert_eq!(matched, Some(name));
        }
        assert!(n_admitted >= 5, "{n_admitted}");
    });
}

#[rstest]
#[case::read("get", Fault::Unavailable)]
#[case::write("patch", Fault::Forbidden)]
#[case::never_first("patch", Fault::Conflict)]
fn what_can_not_be_covered_is_refused(#[case] verb: &'static str, #[case] fault: Fault) {
    story(Start::default(), async |cluster| {
        cluster.run_for(SOON).await;
        let rule = Rule::new(fault, 1000).verbs(&[verb]);
        cluster.fail(vec![rule.plurals(&["mutatingwebhookconfigurations"])]);
        let refused = cluster.create(set("logs", "web")).await.unwrap_err();
        assert!(refused.to_string().contains("try again"), "{refused}");
        cluster.fail(vec![]);
        cluster.create(set("logs", "web")).await.unwrap();
    });
}

// Nobody hears of the SidecarSet again: the scope stays wider for a while, and no longer.
#[test]
fn a_crash_after_the_patch_leaves_nothing_behind() {
    story(Start::default(), async |cluster| {
        cluster.run_for(SOON).await;
        cluster.set_lag(LATE);
        cluster.set_answering(Some(0));
        let given_up = {
            let cluster: &Cluster<'_> = cluster;
            let create = cluster.create(set("logs", "web"));
            tokio::time::timeout(Duration::from_secs(1), create).await
        };
        assert!(given_up.is_err());
        cluster.kill(0).await;
        assert_eq!(cluster.extent(), Extent::of(&[app("web")]));
        cluster.run_for(SETTLED).await;
        assert_eq!(cluster.extent(), Extent::nothing());
        assert_eq!(cluster.entries(), ["mpod.kb.io"]);
    });
}

/// A client whose patches of the configuration are changed before they go out.
fn changed(client: kube::Client, change: fn(Value) -> BoxFuture<'static, Value>) -> kube::Client {
    let service = tower::service_fn(move |request: http::Request<Body>| {
        let client = client.clone();
        async move {
            let (head, body) = request.into_parts();
            let mut bytes = body.collect().await.unwrap().to_bytes().to_vec();
            if is_about_ours(&head) {
                let patch = serde_json::from_slice(&bytes).unwrap();
                bytes = change(patch).await.to_string().into_bytes();
            }
            client
                .send(http::Request::from_parts(head, Body::from(bytes)))
                .await
        }
    });
    kube::Client::new(service, "default")
}

fn is_about_ours(head: &http::request::Parts) -> bool {
    head.uri.path().contains("mutatingwebhookconfigurations") && head.method == "PATCH"
}

/// A client whose API server drops match conditions, as before Kubernetes 1.28.
fn without_conditions(_: usize, client: kube::Client) -> kube::Client {
    changed(client, |mut patch| {
        let entries = patch.get_mut("webhooks").and_then(Value::as_array_mut);
        for entry in entries.into_iter().flatten() {
            entry
                .as_object_mut()
                .unwrap()
                .shift_remove("matchConditions");
        }
        future::ready(patch).boxed()
    })
}

/// Of the second replica, patches take half a second to arrive.
fn second_is_slow(index: usize, client: kube::Client) -> kube::Client {
    if index == 0 {
        return client;
    }
    changed(client, |patch| {
        async {
            tokio::time::sleep(Duration::from_millis(500)).await;
            patch
        }
        .boxed()
    })
}

// The second replica has read the configuration before the first one writes it, and writes after the first one answered.
#[test]
fn a_replica_that_writes_late_loses_nothing() {
    let start = Start {
        between: second_is_slow,
        ..Start::default()
    };
    story(start, async |cluster| {
        cluster.run_for(SOON).await;
        let (first, second) = (cluster.replica(0), cluster.replica(1));
        let (slow, quick) = tokio::join!(admitted(&second, set("b", "b")), async {
            cluster.run_for(Duration::from_millis(100)).await;
            let quick = admitted(&first, set("a", "a")).await;
            assert!(cluster.covers("a") && !cluster.covers("b"));
            quick
        });
        assert_eq!(
            (&slow["allowed"], &quick["allowed"]),
            (&true.into(), &true.into())
        );
        assert!(cluster.covers("a") && cluster.covers("b"));
    });
}

#[test]
fn a_server_without_match_conditions_asks_about_every_pod() {
    let start = Start {
        between: without_conditions,
        ..Start::default()
    };
    story(start, async |cluster| {
        cluster.create(set("logs", "web")).await.unwrap();
        assert_eq!(cluster.entries(), ["mpod.kb.io"]);
        cluster.run_for(SETTLED).await;
        assert_eq!(cluster.extent().form(), Form::Everything);
        assert_eq!(cluster.entries(), ["mpod.kb.io"]);
        let writes = cluster.n_writes();
        cluster.run_for(SETTLED).await;
        assert_eq!(cluster.n_writes(), writes);
        let matched = cluster.pod("a", json!({ "app": "web" })).await.unwrap();
        assert_eq!(matched.as_deref(), Some("logs"));
    });
}
