//! The feature gates that concern CloneSets, and what they say of templates.

use kruise_api::{defaults, inplace::Options};
use serde_json::Value;

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
    /// Fills in what a pod template leaves open, in admission and before hashing alike, so that a webhook
    /// installed later changes no revision (CS-9, PF-907).
    pub fn default_template(&self, template: &mut Value) {
        self.filled().fill(template);
    }

    /// How much that is.
    #[must_use]
    pub fn filled(&self) -> Filled {
        match (self.template_no_defaults, self.default_host_ports) {
            (true, _) => Filled::Nothing,
            (false, false) => Filled::Defaults,
            (false, true) => Filled::DefaultsAndHostPorts,
        }
    }
}

/// How much is filled in of what a template leaves open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Filled {
    /// Nothing: the template as it is stored.
    Nothing,
    /// The defaults of CS-9.
    Defaults,
    /// The host ports of templates that use the host's network as well.
    DefaultsAndHostPorts,
}

impl Filled {
    /// Each way, as one release or another may have stored a template, or one gate or another.
    pub const ALL: [Self; 3] = [Self::Nothing, Self::Defaults, Self::DefaultsAndHostPorts];

    /// Fills it in.
    pub fn fill(self, template: &mut Value) {
        if self == Self::Nothing {
            return;
        }
        defaults::pod_template(template);
        if self == Self::DefaultsAndHostPorts {
            defaults::host_ports(template);
        }
    }
}
