//! Feature gates, as far as they count here.

use kruise_api::{budget, inplace};
use kruise_runtime::{FeatureGates, Gate};

/// What is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gates {
    /// `PodUnavailableBudgetDeleteGate`: deletion and eviction are protected (PB-32).
    pub delete: bool,
    /// `PodUnavailableBudgetUpdateGate`: updates and resizes are protected (PB-32).
    pub update: bool,
    /// `InPlacePodVerticalScaling`: a resize is an operation of its own (PB-45).
    pub resize_apart: bool,
    /// `InPlaceWorkloadVerticalScaling`: a resource that is changed in place has to be in effect (IP-52).
    pub vertical_scaling: bool,
}

impl Gates {
    /// What the flags say. Without gate `PodWebhook` nothing is protected (PF-131).
    #[must_use]
    pub fn of(gates: &FeatureGates) -> Self {
        let pods = gates.enabled(Gate::PodWebhook);
        Self {
            delete: pods && gates.enabled(Gate::PodUnavailableBudgetDeleteGate),
            update: pods && gates.enabled(Gate::PodUnavailableBudgetUpdateGate),
            resize_apart: gates.enabled(Gate::InPlacePodVerticalScaling),
            vertical_scaling: gates.enabled(Gate::InPlaceWorkloadVerticalScaling),
        }
    }

    /// Whether anything is protected at all (PB-5, PB-13, PB-15).
    #[must_use]
    pub fn any(self) -> bool {
        self.delete || self.update
    }

    /// What the library may do where it judges a whole pod.
    #[must_use]
    pub fn in_place(self) -> inplace::Options {
        inplace::Options {
            vertical_scaling: self.vertical_scaling,
            ..inplace::Options::default()
        }
    }

    /// What a decision depends on besides pod, operation and budget.
    #[must_use]
    pub fn options(self, dry_run: bool) -> budget::Options {
        budget::Options {
            resize_apart: self.resize_apart,
            dry_run,
            in_place: self.in_place(),
        }
    }
}

/// As they are when no flag is given.
impl Default for Gates {
    fn default() -> Self {
        Self::of(&FeatureGates::default())
    }
}
