//! What the tests call by name: deployables, kinds, labels. Written down here and not taken from the code under test,
//! where users could depend on them.

use kruise_api::resource::Resource;

pub use kruise_api::apps::v1beta1::{BROADCASTJOBS, CLONESETS, SIDECARSETS as SIDECAR_SETS};

/// Where deployables run.
pub const SYSTEM: &str = "kruise-system";

/// The deployable of CloneSets.
pub const CLONESET_CONTROLLER: &str = "cloneset-controller";

/// The deployable of BroadcastJobs.
pub const BROADCASTJOB_CONTROLLER: &str = "broadcastjob-controller";

/// BroadcastJobs as users of the older version write and read them.
pub const BROADCASTJOBS_V1ALPHA1: Resource = Resource {
    version: "v1alpha1",
    ..BROADCASTJOBS
};

/// CloneSets as users of the older version write and read them.
pub const CLONESETS_V1ALPHA1: Resource = Resource {
    version: "v1alpha1",
    ..CLONESETS
};

/// Images pulled ahead.
pub const IMAGE_PULL_JOBS: Resource = Resource {
    group: "apps.kruise.io",
    version: "v1beta1",
    plural: "imagepulljobs",
    kind: "ImagePullJob",
    namespaced: true,
};

/// Budgets of pods.
pub const POD_UNAVAILABLE_BUDGETS: Resource = Resource {
    group: "policy.kruise.io",
    version: "v1beta1",
    plural: "podunavailablebudgets",
    kind: "PodUnavailableBudget",
    namespaced: true,
};

/// The nodes of the local cluster that take pods.
pub const NODES: [&str; 3] = ["node1", "node2", "node3"];

/// Finalizer with which a test keeps an object; taken off at the end, whatever happens.
pub const HOLD: &str = "e2e.kruise.io/hold";
/// Label of a pod's lifecycle state.
pub const STATE: &str = "lifecycle.apps.kruise.io/state";
/// Label of a pod's revision.
pub const REVISION: &str = "controller-revision-hash";
/// Label of a pod with the hash in its revision's name.
pub const TEMPLATE_HASH: &str = "pod-template-hash";
/// Label of a pod of a CloneSet: what its name ends in.
pub const INSTANCE_ID: &str = "apps.kruise.io/cloneset-instance-id";
/// Annotation of a pod about its last update in place.
pub const UPDATE_STATE: &str = "apps.kruise.io/inplace-update-state";

/// The deployable of SidecarSets.
pub const SIDECARSET_CONTROLLER: &str = "sidecarset-controller";

/// SidecarSets as users of the older version write and read them.
pub const SIDECAR_SETS_V1ALPHA1: Resource = Resource {
    version: "v1alpha1",
    ..SIDECAR_SETS
};

/// The deployable that ends the sidecars of jobs.
pub const SIDECARTERMINATOR_CONTROLLER: &str = "sidecarterminator-controller";

/// Requests to stop containers.
pub const CONTAINER_RECREATE_REQUESTS: Resource = Resource {
    group: "apps.kruise.io",
    version: "v1beta1",
    plural: "containerrecreaterequests",
    kind: "ContainerRecreateRequest",
    namespaced: true,
};

/// Kubernetes' own jobs.
pub const JOBS: Resource = Resource {
    group: "batch",
    version: "v1",
    plural: "jobs",
    kind: "Job",
    namespaced: true,
};

/// The deployable of PodUnavailableBudgets.
pub const PUB_WEBHOOK: &str = "pub-webhook";
/// The deployable that refuses deletions of labelled objects.
pub const DELETION_PROTECTION_WEBHOOK: &str = "deletion-protection-webhook";

/// Label by which an object is protected from being deleted.
pub const PROTECTION: &str = "policy.kruise.io/delete-protection";

/// Kubernetes' own Deployments.
pub const DEPLOYMENTS: Resource = Resource {
    group: "apps",
    version: "v1",
    plural: "deployments",
    kind: "Deployment",
    namespaced: true,
};

/// Their ReplicaSets.
pub const REPLICA_SETS: Resource = Resource {
    plural: "replicasets",
    kind: "ReplicaSet",
    ..DEPLOYMENTS
};

/// Kubernetes' own StatefulSets.
pub const STATEFUL_SETS: Resource = Resource {
    plural: "statefulsets",
    kind: "StatefulSet",
    ..DEPLOYMENTS
};

/// Services.
pub const SERVICES: Resource = Resource {
    group: "",
    version: "v1",
    plural: "services",
    kind: "Service",
    namespaced: true,
};

/// Ingresses.
pub const INGRESSES: Resource = Resource {
    group: "networking.k8s.io",
    version: "v1",
    plural: "ingresses",
    kind: "Ingress",
    namespaced: true,
};
