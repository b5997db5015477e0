//! While no replica answers.

use deletion_protection_webhook::NAME;
use kruise_api::resource::{CUSTOM_RESOURCE_DEFINITIONS, NAMESPACES};
use kube::api::DeleteParams;
use serde_json::json;

use crate::cluster::{
    DEPLOYMENTS, NAMESPACE_CONTROLLER, ON, REPLICA_SETS, SERVICES, STATEFUL_SETS, USER,
    WIDGET_DEFINITION, with,
};

const NAMESPACED: [kruise_api::resource::Resource; 4] =
    [DEPLOYMENTS, REPLICA_SETS, STATEFUL_SETS, SERVICES];

// PF-202, PF-209, PF-230: only what is labelled is held up, whatever the label says.
#[test]
fn labelled_objects_stay_and_others_go() {
    with(&[ON], async |cluster| {
        for resource in NAMESPACED {
            cluster.put(resource, "plain", None, json!({}));
            cluster.put(resource, "always", Some("Always"), json!({}));
            cluster.put(resource, "misspelt", Some("always"), json!({}));
        }
        cluster.install_widgets("Cascading", 0);
        cluster.put(NAMESPACES, "plain", None, json!({}));
        cluster.label(NAMESPACES, "shop", Some("Cascading")).await;
        cluster.world.kill(NAME).await;

        let held_up = async |resource, name| {
            let (code, text) = cluster.delete(resource, name).await.unwrap_err();
            assert_eq!(code, 500);
            assert!(text.contains("failed calling webhook"), "{text}");
        };
        for resource in NAMESPACED {
            assert_eq!(cluster.delete(resource, "plain").await, Ok(()));
            held_up(resource, "always").await;
            held_up(resource, "misspelt").await;
            // The way out, which needs no replica.
            cluster.label(resource, "always", None).await;
            assert_eq!(cluster.delete(resource, "always").await, Ok(()));
        }
        held_up(CUSTOM_RESOURCE_DEFINITIONS, WIDGET_DEFINITION).await;
        held_up(NAMESPACES, "shop").await;
        assert_eq!(cluster.delete(NAMESPACES, "plain").await, Ok(()));
    });
}

// DV-DP4
#[test]
fn a_namespace_that_goes_takes_all_along() {
    with(&[ON], async |cluster| {
        let params = DeleteParams::default();
        for resource in NAMESPACED {
            cluster.put(resource, "web", Some("Always"), json!({}));
        }
        cluster.world.kill(NAME).await;
        for resource in NAMESPACED {
            let of_user = cluster.delete_as(USER, resource, "web", &params).await;
            assert_eq!(of_user.unwrap_err().0, 500);
            let deleted = cluster
                .delete_as(NAMESPACE_CONTROLLER, resource, "web", &params)
                .await;
            assert_eq!(deleted, Ok(()));
        }
    });
}

// A new replica answers as soon as it is set up: nothing has to be listed first.
#[test]
fn a_replica_that_starts_answers_at_once() {
    with(&[ON], async |cluster| {
        cluster.put(DEPLOYMENTS, "web", Some("Always"), json!({}));
        cluster.world.stop(NAME).await;
        cluster.world.start(NAME);
        cluster
            .world
            .run_for(std::time::Duration::from_millis(10))
            .await;
        let refused = cluster.delete(DEPLOYMENTS, "web").await.unwrap_err();
        assert_eq!(refused.0, 403);
        let requests = cluster.world.server.requests();
        let own = requests.iter().filter(|request| request.by == NAME);
        let own: Vec<_> = own.map(|it| (it.verb, it.plural.as_str())).collect();
        assert!(own.is_empty(), "no watch, no lease: {own:?}");
    });
}
