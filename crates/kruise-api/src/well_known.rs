//! Every string that goes over the wire and that others may know: one constant each, with who
//! writes and who reads it.

/// Labels.
pub mod labels {
    /// On pods of a BroadcastJob: the job's name. Written by the BroadcastJob controller at creation; read by it and
    /// by users.
    pub const BROADCASTJOB_NAME: &str = "broadcastjob-name";

    /// On pods of a BroadcastJob: the job's UID. Written by the BroadcastJob controller at creation; read by it, and
    /// by the watch that selects the pods of BroadcastJobs.
    pub const BROADCASTJOB_CONTROLLER_UID: &str = "broadcastjob-controller-uid";

    /// On pods and claims of a CloneSet: five characters that a pod shares with its claims.
    /// Written by the CloneSet controller at creation; read by it to pair them, and by watches to
    /// select the pods of CloneSets.
    pub const CLONESET_INSTANCE_ID: &str = "apps.kruise.io/cloneset-instance-id";

    /// On pods: the revision they are at, as full name or as short hash. Written by workload
    /// controllers; read by them, by PodUnavailableBudget and by users.
    pub const CONTROLLER_REVISION_HASH: &str = "controller-revision-hash";

    /// On pods of a CloneSet: the short hash of the revision, always. Written by the CloneSet
    /// controller; read by tools made for Deployments.
    pub const POD_TEMPLATE_HASH: &str = "pod-template-hash";

    /// On ControllerRevisions and ImagePullJobs: the hash of the revision. Written by workload
    /// controllers at creation; read by them when two revisions are compared.
    pub const REVISION_HASH: &str = "controller.kubernetes.io/hash";

    /// On ControllerRevisions: `true` when images were asked to be pulled ahead of the update to the
    /// revision. The doubled "pre" is real. Written and read by workload controllers.
    pub const PRE_PREDOWNLOAD_CREATED: &str = "apps.kruise.io/pre-predownload-created";

    /// On ControllerRevisions: `true` when pulling images ahead was found not worth it. Written and read by
    /// workload controllers.
    pub const IMAGE_PREDOWNLOAD_IGNORED: &str = "apps.kruise.io/image-predownload-ignored";

    /// On pods: the label, whatever its value, asks that the pod be deleted within the workload's limits.
    /// Written by users, and by the CloneSet controller when it replaces a pod; read by the CloneSet and
    /// StatefulSet controllers.
    pub const SPECIFIED_DELETE: &str = "apps.kruise.io/specified-delete";

    /// On CloneSets in version v1alpha1: `true` leaves pods in state PreparingDelete out when pods are
    /// counted. Written by users and by conversion; read by conversion, which makes it a field.
    pub const CLONESET_SCALING_EXCLUDE_PREPARING_DELETE: &str =
        "apps.kruise.io/cloneset-scaling-exclude-preparing-delete";

    /// On SidecarSets in version v1alpha1: the custom version, for which that version has no field. Written by users and by
    /// conversion; read by conversion. On ControllerRevisions of a SidecarSet: its custom version. Written by the
    /// SidecarSet controller; read by it, by the pod webhook and by admission of SidecarSets.
    pub const SIDECARSET_CUSTOM_VERSION: &str = "apps.kruise.io/sidecarset-custom-version";

    /// On ControllerRevisions of a SidecarSet: its name. Written by the SidecarSet controller; read by it, by the pod webhook
    /// and by admission of SidecarSets.
    pub const SIDECARSET_NAME: &str = "kruise.io/sidecarset-name";

    /// On pods: `false` keeps every SidecarSet from injecting anything. OpenKruise does not know it. Written by users; read by
    /// the pod webhook, and by the selector of its configuration.
    pub const SIDECARSET_INJECT: &str = "sidecarset.kruise.io/inject";

    /// On namespaces: the name of the namespace. Written by Kubernetes; read by selectors of namespaces.
    pub const NAMESPACE_NAME: &str = "kubernetes.io/metadata.name";

