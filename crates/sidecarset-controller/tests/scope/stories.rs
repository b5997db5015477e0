//! Long stories by chance: SidecarSets come, change and go, replicas crash, requests go wrong, and the API server puts
//! configurations into use late. No pod slips through, and in the end nothing is left.

use std::{collections::BTreeMap, time::Duration};

use kruise_testkit::server::{Fault, Rule};
use serde_json::{Value, json};
use sidecarset_controller::scope::Extent;

use crate::{
    cluster::{Cluster, REPLICAS, Start, set, story},
    narrowing::SETTLED,
};

const STORIES: u64 = 4;
const STEPS: usize = 60;
const APPS: [&str; 4] = ["a", "b", "c", "d"];

/// SidecarSets that are acknowledged, by name, with the application that they select.
type Sets = BTreeMap<String, String>;

fn rules(cluster: &mut Cluster<'_>) -> Vec<Rule> {
    let random = &mut cluster.world.random;
    let writes = ["mutatingwebhookconfigurations"];
    let faults = [
        Fault::Conflict,
        Fault::AnswerLost,
        Fault::ResetBefore,
        Fault::ResetAfter,
        Fault::Unavailable,
        Fault::Slow(Duration::from_millis(300)),
    ];
    let fault = *random.pick(&faults);
    let of = *random.pick(&REPLICAS);
    let late = Fault::EventsLate(Duration::from_millis(800));
    vec![
        Rule::new(fault, 200).of(of).plurals(&writes),
        Rule::new(late, 200)
            .verbs(&["watch"])
            .plurals(&["sidecarsets"])
            .of(of),
    ]
}

async fn step(cluster: &mut Cluster<'_>, n: usize, sets: &mut Sets) {
    let app = (*cluster.world.random.pick(&APPS)).to_owned();
    match cluster.world.random.below(12) {
        0..4 => {
            let name = format!("s{n}");
            if cluster.create(set(&name, &app)).await.is_ok() {
                sets.insert(name, app);
            }
        }
        4..6 => {
            if let Some(name) = sets.keys().next().cloned() {
                let selector = json!({ "spec": { "selector": { "matchLabels": { "app": app } } } });
                if cluster.change(&name, selector).await.is_ok() {
                    sets.insert(name, app);
                }
            }
        }
        6..8 => {
            if let Some((name, _)) = sets.pop_last() {
                cluster.delete(&name).await;
            }
        }
        8 => {
            let lag = cluster.world.random.below(500);
            cluster.set_lag(Duration::from_millis(lag as u64));
        }
        9 => {
            let rules = rules(cluster);
            cluster.fail(rules);
        }
        10 => {
            let index = cluster.world.random.below(REPLICAS.len());
            cluster.kill(index).await;
            cluster.start(index);
            // Until it is ready nobody calls it.
            cluster.fail(vec![]);
            cluster.run_for(Duration::from_secs(30)).await;
        }
        _ => {
            let time = cluster.world.random.below(60);
            cluster.run_for(Duration::from_secs(time as u64)).await;
        }
    }
}

/// A pod of each application gets what is acknowledged. It may get more: what is deleted is forgotten later.
async fn look(cluster: &Cluster<'_>, n: usize, sets: &Sets) {
    for app in APPS {
        let name = format!("p{n}-{app}");
        let labels: Value = json!({ "app": app });
        // A pod that can't be created doesn't slip through.
        let Ok(matched) = cluster.pod(&name, labels).await else {
            continue;
        };
        let matched = matched.unwrap_or_default();
        let matched: Vec<_> = matched.split(',').collect();
        for (set, selected) in sets {
            let slips = selected == app && !matched.contains(&set.as_str());
            assert!(
                !slips,
                "step {n}: {name} lacks {set}, has {matched:?}; asked at {:?}; {}",
                cluster.called(&name),
                cluster.object()
            );
        }
    }
}

#[test]
fn no_pod_slips_through_and_nothing_is_left_in_the_end() {
    for seed in 0..STORIES {
        let start = Start {
            seed,
            ..Start::default()
        };
        story(start, async |cluster| {
            let mut sets = Sets::new();
            for n in 0..STEPS {
                step(cluster, n, &mut sets).await;
                look(cluster, n, &sets).await;
            }
            cluster.fail(vec![]);
            for name in sets.keys() {
                cluster.delete(name).await;
            }
            cluster.run_for(SETTLED).await;
            assert_eq!(cluster.extent(), Extent::nothing(), "seed {seed}");
            assert_eq!(cluster.entries(), ["mpod.kb.io"], "seed {seed}");
        });
    }
}
