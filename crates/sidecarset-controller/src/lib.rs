//! Runs SidecarSets. This file is the wiring: which kinds are watched, which index each feeds, and what
//! wakes what. The work itself is in [`plan`]: a pure function from a snapshot to a plan.

use std::sync::Arc;

use clap::Args;
use kruise_api::{
    apps::v1beta1::{self, SIDECARSETS},
    object::CustomResource,
    read::Configuration,
    resource::{CONFIG_MAPS, CONTROLLER_REVISIONS, NAMESPACES, ObjectKey, PODS},
    well_known::{
        configuration,
        webhooks::{FRESH_PODS_PATH, PROBE_PATH},
    },
};
use kruise_runtime::{
    App, Gate, Setup, Upkeep, WaitReasons, WatchOptions, Watched,
    webhook::{
        AdmissionRequest, AdmissionResponse,
        kind::{ServerTemplateCheck, is_tolerated_in_workloads},
    },
};

pub mod admission;
pub mod by_label;
pub mod check;
pub mod choose;
mod conditions;
pub mod consistency;
pub mod facts;
pub mod index;
pub mod inject;
pub mod lacking;
mod lower;
pub mod memory;
pub mod metrics;
pub mod namespaces;
pub mod observe;
pub mod plan;
pub mod pod_annotations;
pub mod pod_index;
pub mod prepared;
mod reconcile;
pub mod record;
pub mod remember;
mod rests;
pub mod revisions;
pub mod scope;
pub mod sidecar_pod;
pub mod sidecars;
pub mod snapshot;
pub mod view;
pub mod wake;

use admission::{
    JudgedIn, Known, Validator,
    pod::{self, PodMutator},
};
use index::SidecarSetIndex;
use metrics::Metrics;
use namespaces::{Exempt, Namespace};
use observe::Observer;
use pod_index::PodIndex;
use reconcile::SidecarSetReconciler;
use rests::Rests;
use revisions::{Revision, RevisionIndex};
use scope::{Reach, Scope};
use sidecar_pod::SidecarPod;
use view::Views;
use wake::{IMAGES_CHANGED_AFTER, Woken};

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
    /// Whether the API server asks the pod webhook only about pods that some SidecarSet can match; otherwise about all pods
    #[arg(long, default_value_t = true, action = clap::ArgAction::Set)]
    pub narrow_pod_webhook: bool,
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
    let namespace = setup.installation_namespace();
    let sidecar_sets = setup.watch::<v1beta1::SidecarSet>(SIDECARSETS, WatchOptions::default());
    // No label tells which pods have sidecars.
    let pods = setup.watch::<SidecarPod>(PODS, WatchOptions::default());
    let namespaces = setup.watch::<Namespace>(NAMESPACES, WatchOptions::default());
    let revisions = setup.watch::<Revision>(CONTROLLER_REVISIONS, in_namespace(&namespace, None));

    let (views, pod_index) = (Views::default(), PodIndex::default());
    let (exempt, revision_index) = (
        Exempt::new(&namespace),
        RevisionIndex::new(namespace, revisions.store()),
    );
    let followed = exempt.clone();
    namespaces.follow(move |old, new| followed.follow(old, new));
    let followed = revision_index.clone();
    revisions.follow(move |old, new| followed.change(old, new));
    let followed = views.clone();
    sidecar_sets.follow(move |old, new| followed.follow(old, new));
    sidecar_sets.on_change(&queue, wake::by_set);
    let followed = pod_index.clone();
    pods.follow(move |old, new| followed.follow(old, new));
    let (index, known, delayed) = (pod_index.clone(), views.clone(), queue.clone());
    pods.on_change(&queue, move |old, new| {
        let Woken { now, later } = wake::by_pod(&known, old, new);
        for key in later {
            delayed.add_after(key, IMAGES_CHANGED_AFTER);
        }
        let lacked = index.lacked_anew(old, new).into_iter();
        let lacked = lacked.map(|name| ObjectKey::new("", name));
        lacked.chain(now).collect()
    });
    let known = views.clone();
    namespaces.on_change(&queue, move |old, new| {
        wake::by_namespace(
            &known,
            old.map(|it| &it.metadata),
            new.map(|it| &it.metadata),
        )
    });
    let known = views.clone();
    revisions.on_change(&queue, move |old, new| {
        wake::by_revision(
            &known,
            old.map(|it| &it.metadata),
            new.map(|it| &it.metadata),
        )
    });

    let reconciler = SidecarSetReconciler {
        observer: Observer {
            sidecar_sets: sidecar_sets.store(),
            views,
            pods: pods.store(),
            pod_index,
            namespaces: namespaces.store(),
            exempt,
            revisions: revision_index.clone(),
            clock: setup.clock(),
        },
        upkeep: Upkeep::new(
            setup.own_writes(),
            setup.client(),
            WaitReasons::new("sidecarset", setup.metrics()),
        ),
        recorder: setup.recorder(NAME),
        metrics: Metrics::new(setup.registry()),
        rests: Rests::default(),
    };
    setup.controller("sidecarset", args.sidecarset_workers, queue, reconciler);
    let scope = serve_pods(
        setup,
        &sidecar_sets,
        revision_index.clone(),
        args.narrow_pod_webhook,
    );
    serve_own_kind(setup, revision_index, scope);
}

