//! Words that admission and the rules in the CRD share.

use crate::well_known::conditions::{
    CONTAINERS_READY, IN_PLACE_UPDATE_READY, KRUISE_POD_READY, READY,
};

pub(super) const SELECTOR_CHANGED: &str = "can't be changed";
pub(super) const NO_PROBES: &str = "must have at least one probe";
pub(super) const NOT_EMPTY: &str = "must not be empty";
pub(super) const RESERVED: &str =
    "must not be the name of a condition that Kubernetes or OpenKruise writes";
pub(super) const NO_EFFECT: &str = "must have podConditionType or markerPolicy";
pub(super) const NO_HANDLER: &str = "must have exactly one of exec, httpGet and tcpSocket";
pub(super) const NO_HOST: &str = "must be empty: pods are probed at their own IP";
pub(super) const SCHEME: &str = "must be HTTP or HTTPS";
pub(super) const NOT_NEGATIVE: &str = "must be greater than or equal to 0";

/// Names that no probe may have.
pub(super) const RESERVED_NAMES: [&str; 6] = [
    "PodScheduled",
    "Initialized",
    READY,
    CONTAINERS_READY,
    KRUISE_POD_READY,
    IN_PLACE_UPDATE_READY,
];

/// Results that a policy may be about.
pub(super) const STATES: [&str; 2] = ["Succeeded", "Failed"];
