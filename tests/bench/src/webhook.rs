//! `cargo xtask bench webhook`: how fast pods are created beside the pod webhook of sidecarset-controller. Each figure
//! stands beside that of pods in a namespace that the webhook is never asked about, created in turns with them, so that
//! both meet the same machine.

mod surroundings;

use anyhow::{Result, bail};
use localkube::interrupt::Interrupt;
use localkube::progress::Progress;

use super::controller::Controller;
use super::ground::{Deployable, Ground, GroundArgs, NAMESPACE};
use super::served::Served;
use super::table::{self, Aim, megabytes};
use super::turns::in_turns;
use super::{load, pods};
use surroundings::Surroundings;

const SIDECARSET: Deployable = Deployable {
    overlay: "sidecarset",
    controller: "sidecarset-controller",
};
/// Pods here pass the webhook by.
const EXEMPT: &str = "kube-system";
/// So many pods are created before anything is measured.
const WARM_UP: usize = 100;
/// How many create at the same time.
const CLIENTS: [usize; 2] = [1, 8];
/// The label that pods have which no SidecarSet selects, and the one that the injecting SidecarSet selects.
const PLAIN: &str = "plain";
const CHOSEN: &str = "chosen";
/// Of what passes the webhook by.
const LEAST_SHARE_UNSELECTED: f64 = 0.95;
const LEAST_SHARE_INJECTED: f64 = 0.8;
/// Pods come to this path, and right after a SidecarSet was admitted to one below it.
const ADMISSION: &str = "/mutate-pod";
/// Between the fewest and the most SidecarSets.
const MOST_SLOWDOWN_BY_NUMBER: f64 = 1.1;
/// Of admissions.
const MOST_ABOVE_5_MS: f64 = 0.01;
/// In seconds, after a restart with the most SidecarSets.
const MOST_UNTIL_SERVED: f64 = 2.0;
const MOST_UNTIL_SERVED_MANY: f64 = 5.0;
/// From so many SidecarSets on.
const MANY: usize = 20_000;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// How many pods of each sort are created for a figure; with 0 only restarts are measured
    #[arg(long, default_value_t = 1000)]
    pods: usize,
    /// How many SidecarSets there are that select nothing; can be repeated
    #[arg(long = "sets", default_values_t = [10, 1000, 10_000])]
    sets: Vec<usize>,
    /// How many SidecarSets a restart is measured with besides, which are stored without admission
    #[arg(long, default_value_t = 50_000)]
    restart_with: usize,
    /// Fail when an aim is missed
    #[arg(long)]
    check: bool,
    #[command(flatten)]
    ground: GroundArgs,
}

/// What was measured with one sort of pods, beside those that pass the webhook by.
struct Figure {
    n_sets: usize,
    injected: bool,
    clients: usize,
    /// Pods a second.
    rate: f64,
    floor: f64,
    /// Share of admissions that took more than 5 ms; none if nothing was asked.
    slow: Option<f64>,
    /// CPU of the controller for a thousand pods of both sorts, in seconds.
    cpu: f64,
    /// CPU of the API server and etcd for a thousand pods, and for a thousand of those that pass the webhook by.
    serving: f64,
    serving_floor: f64,
    resident: u64,
}

impl Figure {
    fn share(&self) -> f64 {
        self.rate / self.floor
    }

    fn row(&self) -> Vec<String> {
        let sort = if self.injected {
            "injected"
        } else {
            "not selected"
        };
        vec![
            self.n_sets.to_string(),
            sort.to_owned(),
            self.clients.to_string(),
            format!("{:.0}", self.rate),
            format!("{:.0}", self.floor),
            format!("{:.2}", self.share()),
            self.slow.map_or("not asked".to_owned(), |slow| {
                format!("{:.1} %", slow * 100.0)
            }),
            format!("{:.2}", self.cpu),
            format!("{:.2}", self.serving),
            format!("{:.2}", self.serving_floor),
            format!("{:.1}", megabytes(self.resident)),
        ]
    }
}

