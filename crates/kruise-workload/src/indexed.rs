//! The kinds that are never asked for one by one: what is kept of their objects, which watches bring.

use std::sync::Arc;

use kruise_api::{
    apps::v1beta1::{CLONESETS, STATEFULSETS},
    meta::{LabelSelector, ObjectMeta},
    object::Object,
    read::{Kept, OnTheWire},
    resource::Resource,
    selector::Selector,
    text_map::TextMap,
};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

/// Steps 1 to 6 of PB-25.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum IndexedKind {
    /// Core `ReplicationController`.
    ReplicationController,
    /// `apps` `Deployment`. Its pods are found by the ReplicaSets, so these have to be watched too.
    Deployment,
    /// `apps` `ReplicaSet`. Most belong to Deployments, so these have to be watched too.
    ReplicaSet,
    /// `apps` `StatefulSet`.
    StatefulSet,
    /// `apps.kruise.io` `CloneSet`.
    CloneSet,
    /// `apps.kruise.io` `StatefulSet`.
    AdvancedStatefulSet,
}

impl IndexedKind {
    /// All of them, in the order of PB-25.
    pub const ALL: [Self; 6] = [
        Self::ReplicationController,
        Self::Deployment,
        Self::ReplicaSet,
        Self::StatefulSet,
        Self::CloneSet,
        Self::AdvancedStatefulSet,
    ];

    /// How calls about it name it, in the version that is stored (PF-405).
    #[must_use]
    pub const fn resource(self) -> Resource {
        match self {
            Self::ReplicationController => core("replicationcontrollers", "ReplicationController"),
            Self::Deployment => apps("deployments", "Deployment"),
            Self::ReplicaSet => apps("replicasets", "ReplicaSet"),
            Self::StatefulSet => apps("statefulsets", "StatefulSet"),
            Self::CloneSet => CLONESETS,
            Self::AdvancedStatefulSet => STATEFULSETS,
        }
    }

    /// The one of this group and kind.
    #[must_use]
    pub fn of(group: &str, kind: &str) -> Option<Self> {
        let mut all = Self::ALL.into_iter();
        all.find(|it| it.resource().group == group && it.resource().kind == kind)
    }

    /// Whether it belongs to another deployable of ours, which need not be installed (PF-930).
    pub(crate) fn may_be_missing(self) -> bool {
        matches!(self, Self::CloneSet | Self::AdvancedStatefulSet)
    }
}

const fn apps(plural: &'static str, kind: &'static str) -> Resource {
    Resource {
        group: "apps",
        version: "v1",
        plural,
        kind,
        namespaced: true,
    }
}

const fn core(plural: &'static str, kind: &'static str) -> Resource {
    Resource {
        group: "",
        ..apps(plural, kind)
    }
}

/// What is kept of a workload of any of these kinds but ReplicaSet.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct IndexedWorkload {
    /// Identity, deletion, and the controller among the owners; no labels, no annotations.
    pub metadata: ObjectMeta,
    /// `spec.replicas` as it is written.
    pub replicas: Option<i32>,
    /// `spec.selector`. A ReplicationController's is of another form, and not kept.
    pub selector: Option<Arc<Selector>>,
    /// Labels of `spec.template` (PB-51).
    pub template_labels: TextMap,
}

/// What is kept of a ReplicaSet. There are ten times as many as Deployments.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct IndexedReplicaSet {
    /// Identity, deletion, the controller among the owners, and labels; no annotations.
    pub metadata: ObjectMeta,
    /// `spec.replicas` as it is written.
    pub replicas: Option<i32>,
}

impl IndexedWorkload {
    /// How many pods it wants: the API's default where it doesn't say (DV-PB4).
    #[must_use]
    pub fn replicas(&self) -> i32 {
        self.replicas.unwrap_or(DEFAULT_REPLICAS)
    }
}

impl IndexedReplicaSet {
    /// How many pods it wants: the API's default where it doesn't say (DV-PB4).
    #[must_use]
    pub fn replicas(&self) -> i32 {
        self.replicas.unwrap_or(DEFAULT_REPLICAS)
    }
}

/// What the API server fills in, and what is assumed of a kind of others (PB-21).
pub(crate) const DEFAULT_REPLICAS: i32 = 1;

impl Object for IndexedWorkload {
    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }
}

impl Object for IndexedReplicaSet {
    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Read {
    metadata: OnTheWire,
    spec: Option<Spec>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Spec {
    replicas: Option<i32>,
    selector: Option<Box<RawValue>>,
    template: Option<Template>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Template {
    metadata: Option<TemplateMetadata>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct TemplateMetadata {
    labels: TextMap,
}

impl<'de> Deserialize<'de> for IndexedWorkload {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Read { metadata, spec } = Read::deserialize(deserializer)?;
        let spec = spec.unwrap_or_default();
        let template = spec.template.and_then(|template| template.metadata);
        Ok(Self {
            metadata: kept(metadata, Kept::None),
            replicas: spec.replicas,
            selector: spec.selector.and_then(|text| selector(&text)),
            template_labels: template.unwrap_or_default().labels,
        })
    }
}

impl<'de> Deserialize<'de> for IndexedReplicaSet {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Read { metadata, spec } = Read::deserialize(deserializer)?;
        Ok(Self {
            metadata: kept(metadata, Kept::All),
            replicas: spec.and_then(|spec| spec.replicas),
        })
    }
}

fn kept(metadata: OnTheWire, labels: Kept) -> ObjectMeta {
    let mut metadata = metadata.keep(labels, Kept::None);
    let owners = &mut metadata.owner_references;
    owners.retain(|owner| owner.controller == Some(true));
    owners.shrink_to_fit();
    metadata
}

/// A selector, if it has the form that selectors have but those of ReplicationControllers, which are maps. Admission
/// lets no other in, so the object is not given up for it.
fn selector(text: &RawValue) -> Option<Arc<Selector>> {
    let selector: LabelSelector = serde_json::from_str(text.get()).ok()?;
    let says_something = selector.match_labels.is_some() || selector.match_expressions.is_some();
    let selector = says_something.then(|| Selector::parse(&selector))?;
    selector.ok().map(Arc::new)
}
