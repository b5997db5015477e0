//! Guards PodUnavailableBudgets. This file is the wiring: which kinds are watched, which index each feeds, what wakes what,
//! and who answers the API server. What a budget comes to is worked out in [`plan`], a pure function from a snapshot to a
//! plan; whether a pod may go is decided by `kruise_api::budget`.
//!
//! Every replica answers. One of them leads, and counts.

use clap::Args;
use kruise_api::{
    object::CustomResource,
    policy::v1beta1::{PODUNAVAILABLEBUDGETS, PodUnavailableBudget},
    resource::{ObjectKey, PODS},
};
use kruise_runtime::{
    App, Queue, Setup, Upkeep, WaitReasons, WatchOptions, Watched,
    webhook::{AdmissionRequest, AdmissionResponse},
};
use kruise_workload::{IndexedKind, WorkloadWatches};

pub mod admission;
pub mod budget;
pub mod check;
pub mod error;
pub mod gates;
mod lower;
pub mod metrics;
pub mod newest;
pub mod observe;
pub mod plan;
pub mod pod;
mod reconcile;
pub mod scope;
pub mod snapshot;
pub mod stored;
pub mod wake;

use admission::{
    MUTATE_POD_PATH, PLACE, VALIDATE_BUDGET_PATH, VALIDATE_POD_PATH,
    budgets::BudgetValidator,
    link::PodMutator,
    lookup::Lookup,
    pods::PodValidator,
    refusal::{self, Reporter},
};
use budget::Budget;
use gates::Gates;
use metrics::Metrics;
use newest::Newest;
use observe::Observer;
use pod::BudgetPod;
use reconcile::PubReconciler;
use wake::{ANY_POD_AFTER, TERMINATING_AFTER, Woken};

/// Name of the binary, the Lease and the field manager.
pub const NAME: &str = "pub-webhook";

/// The CRD of our kind.
const CRD: &str = "podunavailablebudgets.policy.kruise.io";

/// Flags of this deployable.
#[derive(Args, Clone, Debug)]
pub struct PubArgs {
    /// How many PodUnavailableBudgets are reconciled at the same time
    #[arg(long, default_value_t = 3, value_parser = kruise_runtime::parse_workers)]
    pub podunavailablebudget_workers: usize,
    /// Whether the API server asks about new pods and evictions only in namespaces with budgets; otherwise in all
    #[arg(long, default_value_t = true, action = clap::ArgAction::Set)]
    pub narrow_pod_webhook: bool,
}

/// The deployable as a value.
#[must_use]
pub fn app(args: PubArgs) -> App {
    App::new(NAME, move |setup| {
        wire(setup, &args);
        Ok(())
    })
}

/// What is watched.
struct Watches {
    budgets: Watched<Budget>,
    pods: Watched<BudgetPod>,
    workloads: WorkloadWatches,
}

fn wire(setup: &mut Setup, args: &PubArgs) {
    let gates = Gates::of(setup.gates());
    let budgets = setup.watch::<Budget>(PODUNAVAILABLEBUDGETS, WatchOptions::default());
    serve_own_kind(setup, &budgets, gates);
    // PB-13, PF-214: entries of the installation lead here all the same.
    if !gates.any() {
        let allow = |_: &AdmissionRequest| AdmissionResponse::allow();
        setup.validating_webhook(VALIDATE_POD_PATH, allow);
        setup.mutating_pod_webhook(PLACE, MUTATE_POD_PATH, allow);
        scope::wire(setup, &budgets, gates, args.narrow_pod_webhook);
        return;
    }
    let watches = Watches {
        budgets,
        // No label tells which pods a selector selects.
        pods: setup.watch::<BudgetPod>(PODS, WatchOptions::default()),
        workloads: WorkloadWatches::ask(setup, &IndexedKind::ALL),
    };
    let newest = Newest::default();
    let followed = newest.clone();
    let follow = move |old: Option<&Budget>, new: Option<&Budget>| followed.follow(old, new);
    watches.budgets.follow(follow);
    serve_pods(setup, &watches, &newest, gates);
    reconcile(setup, &watches, newest, gates, args);
}

