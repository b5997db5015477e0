//! Feature gates: OpenKruise's names, defaults and forced dependencies (PF-130 to PF-132).
//!
//! Every binary knows all names, so one string can be given to all binaries. Each binary acts on its own gates alone.

use std::{collections::BTreeMap, fmt};

/// How mature a feature is; `AllAlpha` and `AllBeta` set all gates of a stage.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stage {
    /// Off unless asked for.
    Alpha,
    /// Usually on.
    Beta,
}

macro_rules! gates {
    ($($name:ident = $default:literal $stage:ident,)*) => {
        /// A feature gate, named as in `--feature-gates`.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
        #[allow(missing_docs, reason = "the names are OpenKruise's; docs/spec/platform.md 2.7 tells what each does")]
        pub enum Gate { $($name,)* }

        impl Gate {
            /// Every gate.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// Whether the gate is on when nothing is said.
            #[must_use]
            pub fn default_value(self) -> bool {
                match self { $(Self::$name => $default,)* }
            }

            /// How mature the feature is.
            #[must_use]
            pub fn stage(self) -> Stage {
                match self { $(Self::$name => Stage::$stage,)* }
            }

            /// The name in `--feature-gates`.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Self::$name => stringify!($name),)* }
            }
        }
    };
}

gates! {
    PodWebhook = true Beta,
    KruiseDaemon = true Beta,
    DaemonWatchingPod = true Beta,
    CloneSetShortHash = false Alpha,
    KruisePodReadinessGate = false Alpha,
    PreDownloadImageForInPlaceUpdate = false Alpha,
    PreDownloadImageForDaemonSetUpdate = false Alpha,
    CloneSetPartitionRollback = false Alpha,
    ResourcesDeletionProtection = false Beta,
    DeletionProtectionForCRDCascadingGate = false Alpha,
    WorkloadSpread = true Beta,
    PodUnavailableBudgetDeleteGate = true Beta,
    PodUnavailableBudgetUpdateGate = false Alpha,
    TemplateNoDefaults = false Alpha,
    InPlaceUpdateEnvFromMetadata = true Beta,
    StatefulSetAutoDeletePVC = true Beta,
    StatefulSetAutoResizePVCGate = false Alpha,
    StatefulSetStartOrdinal = false Alpha,
    PodIndexLabel = true Beta,
    SidecarSetPatchPodMetadataDefaultsAllowed = false Alpha,
    EnableSortSidecarContainerByName = false Alpha,
    SidecarTerminator = false Alpha,
    PodProbeMarkerGate = true Beta,
    EnablePodProbeMarkerOnServerless = false Alpha,
    CloneSetEventHandlerOptimization = false Alpha,
    PreparingUpdateAsUpdate = false Alpha,
    ImagePullJobGate = false Alpha,
    ResourceDistributionGate = false Beta,
    EnhancedLivenessProbe = false Alpha,
    RecreatePodWhenChangeVCTInCloneSetGate = false Alpha,
    EnableExternalCerts = false Alpha,
    ForceDeleteTimeoutExpectationGate = false Alpha,
    InPlaceWorkloadVerticalScaling = false Alpha,
    InPlacePodVerticalScaling = false Alpha,
    DefaultHostNetworkHostPortsInPodTemplates = false Alpha,
    DaemonSetPruneIneligibleNodes = false Alpha,
}

impl fmt::Display for Gate {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// Why `--feature-gates` can't be used.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum GateError {
    /// A part without `=`.
    #[error("feature gate {0:?} has no value: expected {0}=true or {0}=false")]
    MissingValue(String),
    /// A name that no gate has.
    #[error("unknown feature gate {name:?}; {hint}")]
    Unknown {
        /// The name given.
        name: String,
        /// What may have been meant, or what is known.
        hint: String,
    },
    /// A value that is not a boolean.
    #[error("feature gate {name}: value {value:?} is neither true nor false")]
    BadValue {
        /// The gate.
        name: String,
        /// Its value.
        value: String,
    },
}

/// Which features are on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeatureGates {
    values: BTreeMap<Gate, bool>,
}

impl Default for FeatureGates {
    fn default() -> Self {
        Self::from_explicit(&BTreeMap::new(), None, None, true)
    }
}