/// What is watched of a kind in this namespace alone.
fn in_namespace(namespace: &str, field_selector: Option<String>) -> WatchOptions {
    WatchOptions {
        namespace: Some(namespace.to_owned()),
        field_selector,
        ..WatchOptions::default()
    }
}

/// Conversion and admission of SidecarSets, on every replica.
fn serve_own_kind(setup: &mut Setup, revisions: RevisionIndex, scope: Scope) {
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
        known: known(setup, revisions),
        template_check: Box::new(JudgedIn {
            namespace,
            check: ServerTemplateCheck {
                client: setup.replica_client(),
                tolerates: is_tolerated_in_workloads,
            },
        }),
        scope,
        metrics: setup.metrics().clone(),
        protection_log: setup.protection_log(),
    };
    setup.validating_webhook(admission::VALIDATE_PATH, validator);
}

/// The indexes that admission looks into. Revisions and the configuration are in the installation's namespace.
fn known(setup: &mut Setup, revisions: RevisionIndex) -> Known {
    let namespace = revisions.namespace();
    let sidecar_sets = setup.watch::<v1beta1::SidecarSet>(SIDECARSETS, WatchOptions::default());
    let of_name = format!("metadata.name={}", configuration::NAME);
    let configurations =
        setup.watch::<Configuration>(CONFIG_MAPS, in_namespace(namespace, Some(of_name)));
    let (sidecar_sets, configurations) = (sidecar_sets.store(), configurations.store());
    let configuration = ObjectKey::new(namespace, configuration::NAME);
    Known {
        sidecar_sets: Box::new(move || sidecar_sets.all()),
        has_revision: Box::new(move |set, wanted| revisions.wanted(set, &wanted.into()).is_some()),
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

/// Injection into pods, on every replica, by indexes that follow the watches. Without gate `PodWebhook` every pod goes on as
/// it is, in case that the webhook's configuration is still there (PF-214).
fn serve_pods(
    setup: &mut Setup,
    sidecar_sets: &Watched<v1beta1::SidecarSet>,
    revisions: RevisionIndex,
    narrows: bool,
) -> Scope {
    if !setup.gates().enabled(Gate::PodWebhook) {
        let allow = |_: &AdmissionRequest| AdmissionResponse::allow();
        // Entries of an earlier process lead to the other two.
        for added in ["", FRESH_PODS_PATH, PROBE_PATH] {
            let path = format!("{}{added}", pod::MUTATE_POD_PATH);
            setup.mutating_pod_webhook(pod::PLACE, &path, allow);
        }
        return Scope::inert();
    }
    let namespace = setup.installation_namespace();
    let namespaces = setup.watch::<Namespace>(NAMESPACES, WatchOptions::default());
    let index = SidecarSetIndex::default();
    let followed = index.clone();
    sidecar_sets.follow(move |old, new| followed.change(old, new));

    let mutator = PodMutator {
        index,
        sidecar_sets: sidecar_sets.store(),
        namespaces: namespaces.store(),
        revisions,
        sort_containers_by_name: setup
            .gates()
            .enabled(Gate::EnableSortSidecarContainerByName),
    };
    let clock = setup.clock();
    let mutator = Arc::new(mutator);
    let answer = move |request: &AdmissionRequest| {
        mutator.answer(request, clock.now(), kruise_runtime::random_number())
    };
    setup.mutating_pod_webhook(pod::PLACE, pod::MUTATE_POD_PATH, answer.clone());
    let parts = scope::Parts {
        reach: |set: &v1beta1::SidecarSet| Reach::from(&set.spec),
        pods: Arc::new(answer),
        namespace,
        narrows,
    };
    scope::wire(setup, sidecar_sets, parts)
}
