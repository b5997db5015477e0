//! What admission refuses in a ContainerRecreateRequest (CR-5 to CR-10). At creation there are two steps: what the
//! request says by itself, then how it fits its pod. That the gate is off is for the deployable to answer (CR-4).

use std::collections::HashSet;

use super::{
    pod::StoppablePod,
    spec::{
        ContainerRecreateRequestContainer, ContainerRecreateRequestFailurePolicyType,
        ContainerRecreateRequestSpec,
    },
    v1alpha1, v1beta1,
};
use crate::{
    custom_object::CustomObject,
    meta::ObjectMeta,
    object::CustomResource,
    validation::{FieldError, FieldErrors, FieldPath, numbers::NOT_NEGATIVE},
    well_known::{
        annotations::CRR_UNREADY_ACQUIRED,
        conditions::SIDECAR_TERMINATED,
        labels::{CRR_NODE_NAME, CRR_POD_UID},
    },
};

/// Code of the answer to a request that can't be created (CR-6 to CR-10).
pub const ANSWER_CODE: u16 = 400;

/// Code of the answer to a change that isn't allowed (CR-5).
pub const UPDATE_ANSWER_CODE: u16 = 403;

/// The least activeDeadlineSeconds.
const MIN_DEADLINE_SECONDS: i64 = 3;

const DEADLINE: &str = "must be at least 3";
const FILLED_IN: &str = "is filled in from the pod, and can't be given";
const UNCHANGED: &str = "can't be changed";

/// What is wrong with a new request by itself (CR-6, CR-10).
pub fn validate(spec: &ContainerRecreateRequestSpec) -> FieldErrors {
    let mut errors = FieldErrors::new();
    if spec.pod_name.is_empty() {
        let path = FieldPath::new("spec.podName");
        errors.push(FieldError::required(&path, "must name a pod"));
    }
    let path = FieldPath::new("spec.containers");
    if spec.containers.is_empty() {
        errors.push(FieldError::required(&path, "must name a container"));
    }
    if let Some(seconds) = spec.active_deadline_seconds
        && seconds < MIN_DEADLINE_SECONDS
    {
        let path = FieldPath::new("spec.activeDeadlineSeconds");
        errors.push(FieldError::invalid(&path, seconds, DEADLINE));
    }
    errors.extend(strategy(spec));
    let mut names = HashSet::new();
    for (index, container) in spec.containers.iter().enumerate() {
        let path = path.index(index);
        if !names.insert(container.name.as_str()) {
            let name = container.name.as_str();
            errors.push(FieldError::duplicate(&path.child("name"), name));
        }
        errors.extend(given(container, &path));
    }
    errors
}

/// What is wrong with a new request for this pod (CR-7, CR-10).
pub fn validate_for_pod(spec: &ContainerRecreateRequestSpec, pod: &StoppablePod) -> FieldErrors {
    let mut errors = FieldErrors::new();
    let path = FieldPath::new("spec.podName");
    let mut refuse =
        |why: &str| errors.push(FieldError::invalid(&path, spec.pod_name.as_str(), why));
    if !pod.is_active() && pod.condition(SIDECAR_TERMINATED).is_none() {
        refuse("the pod is finished or being deleted");
    }
    if !pod.has_node() {
        refuse("the pod has no node yet");
    }
    let path = FieldPath::new("spec.containers");
    for (index, container) in spec.containers.iter().enumerate() {
        let path = path.index(index).child("name");
        errors.extend(container_of_pod(&container.name, pod, &path));
    }
    errors
}

/// There is no pod of that name (CR-7).
#[must_use]
pub fn pod_not_found(spec: &ContainerRecreateRequestSpec) -> FieldError {
    FieldError::not_found(&FieldPath::new("spec.podName"), spec.pod_name.as_str())
}

/// The pod's node is not there (CR-7).
#[must_use]
pub fn node_not_found(spec: &ContainerRecreateRequestSpec, pod: &StoppablePod) -> FieldError {
    let why = format!("the pod's node {} is not there", pod.spec.node_name);
    let path = FieldPath::new("spec.podName");
    FieldError::invalid(&path, spec.pod_name.as_str(), why)
}