impl FeatureGates {
    /// Reads `Gate=bool,…`. The environment variable `CUSTOM_RESOURCE_ENABLE` decides a default.
    ///
    /// # Errors
    /// When a name is unknown or a value is not a boolean.
    pub fn parse(text: &str) -> Result<Self, GateError> {
        let custom_resources = std::env::var("CUSTOM_RESOURCE_ENABLE").unwrap_or_default();
        Self::parse_with(text, &custom_resources)
    }

    fn parse_with(text: &str, custom_resources: &str) -> Result<Self, GateError> {
        let mut explicit = BTreeMap::new();
        let (mut all_alpha, mut all_beta) = (None, None);
        for part in text
            .split(',')
            .map(str::trim)
            .filter(|part| !part.is_empty())
        {
            let (name, value) = part
                .split_once('=')
                .ok_or_else(|| GateError::MissingValue(part.to_owned()))?;
            let (name, value) = (name.trim(), value.trim());
            let on = parse_go_bool(value).ok_or_else(|| GateError::BadValue {
                name: name.to_owned(),
                value: value.to_owned(),
            })?;
            match name {
                "AllAlpha" => all_alpha = Some(on),
                "AllBeta" => all_beta = Some(on),
                _ => {
                    let gate = Gate::ALL.iter().find(|gate| gate.name() == name);
                    let gate = gate.ok_or_else(|| unknown(name))?;
                    explicit.insert(*gate, on);
                }
            }
        }
        // PF-132: this default is all that the list of kinds still decides. Items are not trimmed.
        let pod_webhook =
            custom_resources.is_empty() || custom_resources.split(',').any(|s| s == "SidecarSet");
        Ok(Self::from_explicit(
            &explicit,
            all_alpha,
            all_beta,
            pod_webhook,
        ))
    }

    fn from_explicit(
        explicit: &BTreeMap<Gate, bool>,
        all_alpha: Option<bool>,
        all_beta: Option<bool>,
        pod_webhook: bool,
    ) -> Self {
        let value = |gate: Gate| {
            let of_stage = match gate.stage() {
                Stage::Alpha => all_alpha,
                Stage::Beta => all_beta,
            };
            let default = match gate {
                Gate::PodWebhook => pod_webhook,
                gate => gate.default_value(),
            };
            explicit.get(&gate).copied().or(of_stage).unwrap_or(default)
        };
        let mut gates = Self {
            values: Gate::ALL.iter().map(|&gate| (gate, value(gate))).collect(),
        };
        gates.force_dependencies();
        gates
    }

    /// Forces gates in PF-131's order.
    fn force_dependencies(&mut self) {
        if !self.enabled(Gate::PodWebhook) {
            self.force(false, NEEDS_POD_WEBHOOK);
        }
        if !self.enabled(Gate::KruiseDaemon) {
            self.force(false, NEEDS_DAEMON);
        }
        if self.enabled(Gate::PreDownloadImageForInPlaceUpdate)
            || self.enabled(Gate::PreDownloadImageForDaemonSetUpdate)
        {
            self.force(true, &[Gate::ImagePullJobGate]);
        }
        if !self.enabled(Gate::ResourcesDeletionProtection) {
            self.force(false, &[Gate::DeletionProtectionForCRDCascadingGate]);
        }
    }

    fn force(&mut self, on: bool, gates: &[Gate]) {
        self.values.extend(gates.iter().map(|&gate| (gate, on)));
    }

    /// Whether a feature is on.
    #[must_use]
    pub fn enabled(&self, gate: Gate) -> bool {
        self.values
            .get(&gate)
            .copied()
            .unwrap_or_else(|| gate.default_value())
    }
}

const NEEDS_POD_WEBHOOK: &[Gate] = &[
    Gate::KruisePodReadinessGate,
    Gate::PodUnavailableBudgetDeleteGate,
    Gate::PodUnavailableBudgetUpdateGate,
    Gate::WorkloadSpread,
    Gate::SidecarSetPatchPodMetadataDefaultsAllowed,
    Gate::EnhancedLivenessProbe,
    Gate::EnablePodProbeMarkerOnServerless,
];

