//! A StatefulSet's status in v1beta1.

use crate::{spec_parts::WorkloadCondition, wire::wire};

wire! {
    /// What the controller saw last.
    pub struct StatefulSetStatus {
        /// Generation of the spec that this status is about.
        optional observed_generation: i64,
        /// Pods that there are.
        required replicas: i32,
        /// Of these, pods that are ready.
        required ready_replicas: i32,
        /// Of these, pods that have been ready for minReadySeconds.
        required available_replicas: i32,
        /// Of these, pods at the revision of the last completed roll-out.
        required current_replicas: i32,
        /// Of these, pods at the revision of the template.
        required updated_replicas: i32,
        /// Pods at the revision of the template that are ready.
        omitempty updated_ready_replicas: i32,
        /// Pods at the revision of the template that are available.
        omitempty updated_available_replicas: i32,
        /// Name of the revision of the last completed roll-out.
        omitempty current_revision: String,
        /// Name of the revision of the template.
        omitempty update_revision: String,
        /// How often two templates had the same hash.
        optional collision_count: i32,
        /// What holds now.
        list conditions: WorkloadCondition,
        /// The selector as text, for the scale subresource.
        omitempty label_selector: String,
        /// How far claims are as their templates say.
        list volume_claims: VolumeClaimStatus,
    }

    /// How far the claims of one template are as it says.
    pub struct VolumeClaimStatus {
        /// Name of the claim template.
        required volume_claim_name: String,
        /// Claims that are as the template says.
        required compatible_replicas: i32,
        /// Of these, claims that have the size.
        required compatible_ready_replicas: i32,
    }
}
