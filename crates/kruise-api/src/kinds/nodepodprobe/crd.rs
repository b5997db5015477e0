//! The CustomResourceDefinition. It has no rules, since no admission reviews the kind.

use super::v1alpha1::{NodePodProbeSpec, NodePodProbeStatus, V1alpha1};
use crate::definition::{ConversionStrategy, Definition, Scope, Version};

const DESCRIPTION: &str = "NodePodProbe holds the probes of the pods on the node of the same name, and their results. \
                           It is made from PodProbeMarkers, and nobody has to write one.";

pub(super) fn definition() -> Definition {
    let version = Version::of::<V1alpha1, NodePodProbeSpec, NodePodProbeStatus>(DESCRIPTION);
    Definition {
        short_names: &[],
        scope: Scope::Cluster,
        conversion: ConversionStrategy::None,
        versions: vec![version.stored()],
    }
}
