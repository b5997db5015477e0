//! The CustomResourceDefinition. It has no rules. Without its webhook no request is worked on, since the labels are
//! missing by which it is found (CR-8). And that the spec can't be changed (CR-5) a rule can't ask for: to it an absent
//! part and an empty one are not the same, and clients in Go write the one for the other.

use super::{spec::ContainerRecreateRequestSpec, v1alpha1, v1beta1};
use serde_json::json;

use crate::definition::{Column, ConversionStrategy, Definition, Scope, Version};

const DESCRIPTION: &str = "ContainerRecreateRequest stops containers of a pod, which are then started anew, without a \
                           change of the pod.";

const COLUMNS: [Column; 4] = [
    Column::new("PHASE", "string", ".status.phase"),
    Column::new("POD", "string", ".spec.podName"),
    Column::new(
        "NODE",
        "string",
        r".metadata.labels.crr\.apps\.kruise\.io/node-name",
    ),
    Column::new("AGE", "date", ".metadata.creationTimestamp"),
];

/// What v1beta1 doesn't take below 0.
const NOT_NEGATIVE: [&str; 5] = [
    "spec.activeDeadlineSeconds",
    "spec.ttlSecondsAfterFinished",
    "spec.strategy.terminationGracePeriodSeconds",
    "spec.strategy.unreadyGracePeriodSeconds",
    "spec.strategy.minStartedSeconds",
];

pub(super) fn definition() -> Definition {
    Definition {
        short_names: &["crr"],
        scope: Scope::Namespaced,
        conversion: ConversionStrategy::Webhook {
            service: "kruise-containerrecreaterequest-controller-conversion-service",
        },
        versions: vec![v1alpha1(), v1beta1()],
    }
}

fn v1alpha1() -> Version {
    Version::of::<
        v1alpha1::V1alpha1,
        ContainerRecreateRequestSpec,
        v1alpha1::ContainerRecreateRequestStatus,
    >(DESCRIPTION)
    .columns(&COLUMNS)
}

fn v1beta1() -> Version {
    let version = Version::of::<
        v1beta1::V1beta1,
        ContainerRecreateRequestSpec,
        v1beta1::ContainerRecreateRequestStatus,
    >(DESCRIPTION)
    .stored()
    .columns(&COLUMNS);
    let version = NOT_NEGATIVE
        .iter()
        .fold(version, |version, path| version.keyword(path, "minimum", 0));
    let phases = json!(["Pending", "Recreating", "Succeeded", "Failed", "Completed"]);
    version
        .keyword(
            "spec.strategy.failurePolicy",
            "enum",
            json!(["Fail", "Ignore"]),
        )
        .keyword("status.phase", "enum", phases.clone())
        .keyword("status.containerRecreateStates[].phase", "enum", phases)
}