    /// On objects whose kind is protected: one of [`delete_protection`](super::delete_protection). Written
    /// by users; read by the webhooks that refuse the deletion, and by the selectors of these webhooks.
    pub const DELETE_PROTECTION: &str = "policy.kruise.io/delete-protection";

    /// On pods: one of [`lifecycle_states`](super::lifecycle_states). Written by workload
    /// controllers; read by them, by users' hooks and by PodUnavailableBudget.
    pub const LIFECYCLE_STATE: &str = "lifecycle.apps.kruise.io/state";

    /// On ContainerRecreateRequests: UID of the pod. Written by their webhook at creation, and never changed; read by
    /// their controller.
    pub const CRR_POD_UID: &str = "crr.apps.kruise.io/pod-uid";

    /// On ContainerRecreateRequests: the pod's node. Written by their webhook at creation, and never changed; read by the
    /// node daemon, which watches those of its node.
    pub const CRR_NODE_NAME: &str = "crr.apps.kruise.io/node-name";

    /// On ContainerRecreateRequests: `true` as long as the request is not finished. Written by their webhook, removed by
    /// their controller; read by the node daemon, which watches these alone.
    pub const CRR_ACTIVE: &str = "crr.apps.kruise.io/active";

    /// On nodes: [`VIRTUAL_KUBELET`](super::VIRTUAL_KUBELET) where no node daemon runs. Written by whoever made the node;
    /// read by the webhook of ContainerRecreateRequests, which copies it to them for other implementations, and by the
    /// SidecarTerminator controller.
    pub const NODE_TYPE: &str = "type";

    /// On pods: how the key of a label begins that makes the pod count as not ready, whatever the label's
    /// value. Written by users; read by PodUnavailableBudget.
    pub const UNAVAILABLE_POD_PREFIX: &str = "unavailable-pod.kruise.io/";
}

/// Annotations.
pub mod annotations {
    /// On SidecarSets: hash of the containers. Written by admission; read by the pod webhook and by the SidecarSet
    /// controller. On pods: JSON with the hashes that the SidecarSets had when their containers came into the pod.
    pub const SIDECARSET_HASH: &str = "kruise.io/sidecarset-hash";

    /// As [`SIDECARSET_HASH`], of the containers without their images.
    pub const SIDECARSET_HASH_WITHOUT_IMAGE: &str = "kruise.io/sidecarset-hash-without-image";

    /// On SidecarSets: `true` makes it a canary of the SidecarSet that [`SIDECARSET_BASE`] names. Written by users; read by
    /// admission and by the pod webhook.
    pub const SIDECARSET_CANARY: &str = "apps.kruise.io/sidecarset-canary";

    /// On canary SidecarSets: name of the SidecarSet in whose place pods get the canary. Written by users; read by
    /// admission and by the pod webhook.
    pub const SIDECARSET_BASE: &str = "apps.kruise.io/sidecarset-base";

    /// On pods: state of the last update in place, JSON. Written by the in-place-update library and
    /// never removed; read by it and by PodUnavailableBudget.
    pub const INPLACE_UPDATE_STATE: &str = "apps.kruise.io/inplace-update-state";

    /// Earlier key of [`INPLACE_UPDATE_STATE`]. Read only when the present key is absent; deleted
    /// when an update starts.
    pub const INPLACE_UPDATE_STATE_LEGACY: &str = "inplace-update-state";

    /// On pods: what an update in place will change once its grace period is over, JSON. Written,
    /// read and removed by the in-place-update library.
    pub const INPLACE_UPDATE_GRACE: &str = "apps.kruise.io/inplace-update-grace";

    /// Earlier key of [`INPLACE_UPDATE_GRACE`]. Read only when the present key is absent; deleted
    /// together with it.
    pub const INPLACE_UPDATE_GRACE_LEGACY: &str = "inplace-update-grace";

    /// On pods: hashes of the running containers, JSON. Written by the node daemon; read by the
    /// in-place-update library to learn whether an update is complete.
    pub const RUNTIME_CONTAINERS_META: &str = "apps.kruise.io/runtime-containers-meta";