const NEEDS_DAEMON: &[Gate] = &[
    Gate::PreDownloadImageForInPlaceUpdate,
    Gate::DaemonWatchingPod,
    Gate::InPlaceUpdateEnvFromMetadata,
    Gate::PreDownloadImageForDaemonSetUpdate,
    Gate::PodProbeMarkerGate,
    Gate::SidecarTerminator,
    Gate::ImagePullJobGate,
    Gate::EnhancedLivenessProbe,
];

/// Go's `strconv.ParseBool`.
pub(crate) fn parse_go_bool(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "TRUE" | "true" | "True" => Some(true),
        "0" | "f" | "F" | "FALSE" | "false" | "False" => Some(false),
        _ => None,
    }
}

/// Names that contain the given one or are contained in it come first: the known mistakes (a missing or an extra
/// `Gate`, another case) are of that sort.
fn unknown(name: &str) -> GateError {
    let lower = name.to_lowercase();
    let stem = lower.trim_end_matches("gate").trim_end_matches("feature");
    let similar: Vec<_> = Gate::ALL
        .iter()
        .map(|gate| gate.name())
        .filter(|known| {
            let known = known.to_lowercase();
            !stem.is_empty()
                && (known.contains(stem) || stem.contains(known.trim_end_matches("gate")))
        })
        .collect();
    let hint = if similar.is_empty() {
        let known: Vec<_> = Gate::ALL.iter().map(|gate| gate.name()).collect();
        format!("known are AllAlpha, AllBeta, {}", known.join(", "))
    } else {
        format!("did you mean {}?", similar.join(" or "))
    };
    GateError::Unknown {
        name: name.to_owned(),
        hint,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> FeatureGates {
        FeatureGates::parse_with(text, "").unwrap()
    }

    #[test]
    fn there_are_36_gates_with_their_defaults() {
        assert_eq!(Gate::ALL.len(), 36);
        let gates = parse("");
        assert!(gates.enabled(Gate::PodWebhook));
        assert!(!gates.enabled(Gate::CloneSetShortHash));
        assert_eq!(gates, FeatureGates::default());
    }

    #[test]
    fn a_named_gate_beats_its_stage_whatever_the_order() {
        let gates = parse("CloneSetShortHash=false,AllAlpha=true");
        assert!(!gates.enabled(Gate::CloneSetShortHash));
        assert!(gates.enabled(Gate::TemplateNoDefaults));
        assert!(!parse("AllBeta=false").enabled(Gate::PodIndexLabel));
    }

    #[test]
    fn dependencies_are_forced() {
        let gates = parse("PodWebhook=false,WorkloadSpread=true");
        assert!(!gates.enabled(Gate::WorkloadSpread));
        assert!(parse("PreDownloadImageForInPlaceUpdate=true").enabled(Gate::ImagePullJobGate));
        let gates = parse("KruiseDaemon=false,PreDownloadImageForInPlaceUpdate=true");
        assert!(!gates.enabled(Gate::ImagePullJobGate));
        let gates = parse("DeletionProtectionForCRDCascadingGate=true");
        assert!(!gates.enabled(Gate::DeletionProtectionForCRDCascadingGate));
    }

    #[test]
    fn errors_name_the_gate_and_what_was_meant() {
        let error = FeatureGates::parse("EnhancedLivenessProbeGate=true")
            .unwrap_err()
            .to_string();
        assert!(error.contains("EnhancedLivenessProbeGate"), "{error}");
        assert!(
            error.contains("did you mean EnhancedLivenessProbe?"),
            "{error}"
        );
        let error = FeatureGates::parse("Nonsense=true")
            .unwrap_err()
            .to_string();
        assert!(error.contains("PodWebhook"), "{error}");
        assert!(matches!(
            FeatureGates::parse("PodWebhook"),
            Err(GateError::MissingValue(_))
        ));
        assert!(matches!(
            FeatureGates::parse("PodWebhook=on"),
            Err(GateError::BadValue { .. })
        ));
    }

    #[test]
    fn without_sidecarset_in_the_resource_list_pod_webhooks_default_to_off() {
        let off = FeatureGates::parse_with("", "CloneSet, SidecarSet").unwrap();
        assert!(!off.enabled(Gate::PodWebhook));
        let on = FeatureGates::parse_with("PodWebhook=true", "CloneSet").unwrap();
        assert!(on.enabled(Gate::PodWebhook));
    }
}
