//! Admission of SidecarSets.

use std::time::Duration;

use kruise_runtime::webhook::InProcessWebhooks;
use kruise_testkit::server::Webhook;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::cluster::{Cluster, Start, set, story};

pub(crate) const LATE: Duration = Duration::from_secs(10);

// SS-103, SS-104
#[test]
fn the_first_pod_after_a_sidecarset_gets_it() {
    story(Start::default(), async |cluster| {
        cluster.run_for(Duration::from_secs(60)).await;
        assert_eq!(
            cluster
                .pod("before", json!({ "app": "web" }))
                .await
                .unwrap(),
            None
        );
        cluster.create(set("logs", "web")).await.unwrap();
        let matched = cluster.pod("after", json!({ "app": "web" })).await.unwrap();
        assert_eq!(matched.as_deref(), Some("logs"));
        assert_eq!(cluster.called("after"), ["/mutate-pod/fresh"]);
        let other = cluster.pod("other", json!({ "app": "db" })).await.unwrap();
        assert_eq!((other, cluster.called("other")), (None, vec![]));
    });
}

#[test]
fn a_change_of_the_selector_or_the_end_of_a_pause_counts_and_nothing_else_does() {
    story(Start::default(), async |cluster| {
        cluster.create(set("logs", "web")).await.unwrap();
        let selector = json!({ "spec": { "selector": { "matchLabels": { "app": "db" } } } });
        cluster.change("logs", selector).await.unwrap();
        let matched = cluster.pod("a", json!({ "app": "db" })).await.unwrap();
        assert_eq!(matched.as_deref(), Some("logs"));
        let paused =
            |paused: bool| json!({ "spec": { "injectionStrategy": { "paused": paused } } });
        cluster.change("logs", paused(true)).await.unwrap();
        cluster.run_for(Duration::from_secs(200)).await;
        assert_eq!(
            cluster.pod("b", json!({ "app": "db" })).await.unwrap(),
            None
        );
        cluster.change("logs", paused(false)).await.unwrap();
        let matched = cluster.pod("c", json!({ "app": "db" })).await.unwrap();
        assert_eq!(matched.as_deref(), Some("logs"));
        cluster.run_for(Duration::from_secs(200)).await;
        let writes = cluster.n_writes();
        let image =
            json!({ "spec": { "containers": [{ "name": "sidecar", "image": "acme/sidecar:2" }] } });
        cluster.change("logs", image).await.unwrap();
        assert_eq!(cluster.n_writes(), writes);
    });
}

#[test]
fn a_dry_run_changes_nothing() {
    story(Start::default(), async |cluster| {
        cluster.run_for(Duration::from_secs(60)).await;
        let writes = cluster.n_writes();
        let dry = kube::api::PostParams {
            dry_run: true,
            ..Default::default()
        };
        let dried = serde_json::from_value(set("logs", "web")).unwrap();
        cluster.sets().create(&dry, &dried).await.unwrap();
        assert_eq!(cluster.n_writes(), writes);
    });
}

#[test]
fn many_that_are_admitted_together_share_writes() {
    story(Start::default(), async |cluster| {
        cluster.run_for(Duration::from_secs(60)).await;
        let writes = cluster.n_writes();
        let cluster: &Cluster<'_> = cluster;
        cluster.set_answering(Some(0));
        let sets = (0..20).map(|n| cluster.create(set(&format!("s{n}"), &format!("a{n}"))));
        for created in futures::future::join_all(sets).await {
            created.unwrap();
        }
        assert!(
            cluster.n_writes() - writes <= 3,
            "{}",
            cluster.n_writes() - writes
        );
        for n in 0..20 {
            let labels = json!({ "app": format!("a{n}") });
            let matched = cluster.pod(&format!("p{n}"), labels).await.unwrap();
            assert_eq!(matched, Some(format!("s{n}")));
        }
    });
}

#[test]
fn two_replicas_lose_nothing_of_each_other() {
    story(Start::default(), async |cluster| {
        cluster.run_for(Duration::from_secs(60)).await;
        for round in 0..5 {
            let name = |n: usize| format!("s{round}-{n}");
            let sets = (0..6).map(|n| cluster.create(set(&name(n), &name(n))));
            for created in futures::future::join_all(sets).await {
                created.unwrap();
            }
            for n in 0..6 {
                let matched = cluster
                    .pod(&name(n), json!({ "app": name(n) }))
                    .await
                    .unwrap();
                assert_eq!(matched, Some(name(n)));
            }
        }
    });
}

