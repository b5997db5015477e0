//! A SidecarSet that may be for new pods.

use std::sync::{Arc, Mutex, PoisonError};

use kruise_api::{
    apps::v1beta1::{SidecarSet, SidecarSetInjectRevisionPolicy, SidecarSetUpdateStrategy},
    int_or_string::IntOrString,
    kinds::sidecarset::{canary, validation},
    meta::LabelSelector,
    selector::{Labels, Selector},
};

use crate::{
    by_label::{Demand, demands},
    prepared::PreparedSidecarSet,
};

/// A SidecarSet that may be for new pods, and what it gives them.
#[derive(Debug)]
pub struct Candidate {
    /// The SidecarSet as it is now.
    pub latest: Arc<PreparedSidecarSet>,
    /// Name of the SidecarSet that this one is a canary of (SS-64).
    pub base: Option<String>,
    /// The older revision that pods get, if one is asked for.
    pub specific: Option<Specific>,
    namespace_selector: Option<Selector>,
    selector: Selector,
    pub(super) demands: Vec<Demand>,
    /// The specific revision that was restored last, and of which state of the ControllerRevision.
    restored: Mutex<Option<(String, Arc<PreparedSidecarSet>)>>,
}

/// An older revision, and which pods get it.
#[derive(Debug, Clone, PartialEq)]
pub struct Specific {
    /// The revision.
    pub wanted: WantedRevision,
    /// Which pods get it. None: all.
    pub partial: Option<Partial>,
}

/// Which ControllerRevision is asked for (SS-108).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WantedRevision {
    /// That of this name.
    Name(String),
    /// The newest with this custom version.
    CustomVersion(String),
}

impl From<validation::WantedRevision<'_>> for WantedRevision {
    fn from(wanted: validation::WantedRevision<'_>) -> Self {
        match wanted {
            validation::WantedRevision::Name(name) => Self::Name(name.to_owned()),
            validation::WantedRevision::CustomVersion(version) => {
                Self::CustomVersion(version.to_owned())
            }
        }
    }
}

/// Which pods get an older revision with policy `Partial` (SS-107).
#[derive(Debug, Clone, PartialEq)]
pub struct Partial {
    /// Pods that this does not select get the older one.
    pub selector: Option<Selector>,
    /// Of others, the share that gets the older one, if it is a percentage.
    pub partition: Option<IntOrString>,
}

impl Candidate {
    /// None of a SidecarSet that no new pod gets: it is paused (SS-103), or selects nothing (SS-104).
    pub(super) fn of(set: &SidecarSet) -> Option<Self> {
        let SidecarSet { metadata, spec, .. } = set;
        let injection = spec.injection_strategy.as_ref();
        if injection.is_some_and(|injection| injection.paused) {
            return None;
        }
        let written = spec.selector.as_ref()?;
        let selector = parsed(&metadata.name, written).filter(|it| !it.is_empty())?;
        let namespace_selector = match &spec.namespace_selector {
            Some(written) => Some(parsed(&metadata.name, written)?),
            None => None,
        };
        Some(Self {
            latest: Arc::new(PreparedSidecarSet::latest(set)),
            base: canary::base(metadata).map(str::to_owned),
            specific: specific(set),
            namespace_selector,
            selector,
            demands: demands(written)?,
            restored: Mutex::default(),
        })
    }

    /// Whether the namespace plays a role.
    #[must_use]
    pub fn selects_namespaces(&self) -> bool {
        self.namespace_selector.is_some()
    }

    /// Whether the SidecarSet is for pods with these labels, in a namespace with those: none if nothing is known of the
    /// namespace (SS-104).
    #[must_use]
    pub fn matches<L: Labels>(&self, labels: &L, of_namespace: Option<&L>) -> bool {
        let is_in_namespace = match (&self.namespace_selector, of_namespace) {
            (None, _) => true,
            (Some(selector), Some(labels)) => selector.matches(labels),
            (Some(_), None) => false,
        };
        is_in_namespace && self.selector.matches(labels)
    }

    /// The SidecarSet restored from this state of a ControllerRevision. It is restored by `restore`, unless the same was
    /// asked for before.
    pub(crate) fn restored<E>(
        &self,
        state: &str,
        restore: impl FnOnce() -> Result<PreparedSidecarSet, E>,
    ) -> Result<Arc<PreparedSidecarSet>, E> {
        let mut restored = self.restored.lock().unwrap_or_else(PoisonError::into_inner);
        match &*restored {
            Some((of, set)) if of == state => Ok(Arc::clone(set)),
            _ => {
                let set = Arc::new(restore()?);
                *restored = Some((state.to_owned(), Arc::clone(&set)));
                Ok(set)
            }
        }
    }
}

/// A selector that can't be read selects nothing. Admission refuses it.
fn parsed(sidecar_set: &str, selector: &LabelSelector) -> Option<Selector> {
    match Selector::parse(selector) {
        Ok(selector) => Some(selector),
        Err(error) => {
            tracing::warn!(sidecar_set, %error, "no pod gets anything of this SidecarSet");
            None
        }
    }
}

/// SS-106, SS-107
fn specific(set: &SidecarSet) -> Option<Specific> {
    let wanted = validation::wanted_revision(&set.spec)?.into();
    let injection = set.spec.injection_strategy.as_ref()?;
    let policy = &injection.revision.as_ref()?.policy;
    let update = set.spec.update_strategy.as_ref();
    let is_paused = update.is_some_and(|update| update.paused);
    let is_partial = *policy == SidecarSetInjectRevisionPolicy::Partial && !is_paused;
    Some(Specific {
        wanted,
        partial: is_partial.then(|| partial(&set.metadata.name, update)),
    })
}

fn partial(sidecar_set: &str, update: Option<&SidecarSetUpdateStrategy>) -> Partial {
    let selector = update.and_then(|update| update.selector.as_ref());
    Partial {
        // One that can't be read selects every pod, as if it were not there.
        selector: selector.and_then(|selector| parsed(sidecar_set, selector)),
        partition: update.and_then(|update| update.partition.clone()),
    }
}
