//! Which nodes pods are bound to. The same as in Kubernetes' own pods.

use crate::wire::wire;

wire! {
    /// Requirements on a node. All of them must hold.
    #[schemars(extend("x-kubernetes-map-type" = "atomic"))]
    pub struct NodeSelectorTerm {
        /// Requirements on the node's labels.
        #[schemars(extend("x-kubernetes-list-type" = "atomic"))]
        list match_expressions: NodeSelectorRequirement,
        /// Requirements on the node's fields.
        #[schemars(extend("x-kubernetes-list-type" = "atomic"))]
        list match_fields: NodeSelectorRequirement,
    }

    /// One requirement on a node.
    pub struct NodeSelectorRequirement {
        /// The label's key, or the field's path.
        required key: String,
        /// `In`, `NotIn`, `Exists`, `DoesNotExist`, `Gt` or `Lt`.
        required operator: String,
        /// Values for `In` and `NotIn`, one integer for `Gt` and `Lt`, none for the other two.
        #[schemars(extend("x-kubernetes-list-type" = "atomic"))]
        list values: String,
    }

    /// A wish for nodes that meet requirements.
    pub struct PreferredSchedulingTerm {
        /// How much the wish counts, from 1 to 100.
        required weight: i32,
        /// The requirements.
        required preference: NodeSelectorTerm,
    }

    /// A taint that pods accept.
    pub struct Toleration {
        /// Key of the taint. Empty with operator `Exists`: every taint.
        omitempty key: String,
        /// `Equal` (the default) or `Exists`.
        omitempty operator: String,
        /// Value of the taint.
        omitempty value: String,
        /// Effect of the taint. Empty: every effect.
        omitempty effect: String,
        /// Seconds for which a taint of effect `NoExecute` is accepted. Absent: for ever.
        optional toleration_seconds: i64,
    }
}
