//! A UnitedDeployment's spec, which is the same in both versions.

use super::clone_set_template::CloneSetTemplateSpec;
use crate::{
    int_or_string::IntOrString,
    kinds::statefulset::v1beta1::StatefulSetSpec,
    meta::LabelSelector,
    open_enum::open_enum,
    spec_parts::{NodeSelectorTerm, Toleration},
    wire::wire,
};

wire! {
    /// What a UnitedDeployment shall be.
    pub struct UnitedDeploymentSpec {
        /// Number of pods wanted in all workloads together. Defaults to 1.
        optional replicas: i32,
        /// Which workloads belong to the UnitedDeployment. Must match the labels of the template.
        required selector: LabelSelector,
        /// What each workload is made from. Exactly one of the four must be given.
        optional template: SubsetTemplate,
        /// The groups of nodes.
        optional topology: Topology,
        /// How workloads are moved to a new template.
        optional update_strategy: UnitedDeploymentUpdateStrategy,
        /// How many old revisions are kept. Defaults to 10.
        optional revision_history_limit: i32,
    }

    /// What workloads are made from.
    pub struct SubsetTemplate {
        /// For StatefulSets of Kubernetes.
        optional stateful_set_template: StatefulSetTemplateSpec,
        /// For StatefulSets of OpenKruise.
        optional advanced_stateful_set_template: AdvancedStatefulSetTemplateSpec,
        /// For CloneSets.
        optional clone_set_template: CloneSetSubsetTemplateSpec,
        /// For Deployments.
        optional deployment_template: DeploymentTemplateSpec,
    }

    /// A StatefulSet of Kubernetes.
    pub struct StatefulSetTemplateSpec {
        /// Metadata, of which labels and annotations are used.
        raw metadata,
        /// Spec, as in a StatefulSet of apps/v1. Replicas and selector are filled in for each workload.
        required_raw spec,
    }

    /// A StatefulSet of OpenKruise.
    pub struct AdvancedStatefulSetTemplateSpec {
        /// Metadata, of which labels and annotations are used.
        raw metadata,
        /// Spec, as in a StatefulSet of apps.kruise.io/v1beta1. Replicas and selector are filled in for each workload.
        required spec: StatefulSetSpec,
    }

    /// A CloneSet.
    pub struct CloneSetSubsetTemplateSpec {
        /// Metadata, of which labels and annotations are used.
        raw metadata,
        /// Spec, as in a CloneSet of apps.kruise.io/v1beta1. Replicas and selector are filled in for each workload.
        required spec: CloneSetTemplateSpec,
    }

    /// A Deployment.
    pub struct DeploymentTemplateSpec {
        /// Metadata, of which labels and annotations are used.
        raw metadata,
        /// Spec, as in a Deployment of apps/v1. Replicas and selector are filled in for each workload.
        required_raw spec,
    }

    /// The groups of nodes.
    pub struct Topology {
        /// The groups, each with a workload of its own. Their order counts where replicas are divided among them.
        list subsets: Subset,
        /// What becomes of pods that find no node in their group.
        optional schedule_strategy: UnitedDeploymentScheduleStrategy,
    }

    /// A group of nodes.
    pub struct Subset {
        /// Name of the group, unique in the UnitedDeployment. Workloads and pods have it in a label.
        required name: String,
        /// Which nodes are meant. Only matchExpressions have an effect. It can't be changed.
        optional node_selector_term: NodeSelectorTerm,
        /// Taints that the pods accept, besides those of the template. They can't be changed.
        list tolerations: Toleration,
        /// How many pods the group has: a number, or a percentage of all. Unset: a part of what the other groups leave.
        /// Not together with minReplicas or maxReplicas in any group, and not where the type of the strategy is Adaptive.
        optional replicas: IntOrString,
        /// How many pods the group has at least, if there are so many: a number, or a percentage of all. Defaults to 0.
        optional min_replicas: IntOrString,
        /// How many pods the group has at most: a number, or a percentage of all. At least one group must have no maximum.
        optional max_replicas: IntOrString,
        /// What differs in the pod template for this group: a strategic merge patch.
        raw patch,
    }

    /// What becomes of pods that find no node in their group.
    pub struct UnitedDeploymentScheduleStrategy {
        /// `Fixed` (the default): they wait. `Adaptive`: other groups get them.
        #[serde(rename = "type")]
        #[schemars(extend("enum" = ["Adaptive", "Fixed", ""]))]
        omitempty type_: UnitedDeploymentScheduleStrategyType,
        /// The terms of the type Adaptive.
        optional adaptive: AdaptiveUnitedDeploymentStrategy,
    }

    /// The terms on which other groups get pods.
    pub struct AdaptiveUnitedDeploymentStrategy {
        /// Seconds after which a pod without a node counts as one that finds none. Defaults to 30.
        optional reschedule_critical_seconds: i32,
        /// Seconds for which a group gets no further pods after that. Defaults to 300.
        optional unschedulable_duration: i32,
        /// Whether the pods that find no node are kept, so that the group gets its share back when there is room again. Not
        /// for StatefulSets. Defaults to false.
        omitempty reserve_unschedulable_pods: bool,
    }

    /// How workloads are moved to a new template.
    pub struct UnitedDeploymentUpdateStrategy {
        /// `Manual` (the default): all groups are updated, each down to its partition.
        #[serde(rename = "type")]
        #[schemars(extend("enum" = ["Manual", ""]))]
        omitempty type_: UpdateStrategyType,
        /// The terms of the type Manual.
        optional manual_update: ManualUpdate,
    }

    /// The terms of an update.
    pub struct ManualUpdate {
        /// How many pods of each group keep their old revision, by the group's name. Defaults to 0.
        map partitions: i32,
    }
}

open_enum! {
    /// What becomes of pods that find no node.
    pub enum UnitedDeploymentScheduleStrategyType {
        /// Other groups get them.
        Adaptive = "Adaptive",
        /// They wait.
        Fixed = "Fixed",
    }
}

open_enum! {
    /// What decides how far groups are updated.
    pub enum UpdateStrategyType {
        /// The partitions that are given.
        Manual = "Manual",
    }
}

impl UnitedDeploymentSpec {
    /// The groups of nodes.
    #[must_use]
    pub fn subsets(&self) -> &[Subset] {
        self.topology
            .as_ref()
            .map_or(&[], |topology| &topology.subsets)
    }

    /// Whether other groups get pods that find no node in their own.
    #[must_use]
    pub fn is_adaptive(&self) -> bool {
        let strategy = self.schedule_strategy();
        strategy.is_some_and(|strategy| {
            strategy.type_ == UnitedDeploymentScheduleStrategyType::Adaptive
        })
    }

    /// Whether pods that find no node are kept while other groups stand in for them.
    #[must_use]
    pub fn reserves_pods(&self) -> bool {
        let adaptive = self
            .schedule_strategy()
            .and_then(|strategy| strategy.adaptive.as_ref());
        self.is_adaptive() && adaptive.is_some_and(|adaptive| adaptive.reserve_unschedulable_pods)
    }

    fn schedule_strategy(&self) -> Option<&UnitedDeploymentScheduleStrategy> {
        self.topology.as_ref()?.schedule_strategy.as_ref()
    }
}
