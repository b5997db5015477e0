//! From the indexes to a snapshot. How workloads are found is proved in kruise-workload.

use std::sync::Arc;

use futures::future::{BoxFuture, FutureExt};
use kruise_api::{
    meta::LabelSelector,
    policy::v1beta1::PODUNAVAILABLEBUDGETS,
    resource::{ObjectKey, PODS},
    selector::Selector,
    white_list::ListedWorkload,
};
use kruise_runtime::{Clock, Store};
use kruise_workload::{
    Cause, Existing, Finder, IndexedKind, IndexedReplicaSet, IndexedWorkload, LookUps, Reference,
    Scale,
};
use pub_webhook::{
    budget::Budget,
    observe::Observer,
    plan::{plan, status::tally},
    snapshot::Snapshot,
};
use serde_json::{Value, json};

use crate::objects::{BUDGET, NAMESPACE, NOW, budget, pod, with};

/// Knows kind `Game`, which has a scale subresource, and kind `Toy`, which has none.
struct Others;

impl LookUps for Others {
    fn indexed(
        &self,
        _: IndexedKind,
        _: &ObjectKey,
    ) -> Result<Option<Arc<IndexedWorkload>>, Cause> {
        Ok(None)
    }

    fn replica_set(&self, _: &ObjectKey) -> Result<Option<Arc<IndexedReplicaSet>>, Cause> {
        Ok(None)
    }

    fn replica_sets_of(&self, _: &str) -> Result<Vec<Arc<IndexedReplicaSet>>, Cause> {
        Ok(vec![])
    }

    fn listed(&self, _: &str, _: &str) -> Result<Option<ListedWorkload>, Cause> {
        Ok(None)
    }

    fn replicas<'a>(
        &'a self,
        _: &'a Reference,
        _: &'a ListedWorkload,
    ) -> BoxFuture<'a, Result<Option<Existing>, Cause>> {
        async { Ok(None) }.boxed()
    }

    fn scale<'a>(&'a self, asked: &'a Reference) -> BoxFuture<'a, Result<Option<Scale>, Cause>> {
        let selector: LabelSelector =
            serde_json::from_value(json!({ "matchLabels": { "app": "x" } })).unwrap();
        let scale = Scale {
            uid: "game".to_owned(),
            replicas: 4,
            selector: Some(Arc::new(Selector::parse(&selector).unwrap())),
        };
        let found = (asked.kind == "Game").then_some(scale);
        async { Ok(found) }.boxed()
    }

    fn object<'a>(&'a self, _: &'a Reference) -> BoxFuture<'a, Result<Option<Existing>, Cause>> {
        let found = Existing {
            uid: "toy".to_owned(),
            replicas: None,
        };
        async { Ok(Some(found)) }.boxed()
    }
}

async fn look(spec: Value) -> Snapshot {
    observe(spec).await.1
}

async fn observe(spec: Value) -> (Observer, Snapshot) {
    let observer = Observer {
        budgets: Store::new(PODUNAVAILABLEBUDGETS),
        pods: Store::new(PODS),
        finder: Finder::over(Others),
        vertical_scaling: false,
        clock: Clock::of(|| NOW.parse().unwrap()),
    };
    let budget = json!({
        "metadata": { "name": BUDGET, "namespace": NAMESPACE, "uid": "b", "resourceVersion": "1" },
        "spec": spec,
    });
    observer
        .budgets
        .apply(serde_json::from_value(budget).unwrap());
    for (name, app, owner) in [
        ("x0", "x", "between"),
        ("x1", "x", "between"),
        ("x2", "x", "between"),
        ("x3", "x", "between"),
        ("y0", "y", "toy"),
    ] {
        let mut pod = pod(name);
        pod["metadata"]["labels"] = json!({ "app": app });
        pod["metadata"]["ownerReferences"] = json!([{
            "apiVersion": "acme.io/v1", "kind": "Between", "name": "between", "uid": owner, "controller": true,
        }]);
        observer.pods.apply(serde_json::from_value(pod).unwrap());
    }
    let mut ended = pod("ended");
    ended["metadata"]["labels"] = json!({ "app": "x" });
    ended["status"]["phase"] = json!("Succeeded");
    observer.pods.apply(serde_json::from_value(ended).unwrap());
    let budget = observer.budget(&ObjectKey::new(NAMESPACE, BUDGET)).unwrap();
    let snapshot = observer.snapshot(budget).await.unwrap();
    (observer, snapshot)
}

