//! Parts of a WorkloadSpread's spec that are the same in both versions.

use crate::{meta::LabelSelector, open_enum::open_enum, wire::wire};

wire! {
    /// Which pods of the workload are meant, and how many there should be.
    pub struct TargetFilter {
        /// Pods of the workload that are spread. Absent or empty: all of them.
        optional selector: LabelSelector,
        /// Dotted paths of numbers in the workload, such as `spec.workers.replicas`. Their sum is what percentages are
        /// taken of. Absent: the workload's replicas.
        list replicas_path_list: String,
    }

    /// What becomes of pods for which a subset has no room.
    pub struct WorkloadSpreadScheduleStrategy {
        /// `Fixed` (the default): such a pod stays where it is meant to be. `Adaptive`: it goes to another subset.
        #[serde(rename = "type")]
        #[schemars(extend("enum" = ["Adaptive", "Fixed", ""]))]
        omitempty type_: WorkloadSpreadScheduleStrategyType,
        /// The terms of type Adaptive.
        optional adaptive: AdaptiveWorkloadSpreadStrategy,
    }

    /// When a pod goes to another subset.
    pub struct AdaptiveWorkloadSpreadStrategy {
        /// Has no effect.
        omitempty disable_simulation_schedule: bool,
        /// Seconds after its creation at which a pod that no node can take is deleted, so that its successor goes to
        /// another subset. With several subsets, at most 295 divided by the number of subsets but one. Unset or 0: never.
        optional reschedule_critical_seconds: i32,
    }
}

open_enum! {
    /// Whether pods change their subset.
    pub enum WorkloadSpreadScheduleStrategyType {
        /// A pod that no node can take goes to another subset.
        Adaptive = "Adaptive",
        /// Pods stay in their subset.
        Fixed = "Fixed",
    }
}