    /// On pods: when the lifecycle state last changed, RFC 3339 with whole seconds. Written with
    /// every change of the state label; read by users.
    pub const LIFECYCLE_TIMESTAMP: &str = "lifecycle.apps.kruise.io/timestamp";

    /// On pods: pods of lower cost are deleted first. Written by users and WorkloadSpread; read by
    /// the CloneSet controller.
    pub const POD_DELETION_COST: &str = "controller.kubernetes.io/pod-deletion-cost";

    /// On CloneSets in version v1alpha1: on how many nodes at a time new images are pulled ahead, a
    /// number or a percentage. Written by users and by conversion; read by conversion, which makes it a
    /// field. Also on StatefulSets and DaemonSets, read by their controllers.
    pub const IMAGE_PREDOWNLOAD_PARALLELISM: &str = "apps.kruise.io/image-predownload-parallelism";

    /// As [`IMAGE_PREDOWNLOAD_PARALLELISM`]: seconds after which pulling an image ahead is given up.
    pub const IMAGE_PREDOWNLOAD_TIMEOUT_SECONDS: &str =
        "apps.kruise.io/image-predownload-timeout-seconds";

    /// As [`IMAGE_PREDOWNLOAD_PARALLELISM`]: how many updated pods must be ready before images are
    /// pulled ahead.
    pub const IMAGE_PREDOWNLOAD_MIN_UPDATED_READY_PODS: &str =
        "apps.kruise.io/image-predownload-min-updated-ready-pods";

    /// On CloneSets of type OnDelete in version v1alpha1: the `podUpdatePolicy`, for which that version
    /// has no field. Written and read by conversion alone.
    pub const CLONESET_ON_DELETE_POD_UPDATE_POLICY: &str =
        "apps.kruise.io/cloneset-on-delete-pod-update-policy";

    /// On DaemonSets in version v1alpha1: `true` holds back pods of nodes that the partition keeps, also where there is
    /// no pod yet. Written by users and by conversion; read by conversion, which makes it a field.
    pub const DAEMONSET_PROGRESSIVE_CREATE_POD: &str = "daemonset.kruise.io/progressive-create-pod";

    /// On StatefulSets in version v1alpha1: the fields of the spec that only v1beta1 has, JSON. Written and read by
    /// conversion alone.
    pub const STATEFULSET_V1BETA1_SPEC: &str = "apps.kruise.io/statefulset-v1beta1-spec";

    /// On ControllerRevisions of a CloneSet: hash of the volume claim templates, empty when there
    /// are none. Written and read by the CloneSet controller.
    pub const VOLUME_CLAIM_TEMPLATE_HASH: &str = "kruise.io/cloneset-volumeclaimtemplate-hash";

    /// On pods: name of the PodUnavailableBudget of the same namespace that protects the pod. Written by the
    /// pod webhook and the PodUnavailableBudget controller; read by whoever asks for budget.
    pub const RELATED_PUB: &str = "pub.kruise.io/related-pub";

    /// Earlier key of [`RELATED_PUB`], written together with it. Read only when the present key is absent or
    /// empty.
    pub const RELATED_PUB_LEGACY: &str = "kruise.io/related-pub";

    /// On pods: a true boolean takes the pod out of every budget. Written by users; read by whoever asks
    /// for budget.
    pub const PUB_NO_PROTECT: &str = "pub.kruise.io/no-protect";

    /// On PodUnavailableBudgets: the protected operations, separated by commas. Written by users and by
    /// conversion; read where the field is empty.
    pub const PUB_PROTECT_OPERATIONS: &str = "kruise.io/pub-protect-operations";

    /// On PodUnavailableBudgets: the number of pods that is counted with instead of the workloads' own. Written by
    /// users and by conversion; read by conversion, which makes it a field.
    pub const PUB_PROTECT_TOTAL_REPLICAS: &str = "pub.kruise.io/protect-total-replicas";