pub(crate) fn run(args: &Args, interrupt: &Interrupt, progress: &Progress) -> Result<()> {
    let ground = Ground::prepare_for(SIDECARSET, &args.ground, false, interrupt, progress)?;
    let surroundings = Surroundings::new(&ground, progress);
    surroundings.prepare()?;
    let mut process = surroundings.start()?;
    let mut figures = vec![];
    ground.step("no SidecarSet");
    let mut measure_all = |process: &Controller<'_>, n_sets, injected| -> Result<()> {
        if args.pods == 0 {
            return Ok(());
        }
        surroundings.wait_until_narrow()?;
        for clients in CLIENTS {
            let sort = Sort {
                n_sets,
                injected,
                clients,
            };
            let figure = measure(&ground, process, args, sort)?;
            // A later step may fail.
            ground.step(figure.row().join("  "));
            figures.push(figure);
        }
        Ok(())
    };
    measure_all(&process, 0, false)?;
    let mut restarts = vec![];
    let mut n_sets = 0;
    for &wanted in &args.sets {
        ground.step(format!("{wanted} SidecarSets that select nothing"));
        surroundings.delete_injecting()?;
        surroundings.create_idle(n_sets..wanted)?;
        n_sets = wanted;
        measure_all(&process, wanted, false)?;
        ground.step("and one that injects a container");
        surroundings.create_injecting(CHOSEN)?;
        measure_all(&process, wanted, true)?;
        surroundings.wait_until_settled(&mut process)?;
        process.stop()?;
        let (again, seconds) = surroundings.restart()?;
        process = again;
        restarts.push((wanted, seconds));
        ground.step(restart_row(wanted, seconds).join("  "));
    }
    process.stop()?;
    if args.restart_with > n_sets {
        let n_sets = n_sets..args.restart_with;
        ground.step(format!("{} SidecarSets, past admission", n_sets.end));
        surroundings.store_idle(n_sets.clone())?;
        let mut process = surroundings.start()?;
        surroundings.wait_until_settled(&mut process)?;
        process.stop()?;
        let (process, seconds) = surroundings.restart()?;
        restarts.push((n_sets.end, seconds));
        process.stop()?;
    }

    table::print(&rows(&figures));
    println!();
    let restarts_told = restarts.iter().map(|&(n, seconds)| restart_row(n, seconds));
    table::print(&restarts_told.collect::<Vec<_>>());
    println!();
    let aims = aims(&figures, &restarts);
    table::print(&aims.iter().map(Aim::verdict).collect::<Vec<_>>());
    if args.check && !aims.iter().all(Aim::is_met) {
        bail!("an aim is missed");
    }
    Ok(())
}

/// Which pods are created, and by how many.
#[derive(Clone, Copy)]
struct Sort {
    n_sets: usize,
    injected: bool,
    clients: usize,
}

fn restart_row(n_sets: usize, seconds: f64) -> Vec<String> {
    let what = format!("with {n_sets} SidecarSets, from a start to the first change served");
    vec![what, format!("{seconds:.2} s")]
}

