//! What the leader does later.

use std::time::Duration;

use kruise_api::resource::MUTATING_WEBHOOK_CONFIGURATIONS;
use kruise_testkit::server::{Fault, Rule};
use serde_json::json;
use sidecarset_controller::scope::{Anchor, Extent, Form, LabelAnchor, OneOf};

use crate::{
    cluster::{REPLICAS, Start, USER, set, story},
    dispatcher::configuration_key,
    widening::admitted,
};

pub(crate) const SOON: Duration = Duration::from_secs(40);
/// Longer than pods wait for a SidecarSet.
pub(crate) const SETTLED: Duration = Duration::from_secs(140);

pub(crate) fn app(value: &str) -> Anchor {
    Anchor {
        label: Some(LabelAnchor {
            key: "app".to_owned(),
            values: OneOf::these([value]),
        }),
        ..Anchor::default()
    }
}

// PF-908: without SidecarSets an outage of the webhook touches no pod.
#[test]
fn without_sidecarsets_no_pod_is_asked_about() {
    story(Start::default(), async |cluster| {
        cluster.run_for(SOON).await;
        let conditions = &cluster.object()["webhooks"][0]["matchConditions"];
        assert_eq!(
            *conditions,
            json!([{ "name": "sidecarset-scope", "expression": "false" }])
        );
        cluster.kill(0).await;
        cluster.kill(1).await;
        assert_eq!(
            cluster.pod("a", json!({ "app": "web" })).await.unwrap(),
            None
        );
    });
}

// PF-903
#[test]
fn without_their_definition_no_pod_is_asked_about() {
    let start = Start {
        installs_sets: false,
        ..Start::default()
    };
    story(start, async |cluster| {
        cluster.run_for(SOON).await;
        assert_eq!(cluster.extent(), Extent::nothing());
        cluster.world.install("apps.kruise.io_sidecarsets.yaml");
        cluster.run_for(SOON * 2).await;
        cluster.create(set("logs", "web")).await.unwrap();
        let matched = cluster.pod("a", json!({ "app": "web" })).await.unwrap();
        assert_eq!(matched.as_deref(), Some("logs"));
    });
}

#[test]
fn it_follows_the_sidecarsets_that_there_are_and_then_rests() {
    story(Start::default(), async |cluster| {
        cluster.create(set("logs", "web")).await.unwrap();
        cluster.create(set("mesh", "db")).await.unwrap();
        cluster.run_for(SETTLED).await;
        assert_eq!(cluster.extent(), Extent::of(&[app("web"), app("db")]));
        assert_eq!(cluster.entries(), ["mpod.kb.io"]);
        cluster.delete("logs").await;
        cluster.run_for(SOON).await;
        assert_eq!(cluster.extent(), Extent::of(&[app("db")]));
        let writes = cluster.n_writes();
        cluster.run_for(SETTLED * 10).await;
        assert_eq!(cluster.n_writes(), writes);
    });
}

#[test]
fn whoever_takes_over_goes_on_with_it() {
    story(Start::default(), async |cluster| {
        cluster.create(set("logs", "web")).await.unwrap();
        cluster.kill(0).await;
        cluster.delete("logs").await;
        cluster.run_for(SETTLED).await;
        assert_eq!(cluster.extent(), Extent::nothing());
    });
}

// Its SidecarSet is in no index yet.
#[test]
fn it_takes_nothing_from_an_admission_that_goes_on() {
    story(Start::default(), async |cluster| {
        cluster.create(set("mesh", "db")).await.unwrap();
        cluster.run_for(SETTLED).await;
        cluster.set_lag(Duration::from_secs(3));
        let replica = cluster.replica(1);
        let admission = admitted(&replica, set("logs", "web"));
        let meanwhile = async {
            cluster.run_for(Duration::from_secs(1)).await;
            let since = cluster.world.server.version();
            cluster.delete("mesh").await;
            cluster.run_for(Duration::from_secs(1)).await;
            // The admission would mend it soon.
            for extent in cluster.extents_since(since) {
                assert_eq!(extent, Extent::of(&[app("web")]));
            }
            assert!(cluster.covers("web"));
        };
        let (answer, ()) = tokio::join!(admission, meanwhile);
        assert_eq!(answer["allowed"], true, "{answer}");
    });
}

// The first replica leads.
#[test]
fn a_leader_whose_index_lags_behind_waits_for_it() {
    story(Start::default(), async |cluster| {
        let late = Rule::new(Fault::EventsLate(SETTLED * 2), 1000);
        let late = late.of(REPLICAS[0]).verbs(&["watch"]);
        cluster.fail(vec![late.plurals(&["sidecarsets"])]);
        cluster.set_answering(Some(1));
        cluster.create(set("logs", "web")).await.unwrap();
        for _ in 0..SETTLED.as_secs() {
            cluster.run_for(Duration::from_secs(1)).await;
            assert!(cluster.extent().covers(&app("web")));
        }
        assert_eq!(cluster.extent(), Extent::of(&[app("web")]));
    });
}

// It may have been stored past the webhook.
#[test]
fn what_nobody_admitted_is_covered_later() {
    story(Start::default(), async |cluster| {
        cluster.run_for(SOON).await;
        let sets = kruise_api::apps::v1beta1::SIDECARSETS;
        cluster.world.server.put(USER, sets, set("logs", "web"));
        cluster.run_for(Duration::from_secs(6)).await;
        assert_eq!(cluster.extent(), Extent::of(&[app("web")]));
    });
}

// DV-PF21
#[test]
fn the_installed_form_is_made_narrow_again_and_what_an_administrator_edits_stays() {
    story(Start::default(), async |cluster| {
        cluster.create(set("logs", "web")).await.unwrap();
        cluster.run_for(SETTLED).await;
        let key = configuration_key();
        cluster
            .world
            .server
            .change(USER, MUTATING_WEBHOOK_CONFIGURATIONS, &key, |object| {
                object["metadata"]["annotations"] = json!({});
                let entry = object["webhooks"][0].as_object_mut().unwrap();
                entry.shift_remove("matchConditions");
                entry["failurePolicy"] = "Ignore".into();
            });
        assert_eq!(cluster.extent().form(), Form::Everything);
        cluster.run_for(SOON).await;
        assert_eq!(cluster.extent(), Extent::of(&[app("web")]));
        assert_eq!(cluster.object()["webhooks"][0]["failurePolicy"], "Ignore");
    });
}

#[test]
fn where_it_is_not_wanted_every_pod_is_asked_about() {
    let start = Start {
        narrows: false,
        ..Start::default()
    };
    story(start, async |cluster| {
        cluster.create(set("logs", "web")).await.unwrap();
        cluster.run_for(SETTLED).await;
        assert_eq!(cluster.extent().form(), Form::Everything);
        assert_eq!(cluster.object()["webhooks"][0].get("matchConditions"), None);
    });
}
