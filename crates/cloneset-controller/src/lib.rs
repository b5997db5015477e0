//! Runs CloneSets. This file is the wiring: which kinds are watched, which index each feeds, and
//! what wakes what. The work itself is in [`plan`]: a pure function from a snapshot to a plan.

use clap::Args;
use kruise_api::{
    apps::v1beta1::{CLONESETS, CloneSet},
    inplace::Options,
    meta::ObjectMeta,
    object::CustomResource,
    pod::Pod,
    read::{POD_UNAVAILABLE_BUDGETS, PodUnavailableBudget},
    resource::{CONTROLLER_REVISIONS, ObjectKey, PERSISTENT_VOLUME_CLAIMS, PODS},
    well_known,
};
use kruise_plan::workload::IMAGE_PULL_JOBS;
use kruise_runtime::{
    App, Gate, Setup, Store, Upkeep, WaitReasons, WatchOptions,
    webhook::{
        AdmissionRequest,
        kind::{ServerTemplateCheck, is_tolerated_in_workloads},
    },
};

pub mod admission;
pub mod check;
pub mod execute;
pub mod gates;
mod known_pods;
mod lower;
pub mod memory;
mod metrics;
mod nodes;
pub mod observe;
pub mod plan;
mod reconcile;
pub mod remember;
pub mod snapshot;
#[cfg(test)]
mod test_server;

use admission::Validator;
use gates::Gates;
use metrics::Metrics;
use nodes::NodeLabels;
use observe::Observer;
use reconcile::CloneSetReconciler;
use snapshot::{Claim, ControllerRevision, ImagePullJob, StoredSet, instance_id};

/// Name of the binary, the Lease, the field manager and the events' component.
pub const NAME: &str = "cloneset-controller";

/// The CRD of our kind.
const CRD: &str = "clonesets.apps.kruise.io";

/// Flags of this deployable.
#[derive(Args, Clone, Debug)]
pub struct CloneSetArgs {
    /// How many CloneSets are reconciled at the same time
    #[arg(long, default_value_t = 3, value_parser = kruise_runtime::parse_workers)]
    pub cloneset_workers: usize,
    /// Leave pods that wait for a hook before their deletion out when pods are counted
    #[arg(long, default_value_t = false, num_args = 0..=1, default_missing_value = "true", action = clap::ArgAction::Set)]
    pub cloneset_scaling_exclude_preparing_delete: bool,
}

/// The deployable as a value.
#[must_use]
pub fn app(args: CloneSetArgs) -> App {
    App::new(NAME, move |setup| {
        wire(setup, &args);
        Ok(())
    })
}

