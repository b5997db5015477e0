//! Conditions in a status, in the forms that several kinds have.

use crate::{condition::condition, wire::wire};

wire! {
    /// One condition of a workload.
    pub struct WorkloadCondition {
        /// Type of the condition.
        #[serde(rename = "type")]
        required type_: String,
        /// `True`, `False` or `Unknown`.
        required status: String,
        /// When the status last changed.
        time last_transition_time,
        /// Word for why.
        omitempty reason: String,
        /// Sentence for why.
        omitempty message: String,
    }

    /// One condition of a job.
    pub struct JobCondition {
        /// Type of the condition.
        #[serde(rename = "type")]
        required type_: String,
        /// `True`, `False` or `Unknown`.
        required status: String,
        /// When the condition was last checked.
        time last_probe_time,
        /// When the status last changed.
        time last_transition_time,
        /// Word for why.
        omitempty reason: String,
        /// Sentence for why.
        omitempty message: String,
    }

    /// One condition, as newer kinds of Kubernetes have it (`metav1.Condition`).
    pub struct MetaCondition {
        /// Type of the condition.
        #[serde(rename = "type")]
        #[schemars(extend(
            "maxLength" = 316,
            "pattern" = "^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])$",
        ))]
        required type_: String,
        /// `True`, `False` or `Unknown`.
        #[schemars(extend("enum" = ["True", "False", "Unknown"]))]
        required status: String,
        /// Generation of the spec that the condition is about.
        #[schemars(extend("minimum" = 0))]
        omitempty observed_generation: i64,
        /// When the status last changed.
        required_time last_transition_time,
        /// Word for why. It must not be empty.
        #[schemars(extend(
            "minLength" = 1, "maxLength" = 1024, "pattern" = "^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$",
        ))]
        required reason: String,
        /// Sentence for why.
        #[schemars(extend("maxLength" = 32768))]
        required message: String,
    }
}

condition!(WorkloadCondition);
condition!(JobCondition, last_probe_time);
condition!(MetaCondition);
