//! Workloads of kinds of others, of which the API server alone knows how many pods they want.

use e2e::{
    Deployable, PATIENCE, Part, Test, eventually,
    hollow::{Hollow, SCHEDULER},
    names::{POD_UNAVAILABLE_BUDGETS, PUB_WEBHOOK},
    stand_in::StandIn,
};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kruise_api::resource::Resource;
use kube::{
    Api,
    api::{Patch, PatchParams},
};
use serde_json::{Value, json};

use super::{TEXT, bare, evict};

const GAMES: Resource = Resource {
    group: "pub.e2e.kruise.io",
    version: "v1",
    plural: "games",
    kind: "Game",
    namespaced: true,
};
const DEFINITION: &str = "games.pub.e2e.kruise.io";

/// Serves games in these versions, with scale; the last one is stored. Others exist, and are not served.
async fn serve(test: &Test, served: &str) {
    let schema = json!({ "openAPIV3Schema": {
        "type": "object", "x-kubernetes-preserve-unknown-fields": true,
    } });
    let version = |name: &str| {
        json!({
            "name": name, "served": name == served, "storage": name == served, "schema": schema,
            "subresources": {
                "status": {},
                "scale": { "specReplicasPath": ".spec.replicas", "statusReplicasPath": ".status.replicas" },
            },
        })
    };
    let versions: Vec<Value> = ["v1", "v2"].map(version).into();
    let patch = Patch::Merge(json!({ "spec": { "versions": versions } }));
    let definitions = Api::<CustomResourceDefinition>::all(test.client.clone());
    let parameters = PatchParams::default();
    let patched = definitions.patch(DEFINITION, &parameters, &patch).await;
    patched.unwrap();
    let games = test.workload(Resource {
        version: if served == "v1" { "v1" } else { "v2" },
        ..GAMES
    });
    eventually(&format!("scales of {served}"), PATIENCE, || async {
        games.api().get_scale("chess").await.map(drop)
    })
    .await;
}

// PB-21, PB-25 step 8, PB-S16: a scale that is asked for where it is now, and one that says nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_scaled_kind_may_move_to_another_version() {
    let plan = Test::of(PUB_WEBHOOK).disturbs(Part::Kind(DEFINITION));
    let test = plan.begin().await;
    let _hollow = Hollow::start(&test).await;
    let budgets = test.workload(POD_UNAVAILABLE_BUDGETS);
    StandIn::install(&test, GAMES).await;
    let games = test.workload(GAMES);
    let game = games
        .create("chess", json!({ "replicas": 2 }))
        .await
        .unwrap();
    serve(&test, "v1").await;
    let owner = json!([{
        "apiVersion": "pub.e2e.kruise.io/v1", "kind": "Game", "name": "chess", "uid": game.metadata.uid,
        "controller": true,
    }]);
    for name in ["a", "b"] {
        let change = json!({
            "metadata": { "ownerReferences": owner }, "spec": { "schedulerName": SCHEDULER },
        });
        bare(&test, name, change).await;
    }
    let target = json!({ "apiVersion": "pub.e2e.kruise.io/v1", "kind": "Game", "name": "chess" });
    let spec = json!({ "targetRef": target, "maxUnavailable": 1 });
    budgets.create("shop", spec).await.unwrap();
    budgets.status_becomes("shop", "currentAvailable", 2).await;
    budgets.status_becomes("shop", "totalReplicas", 2).await;

    serve(&test, "v2").await;
    budgets
        .patch("shop", json!({ "spec": { "maxUnavailable": 0 } }))
        .await;
    budgets.status_becomes("shop", "desiredAvailable", 2).await;
    let refused = evict(&test, "a").await.unwrap_err();
    assert!(refused.contains(TEXT), "{refused}");

    let games = test.workload(Resource {
        version: "v2",
        ..GAMES
    });
    games
        .patch("chess", json!({ "spec": { "replicas": null } }))
        .await;
    let unset = games.api().get_scale("chess").await.unwrap_err();
    let unset = unset.to_string();
    assert!(unset.contains("the spec replicas field"), "{unset}");
    // Whose replicas are not set has to be read itself.
    let rule = json!({ "apiGroups": [GAMES.group], "resources": [GAMES.plural], "verbs": ["get"] });
    Deployable::of(&test.client, PUB_WEBHOOK)
        .may(&test, rule)
        .await;
    budgets
        .patch("shop", json!({ "spec": { "maxUnavailable": 2 } }))
        .await;
    budgets.status_becomes("shop", "totalReplicas", 1).await;
}