fn wire(setup: &mut Setup, args: &CloneSetArgs) {
    setup.conversion(CRD, CloneSet::KIND, kruise_api::conversion::convert);
    let queue = setup.queue("cloneset");
    let sets = setup.watch::<StoredSet>(CLONESETS, WatchOptions::default());
    // Every pod of a CloneSet has the label, so that the watch costs what our own pods cost.
    let pods = setup.watch::<Pod>(
        PODS,
        WatchOptions {
            label_selector: Some(well_known::labels::CLONESET_INSTANCE_ID.to_owned()),
            verify_vanished: true,
            ..WatchOptions::default()
        },
    );
    let revisions =
        setup.watch::<ControllerRevision>(CONTROLLER_REVISIONS, WatchOptions::default());
    // By the same label: claims of others cost nothing. One that lost its label is not seen any more, so it
    // is neither deleted nor given to another pod, and goes with the CloneSet (DV-CS12).
    let claims = setup.watch::<Claim>(
        PERSISTENT_VOLUME_CLAIMS,
        WatchOptions {
            label_selector: Some(well_known::labels::CLONESET_INSTANCE_ID.to_owned()),
            ..WatchOptions::default()
        },
    );

    let image_pull_jobs = watch_image_pull_jobs(setup);

    // CS-87. Who was refused asks again by the clock (CS-26), so that nobody need know whom a budget concerns.
    let asks_budgets = setup.gates().enabled(Gate::PodUnavailableBudgetUpdateGate);
    let budgets = asks_budgets.then(|| {
        let options = WatchOptions {
            may_be_missing: true,
            ..WatchOptions::default()
        };
        setup.watch::<PodUnavailableBudget>(POD_UNAVAILABLE_BUDGETS, options)
    });

    sets.on_change(&queue, |old, new| {
        new.or(old)
            .map(|set| ObjectKey::of(&set.metadata))
            .into_iter()
            .collect()
    });
    pods.on_change(&queue, |old, new| {
        owners(old.map(|pod| &pod.metadata), new.map(|pod| &pod.metadata))
    });
    revisions.on_change(&queue, |old, new| {
        owners(
            old.map(|revision| &revision.metadata),
            new.map(|revision| &revision.metadata),
        )
    });
    claims.on_change(&queue, |old, new| {
        if is_same_claim(old, new) {
            return Vec::new();
        }
        owners(
            old.map(|claim| &claim.metadata),
            new.map(|claim| &claim.metadata),
        )
    });

    let gates = setup.gates();
    let gates = Gates {
        short_hash: gates.enabled(Gate::CloneSetShortHash),
        partition_rollback: gates.enabled(Gate::CloneSetPartitionRollback),
        preparing_update_as_update: gates.enabled(Gate::PreparingUpdateAsUpdate),
        template_no_defaults: gates.enabled(Gate::TemplateNoDefaults),
        default_host_ports: gates.enabled(Gate::DefaultHostNetworkHostPortsInPodTemplates),
        recreate_for_claims: gates.enabled(Gate::RecreatePodWhenChangeVCTInCloneSetGate),
        in_place: Options {
            vertical_scaling: gates.enabled(Gate::InPlaceWorkloadVerticalScaling),
            env_from_metadata: gates.enabled(Gate::InPlaceUpdateEnvFromMetadata),
            // Known only when the API server has answered.
            resize_subresource: false,
        },
        exclude_preparing_delete: args.cloneset_scaling_exclude_preparing_delete,
    };
    let found = pods.store();
    setup.mutating_webhook(admission::MUTATE_PATH, move |request: &AdmissionRequest| {
        admission::mutate(request, &gates)
    });
    let validator = Validator {
        deletion_protection: setup.gates().enabled(Gate::ResourcesDeletionProtection),
        find_pod: Box::new(move |key| found.get(key)),
        template_check: Box::new(ServerTemplateCheck {
            client: setup.replica_client(),
            tolerates: is_tolerated_in_workloads,
        }),
        metrics: setup.metrics().clone(),
        protection_log: setup.protection_log(),
    };
    setup.validating_webhook(admission::VALIDATE_PATH, validator);

    let runtime_metrics = setup.metrics().clone();
    let reconciler = CloneSetReconciler {
        observer: Observer {
            sets: sets.store(),
            pods: pods.store(),
            revisions: revisions.store(),
            image_pull_jobs,
            claims: claims.store(),
            budgets: budgets.map(|budgets| budgets.store()),
            gates,
            server_version: setup.server_version(),
            clock: setup.clock(),
        },
        upkeep: Upkeep::new(
            setup.own_writes(),
            setup.client(),
            WaitReasons::new("cloneset", setup.metrics()),
        ),
        client: setup.client(),
        recorder: setup.recorder(NAME),
        leadership: setup.leadership(),
        metrics: Metrics::new(setup.registry(), runtime_metrics),
        protection_log: setup.protection_log(),
        nodes: NodeLabels::new(setup.client()),
    };
    setup.controller("cloneset", args.cloneset_workers, queue, reconciler);
}

