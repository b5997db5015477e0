//! The group `policy.kruise.io` under the names of the wire, one module a version. A type that several versions
//! share is the same type in each.

/// Version v1alpha1: served for clients that still speak it. Nothing but conversion and admission reads it.
pub mod v1alpha1 {
    pub use crate::kinds::podunavailablebudget::{
        spec::{PodUnavailableBudgetStatus, TargetReference},
        v1alpha1::{PodUnavailableBudget, PodUnavailableBudgetSpec},
    };
}

/// Version v1beta1: what the API server stores and controllers speak.
pub mod v1beta1 {
    pub use crate::kinds::podunavailablebudget::{
        spec::{PodUnavailableBudgetStatus, ProtectedOperation, TargetReference},
        v1beta1::{PODUNAVAILABLEBUDGETS, PodUnavailableBudget, PodUnavailableBudgetSpec},
    };
}
