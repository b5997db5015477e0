//! What a plan is made from: plain data, looked up before planning starts.

use std::{
    collections::BTreeSet,
    sync::{Arc, LazyLock},
};

use kruise_api::{
    apps::v1beta1::{SidecarSet, SidecarSetSpec, SidecarSetUpdateStrategy},
    kinds::sidecarset::hash::SidecarSetHashes,
    meta::{ObjectMeta, Time},
    object::CustomResource,
    selector::Selector,
    text::Text,
    well_known::annotations::{SIDECARSET_HASH, SIDECARSET_HASH_WITHOUT_IMAGE},
};
use kruise_plan::Owner;

use crate::{
    facts::{Basis, Known, KnownPods},
    memory::Memory,
    revisions::Revision,
    sidecars::Sidecars,
};

/// Everything the planner knows of one SidecarSet at one moment.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// The SidecarSet, with its defaults.
    pub sidecar_set: Arc<SidecarSet>,
    /// Its name, hashes and sidecars.
    pub basis: Arc<Basis>,
    /// Pods that list it, in any state, by namespace and name, and what is known of them.
    pub pods: Arc<KnownPods>,
    /// Which pods it is for, by their labels; None if for none.
    pub selector: Option<Selector>,
    /// Namespaces that it is for; None if for all.
    pub namespaces: Option<BTreeSet<String>>,
    /// Pods that lack it, by namespace and name.
    pub lacking: Vec<LackingPod>,
    /// ControllerRevisions in the installation's namespace: its own, and those whose names its own must not take.
    pub revisions: Vec<Arc<Revision>>,
    /// The installation's namespace.
    pub namespace: String,
    /// The controller's clock.
    pub now: Time,
    /// What this process remembers of earlier passes; losing it loses nothing but time.
    pub memory: Memory,
}

/// A pod that should have got the containers and has not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LackingPod {
    /// Namespace and name.
    pub full_name: String,
    /// When it was created.
    pub created: Option<Time>,
}

static NO_STRATEGY: LazyLock<SidecarSetUpdateStrategy> = LazyLock::new(Default::default);

impl Snapshot {
    /// The SidecarSet as what it owns names it.
    #[must_use]
    pub fn owner(&self) -> Owner<'_> {
        Owner {
            api_version: SidecarSet::API_VERSION,
            kind: SidecarSet::KIND,
            metadata: &self.sidecar_set.metadata,
        }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.sidecar_set.metadata.name
    }

    /// Its metadata.
    #[must_use]
    pub fn metadata(&self) -> &ObjectMeta {
        &self.sidecar_set.metadata
    }

    /// What is wanted.
    #[must_use]
    pub fn spec(&self) -> &SidecarSetSpec {
        &self.sidecar_set.spec
    }

    /// How pods are updated.
    #[must_use]
    pub fn strategy(&self) -> &SidecarSetUpdateStrategy {
        self.spec().update_strategy.as_ref().unwrap_or(&NO_STRATEGY)
    }

    /// The pods that the SidecarSet manages, by namespace and name (SS-203, SS-204, SS-206).
    pub fn matched(&self) -> impl Iterator<Item = &Known> {
        self.pods.all().iter().filter(|known| {
            let metadata = &known.pod.metadata;
            let selector = self.selector.as_ref();
            let namespaces = self.namespaces.as_ref();
            known.pod.is_active()
                && selector.is_some_and(|selector| selector.matches(&metadata.labels))
                && namespaces.is_none_or(|names| names.contains(&metadata.namespace))
                && known.facts.has_sidecars
        })
    }
}

/// The name, the hashes and the sidecars of a SidecarSet that has its defaults. Admission writes the hashes; where it has
/// not, they are computed as it would (PF-907).
#[must_use]
pub fn basis(sidecar_set: &SidecarSet) -> Basis {
    let (metadata, spec) = (&sidecar_set.metadata, &sidecar_set.spec);
    let written = |key: &str| {
        let hash = metadata.annotations.get(key).map(Text::to_string);
        hash.filter(|hash| !hash.is_empty())
    };
    let written = (
        written(SIDECARSET_HASH),
        written(SIDECARSET_HASH_WITHOUT_IMAGE),
    );
    let hashes = match written {
        (Some(whole), Some(without_image)) => SidecarSetHashes {
            whole,
            without_image,
        },
        (whole, without_image) => {
            let hashes = SidecarSetHashes::of(&spec.containers, &spec.init_containers);
            SidecarSetHashes {
                whole: whole.unwrap_or(hashes.whole),
                without_image: without_image.unwrap_or(hashes.without_image),
            }
        }
    };
    Basis::new(&metadata.name, hashes, Sidecars::of(spec))
}
