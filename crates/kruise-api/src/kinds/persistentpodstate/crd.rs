//! The CustomResourceDefinition. Its rules are what admission refuses without looking at other objects. Which kinds
//! are supported, an administrator says (PS-7); so no rule asks for that.

use super::{spec::PersistentPodStateStatus, texts, v1alpha1, v1beta1};
use crate::{
    definition::{
        ConversionStrategy, Definition, Scope, Version,
        rules::{COMPLETE_TARGET, Rule},
    },
    validation::target_reference::INCOMPLETE,
};

const DESCRIPTION: &str = "PersistentPodState remembers where each pod of a workload last became ready, and brings its \
                           successor back there.";

pub(super) fn definition() -> Definition {
    let v1alpha1 = Version::of::<
        v1alpha1::V1alpha1,
        v1alpha1::PersistentPodStateSpec,
        PersistentPodStateStatus,
    >(DESCRIPTION);
    let v1beta1 =
        Version::of::<v1beta1::V1beta1, v1beta1::PersistentPodStateSpec, PersistentPodStateStatus>(
            DESCRIPTION,
        );
    Definition {
        short_names: &[],
        scope: Scope::Namespaced,
        conversion: ConversionStrategy::Webhook {
            service: "kruise-persistentpodstate-controller-conversion-service",
        },
        versions: vec![common(v1alpha1), common(v1beta1.stored())],
    }
}

/// Adds the rules, which both versions have alike (PS-6, PS-8, PS-9).
fn common(version: Version) -> Version {
    version
        .rules(
            "spec.targetRef",
            &[
                Rule::new(COMPLETE_TARGET, INCOMPLETE),
                Rule::new("self == oldSelf", texts::TARGET_CHANGED).forbidden(),
            ],
        )
        .rules(
            "spec",
            &[Rule::unless_broken_before(
                |spec| {
                    format!(
                        "has({spec}.requiredPersistentTopology) || (has({spec}.preferredPersistentTopology) \
                         && size({spec}.preferredPersistentTopology) > 0)"
                    )
                },
                texts::NO_TOPOLOGY,
            )],
        )
}