fn names(snapshot: &Snapshot) -> Vec<&str> {
    let pods = snapshot.pods.iter();
    let mut names: Vec<&str> = pods.map(|pod| pod.metadata.name.as_str()).collect();
    names.sort_unstable();
    names
}

/// PB-S16: its pods are found by the selector of its scale.
#[tokio::test]
async fn pods_of_a_kind_of_others_are_counted() {
    let target = json!({ "apiVersion": "acme.io/v1", "kind": "Game", "name": "chess" });
    let snapshot = look(json!({ "targetRef": target, "minAvailable": "50%" })).await;
    assert_eq!(names(&snapshot), ["x0", "x1", "x2", "x3"]);
    assert_eq!(
        snapshot.n_unwatched, 1,
        "nobody tells when it is scaled (DV-PB10)"
    );
    let desired = plan(&snapshot).desired.unwrap();
    let status = tally(&snapshot, desired, &snapshot.budget).status;
    assert_eq!(
        (status.desired_available, status.unavailable_allowed),
        (2, 2)
    );
}

/// PB-S17, PB-23
#[tokio::test]
async fn without_a_scale_nothing_is_known() {
    let target = json!({ "apiVersion": "acme.io/v1", "kind": "Toy", "name": "ball" });
    let snapshot = look(json!({ "targetRef": target, "maxUnavailable": 1 })).await;
    assert_eq!(names(&snapshot), ["y0"]);
    let desired = plan(&snapshot).desired.unwrap();
    let status = tally(&snapshot, desired, &snapshot.budget).status;
    assert_eq!((status.total_replicas, status.desired_available), (-1, 0));
}

/// PB-24: bare pods and a total of one's own ask nobody.
#[tokio::test]
async fn who_is_looked_at_again() {
    let selector = json!({ "matchLabels": { "app": "x" } });
    let snapshot = look(json!({ "selector": selector, "maxUnavailable": 1 })).await;
    assert_eq!(snapshot.n_unwatched, 1);
    let with_total =
        json!({ "selector": selector, "maxUnavailable": 1, "protectTotalReplicas": 4 });
    let snapshot = look(with_total).await;
    assert_eq!(snapshot.n_unwatched, 0);
    assert_eq!((names(&snapshot).len(), snapshot.expected), (4, 4));
}

/// PB-31, PB-52.4, PB-53: to look workloads up and to link pods takes time.
#[tokio::test]
async fn pods_are_looked_at_again_when_they_are_counted() {
    let spec = json!({
        "selector": { "matchLabels": { "app": "x" } }, "maxUnavailable": 1, "protectTotalReplicas": 4,
    });
    let (observer, snapshot) = observe(spec).await;
    let changed = |name: &str, change: Value| {
        let mut pod = with(pod(name), change);
        pod["metadata"]["resourceVersion"] = json!("9");
        observer.pods.apply(serde_json::from_value(pod).unwrap());
    };
    changed("x0", json!({ "status": { "conditions": [] } }));
    changed("x1", json!({ "metadata": { "deletionTimestamp": NOW } }));
    changed("new", json!({ "metadata": { "labels": { "app": "x" } } }));
    let recorded = json!({ "disruptedPods": { "x1": NOW, "new": NOW, "gone": NOW } });
    let newest = budget(3, json!({ "status": recorded }));
    let newest: Budget = serde_json::from_value(newest).unwrap();
    let again = observer.again(&snapshot, &newest);
    assert_eq!(names(&again), ["x0", "x2", "x3"]);
    let tally = tally(&again, 3, &newest);
    let status = &tally.status;
    assert_eq!(
        (status.current_available, status.unavailable_allowed),
        (2, 0)
    );
    let kept: Vec<&String> = status.disrupted_pods.keys().collect();
    assert_eq!(kept, ["gone", "new"]);
    // DV-PB16
    assert_eq!(tally.doubted.iter().collect::<Vec<_>>(), ["gone"]);
}
