//! Which pods a budget covers, and how many there should be (PB-20, PB-24), with what of the scenarios these decide.

use kruise_api::meta::LabelSelector;
use kruise_workload::{Claim, FindError, Target};
use rstest::rstest;
use serde_json::{Value, json};

use crate::table::{
    NAMESPACE, Pods, Table, deleting, deployment, merge, names, object, owner, pod, replica_set_of,
    workload,
};

/// What a budget says.
#[derive(Clone, Default)]
struct Says {
    target: Option<Target<'static>>,
    selector: Option<Value>,
    total: Option<i32>,
}

const OF_DEPLOYMENT: Target<'static> = target("apps/v1", "Deployment", "d");

const fn target(
    api_version: &'static str,
    kind: &'static str,
    name: &'static str,
) -> Target<'static> {
    Target {
        api_version,
        kind,
        name,
    }
}

impl Says {
    fn targets(target: Target<'static>) -> Self {
        Self {
            target: Some(target),
            ..Self::default()
        }
    }

    fn selects(selector: Value) -> Self {
        Self {
            selector: Some(selector),
            ..Self::default()
        }
    }

    fn total(self, total: i32) -> Self {
        Self {
            total: Some(total),
            ..self
        }
    }

    /// How many pods are covered, and how many there should be.
    async fn covers(&self, table: &Table, pods: Vec<Value>) -> (usize, i32) {
        let (names, expected) = self.tries_to_cover(table, pods).await.unwrap();
        (names.len(), expected)
    }

    async fn tries_to_cover(
        &self,
        table: &Table,
        pods: Vec<Value>,
    ) -> Result<(Vec<String>, i32), FindError> {
        let selector = self.selector.clone();
        let selector = selector.map(|it| serde_json::from_value::<LabelSelector>(it).unwrap());
        let claim = Claim {
            target_ref: self.target,
            selector: selector.as_ref(),
            protect_total_replicas: self.total,
        };
        let finder = table.clone().finder();
        let covered = finder.covered(NAMESPACE, claim, &Pods::of(pods)).await?;
        let names = names(&covered.pods).into_iter().map(str::to_owned);
        Ok((names.collect(), covered.expected))
    }
}

fn app(name: &str) -> Value {
    json!({ "matchLabels": { "app": name } })
}

/// So many pods with label `app=x`, owned by this.
fn pods(n: usize, prefix: &str, owners: Value) -> Vec<Value> {
    let labels = json!({ "app": "x" });
    let pods = (0..n).map(|idx| pod(&format!("{prefix}-{idx}"), labels.clone(), owners.clone()));
    pods.collect()
}

fn of_replica_set(n: usize, name: &str) -> Vec<Value> {
    pods(n, name, json!([owner("apps/v1", "ReplicaSet", name)]))
}

/// PB-20: every row of the table.
#[rstest]
#[case::target(Says::targets(OF_DEPLOYMENT), (2, 3))]
#[case::target_with_total(Says::targets(OF_DEPLOYMENT).total(7), (2, 7))]
#[case::neither(Says::default(), (0, 0))]
#[case::neither_with_total(Says::default().total(7), (0, 0))]
#[case::not_convertible(
    Says::selects(json!({ "matchExpressions": [{ "key": "app", "operator": "Like" }] })).total(7),
    (0, 0)
)]
#[case::selector(Says::selects(app("x")), (2, 3))]
#[case::selector_with_total(Says::selects(app("x")).total(7), (2, 7))]
#[case::nothing_selected(Says::selects(app("y")), (0, 0))]
#[case::nothing_selected_with_total(Says::selects(app("y")).total(7), (0, 7))]
#[case::both(Says { selector: Some(app("y")), ..Says::targets(OF_DEPLOYMENT) }, (2, 3))]
#[tokio::test]
async fn what_a_budget_covers(#[case] says: Says, #[case] expected: (usize, i32)) {
    let table = Table::of([deployment("d", 3), replica_set_of("d", "r", 3)]);
    assert_eq!(says.covers(&table, of_replica_set(2, "r")).await, expected);
}

/// PB-20: no workload is read for a selector with a total.
#[tokio::test]
async fn a_total_makes_the_question_needless() {
    let table = Table::default().refuse("scale", 500);
    let owners = json!([owner("acme.io/v1", "Game", "g")]);
    let says = Says::selects(app("x"));
    assert!(
        says.tries_to_cover(&table, pods(1, "p", owners.clone()))
            .await
            .is_err()
    );
    assert_eq!(
        says.total(7).covers(&table, pods(1, "p", owners)).await,
        (1, 7)
    );
}

/// PB-22: a total replaces also the count of what is not there.
#[tokio::test]
async fn a_total_stands_for_a_target_that_is_gone() {
    let says = Says::targets(OF_DEPLOYMENT);
    assert_eq!(says.covers(&Table::default(), vec![]).await, (0, 0));
    assert_eq!(
        says.total(7).covers(&Table::default(), vec![]).await,
        (0, 7)
    );
}

