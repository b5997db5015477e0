//! `cargo xtask bench budgets`: how fast pods are deleted and evicted beside pub-webhook. Each figure stands beside that of
//! pods in a namespace that the webhook is never asked about, which are taken away in turns with them, so that both meet
//! the same machine.

mod pods;

use std::time::Duration;

use anyhow::Result;
use localkube::interrupt::Interrupt;
use localkube::progress::Progress;
use serde_json::{Value, json};

use super::controller::Controller;
use super::ground::{Deployable, Ground, GroundArgs, NAMESPACE};
use super::load;
use super::served::Served;
use super::table::{self, Aim, megabytes};
use super::turns::in_turns;
use super::way::{Way, configuration};
use pods::{BUDGETED, EXEMPT, Operation, Pods};

const PUB: Deployable = Deployable {
    overlay: "pub",
    controller: "pub-webhook",
};
const BUDGETS: &str =
    "/apis/policy.kruise.io/v1beta1/namespaces/bench-budgets/podunavailablebudgets";
/// Deletions and evictions come to this path.
const ADMISSION: &str = "/validate-pod";
/// How many take away at the same time.
const CLIENTS: [usize; 2] = [1, 8];
/// Of what passes the webhook by.
const LEAST_SHARE_UNPROTECTED: f64 = 0.95;
/// Of admissions.
const MOST_ABOVE_5_MS: f64 = 0.01;
const COUNTED_TIMEOUT: Duration = Duration::from_secs(300);
/// From a budget's creation until the API server asks about its namespace, and some more.
const SCOPE_TIMEOUT: Duration = Duration::from_secs(60);

#[derive(clap::Args)]
pub(crate) struct Args {
    /// How many pods are taken away for a figure
    #[arg(long, default_value_t = 500)]
    pods: usize,
    /// With how many protected pods memory is measured
    #[arg(long, default_value_t = 10_000)]
    protected: usize,
    /// Fail when an aim is missed
    #[arg(long)]
    check: bool,
    #[command(flatten)]
    ground: GroundArgs,
}

/// Which pods are taken away.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sort {
    /// No webhook is installed: what the way of measuring makes of no difference.
    NoWebhook,
    /// Of a namespace without budgets.
    NoBudgets,
    /// Of a namespace with budgets, none of which selects them.
    NotSelected,
    /// Pods with a budget that has enough left.
    Protected,
}

impl Sort {
    fn namespace(self) -> &'static str {
        match self {
            Self::NoWebhook | Self::NoBudgets => NAMESPACE,
            Self::NotSelected | Self::Protected => BUDGETED,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::NoWebhook => "no webhook",
            Self::NoBudgets => "no budgets",
            Self::NotSelected => "not selected",
            Self::Protected => "protected",
        }
    }
}

/// What was measured, beside pods that pass the webhook by.
struct Figure {
    sort: Sort,
    operation: Operation,
    clients: usize,
    /// Pods a second.
    rate: f64,
    floor: f64,
    /// Share of admissions that took more than 5 ms; none if nothing was asked.
    slow: Option<f64>,
    /// CPU of the API server and etcd for a thousand pods, and for a thousand of those that pass the webhook by.
    serving: f64,
    serving_floor: f64,
}

impl Figure {
    fn share(&self) -> f64 {
        self.rate / self.floor
    }

    fn row(&self) -> Vec<String> {
        let slow = self.slow.map_or("not asked".to_owned(), |slow| {
            format!("{:.1} %", slow * 100.0)
        });
        vec![
            self.sort.name().to_owned(),
            self.operation.name().to_owned(),
            self.clients.to_string(),
            format!("{:.0}", self.rate),
            format!("{:.0}", self.floor),
            format!("{:.2}", self.share()),
            slow,
            format!("{:.2}", self.serving),
            format!("{:.2}", self.serving_floor),
        ]
    }
}

pub(crate) fn run(args: &Args, interrupt: &Interrupt, progress: &Progress) -> Result<()> {
    let ground = Ground::prepare_for(PUB, &args.ground, false, interrupt, progress)?;
    let way = Way {
        ground: &ground,
        progress,
        deployable: PUB,
        configurations: vec![
            configuration(
                "mutating",
                "kruise-40-pub-webhook-mutating-webhook-configuration",
            ),
            configuration(
                "validating",
                "kruise-pub-webhook-validating-webhook-configuration",
            ),
        ],
    };
    way.forget_webhooks()?;
    let pods = Pods { ground: &ground };
    pods.prepare()?;
    let mut process = way.start_unasked()?;
    let mut figures = vec![];
    let mut measure_all = |process: &Controller<'_>, sort| -> Result<()> {
        for operation in [Operation::Delete, Operation::Evict] {
            for clients in CLIENTS {
                let before = Served::now(process, ADMISSION)?;
                let mut figure = measure(&pods, args.pods, sort, operation, clients)?;
                figure.slow = Served::now(process, ADMISSION)?.since(&before).slow();
                // A later step may fail.
                ground.step(figure.row().join("  "));
                figures.push(figure);
                pods.clear()?;
            }
        }
        Ok(())
    };
    measure_all(&process, Sort::NoWebhook)?;
    way.install_webhooks(BUDGETS, &budget("dry-run"))?;
    // So that its namespace has one for the pods that none selects.
    ground.api.create(BUDGETS, &budget("first"))?;
    let scope = "the API server to ask about the namespace";
    ground.wait_for(scope, SCOPE_TIMEOUT, || pods.is_linked("first"))?;
    for sort in [Sort::NoBudgets, Sort::NotSelected, Sort::Protected] {
        measure_all(&process, sort)?;
    }
    ground.step(format!("{} protected pods", args.protected));
    create_budgets(&pods, args.protected)?;
    pods.create(BUDGETED, 0..args.protected, pods::group)?;
    wait_until_counted(&pods, args.protected)?;
    let memory = process.settled()?;

    table::print(&rows(&figures));
    println!();
    let n = args.protected;
    let resident = megabytes(memory.resident);
    println!("RSS with {n} protected pods: {resident:.1} MB");
    println!();
    let aims = aims(&figures);
    table::print(&aims.iter().map(Aim::verdict).collect::<Vec<_>>());
    if args.check && !aims.iter().all(Aim::is_met) {
        anyhow::bail!("an aim is missed");
    }
    process.stop()
}