/// Jobs wake nobody: they are looked at when their CloneSet is.
fn watch_image_pull_jobs(setup: &mut Setup) -> Option<Store<ImagePullJob>> {
    let gates = setup.gates();
    let is_on =
        gates.enabled(Gate::KruiseDaemon) && gates.enabled(Gate::PreDownloadImageForInPlaceUpdate);
    let options = WatchOptions {
        may_be_missing: true,
        ..WatchOptions::default()
    };
    is_on.then(|| setup.watch(IMAGE_PULL_JOBS, options).store())
}

/// Whether nothing has changed about a claim that a CloneSet looks at: that it was bound, say, wakes nobody
/// (CS-112). The CloneSet that gave it to its pod is woken by that, and by nothing after it.
fn is_same_claim(old: Option<&Claim>, new: Option<&Claim>) -> bool {
    let (Some(old), Some(new)) = (old, new) else {
        return false;
    };
    let (old, new) = (&old.metadata, &new.metadata);
    old.uid == new.uid
        && old.is_terminating() == new.is_terminating()
        && old.owner_references == new.owner_references
        && instance_id(old) == instance_id(new)
}

/// The CloneSets that an object names as owner, before and after a change: a pod that is taken
/// away from its owner wakes it too (CS-109).
fn owners(old: Option<&ObjectMeta>, new: Option<&ObjectMeta>) -> Vec<ObjectKey> {
    let mut keys: Vec<ObjectKey> = [old, new]
        .into_iter()
        .flatten()
        .flat_map(|metadata| {
            metadata
                .owner_references
                .iter()
                .filter(|owner| owner.is_of(CloneSet::GROUP, CloneSet::KIND))
                .map(|owner| ObjectKey {
                    namespace: metadata.namespace.clone(),
                    name: owner.name.to_string(),
                })
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

    fn claim(change: &Value) -> Claim {
        let mut metadata = json!({
            "name": "data-web-a", "namespace": "ns", "uid": "u", "resourceVersion": "1",
            "labels": { "app": "web", "apps.kruise.io/cloneset-instance-id": "a" },
            "annotations": { "pv.kubernetes.io/bind-completed": "yes" },
            "ownerReferences": [
                { "apiVersion": "apps.kruise.io/v1beta1", "kind": "CloneSet", "name": "web", "uid": "s" },
            ],
        });
        for (field, value) in change.as_object().unwrap() {
            metadata[field] = value.clone();
        }
        serde_json::from_value(json!({ "metadata": metadata, "spec": {}, "status": {} })).unwrap()
    }

    // CS-112
    #[rstest]
    #[case::bound(json!({ "resourceVersion": "2", "annotations": {} }), true)]
    #[case::other_labels(json!({ "labels": { "apps.kruise.io/cloneset-instance-id": "a" } }), true)]
    #[case::another_id(json!({ "labels": {} }), false)]
    #[case::terminating(json!({ "deletionTimestamp": "2026-01-10T08:00:00Z" }), false)]
    #[case::given_to_its_pod(json!({ "ownerReferences": [{ "kind": "Pod", "uid": "p" }] }), false)]
    #[case::made_anew(json!({ "uid": "v" }), false)]
    fn a_claim_that_changes_wakes_its_set(#[case] change: Value, #[case] is_same: bool) {
        let (old, new) = (claim(&json!({})), claim(&change));
        assert_eq!(is_same_claim(Some(&old), Some(&new)), is_same);
        assert!(!is_same_claim(None, Some(&new)) && !is_same_claim(Some(&old), None));
    }

    #[test]
    fn of_a_claim_only_whose_it_is_is_kept() {
        let metadata = claim(&json!({ "finalizers": ["kubernetes.io/pvc-protection"] })).metadata;
        assert_eq!(instance_id(&metadata), "a");
        assert_eq!((metadata.labels.len(), metadata.annotations.len()), (1, 0));
        assert!(metadata.finalizers.is_empty());
        assert!(metadata.is_owned_by("s"));
    }
}
