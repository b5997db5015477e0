//! Replicas that are killed while they are asked.

use std::collections::BTreeMap;

use e2e::{
    Deployable, Namespace, Test, Workload,
    deployable::kill,
    hollow::{Hollow, hollow_template},
    names::{PUB_WEBHOOK, SYSTEM},
    pods::name_of,
    witness::Account,
};
use futures::{StreamExt, stream::FuturesUnordered};
use k8s_openapi::api::core::v1::Pod;
use kube::{Api, api::DeleteParams};
use serde_json::json;

use crate::pod_unavailable_budget::{TEXT, all_serve, evict, names, serves, shop_of};

const RUNS: usize = 20;
/// As many evictions at once.
const PODS: usize = 200;
const MAX_UNAVAILABLE: usize = 10;
/// So many answers come before a replica is killed.
const ANSWERED: usize = 40;

/// PB-47, PB-S27: whoever dies, and whenever, no more pods are away by consent than the budget allows, and nothing of it is
/// lost for good.
#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_evictions_keep_to_the_budget_while_a_replica_is_killed() {
    let Some(test) = Test::that_disturbs(PUB_WEBHOOK).begin_locally().await else {
        return;
    };
    let webhook = Deployable::of(&test.client, PUB_WEBHOOK);
    let _hollow = Hollow::start(&test).await;
    let replicas = i32::try_from(PODS).unwrap();
    let budgets = shop_of(&test, replicas, json!(MAX_UNAVAILABLE), hollow_template()).await;
    is_whole(&test, &budgets).await;
    let account = Account::start(test.pods().api(), serves).await;
    for run in 0..RUNS {
        let (leader, _) = webhook.leader().await;
        let all = webhook.replicas().await.unwrap();
        // The leader, which counts, and the other one in turn.
        let kills_leader = run % 2 == 0;
        let victim = all
            .iter()
            .find(|pod| (name_of(pod) == leader) == kills_leader);
        let victim = victim.expect("two replicas").clone();
        let answers = evict_all(&test, webhook.process_of(&victim).unwrap()).await;

        // Its container would be started later each time.
        let now = DeleteParams::default().grace_period(0);
        let system = Api::<Pod>::namespaced(test.client.clone(), SYSTEM);
        let _ = system.delete(&name_of(&victim), &now).await;
        webhook.scale(2).await;
        is_whole(&test, &budgets).await;
        let fewest = account.take_fewest();
        eprintln!("run {run}: {answers:?}, at least {fewest} of {PODS} served");
        assert!(fewest >= PODS - MAX_UNAVAILABLE, "only {fewest} served");
        // Each run has the whole budget.
        assert!(answers["allowed"] >= 1, "{answers:?}");
        assert!(answers["refused"] >= 1, "{answers:?}");
    }
}

/// All serve, and all of the budget is left.
async fn is_whole(test: &Namespace, budgets: &Workload) {
    all_serve(test, budgets, i32::try_from(PODS).unwrap()).await;
    let allowed = i64::try_from(MAX_UNAVAILABLE).unwrap();
    budgets
        .status_becomes("shop", "unavailableAllowed", allowed)
        .await;
}

/// Evicts all pods at once, and kills a process among it. How often each answer was given.
async fn evict_all(test: &Namespace, process: u32) -> BTreeMap<&'static str, usize> {
    let pods = names(test).await;
    let asked = pods.iter().map(|pod| evict(test, pod));
    let mut asked: FuturesUnordered<_> = asked.collect();
    let mut answers = BTreeMap::from(["allowed", "refused", "failed"].map(|it| (it, 0)));
    let mut n_answers = 0;
    while let Some(answer) = asked.next().await {
        n_answers += 1;
        if n_answers == ANSWERED {
            kill(&[process]).unwrap();
        }
        let answer = match answer {
            Ok(()) => "allowed",
            Err(text) if text.contains(TEXT) => "refused",
            Err(text) => {
                eprintln!("{text}");
                "failed"
            }
        };
        *answers.get_mut(answer).expect("a kind of answer") += 1;
    }
    answers
}