fn measure(
    pods: &Pods<'_>,
    n_pods: usize,
    sort: Sort,
    operation: Operation,
    clients: usize,
) -> Result<Figure> {
    let namespace = sort.namespace();
    if sort == Sort::Protected {
        create_budgets(pods, n_pods)?;
        pods.create(namespace, 0..n_pods, pods::group)?;
        // Half of a budget's pods stay.
        pods.create(namespace, n_pods..2 * n_pods, |idx| {
            pods::group(idx - n_pods)
        })?;
        wait_until_counted(pods, 2 * n_pods)?;
    } else {
        pods.create(namespace, 0..n_pods, |_| "plain".to_owned())?;
    }
    pods.create(EXEMPT, 0..n_pods, |_| "plain".to_owned())?;
    let ground = pods.ground;
    let take_away = |namespace: &str, from: usize, n: usize| {
        load::each_by(clients, n, |idx| {
            pods.take_away(namespace, from + idx, operation)
        })
    };
    let [floor, took] = in_turns(
        ground,
        n_pods,
        [&|from, n| take_away(EXEMPT, from, n), &|from, n| {
            take_away(namespace, from, n)
        }],
    )?;
    Ok(Figure {
        sort,
        operation,
        clients,
        rate: took.rate(n_pods),
        floor: floor.rate(n_pods),
        slow: None,
        serving: took.serving_of_thousand(n_pods),
        serving_floor: floor.serving_of_thousand(n_pods),
    })
}

/// A budget for each group of these pods.
fn create_budgets(pods: &Pods<'_>, n_pods: usize) -> Result<()> {
    load::each(n_pods.div_ceil(pods::A_GROUP), |idx| {
        let budget = budget(&pods::group(idx * pods::A_GROUP));
        pods.ground.api.create(BUDGETS, &budget).map(drop)
    })
    .map(drop)
}

/// A budget for the pods of a group, which has enough left for half of them.
fn budget(group: &str) -> Value {
    json!({
        "apiVersion": "policy.kruise.io/v1beta1",
        "kind": "PodUnavailableBudget",
        "metadata": {
            "name": group,
            // Nobody makes new pods.
            "annotations": {"pub.kruise.io/protect-total-replicas": (2 * pods::A_GROUP).to_string()},
        },
        "spec": {
            "selector": {"matchLabels": {super::pods::APP: group}},
            "maxUnavailable": pods::A_GROUP + pods::A_GROUP / 2,
        },
    })
}

/// Until all budgets together count so many pods as available.
fn wait_until_counted(pods: &Pods<'_>, n_pods: usize) -> Result<()> {
    let what = format!("{n_pods} pods to be counted");
    pods.ground.wait_for(&what, COUNTED_TIMEOUT, || {
        let list = pods.ground.api.get(BUDGETS)?.unwrap_or_default();
        let items = list.get("items").and_then(Value::as_array);
        let counted = items.into_iter().flatten().filter_map(|item| {
            item.pointer("/status/currentAvailable")
                .and_then(Value::as_u64)
        });
        Ok(counted.sum::<u64>() >= n_pods as u64)
    })
}

fn rows(figures: &[Figure]) -> Vec<Vec<String>> {
    let titles = [
        "pods",
        "",
        "clients",
        "pods/s",
        "past it",
        "share",
        "above 5 ms",
        "API server CPU s/1000",
        "past it",
    ];
    let rows = figures.iter().map(Figure::row);
    [titles.map(str::to_owned).to_vec()]
        .into_iter()
        .chain(rows)
        .collect()
}

fn aims(figures: &[Figure]) -> Vec<Aim> {
    let is_unprotected = |it: &&Figure| [Sort::NoBudgets, Sort::NotSelected].contains(&it.sort);
    let unprotected = figures.iter().filter(is_unprotected);
    let mut aims: Vec<Aim> = unprotected
        .map(|figure| {
            let (sort, operation) = (figure.sort.name(), figure.operation.name());
            let clients = figure.clients;
            Aim {
                what: format!(
                    "{sort}, {operation}, {clients} clients: slowdown over what passes it by"
                ),
                measured: 1.0 / figure.share(),
                at_most: 1.0 / LEAST_SHARE_UNPROTECTED,
                unit: "times",
            }
        })
        .collect();
    let slowest = figures.iter().filter_map(|figure| figure.slow);
    aims.push(Aim {
        what: "share of admissions that took more than 5 ms".to_owned(),
        measured: slowest.fold(0.0, f64::max),
        at_most: MOST_ABOVE_5_MS,
        unit: "",
    });
    aims
}