/// What of a change through v1beta1 isn't allowed.
pub fn validate_update_v1beta1(
    request: &v1beta1::ContainerRecreateRequest,
    old: &v1beta1::ContainerRecreateRequest,
) -> FieldErrors {
    changes(request, old)
}

/// What of a change through v1alpha1 isn't allowed. There the time at which the pod was made not ready is an
/// annotation.
pub fn validate_update_v1alpha1(
    request: &v1alpha1::ContainerRecreateRequest,
    old: &v1alpha1::ContainerRecreateRequest,
) -> FieldErrors {
    let mut errors = changes(request, old);
    let since = |metadata: &ObjectMeta| {
        let since = metadata.annotations.get(CRR_UNREADY_ACQUIRED);
        since.filter(|since| !since.is_empty()).cloned()
    };
    let old = since(&old.metadata);
    if old.is_some() && since(&request.metadata) != old {
        let path = FieldPath::new(&format!("metadata.annotations[{CRR_UNREADY_ACQUIRED}]"));
        errors.push(FieldError::forbidden(&path, UNCHANGED));
    }
    errors
}

/// CR-5
fn changes<Names: CustomResource, Status>(
    request: &CustomObject<Names, ContainerRecreateRequestSpec, Status>,
    old: &CustomObject<Names, ContainerRecreateRequestSpec, Status>,
) -> FieldErrors {
    let mut errors = FieldErrors::new();
    if request.spec != old.spec {
        errors.push(FieldError::forbidden(&FieldPath::new("spec"), UNCHANGED));
    }
    for key in [CRR_POD_UID, CRR_NODE_NAME] {
        if request.metadata.labels.get(key) != old.metadata.labels.get(key) {
            let path = FieldPath::new(&format!("metadata.labels[{key}]"));
            errors.push(FieldError::forbidden(&path, UNCHANGED));
        }
    }
    errors
}

/// CR-6. That ttlSecondsAfterFinished and minStartedSeconds are not negative, the schema of v1beta1 asks for.
fn strategy(spec: &ContainerRecreateRequestSpec) -> FieldErrors {
    let mut errors = FieldErrors::new();
    let Some(strategy) = &spec.strategy else {
        return errors;
    };
    let path = FieldPath::new("spec.strategy");
    let seconds = [
        (
            "terminationGracePeriodSeconds",
            strategy.termination_grace_period_seconds,
        ),
        (
            "unreadyGracePeriodSeconds",
            strategy.unready_grace_period_seconds,
        ),
    ];
    for (name, seconds) in seconds {
        if let Some(seconds) = seconds.filter(|seconds| *seconds < 0) {
            let path = path.child(name);
            errors.push(FieldError::invalid(&path, seconds, NOT_NEGATIVE));
        }
    }
    if let ContainerRecreateRequestFailurePolicyType::Other(word) = &strategy.failure_policy
        && !word.is_empty()
    {
        let path = path.child("failurePolicy");
        errors.push(FieldError::not_supported(&path, word, &["Fail", "Ignore"]));
    }
    errors
}

/// What admission fills in by itself.
fn given(container: &ContainerRecreateRequestContainer, path: &FieldPath) -> FieldErrors {
    let given = [
        ("preStop", container.pre_stop.is_some()),
        ("ports", !container.ports.is_empty()),
        ("statusContext", container.status_context.is_some()),
    ];
    let given = given.into_iter().filter(|(_, is_given)| *is_given);
    given
        .map(|(name, _)| FieldError::forbidden(&path.child(name), FILLED_IN))
        .collect()
}

fn container_of_pod(name: &str, pod: &StoppablePod, path: &FieldPath) -> Option<FieldError> {
    let is_init = pod.spec.init_containers.iter().any(|it| it.name == name);
    if pod.container(name).is_none() && !is_init {
        return Some(FieldError::not_found(path, name));
    }
    let status = pod.container_status(name);
    let runs = status.is_some_and(|status| !status.container_id.is_empty());
    (!runs).then(|| {
        let why = if is_init {
            "init containers can't be started anew"
        } else {
            "the container has not been started yet"
        };
        FieldError::invalid(path, name, why)
    })
}