    /// On PodUnavailableBudgets in version v1alpha1: the selector of pods that are never protected, JSON. Written
    /// and read by conversion alone.
    pub const PUB_IGNORED_POD_SELECTOR: &str = "pub.kruise.io/ignored-pod-selector";

    /// On ContainerRecreateRequests in version v1alpha1: when the pod was made not ready, RFC 3339. Written and read by
    /// conversion alone; users can't change it. The finalizer of the same name says that the pod has to be released.
    pub const CRR_UNREADY_ACQUIRED: &str = "crr.apps.kruise.io/unready-acquired";

    /// On ContainerRecreateRequests in version v1alpha1: what the pod says of the containers since they were started
    /// anew, JSON. Written and read by conversion alone.
    pub const CRR_SYNC_CONTAINER_STATUSES: &str = "crr.apps.kruise.io/sync-container-statuses";

    /// On pods: names of the SidecarSets that injected containers, separated by commas. Written by the pod
    /// webhook; read by the SidecarSet controller and by PodUnavailableBudget.
    pub const SIDECARSET_INJECTED_LIST: &str = "kruise.io/sidecarset-injected-list";

    /// On pods: what each SidecarSet last updated in place, JSON. Written by the SidecarSet controller; read
    /// by it and by PodUnavailableBudget.
    pub const SIDECARSET_INPLACE_UPDATE_STATE: &str = "kruise.io/sidecarset-inplace-update-state";

    /// On pods: which of two containers works, for each sidecar with HotUpgrade, JSON. Written by the pod webhook and the
    /// SidecarSet controller; read by the latter.
    pub const SIDECARSET_WORKING_HOT_UPGRADE_CONTAINER: &str =
        "kruise.io/sidecarset-working-hotupgrade-container";

    /// On pods: how the key begins whose value is the version of the HotUpgrade container that it ends with. Written by the
    /// pod webhook and the SidecarSet controller; read by the container.
    pub const SIDECARSET_VERSION_PREFIX: &str = "version.sidecarset.kruise.io/";

    /// As [`SIDECARSET_VERSION_PREFIX`], for the version of the container's twin.
    pub const SIDECARSET_VERSION_ALT_PREFIX: &str = "versionalt.sidecarset.kruise.io/";
    /// On the configuration of the pod webhook: its `failurePolicy` once a replica answers, `Fail` or `Ignore`. Written by the
    /// installation and by users; read by the SidecarSet controller. OpenKruise does not know it.
    pub const SIDECARSET_FAILURE_POLICY: &str = "sidecarset.kruise.io/failure-policy";

    /// On the configuration of the pod webhook: how far the webhook reaches, and for which SidecarSets new pods wait, JSON.
    /// Written and read by the SidecarSet controller. OpenKruise does not know it.
    pub const SIDECARSET_SCOPE: &str = "sidecarset.kruise.io/scope";
}

/// Finalizers.
pub mod finalizers {
    /// On ImagePullJobs: the copies of their secrets are to be released first. Written by admission and the ImagePullJob
    /// controller; removed by the latter.
    pub const IMAGE_PULL_JOB: &str = "apps.kruise.io/deletion-protection";
}

/// The ConfigMap of the installation's namespace by which administrators configure Kruise, and its keys.
pub mod configuration {
    /// Name of the ConfigMap. Written by users.
    pub const NAME: &str = "kruise-configuration";

    /// Which annotations SidecarSets may put on pods, JSON. Written by users; read by admission of SidecarSets.
    pub const SIDECARSET_ANNOTATION_WHITELIST: &str = "SidecarSet_PatchPodMetadata_WhiteList";

    /// Which kinds of others are workloads with `spec.replicas`, JSON. Written by users; read by all who look for the
    /// workload of a pod, and by PersistentPodState, whose name the key has.
    pub const WORKLOAD_WHITELIST: &str = "PPS_Watch_Custom_Workload_WhiteList";
}

