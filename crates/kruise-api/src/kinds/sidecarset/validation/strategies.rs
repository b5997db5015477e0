//! How new pods get containers, and how others are updated (SS-43 to SS-48).

use super::super::{
    spec::{
        SidecarSetInjectRevision, SidecarSetInjectRevisionPolicy, SidecarSetUpdateStrategy,
        SidecarSetUpdateStrategyType,
    },
    v1beta1::SidecarSetSpec,
};
use crate::{
    int_or_string::IntOrString,
    validation::{FieldError, FieldErrors, FieldPath, not_empty_selector, numbers, update_order},
};

const NO_NAME: &str = "revisionName and customVersion cannot be empty simultaneously";
const NO_REVISION: &str = "no such ControllerRevision";
const POLICIES: [&str; 2] = ["Always", "Partial"];
const NATIVE: &str = "init containers with restartPolicy Always need type NotUpdate";
const BOTH: &str = "must not have both partition and selector";

/// The revision that a SidecarSet names for new pods.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WantedRevision<'a> {
    /// The ControllerRevision of this name.
    Name(&'a str),
    /// The newest ControllerRevision of this SidecarSet with this custom version.
    CustomVersion(&'a str),
}

/// The revision that has to exist (SS-108).
#[must_use]
pub fn wanted_revision(spec: &SidecarSetSpec) -> Option<WantedRevision<'_>> {
    let revision = spec.injection_strategy.as_ref()?.revision.as_ref()?;
    let name = revision.revision_name.as_deref().map(WantedRevision::Name);
    name.or_else(|| {
        let version = revision.custom_version.as_deref();
        version.map(WantedRevision::CustomVersion)
    })
}

/// SS-44, SS-45
pub(super) fn injection(spec: &SidecarSetSpec, has_revision: bool) -> FieldErrors {
    let mut errors = FieldErrors::new();
    let strategy = spec.injection_strategy.as_ref();
    let Some(revision) = strategy.and_then(|strategy| strategy.revision.as_ref()) else {
        return errors;
    };
    let path = FieldPath::new("spec.injectionStrategy.revision");
    match wanted_revision(spec) {
        None => errors.push(FieldError::required(&path, NO_NAME)),
        Some(_) if has_revision => {}
        Some(WantedRevision::Name(name) | WantedRevision::CustomVersion(name)) => {
            errors.push(FieldError::invalid(&path, name, NO_REVISION));
        }
    }
    let SidecarSetInjectRevision { policy, .. } = revision;
    if let SidecarSetInjectRevisionPolicy::Other(word) = policy
        && !word.is_empty()
    {
        errors.push(FieldError::not_supported(
            &path.child("policy"),
            word,
            &POLICIES,
        ));
    }
    errors
}

/// SS-43, SS-46 to SS-48. Only the word RollingUpdate itself is judged further.
pub(super) fn update(spec: &SidecarSetSpec) -> FieldErrors {
    let mut errors = FieldErrors::new();
    let Some(strategy) = &spec.update_strategy else {
        return errors;
    };
    let SidecarSetUpdateStrategy {
        type_: SidecarSetUpdateStrategyType::RollingUpdate,
        paused: _,
        selector,
        partition,
        max_unavailable,
        priority_strategy,
        scatter_strategy,
        unknown: _,
    } = strategy
    else {
        return errors;
    };
    let path = FieldPath::new("spec.updateStrategy");
    for container in &spec.init_containers {
        if container.is_native_sidecar() {
            errors.push(FieldError::invalid(&path, container.name(), NATIVE));
        }
    }
    if let Some(selector) = selector {
        if partition
            .as_ref()
            .is_some_and(|it| *it != IntOrString::Int(0))
        {
            errors.push(FieldError::forbidden(&path, BOTH));
        }
        errors.extend(not_empty_selector(selector, &path.child("selector")));
    }
    for (field, number) in [
        ("partition", partition),
        ("maxUnavailable", max_unavailable),
    ] {
        let number = number.as_ref();
        errors.extend(number.and_then(|it| numbers::count_or_percentage(&path.child(field), it)));
    }
    if let Some(priority) = priority_strategy {
        let path = path.child("priorityStrategy");
        errors.extend(update_order::priority(priority, &path));
    }
    let path = path.child("scatterStrategy");
    errors.extend(update_order::scatter(scatter_strategy, &path));
    errors
}
