//! The feature gates that concern CloneSets, and what they say of templates.

use kruise_api::inplace::Options;
use kruise_plan::workload::Filled;

/// Feature gates that concern CloneSets.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Gates {
    /// `CloneSetShortHash`: the revision label of pods carries the hash alone (CS-39).
    pub short_hash: bool,
    /// `CloneSetPartitionRollback`: raising the partition moves pods back (CS-48).
    pub partition_rollback: bool,
    /// `PreparingUpdateAsUpdate`: pods in that state count as updated when scaling (CS-46).
    pub preparing_update_as_update: bool,
    /// `TemplateNoDefaults`: templates get no defaults (CS-9).
    pub template_no_defaults: bool,
    /// `DefaultHostNetworkHostPortsInPodTemplates`: host ports are among these defaults (CS-9).
    pub default_host_ports: bool,
    /// `RecreatePodWhenChangeVCTInCloneSetGate`: other volume claim templates need new pods (CS-78).
    pub recreate_for_claims: bool,
    /// What the in-place library may do.
    pub in_place: Options,
    /// The flag `--cloneset-scaling-exclude-preparing-delete` (CS-50).
    pub exclude_preparing_delete: bool,
}

impl Gates {
    /// How much is filled in of what a pod template leaves open, in admission and before hashing alike, so that a
    /// webhook installed later changes no revision (CS-9, PF-907).
    #[must_use]
    pub fn filled(&self) -> Filled {
        Filled::by_gates(self.template_no_defaults, self.default_host_ports)
    }
}
