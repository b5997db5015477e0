//! Which pod goes when the template spreads pods over topologies.

use e2e::{
    PATIENCE, Test,
    cloneset::spec,
    eventually,
    names::{CLONESET_CONTROLLER, CLONESETS},
    pods::name_of,
};
use k8s_openapi::api::core::v1::Node;
use kube::{
    Api,
    api::{Patch, PatchParams},
};
use serde_json::{Value, json};

/// Labels of nodes that the test made up; taken off at the end, whatever happens.
struct Zones {
    nodes: Api<Node>,
    key: String,
    labelled: Vec<String>,
}

impl Zones {
    async fn put(&mut self, node: &str, zone: &str) {
        self.labelled.push(node.to_owned());
        self.label(node, json!(zone)).await.expect("label the node");
    }

    async fn label(&self, node: &str, value: Value) -> kube::Result<()> {
        let patch = json!({ "metadata": { "labels": { self.key.as_str(): value } } });
        self.nodes
            .patch(node, &PatchParams::default(), &Patch::Merge(patch))
            .await
            .map(drop)
    }
}

impl Drop for Zones {
    fn drop(&mut self) {
        tokio::task::block_in_place(|| {
            tokio::runtime::Handle::current().block_on(async {
                for node in &self.labelled {
                    if let Err(error) = self.label(node, Value::Null).await {
                        eprintln!("node {node} keeps the label {}: {error}", self.key);
                    }
                }
            });
        });
    }
}

// CS-S7, CS-70: one pod a node, so that nodes don't matter, and the newest pod alone in its zone. Without
// the nodes' labels that one would go.
#[tokio::test(flavor = "multi_thread")]
async fn the_fuller_zone_gives_its_pod_first() {
    let test = Test::of(CLONESET_CONTROLLER).begin().await;
    let sets = test.workload(CLONESETS);
    let key = format!("zone.{}/name", test.name);
    let mut spec = spec(2, json!({}));
    spec["template"]["spec"]["topologySpreadConstraints"] = json!([{
        "maxSkew": 1,
        "topologyKey": key,
        "whenUnsatisfiable": "ScheduleAnyway",
        "labelSelector": { "matchLabels": { "app": "web" } },
    }]);
    spec["template"]["spec"]["affinity"] = json!({ "podAntiAffinity": {
        "requiredDuringSchedulingIgnoredDuringExecution": [{
            "topologyKey": "kubernetes.io/hostname",
            "labelSelector": { "matchLabels": { "app": "web" } },
        }],
    } });
    sets.create("web", spec).await.unwrap();
    sets.rolled_out("web").await;
    let first = test.pods().facts().await;
    sets.patch("web", json!({ "spec": { "replicas": 3 } }))
        .await;
    sets.rolled_out("web").await;
    let newest = test
        .pods()
        .facts()
        .await
        .into_iter()
        .find(|(name, _)| !first.contains_key(name))
        .expect("a third pod");

    let mut zones = Zones {
        nodes: Api::all(test.client.clone()),
        key,
        labelled: vec![],
    };
    for facts in first.values() {
        zones.put(&facts.node, "full").await;
    }
    zones.put(&newest.1.node, "empty").await;
    sets.patch("web", json!({ "spec": { "replicas": 2 } }))
        .await;
    eventually("a pod goes", PATIENCE, || async {
        let pods: Vec<String> = test.pods().active().await.iter().map(name_of).collect();
        if pods.len() == 2 { Ok(pods) } else { Err(pods) }
    })
    .await
    .iter()
    .find(|name| **name == newest.0)
    .expect("the pod that is alone in its zone stays");
}