// The configuration covers it already, by the write of the first replica, but nothing is proven to the second.
#[test]
fn what_another_replica_wrote_is_proven_too() {
    story(Start::default(), async |cluster| {
        cluster.run_for(Duration::from_secs(60)).await;
        cluster.set_lag(Duration::from_secs(2));
        let cluster: &Cluster<'_> = cluster;
        let (first, second) = (cluster.replica(0), cluster.replica(1));
        let began = Instant::now();
        let later = async {
            cluster.run_for(Duration::from_millis(500)).await;
            admitted(&second, set("b", "web")).await
        };
        let (one, two) = tokio::join!(admitted(&first, set("a", "web")), later);
        for response in [one, two] {
            assert_eq!(response["allowed"], true, "{response}");
            assert_eq!(response.get("warnings"), None);
        }
        assert!(began.elapsed() >= Duration::from_secs(2));
    });
}

#[test]
fn a_server_that_takes_too_long_has_the_sidecarset_refused() {
    story(Start::default(), async |cluster| {
        cluster.run_for(Duration::from_secs(60)).await;
        cluster.set_lag(LATE);
        let refused = cluster.create(set("logs", "web")).await.unwrap_err();
        let kube::Error::Api(status) = refused else {
            panic!("{refused}");
        };
        assert_eq!(status.code, 500);
        assert!(status.message.contains("try again"), "{}", status.message);
        cluster.run_for(LATE).await;
        cluster.create(set("logs", "web")).await.unwrap();
        let matched = cluster.pod("a", json!({ "app": "web" })).await.unwrap();
        assert_eq!(matched.as_deref(), Some("logs"));
    });
}

/// Has somebody else refuse every Lease of the installation's namespace.
fn refuse_probes(cluster: &Cluster<'_>) {
    let webhook = Webhook {
        name: "10-policy".to_owned(),
        group: "coordination.k8s.io".to_owned(),
        versions: vec!["v1".to_owned()],
        plural: "leases".to_owned(),
        subresource: String::new(),
        operations: vec!["CREATE".to_owned()],
        fails: true,
    };
    cluster
        .world
        .server
        .set_mutating(webhook, |mut review: Value| async move {
            let request = &review["request"];
            let is_probe = request["namespace"] == "kruise-system";
            let status = json!({ "code": 403, "message": "no leases here" });
            review["response"] =
                json!({ "uid": request["uid"], "allowed": !is_probe, "status": status });
            Ok(review)
        });
}

/// What a replica answers to the creation of a SidecarSet.
pub(crate) async fn admitted(replica: &InProcessWebhooks, set: Value) -> Value {
    let request = json!({
        "uid": "u", "operation": "CREATE", "name": set["metadata"]["name"],
        "kind": { "group": "apps.kruise.io", "version": "v1beta1", "kind": "SidecarSet" },
        "resource": { "group": "apps.kruise.io", "version": "v1beta1", "resource": "sidecarsets" },
        "userInfo": {}, "object": set,
    });
    let review = json!({ "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": request });
    let answer = replica
        .call("/validate-sidecarset", review.to_string().as_bytes())
        .await;
    let answer: Value = serde_json::from_slice(&answer.unwrap().unwrap()).unwrap();
    answer["response"].clone()
}

#[test]
fn where_the_server_does_not_tell_the_user_is_warned() {
    story(Start::default(), async |cluster| {
        cluster.run_for(Duration::from_secs(60)).await;
        refuse_probes(cluster);
        let began = Instant::now();
        let response = admitted(&cluster.replica(0), set("logs", "web")).await;
        assert_eq!(response["allowed"], true, "{response}");
        let warning = response["warnings"][0].as_str().unwrap();
        assert!(warning.contains("could not be verified"), "{warning}");
        assert!(warning.len() <= 256, "the API server cuts what is longer");
        assert!(began.elapsed() >= Duration::from_secs(2));
        assert!(began.elapsed() < Duration::from_secs(4));
    });
}

// The installation left the pod webhook out, or somebody else's object has its name.
#[test]
fn without_the_webhook_there_is_nothing_to_wait_for() {
    story(Start::default(), async |cluster| {
        let resource = kruise_api::resource::MUTATING_WEBHOOK_CONFIGURATIONS;
        let key = crate::dispatcher::configuration_key();
        cluster
            .world
            .server
            .change("user", resource, &key, |object| {
                object["webhooks"][0]["name"] = "other.io".into();
            });
        let before = cluster.object();
        let response = admitted(&cluster.replica(0), set("logs", "web")).await;
        assert_eq!(response["allowed"], true, "{response}");
        cluster.run_for(Duration::from_secs(60)).await;
        assert_eq!(cluster.object(), before);
        cluster.world.server.delete_now("user", resource, &key);
        let response = admitted(&cluster.replica(0), set("logs", "web")).await;
        assert_eq!(response["allowed"], true, "{response}");
    });
}
