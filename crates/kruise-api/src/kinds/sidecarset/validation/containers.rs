//! What a SidecarSet says of a container besides what pods know (SS-13, SS-50, SS-51).

use super::{
    super::{
        spec::{
            ObjectFieldSelector, PodInjectPolicyType, ShareVolumePolicyType, SidecarContainer,
            TransferEnvVar,
        },
        v1beta1::SidecarSetSpec,
    },
    resources,
};
use crate::validation::{FieldError, FieldErrors, FieldPath, label_key};

const PLACES: [&str; 2] = ["BeforeAppContainer", "AfterAppContainer"];
const SHARED: [&str; 2] = ["enabled", "disabled"];
const NO_FIELD: &str = "must be given";
const POD_VERSION: &str = "v1";
const FIELD: &str = "must be metadata.labels['key'] or metadata.annotations['key']";

/// What is wrong with the containers. Of init containers only resources are judged.
pub(super) fn errors(spec: &SidecarSetSpec) -> FieldErrors {
    let mut errors = FieldErrors::new();
    let path = FieldPath::new("spec.initContainers");
    for (index, container) in spec.init_containers.iter().enumerate() {
        let path = path.index(index);
        errors.extend(sources(&container.transfer_env, &path));
        errors.extend(resources::of_init_container(container, &path));
    }
    let path = FieldPath::new("spec.containers");
    for (index, container) in spec.containers.iter().enumerate() {
        let path = path.index(index);
        errors.extend(words(container, &path));
        errors.extend(sources(&container.transfer_env, &path));
        errors.extend(fields(&container.transfer_env, &path));
        errors.extend(resources::of_container(container, &path));
    }
    errors
}

/// SS-50
fn words(container: &SidecarContainer, path: &FieldPath) -> FieldErrors {
    let mut errors = FieldErrors::new();
    if let PodInjectPolicyType::Other(word) = &container.pod_inject_policy {
        let path = path.child("podInjectPolicy");
        errors.push(FieldError::not_supported(&path, word, &PLACES));
    }
    let share = container.share_volume_policy.as_ref();
    let share = share.map(|policy| &policy.type_);
    let word = match share {
        None => Some(""),
        Some(ShareVolumePolicyType::Other(word)) => Some(word.as_str()),
        Some(_) => None,
    };
    if let Some(word) = word {
        let path = path.child("shareVolumePolicy.type");
        errors.push(FieldError::not_supported(&path, word, &SHARED));
    }
    errors
}

/// SS-13, DV-SS1
fn sources(env: &[TransferEnvVar], path: &FieldPath) -> FieldErrors {
    let path = path.child("transferEnv");
    let env = env.iter().enumerate();
    let without_field = env.filter(|(_, env)| {
        let source = env.source_container_name_from.as_ref();
        source.is_some_and(|source| source.field_ref.is_none())
    });
    without_field
        .map(|(index, _)| {
            let path = path.index(index).child("sourceContainerNameFrom.fieldRef");
            FieldError::required(&path, NO_FIELD)
        })
        .collect()
}

/// SS-51
fn fields(env: &[TransferEnvVar], path: &FieldPath) -> FieldErrors {
    let mut errors = FieldErrors::new();
    let path = path.child("transferEnv");
    for (index, env) in env.iter().enumerate() {
        let source = env.source_container_name_from.as_ref();
        if let Some(field) = source.and_then(|source| source.field_ref.as_ref()) {
            let path = path.index(index).child("sourceContainerNameFrom.fieldRef");
            errors.extend(field_ref(field, &path));
        }
    }
    errors
}

fn field_ref(field: &ObjectFieldSelector, path: &FieldPath) -> Option<FieldError> {
    let ObjectFieldSelector {
        api_version,
        field_path,
        unknown: _,
    } = field;
    if api_version != POD_VERSION {
        let path = path.child("apiVersion");
        return Some(FieldError::not_supported(
            &path,
            api_version,
            &[POD_VERSION],
        ));
    }
    let path = path.child("fieldPath");
    if field_path.is_empty() {
        return Some(FieldError::required(&path, NO_FIELD));
    }
    let key_in = |map: &str| field_path.strip_prefix(map)?.strip_suffix("']");
    let label = key_in("metadata.labels['").map(str::to_owned);
    // Kubernetes ignores the case of keys of annotations.
    let annotation = || key_in("metadata.annotations['").map(str::to_lowercase);
    let why = match label.or_else(annotation) {
        None => Some(FIELD.to_owned()),
        Some(key) => label_key(&key),
    };
    why.map(|why| FieldError::invalid(&path, field_path.as_str(), why))
}