/// Names of conditions and of the reasons in them.
pub mod conditions {
    /// Pod condition and readiness gate: False while the pod is updated in place. Written by the
    /// in-place-update library; read by the kubelet as a readiness gate.
    pub const IN_PLACE_UPDATE_READY: &str = "InPlaceUpdateReady";

    /// Pod condition and readiness gate: False while anyone holds the pod not ready; its message lists who.
    /// Written by workload, pod-readiness and ContainerRecreateRequest controllers; read by the kubelet as
    /// a readiness gate.
    pub const KRUISE_POD_READY: &str = "KruisePodReady";

    /// Pod condition. Written by the kubelet, and set to False early by the in-place-update library.
    pub const READY: &str = "Ready";

    /// Pod condition. Written by the kubelet; read when `Ready` is computed again.
    pub const CONTAINERS_READY: &str = "ContainersReady";

    /// Reason of [`IN_PLACE_UPDATE_READY`] while it is False. Read by users.
    pub const START_IN_PLACE_UPDATE: &str = "StartInPlaceUpdate";

    /// Reason of [`READY`] when a readiness gate holds the pod; the kubelet writes the same.
    pub const READINESS_GATES_NOT_READY: &str = "ReadinessGatesNotReady";

    /// Pod condition: that it is there says that the sidecars of a finished pod are being stopped. Written by the
    /// SidecarTerminator controller; read by the webhook of ContainerRecreateRequests, which takes a finished pod then.
    pub const SIDECAR_TERMINATED: &str = "SidecarTerminated";

    /// Pod condition: whether all SidecarSets of the pod can update it in place; its message says it of each. Written by the
    /// SidecarSet controller; read by it and by users.
    pub const SIDECARSET_UPGRADABLE: &str = "SidecarSetUpgradable";

    /// Reason of [`SIDECARSET_UPGRADABLE`] while it is True.
    pub const ALL_SIDECARSET_UPGRADABLE: &str = "AllSidecarsetUpgradable";

    /// Reason of [`SIDECARSET_UPGRADABLE`] while it is False.
    pub const UPDATE_IMMUTABLE_FIELD: &str = "UpdateImmutableField";

    /// Condition of ContainerRecreateRequests, and its reason: the pod was made not ready, so that traffic drains.
    /// Written by their controller; read by the node daemon, which waits for the time to pass.
    pub const PRE_RECREATE_GRACE: &str = "PreRecreateGrace";

    /// CloneSet condition: how a roll-out goes on. Written when a progress deadline is set; read by
    /// users and deployment tools.
    pub const PROGRESSING: &str = "Progressing";

    /// CloneSet condition: pods could not be added or taken away. Read by users.
    pub const FAILED_SCALE: &str = "FailedScale";

    /// CloneSet condition: pods could not be updated. Read by users.
    pub const FAILED_UPDATE: &str = "FailedUpdate";
}

/// Environment variables of containers.
pub mod env {
    /// `true` in containers that a SidecarSet injected. Written by the pod webhook; read by it, and by whoever tells a pod's
    /// own containers from others.
    pub const IS_INJECTED: &str = "IS_INJECTED";

    /// In HotUpgrade containers: the container's own version. Written by the pod webhook; read by the container.
    pub const SIDECARSET_VERSION: &str = "SIDECARSET_VERSION";

    /// In HotUpgrade containers: the version of the container's twin. Written by the pod webhook; read by the container.
    pub const SIDECARSET_VERSION_ALT: &str = "SIDECARSET_VERSION_ALT";
}

/// Entries of webhook configurations that a process looks for or adds, with their paths and conditions.
pub mod webhooks {
    /// The entry for new pods. Brought by the installation.
    pub const PODS: &str = "mpod.kb.io";

    /// Its path.
    pub const PODS_PATH: &str = "/mutate-pod";

    /// Its match condition that keeps it as narrow as the SidecarSets are. Written and read by the SidecarSet controller.
    pub const PODS_CONDITION: &str = "sidecarset-scope";

