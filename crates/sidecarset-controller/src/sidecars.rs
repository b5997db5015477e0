//! The containers that a SidecarSet keeps up to date in pods: those of `containers`, each of which a pod has once, or
//! twice where it is upgraded hot.

use std::collections::BTreeSet;

use kruise_api::apps::v1beta1::{SidecarContainer, SidecarSetSpec};
use serde_json::Value;

use crate::{
    record::{Twin, WorkingRecord, has_twins},
    sidecar_pod::SidecarPod,
};

/// The sidecars of a SidecarSet, in its order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sidecars(pub Vec<Sidecar>);

/// One of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sidecar {
    /// Its name in the SidecarSet.
    pub name: String,
    /// The image that it is to have.
    pub image: String,
    /// How it is upgraded.
    pub upgrade: Upgrade,
}

/// How a sidecar gets a new image.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Upgrade {
    /// It is started again with that.
    #[default]
    Cold,
    /// Its twin takes over.
    Hot {
        /// Image of the twin that is idle. Nobody validates that there is one.
        empty_image: String,
    },
}

/// A sidecar that is upgraded hot.
#[derive(Debug, Clone, Copy)]
pub struct HotSidecar<'a> {
    /// Its name in the SidecarSet.
    pub name: &'a str,
    /// The image that it is to have.
    pub image: &'a str,
    /// Image of the twin that is idle; empty if the SidecarSet names none.
    pub empty_image: &'a str,
}

impl Sidecars {
    /// The sidecars of this spec.
    #[must_use]
    pub fn of(spec: &SidecarSetSpec) -> Self {
        Self(spec.containers.iter().map(Sidecar::of).collect())
    }

    /// Names of their containers in pods.
    #[must_use]
    pub fn container_names(&self) -> BTreeSet<String> {
        let names = self.0.iter().flat_map(Sidecar::container_names);
        names.collect()
    }

    /// Those that are upgraded hot.
    pub fn hot(&self) -> impl Iterator<Item = HotSidecar<'_>> {
        self.0.iter().filter_map(Sidecar::hot)
    }

    /// Whether the pod has all that the SidecarSet takes care of (SS-206).
    #[must_use]
    pub fn are_in(&self, pod: &SidecarPod, working: &WorkingRecord) -> bool {
        let has = |name: &str| {
            let mut init = pod.spec.init_containers.iter();
            pod.container(name).is_some() || init.any(|container| container.name == name)
        };
        self.0.iter().all(|sidecar| {
            let is_recorded = sidecar.hot().is_none_or(|hot| working.knows(hot.name));
            is_recorded && sidecar.container_names().iter().all(|name| has(name))
        })
    }
}

impl Sidecar {
    fn of(container: &SidecarContainer) -> Self {
        let image = container.unknown.get("image").and_then(Value::as_str);
        let strategy = container.upgrade_strategy.as_ref();
        let empty_image = strategy.map(|strategy| strategy.hot_upgrade_empty_image.clone());
        Self {
            name: container.name().to_owned(),
            image: image.unwrap_or_default().to_owned(),
            upgrade: if has_twins(container) {
                Upgrade::Hot {
                    empty_image: empty_image.unwrap_or_default(),
                }
            } else {
                Upgrade::Cold
            },
        }
    }

    /// Names of its containers in pods.
    #[must_use]
    pub fn container_names(&self) -> Vec<String> {
        match &self.upgrade {
            Upgrade::Cold => vec![self.name.clone()],
            Upgrade::Hot { .. } => Twin::BOTH.map(|twin| twin.name(&self.name)).to_vec(),
        }
    }

    /// The sidecar, if it is upgraded hot.
    #[must_use]
    pub fn hot(&self) -> Option<HotSidecar<'_>> {
        let Upgrade::Hot { empty_image } = &self.upgrade else {
            return None;
        };
        Some(HotSidecar {
            name: &self.name,
            image: &self.image,
            empty_image,
        })
    }
}

impl HotSidecar<'_> {
    /// The twin that doesn't work now has another image than one that does nothing (SS-252). Without an image for
    /// that, nothing can be done about it.
    #[must_use]
    pub fn both_run(&self, pod: &SidecarPod, working: &WorkingRecord) -> bool {
        let other = working.working(self.name).other();
        !self.empty_image.is_empty() && self.image_in(pod, other) != self.empty_image
    }

    /// The image that a twin is to run; empty if the pod has no such container.
    #[must_use]
    pub fn image_in<'p>(&self, pod: &'p SidecarPod, twin: Twin) -> &'p str {
        let container = pod.container(&twin.name(self.name));
        container.map_or("", |container| container.image.as_str())
    }
}
