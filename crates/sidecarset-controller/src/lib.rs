//! Runs SidecarSets. This file is the wiring: which kinds are watched, which index each feeds, and what
//! wakes what. The work itself is in [`plan`]: a pure function from a snapshot to a plan.

use clap::Args;
use kruise_api::{
    apps::v1beta1::{self, SIDECARSETS},
    object::CustomResource,
    read::ControllerRevision,
    resource::{CONTROLLER_REVISIONS, ObjectKey},
    well_known::configuration,
};
use kruise_runtime::{
    App, Gate, Setup, Upkeep, WaitReasons, WatchOptions,
    webhook::{
        AdmissionRequest,
        kind::{ServerTemplateCheck, is_tolerated_in_workloads},
    },
};

pub mod admission;
pub mod check;
mod lower;
pub mod observe;
pub mod plan;
pub mod pod_annotations;
mod reconcile;
pub mod record;
pub mod snapshot;

use admission::{CONFIG_MAPS, Configuration, JudgedIn, Known, Validator, names_revision};
use observe::Observer;
use reconcile::SidecarSetReconciler;
use snapshot::{SIDECAR_SETS, SidecarSet};

/// Name of the binary, the Lease, the field manager and the events' component.
pub const NAME: &str = "sidecarset-controller";

/// The CRD of our kind.
const CRD: &str = "sidecarsets.apps.kruise.io";

/// Flags of this deployable.
#[derive(Args, Clone, Debug)]
pub struct SidecarSetArgs {
    /// How many SidecarSets are reconciled at the same time
    #[arg(long, default_value_t = 3, value_parser = kruise_runtime::parse_workers)]
    pub sidecarset_workers: usize,
}

/// The deployable as a value.
#[must_use]
pub fn app(args: SidecarSetArgs) -> App {
    App::new(NAME, move |setup| {
        wire(setup, &args);
        Ok(())
    })
}

fn wire(setup: &mut Setup, args: &SidecarSetArgs) {
    let queue = setup.queue("sidecarset");
    let sidecar_sets = setup.watch::<SidecarSet>(SIDECAR_SETS, WatchOptions::default());
    sidecar_sets.on_change(&queue, |old, new| {
        new.or(old)
            .map(|sidecar_set| ObjectKey::of(&sidecar_set.metadata))
            .into_iter()
            .collect()
    });

    let reconciler = SidecarSetReconciler {
        observer: Observer {
            sidecar_sets: sidecar_sets.store(),
        },
        upkeep: Upkeep::new(
            setup.own_writes(),
            setup.client(),
            WaitReasons::new("sidecarset", setup.metrics()),
        ),
        recorder: setup.recorder(NAME),
    };
    setup.controller("sidecarset", args.sidecarset_workers, queue, reconciler);
    serve_own_kind(setup);
}

/// Conversion and admission of SidecarSets, on every replica.
fn serve_own_kind(setup: &mut Setup) {
    setup.conversion(
        CRD,
        v1beta1::SidecarSet::KIND,
        kruise_api::conversion::convert,
    );
    setup.mutating_webhook(admission::MUTATE_PATH, |request: &AdmissionRequest| {
        admission::mutate(request)
    });
    let namespace = setup.installation_namespace();
    let validator = Validator {
        known: known(setup, &namespace),
        template_check: Box::new(JudgedIn {
            namespace,
            check: ServerTemplateCheck {
                client: setup.replica_client(),
                tolerates: is_tolerated_in_workloads,
            },
        }),
        metrics: setup.metrics().clone(),
        protection_log: setup.protection_log(),
    };
    setup.validating_webhook(admission::VALIDATE_PATH, validator);
}

/// The indexes that admission looks into. Revisions and the configuration are in the installation's namespace.
fn known(setup: &mut Setup, namespace: &str) -> Known {
    let in_namespace = |field_selector: Option<String>| WatchOptions {
        namespace: Some(namespace.to_owned()),
        field_selector,
        ..WatchOptions::default()
    };
    let sidecar_sets = setup.watch::<v1beta1::SidecarSet>(SIDECARSETS, WatchOptions::default());
    let revisions = setup
        .watch::<ControllerRevision<v1beta1::SidecarSet>>(CONTROLLER_REVISIONS, in_namespace(None));
    let of_name = format!("metadata.name={}", configuration::NAME);
    let configurations = setup.watch::<Configuration>(CONFIG_MAPS, in_namespace(Some(of_name)));
    let (sidecar_sets, revisions) = (sidecar_sets.store(), revisions.store());
    let configurations = configurations.store();
    let configuration = ObjectKey::new(namespace, configuration::NAME);
    let namespace = namespace.to_owned();
    Known {
        sidecar_sets: Box::new(move || sidecar_sets.all()),
        has_revision: Box::new(move |set, wanted| {
            let mut all = revisions.in_namespace(&namespace).into_iter();
            all.any(|revision| names_revision(&revision.metadata, set, wanted))
        }),
        whitelist: Box::new(move || {
            if !configurations.synced() {
                return Err(format!("ConfigMap {configuration} has not been read yet"));
            }
            let found = configurations.get(&configuration);
            Ok(found.and_then(|it| it.annotation_whitelist().map(str::to_owned)))
        }),
        allows_by_default: setup
            .gates()
            .enabled(Gate::SidecarSetPatchPodMetadataDefaultsAllowed),
    }
}