/// Conversion and admission of budgets, on every replica.
fn serve_own_kind(setup: &mut Setup, budgets: &Watched<Budget>, gates: Gates) {
    let kind = PodUnavailableBudget::KIND;
    setup.conversion(CRD, kind, kruise_api::conversion::convert);
    let validator = BudgetValidator {
        gates,
        budgets: budgets.store(),
    };
    let validate = move |request: &AdmissionRequest| validator.answer(request);
    setup.validating_webhook(VALIDATE_BUDGET_PATH, validate);
}

/// Admission of pods, on every replica.
fn serve_pods(setup: &mut Setup, watches: &Watches, newest: &Newest, gates: Gates) {
    let client = setup.replica_client();
    let validator = PodValidator {
        gates,
        lookup: Lookup {
            pods: watches.pods.store(),
            budgets: watches.budgets.store(),
            client: client.clone(),
            newest: newest.clone(),
        },
        clock: setup.clock(),
        reporter: Reporter {
            metrics: Metrics::new(setup.metrics().clone()),
            protection_log: setup.protection_log(),
            recorder: setup.recorder(refusal::COMPONENT),
        },
    };
    setup.validating_webhook(VALIDATE_POD_PATH, validator);
    let mutator = PodMutator {
        gates,
        budgets: watches.budgets.store(),
        finder: watches.workloads.finder_for_admission(client),
    };
    setup.mutating_pod_webhook(PLACE, MUTATE_POD_PATH, mutator);
}

/// The reconciler and what keeps the webhooks narrow, on the leader.
fn reconcile(setup: &mut Setup, watches: &Watches, newest: Newest, gates: Gates, args: &PubArgs) {
    let queue = setup.queue("podunavailablebudget");
    wake(watches, &queue, gates);
    let coverage = scope::wire(setup, &watches.budgets, gates, args.narrow_pod_webhook);
    let reconciler = PubReconciler {
        observer: Observer {
            budgets: watches.budgets.store(),
            pods: watches.pods.store(),
            finder: watches.workloads.finder_for_reconcilers(setup.client()),
            vertical_scaling: gates.vertical_scaling,
            clock: setup.clock(),
        },
        own_writes: setup.own_writes(),
        upkeep: Upkeep::new(
            setup.own_writes(),
            setup.client(),
            WaitReasons::new("podunavailablebudget", setup.metrics()),
        ),
        newest,
        client: setup.client(),
        recorder: setup.recorder(reconcile::COMPONENT),
        coverage,
    };
    let workers = args.podunavailablebudget_workers;
    setup.controller("podunavailablebudget", workers, queue, reconciler);
}

/// PB-51
fn wake(watches: &Watches, queue: &Queue, gates: Gates) {
    watches.budgets.on_change(queue, |old, new| {
        let budget = new.or(old);
        let key = budget.map(|it| ObjectKey::of(it.metadata()));
        key.into_iter().collect()
    });
    let (known, delayed) = (watches.budgets.store(), queue.clone());
    watches.pods.on_change(queue, move |old, new| {
        let Woken { now, soon, later } = wake::by_pod(&known, gates.vertical_scaling, old, new);
        for key in soon {
            delayed.add_after(key, ANY_POD_AFTER);
        }
        for key in later {
            delayed.add_after(key, TERMINATING_AFTER);
        }
        now
    });
    for kind in IndexedKind::ALL {
        if let Some(workloads) = watches.workloads.watched(kind) {
            let known = watches.budgets.store();
            workloads.on_change(queue, move |old, new| {
                wake::by_workload(&known, kind, old, new)
            });
        }
    }
    if let Some(replica_sets) = watches.workloads.replica_sets() {
        let known = watches.budgets.store();
        replica_sets.on_change(queue, move |old, new| {
            wake::by_replica_set(&known, old, new)
        });
    }
}
