//! The feature gates that concern deletion protection.

/// What is protected at all.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Gates {
    /// `ResourcesDeletionProtection`: labels protect (DP-10).
    pub protection: bool,
    /// `DeletionProtectionForCRDCascadingGate`: custom resources are counted for `Cascading` (DP-17). Off where the other
    /// one is (DP-4).
    pub of_custom_resources: bool,
}