    /// Its match condition that leaves pods to [`FRESH_PODS`] which go there, so that none is asked about twice. Written and
    /// read by the SidecarSet controller.
    pub const NOT_FRESH_CONDITION: &str = "sidecarset-not-fresh";

    /// The entry for new pods that wait until every replica knows the SidecarSets that were just admitted. Written and read by
    /// the SidecarSet controller.
    pub const FRESH_PODS: &str = "mpod-fresh.kb.io";

    /// What its path adds to that of [`PODS`].
    pub const FRESH_PODS_PATH: &str = "/fresh";

    /// Its match condition.
    pub const FRESH_PODS_CONDITION: &str = "sidecarset-fresh";

    /// The entry that refuses a Lease which nobody creates, so that its refusal tells which configuration the API server has.
    /// Written and read by the SidecarSet controller.
    pub const PROBE: &str = "mpod-probe.kb.io";

    /// What its path adds to that of [`PODS`].
    pub const PROBE_PATH: &str = "/probe";

    /// Its match condition.
    pub const PROBE_CONDITION: &str = "sidecarset-probe";

    /// How the name of that Lease begins. The rest is the configuration's number.
    pub const PROBE_NAME_PREFIX: &str = "sidecarset-scope-";
}

/// Values of the label [`labels::DELETE_PROTECTION`]. Any other value protects nothing.
pub mod delete_protection {
    /// The object can't be deleted.
    pub const ALWAYS: &str = "Always";
    /// The object can't be deleted while it has something active below it.
    pub const CASCADING: &str = "Cascading";
}

/// Values of the label [`labels::LIFECYCLE_STATE`]. A pod without the label counts as
/// [`NORMAL`](lifecycle_states::NORMAL).
pub mod lifecycle_states {
    /// A new pod, until it has a node or the preNormal hook lets it go.
    pub const PREPARING_NORMAL: &str = "PreparingNormal";
    /// In service. The only state in which a pod can be available.
    pub const NORMAL: &str = "Normal";
    /// To be updated in place, held by the inPlaceUpdate hook.
    pub const PREPARING_UPDATE: &str = "PreparingUpdate";
    /// Being updated in place.
    pub const UPDATING: &str = "Updating";
    /// Updated, until the inPlaceUpdate hook is back in place.
    pub const UPDATED: &str = "Updated";
    /// To be deleted, held by the preDelete hook.
    pub const PREPARING_DELETE: &str = "PreparingDelete";
}

/// Environment variables of containers. Only a value that the pod itself gives counts, never one from elsewhere.
pub mod envs {
    /// `true`, in any case: the container is a sidecar, and is stopped when all other containers of a pod that runs to
    /// completion have ended. Written by users and SidecarSets; read by the SidecarTerminator controller.
    pub const TERMINATE_SIDECAR_WHEN_JOB_EXIT: &str = "KRUISE_TERMINATE_SIDECAR_WHEN_JOB_EXIT";

    /// The same on nodes without a node daemon: the image that the sidecar is switched to, which ends at once. Written
    /// by users and SidecarSets; read by the SidecarTerminator controller.
    pub const TERMINATE_SIDECAR_WHEN_JOB_EXIT_WITH_IMAGE: &str =
        "KRUISE_TERMINATE_SIDECAR_WHEN_JOB_EXIT_WITH_IMAGE";

    /// `true`, in any case, beside [`TERMINATE_SIDECAR_WHEN_JOB_EXIT`]: the pod's phase does not depend on how the sidecar
    /// ends. Written by users and SidecarSets; read by the SidecarTerminator controller.
    pub const TERMINATE_SIDECAR_IGNORE_EXIT_CODE: &str =
        "KRUISE_TERMINATE_SIDECAR_IGNORE_EXIT_CODE";
}

/// Value of the label [`labels::NODE_TYPE`] on a node without a node daemon.
pub const VIRTUAL_KUBELET: &str = "virtual-kubelet";

/// Path at which a deployable converts between versions of its kind. In CRDs; called by the API server (PF-401).
pub const CONVERT_PATH: &str = "/convert";
