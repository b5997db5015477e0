//! Workloads and their controller: it makes pods where there are too few, and deletes them where there are too many, as
//! anybody does whom budgets may refuse.

use std::{collections::BTreeSet, time::Duration};

use kruise_api::resource::{ObjectKey, PODS, Resource};
use kruise_runtime::{ApiClient, Metrics};
use kruise_testkit::{
    builders,
    fields::{list, text, uid_of},
    random::Random,
    server::ApiServer,
};
use serde_json::{Value, json};

use super::{
    requests::{Asking, Deed, ask_as},
    seen::{PodSeen, REPLICA_SETS, STATEFUL_SETS},
};

/// Whose requests those of workload controllers are.
const WHO: &str = "workload-controller";
/// How long a pod takes to end.
const GRACE: i64 = 3;

/// How the pods of an application are kept.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kept {
    /// By a ReplicaSet.
    ReplicaSet,
    /// By a StatefulSet: names come again.
    StatefulSet,
}

impl Kept {
    pub(super) fn resource(self) -> Resource {
        match self {
            Self::ReplicaSet => REPLICA_SETS,
            Self::StatefulSet => STATEFUL_SETS,
        }
    }

    /// A workload for this application.
    pub(super) fn workload(self, app: &str, replicas: usize) -> Value {
        let resource = self.resource();
        let mut template = builders::template(app, &[("app", "example/app:1")]);
        template["spec"]["terminationGracePeriodSeconds"] = json!(GRACE);
        json!({
            "apiVersion": "apps/v1", "kind": resource.kind,
            "metadata": { "name": app, "namespace": "default", "labels": { "app": app } },
            "spec": {
                "replicas": replicas, "selector": { "matchLabels": { "app": app } }, "template": template,
            },
        })
    }
}

/// A pod of this workload; none: of nobody.
pub(super) fn pod(name: &str, app: &str, workload: Option<&Value>) -> Value {
    let mut template = builders::template(app, &[("app", "example/app:1")]);
    template["spec"]["terminationGracePeriodSeconds"] = json!(GRACE);
    let mut metadata = json!({ "name": name, "namespace": "default", "labels": { "app": app } });
    if let Some(workload) = workload {
        metadata["ownerReferences"] = json!([{
            "apiVersion": "apps/v1", "kind": workload["kind"], "name": workload["metadata"]["name"],
            "uid": workload["metadata"]["uid"], "controller": true,
        }]);
    }
    json!({ "apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"] })
}

/// Plays the controllers of workloads, for ever.
pub(super) async fn control(server: ApiServer, mut random: Random) {
    let client = ApiClient::new(server.client_of(WHO), WHO, Metrics::unregistered());
    let mut n_made = 0;
    loop {
        for kept in [Kept::ReplicaSet, Kept::StatefulSet] {
            for workload in server.list(kept.resource()) {
                balance(&server, &client, kept, &workload, &mut n_made, &mut random).await;
            }
        }
        let pause = 100 + random.below(1200) as u64;
        tokio::time::sleep(Duration::from_millis(pause)).await;
    }
}

async fn balance(
    server: &ApiServer,
    client: &ApiClient,
    kept: Kept,
    workload: &Value,
    n_made: &mut usize,
    random: &mut Random,
) {
    let pods = server.list(PODS);
    let is_own = |pod: &&std::sync::Arc<Value>| {
        let mut owners = list(&pod["metadata"]["ownerReferences"]).iter();
        owners.any(|owner| owner["uid"] == *uid_of(workload))
    };
    let own: Vec<PodSeen> = pods
        .iter()
        .filter(is_own)
        .map(|it| PodSeen::read(it))
        .collect();
    let taken: BTreeSet<&str> = own.iter().map(|pod| pod.name.as_str()).collect();
    let app = text(&workload["metadata"]["name"]);
    let replicas = workload["spec"]["replicas"].as_u64().unwrap_or_default();
    let replicas = usize::try_from(replicas).unwrap_or_default();
    let active: Vec<&PodSeen> = own.iter().filter(|pod| pod.is_active).collect();
    let missing = replicas.saturating_sub(active.len());
    for _ in 0..missing {
        let name = match kept {
            Kept::ReplicaSet => {
                *n_made += 1;
                format!("{app}-{n_made}x{}", random.below(1000))
            }
            Kept::StatefulSet => {
                let mut names = (0..replicas).map(|number| format!("{app}-{number}"));
                // One that is on its way out has its name yet.
                let Some(name) = names.find(|name| !taken.contains(name.as_str())) else {
                    return;
                };
                name
            }
        };
        let pod = pod(&name, &app, Some(workload));
        // Whatever fails is tried again the next time.
        let _ = client.create(&PODS, "default", &pod).await;
        if kept == Kept::StatefulSet {
            return;
        }
    }
    let too_many = active.len().saturating_sub(replicas);
    for pod in active.iter().rev().take(too_many) {
        ask_as(WHO, server, &Asking::of(&pod.name, Deed::Delete)).await;
    }
}

/// How many pods a workload should have; 0, if there is none.
pub(super) fn replicas(server: &ApiServer, kept: Kept, app: &str) -> usize {
    let workload = server.get(kept.resource(), &ObjectKey::new("default", app));
    let replicas = workload.and_then(|it| it["spec"]["replicas"].as_u64());
    usize::try_from(replicas.unwrap_or_default()).unwrap_or_default()
}