/// PB-24, row by row.
#[tokio::test]
async fn what_is_expected_of_selected_pods() {
    let mut gone_away = workload("apps/v1", "StatefulSet", "going", 8);
    merge(&mut gone_away, &deleting());
    let mut anew = workload("apps/v1", "StatefulSet", "anew", 8);
    anew["metadata"]["uid"] = json!("other");
    let table = Table::of([
        workload("apps/v1", "StatefulSet", "s", 2),
        deployment("d", 3),
        replica_set_of("d", "r1", 1),
        replica_set_of("d", "r2", 2),
        object("acme.io/v1", "Game", "g", json!({})),
        object("acme.io/v1", "Game", "h", json!({})),
        gone_away,
        anew,
    ]);
    let of = |kind: &str, name: &str| pods(2, name, json!([owner("apps/v1", kind, name)]));
    let of_game = |name: &str| pods(1, name, json!([owner("acme.io/v1", "Game", name)]));
    let says = Says::selects(app("x"));
    for (what, pods, expected) in [
        ("two pods of one", of("StatefulSet", "s"), 2),
        (
            "two ReplicaSets of one",
            [of("ReplicaSet", "r1"), of("ReplicaSet", "r2")].concat(),
            3,
        ),
        (
            "two workloads",
            [of("StatefulSet", "s"), of("ReplicaSet", "r1")].concat(),
            5,
        ),
        ("nobody's", pods(2, "bare", json!([])), 0),
        (
            "owned and not managed",
            pods(
                2,
                "bare",
                json!([{
                    "apiVersion": "apps/v1", "kind": "StatefulSet", "name": "s", "uid": "s-uid",
                }]),
            ),
            0,
        ),
        ("of what is gone", of("StatefulSet", "none"), 0),
        ("of what is being deleted", of("StatefulSet", "going"), 0),
        ("of what was made anew", of("StatefulSet", "anew"), -1),
        (
            "of an unknown scale",
            [of_game("g"), of("StatefulSet", "s")].concat(),
            1,
        ),
        (
            "of two unknown scales",
            [of_game("g"), of_game("h")].concat(),
            -2,
        ),
    ] {
        let (_, found) = says.covers(&table, pods).await;
        assert_eq!(found, expected, "{what}");
    }
}

/// PB-24: an error aborts.
#[tokio::test]
async fn a_search_that_fails_is_told() {
    let table = Table::of([deployment("d", 3), replica_set_of("d", "r", 1)]).refuse("scale", 404);
    let of_game = pods(1, "g", json!([owner("acme.io/v1", "Game", "g")]));
    let pods = [of_replica_set(1, "r"), of_game].concat();
    let error = Says::selects(app("x"))
        .tries_to_cover(&table, pods)
        .await
        .unwrap_err();
    assert_eq!(
        (error.category(), error.asked.name.as_str()),
        ("unknown_kind", "g")
    );
}

/// PB-S1: the total of a Deployment.
#[tokio::test]
async fn ten_of_ten() {
    let table = Table::of([deployment("d", 10), replica_set_of("d", "r", 10)]);
    let says = Says::targets(OF_DEPLOYMENT);
    assert_eq!(says.covers(&table, of_replica_set(10, "r")).await, (10, 10));
}

/// PB-S13 and PB-S14: two Deployments, one of them with two ReplicaSets, and then without the other.
#[tokio::test]
async fn a_selector_over_two_deployments() {
    let mut objects = vec![
        deployment("a", 4),
        replica_set_of("a", "a1", 3),
        replica_set_of("a", "a2", 1),
        deployment("b", 6),
        replica_set_of("b", "b1", 6),
    ];
    let all = [
        of_replica_set(3, "a1"),
        of_replica_set(1, "a2"),
        of_replica_set(6, "b1"),
    ]
    .concat();
    let says = Says::selects(app("x"));
    assert_eq!(
        says.covers(&Table::of(objects.clone()), all.clone()).await,
        (10, 10)
    );
    merge(&mut objects[3], &deleting());
    assert_eq!(says.covers(&Table::of(objects), all).await, (10, 4));
}

/// PB-S15: a total, and pods without owner.
#[tokio::test]
async fn five_bare_pods() {
    let says = Says::selects(app("x")).total(5);
    let bare = pods(5, "bare", json!([]));
    assert_eq!(says.covers(&Table::default(), bare).await, (5, 5));
}

/// PB-S16: the pods are owned by an object in between, and found by the selector of the scale.
#[tokio::test]
async fn a_custom_kind_with_scale() {
    let table = Table::of([object("acme.io/v1", "Game", "g", json!({}))]);
    let table = table.scale("g", json!({ "replicas": 4, "selector": "app=x" }));
    let says = Says::targets(target("acme.io/v1", "Game", "g"));
    let four = pods(4, "p", json!([owner("acme.io/v1", "Round", "r")]));
    assert_eq!(says.covers(&table, four).await, (4, 4));
}

/// PB-S17: without scale the number is unknown.
#[tokio::test]
async fn a_custom_kind_without_scale() {
    let table = Table::of([object("acme.io/v1", "Game", "g", json!({}))]);
    let says = Says::targets(target("acme.io/v1", "Game", "g"));
    let two = pods(2, "p", json!([owner("acme.io/v1", "Game", "g")]));
    assert_eq!(says.covers(&table, two).await, (2, -1));
}

/// PB-S30: the new number counts at once, whatever pods are left.
#[tokio::test]
async fn a_deployment_that_was_scaled_down() {
    let table = Table::of([deployment("d", 50), replica_set_of("d", "r", 50)]);
    let says = Says::targets(OF_DEPLOYMENT);
    assert_eq!(
        says.covers(&table, of_replica_set(100, "r")).await,
        (100, 50)
    );
}

/// PB-S31: a Deployment of no replicas has no pods, though some are left.
#[tokio::test]
async fn a_deployment_of_no_replicas() {
    let table = Table::of([deployment("d", 0), replica_set_of("d", "r", 0)]);
    let says = Says::targets(OF_DEPLOYMENT);
    assert_eq!(says.covers(&table, of_replica_set(2, "r")).await, (0, 0));
}
