//! What is answered to the API server: about budgets ([`budgets`]), and about pods ([`pods`], [`link`]).

pub mod budgets;
mod change;
mod dry_run;
pub mod link;
pub mod lookup;
pub mod pods;
pub mod refusal;

/// Where validation of budgets is asked for (PF-201).
pub const VALIDATE_BUDGET_PATH: &str = "/validate-policy-kruise-io-podunavailablebudget";
/// Where changes, deletions and evictions of pods are asked about (PF-201).
pub const VALIDATE_POD_PATH: &str = "/validate-pod";
/// Where new pods are linked (PF-201).
pub const MUTATE_POD_PATH: &str = "/mutate-pod";
/// Place of the configuration for new pods among those of other deployables (PF-908).
pub const PLACE: u8 = 40;
