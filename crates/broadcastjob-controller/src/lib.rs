//! Runs BroadcastJobs. This file is the wiring: which kinds are watched, which index each feeds, and what wakes what.
//! The work itself is in [`plan`]: a pure function from a snapshot to a plan.

use clap::Args;
use kruise_api::{
    apps::v1beta1::{BROADCASTJOBS, BroadcastJob},
    meta::ObjectMeta,
    object::{CustomResource, Object},
    read::Node,
    resource::{NODES, ObjectKey, PODS},
    well_known::labels,
};
use kruise_plan::workload::Filled;
use kruise_runtime::{
    App, Gate, Setup, Upkeep, WaitReasons, WatchOptions,
    webhook::{
        AdmissionRequest,
        kind::{ServerTemplateCheck, is_tolerated_in_workloads},
    },
};

pub mod admission;
pub mod check;
pub mod gates;
mod lower;
pub mod memory;
pub mod observe;
pub mod plan;
mod reconcile;
pub mod remember;
pub mod report;
pub mod snapshot;
pub mod wake;

use admission::Validator;
use gates::Gates;
use observe::Observer;
use reconcile::BroadcastJobReconciler;
use snapshot::{JobPod, StoredJob};

/// Name of the binary, the Lease, the field manager and the events' component.
pub const NAME: &str = "broadcastjob-controller";

/// Flags of this deployable.
#[derive(Args, Clone, Debug)]
pub struct BroadcastJobArgs {
    /// How many BroadcastJobs are reconciled at the same time
    #[arg(long, default_value_t = 3, value_parser = kruise_runtime::parse_workers)]
    pub broadcastjob_workers: usize,
    /// Have the scheduler bring pods to their nodes, by node affinity, instead of naming the node in the pod
    #[arg(long, default_value_t = true, num_args = 0..=1, default_missing_value = "true", action = clap::ArgAction::Set)]
    pub assign_bcj_pods_by_scheduler: bool,
}

/// The deployable as a value.
#[must_use]
pub fn app(args: BroadcastJobArgs) -> App {
    App::new(NAME, move |setup| {
        wire(setup, &args);
        Ok(())
    })
}

// No conversion: both versions have one schema, and the API server changes the name by itself (PF-402).
fn wire(setup: &mut Setup, args: &BroadcastJobArgs) {
    let queue = setup.queue("broadcastjob");
    let jobs = setup.watch::<StoredJob>(BROADCASTJOBS, WatchOptions::default());
    // Every pod of a BroadcastJob has the label, so that the watch costs what our own pods cost.
    let pods = setup.watch::<JobPod>(
        PODS,
        WatchOptions {
            label_selector: Some(labels::BROADCASTJOB_CONTROLLER_UID.to_owned()),
            verify_vanished: true,
            ..WatchOptions::default()
        },
    );
    let nodes = setup.watch::<Node>(NODES, WatchOptions::default());

    // BJ-70
    jobs.on_change(&queue, |old, new| {
        new.or(old)
            .map(|job| ObjectKey::of(job.meta()))
            .into_iter()
            .collect()
    });
    pods.on_change(&queue, |old, new| {
        owners(old.map(|pod| &pod.metadata), new.map(|pod| &pod.metadata))
    });
    let known = jobs.store();
    nodes.on_change(&queue, move |old, new| {
        wake::by_node(&known.all(), old, new)
    });

    let gates = setup.gates();
    let gates = Gates {
        filled: Filled::by_gates(
            gates.enabled(Gate::TemplateNoDefaults),
            gates.enabled(Gate::DefaultHostNetworkHostPortsInPodTemplates),
        ),
        assign_by_scheduler: args.assign_bcj_pods_by_scheduler,
    };
    setup.mutating_webhook(admission::MUTATE_PATH, move |request: &AdmissionRequest| {
        admission::mutate(request, &gates)
    });
    let validator = Validator {
        template_check: Box::new(ServerTemplateCheck {
            client: setup.replica_client(),
            tolerates: is_tolerated_in_workloads,
        }),
        metrics: setup.metrics().clone(),
        protection_log: setup.protection_log(),
    };
    setup.validating_webhook(admission::VALIDATE_PATH, validator);

    let reconciler = BroadcastJobReconciler {
        observer: Observer {
            jobs: jobs.store(),
            pods: pods.store(),
            nodes: nodes.store(),
            gates,
            clock: setup.clock(),
        },
        upkeep: Upkeep::new(
            setup.own_writes(),
            setup.client(),
            WaitReasons::new("broadcastjob", setup.metrics()),
        ),
        recorder: setup.recorder(NAME),
    };
    setup.controller("broadcastjob", args.broadcastjob_workers, queue, reconciler);
}

/// The BroadcastJobs that manage a pod, before and after a change. The group decides, not the version (BJ-70).
fn owners(old: Option<&ObjectMeta>, new: Option<&ObjectMeta>) -> Vec<ObjectKey> {
    let pods = [old, new].into_iter().flatten();
    let mut keys: Vec<ObjectKey> = pods
        .filter_map(|pod| {
            let owner = pod.controller()?;
            let is_ours = owner.is_of(BroadcastJob::GROUP, BroadcastJob::KIND);
            is_ours.then(|| ObjectKey::new(pod.namespace.clone(), owner.name.to_string()))
        })
        .collect();
    keys.dedup();
    keys
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};

    use super::*;

    fn pod(api_version: &str, kind: &str, manages: bool) -> ObjectMeta {
        let owner: Value = json!({
            "apiVersion": api_version, "kind": kind, "name": "scan", "uid": "u", "controller": manages,
        });
        serde_json::from_value(
            json!({ "name": "p", "namespace": "ns", "ownerReferences": [owner] }),
        )
        .unwrap()
    }

    // BJ-70, PF-801
    #[rstest]
    #[case::its_version("apps.kruise.io/v1beta1", "BroadcastJob", true, 1)]
    #[case::another_version("apps.kruise.io/v1alpha1", "BroadcastJob", true, 1)]
    #[case::another_group("batch/v1", "BroadcastJob", true, 0)]
    #[case::another_kind("apps.kruise.io/v1beta1", "CloneSet", true, 0)]
    #[case::not_its_manager("apps.kruise.io/v1beta1", "BroadcastJob", false, 0)]
    fn a_pod_wakes_the_job_that_manages_it(
        #[case] api_version: &str,
        #[case] kind: &str,
        #[case] manages: bool,
        #[case] n_woken: usize,
    ) {
        let pod = pod(api_version, kind, manages);
        let expected = vec![ObjectKey::new("ns", "scan"); n_woken];
        assert_eq!(owners(None, Some(&pod)), expected);
        assert_eq!(owners(Some(&pod), None), expected);
        assert_eq!(owners(Some(&pod), Some(&pod)), expected);
    }
}