fn measure(
    ground: &Ground<'_>,
    process: &Controller<'_>,
    args: &Args,
    sort: Sort,
) -> Result<Figure> {
    let Sort {
        n_sets,
        injected,
        clients,
    } = sort;
    let app = if injected { CHOSEN } else { PLAIN };
    let create = |namespace: &str, from: usize, n: usize| {
        load::each_by(clients, n, |idx| {
            let pod = pods::plain(app, &format!("{app}-{clients}-{}", from + idx));
            let created = ground.api.create(&pods_of(namespace), &pod)?;
            let is_injected = surroundings::is_injected(&created);
            if is_injected != (injected && namespace == NAMESPACE) {
                bail!("a pod in {namespace} has the sidecar: {is_injected}");
            }
            Ok(())
        })
    };
    // The first calls open connections.
    for namespace in [NAMESPACE, EXEMPT] {
        create(namespace, args.pods, WARM_UP)?;
    }
    let before = Served::now(process, ADMISSION)?;
    let cpu_before = process.cpu_seconds()?;
    let [floor, took] = in_turns(
        ground,
        args.pods,
        [&|from, n| create(EXEMPT, from, n), &|from, n| {
            create(NAMESPACE, from, n)
        }],
    )?;
    let slow = Served::now(process, ADMISSION)?.since(&before).slow();
    let thousands = args.pods as f64 / 1000.0;
    let figure = Figure {
        n_sets,
        injected,
        clients,
        rate: took.rate(args.pods),
        floor: floor.rate(args.pods),
        slow,
        cpu: (process.cpu_seconds()? - cpu_before) / (2.0 * thousands),
        serving: took.serving_of_thousand(args.pods),
        serving_floor: floor.serving_of_thousand(args.pods),
        resident: process.memory()?.resident,
    };
    for namespace in [NAMESPACE, EXEMPT] {
        ground.empty(&pods_of(namespace))?;
    }
    Ok(figure)
}

fn pods_of(namespace: &str) -> String {
    format!("/api/v1/namespaces/{namespace}/pods")
}

fn rows(figures: &[Figure]) -> Vec<Vec<String>> {
    let titles = [
        "SidecarSets",
        "pods",
        "clients",
        "pods/s",
        "past it",
        "share",
        "above 5 ms",
        "CPU s/1000",
        "API server",
        "past it",
        "RSS MB",
    ];
    let rows = figures.iter().map(Figure::row);
    [titles.map(str::to_owned).to_vec()]
        .into_iter()
        .chain(rows)
        .collect()
}

fn aims(figures: &[Figure], restarts: &[(usize, f64)]) -> Vec<Aim> {
    let mut aims = vec![];
    for clients in CLIENTS {
        for (injected, least) in [
            (false, LEAST_SHARE_UNSELECTED),
            (true, LEAST_SHARE_INJECTED),
        ] {
            let of_sort = figures
                .iter()
                .filter(|it| it.clients == clients && it.injected == injected);
            let of_sort: Vec<&Figure> = of_sort.collect();
            let sort = if injected { "injected" } else { "not selected" };
            let worst = of_sort.iter().map(|figure| 1.0 / figure.share());
            aims.push(Aim {
                what: format!("{sort}, {clients} clients: slowdown over what passes it by"),
                measured: worst.fold(0.0, f64::max),
                at_most: 1.0 / least,
                unit: "times",
            });
            let with_sets = of_sort.iter().filter(|figure| figure.n_sets > 0);
            let with_sets: Vec<&&Figure> = with_sets.collect();
            if let (Some(few), Some(many)) = (with_sets.first(), with_sets.last())
                && few.n_sets < many.n_sets
            {
                aims.push(Aim {
                    what: format!(
                        "{sort}, {clients} clients: slowdown from {} to {} SidecarSets",
                        few.n_sets, many.n_sets
                    ),
                    measured: few.share() / many.share(),
                    at_most: MOST_SLOWDOWN_BY_NUMBER,
                    unit: "times",
                });
            }
        }
    }
    let slowest = figures.iter().filter_map(|figure| figure.slow);
    aims.push(Aim {
        what: "share of admissions that took more than 5 ms".to_owned(),
        measured: slowest.fold(0.0, f64::max),
        at_most: MOST_ABOVE_5_MS,
        unit: "",
    });
    aims.extend(restarts.iter().map(|&(n, seconds)| Aim {
        what: format!("from a start to the first change served, {n} SidecarSets"),
        measured: seconds,
        at_most: if n < MANY {
            MOST_UNTIL_SERVED
        } else {
            MOST_UNTIL_SERVED_MANY
        },
        unit: "s",
    }));
    aims
}
