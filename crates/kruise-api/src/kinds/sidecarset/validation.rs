//! What admission refuses in a SidecarSet (SS-40 to SS-64). v1alpha1 is judged in the form of v1beta1 (SS-5), each with
//! its defaults. What Kubernetes refuses in pods with such containers and volumes (SS-53) is for the API server to judge:
//! [`super::template`].

mod annotations;
mod change;
mod conflicts;
mod containers;
mod overlap;
mod resources;
mod strategies;

pub use annotations::AnnotationWhitelist;
pub use strategies::{WantedRevision, wanted_revision};

use super::v1beta1::{SidecarSet, SidecarSetSpec};
use crate::{
    meta::ObjectMeta,
    validation::{FieldError, FieldErrors, FieldPath, not_empty_selector},
};

/// Code of the answer to what is refused here (PF-211).
pub const ANSWER_CODE: u16 = 500;

const MAX_NAME: usize = 63;
const NAME: &str = "must consist of letters, digits and '-', and have at most 63 characters";
const NO_SELECTOR: &str = "no selector defined for SidecarSet";
const NO_CONTAINER: &str = "no initContainer or container defined for SidecarSet";

/// What admission has to know besides the SidecarSet itself.
#[derive(Clone, Copy)]
pub struct Surroundings<'a> {
    /// Every SidecarSet. The one that is judged may be among them.
    pub sidecar_sets: &'a [&'a SidecarSet],
    /// Whether the ControllerRevision exists that [`wanted_revision`] names. It is not asked where none is named.
    pub has_revision: bool,
    /// Which annotations pods may get.
    pub whitelist: AnnotationWhitelist<'a>,
    /// Whether any annotation is allowed where the whitelist names none: feature gate
    /// `SidecarSetPatchPodMetadataDefaultsAllowed`.
    pub allows_by_default: bool,
}

/// What is wrong with a SidecarSet, and with the change that made it of `old`.
pub fn validate(
    set: &SidecarSet,
    old: Option<&SidecarSet>,
    surroundings: Surroundings<'_>,
) -> FieldErrors {
    let mut errors = FieldErrors::new();
    errors.extend(name(&set.metadata));
    errors.extend(change::canary(set, old, surroundings.sidecar_sets));
    errors.extend(spec(&set.metadata, &set.spec, surroundings));
    if let Some(old) = old {
        errors.extend(change::containers(&set.spec, &old.spec));
    }
    // Conflicts of what is wrong by itself would help nobody.
    if errors.is_empty() {
        errors.extend(conflicts::conflicts(
            set,
            old.is_some(),
            surroundings.sidecar_sets,
        ));
    }
    errors
}

/// SS-40
fn name(metadata: &ObjectMeta) -> Option<FieldError> {
    let name = metadata.name.as_str();
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    let is_right = !name.is_empty() && name.len() <= MAX_NAME && name.bytes().all(is_word);
    let path = FieldPath::new("metadata.name");
    (!is_right).then(|| FieldError::invalid(&path, name, NAME))
}

fn spec(
    metadata: &ObjectMeta,
    spec: &SidecarSetSpec,
    surroundings: Surroundings<'_>,
) -> FieldErrors {
    let path = FieldPath::new("spec");
    let mut errors = FieldErrors::new();
    // SS-41, SS-42
    let at = path.child("selector");
    match &spec.selector {
        Some(selector) => errors.extend(not_empty_selector(selector, &at)),
        None => errors.push(FieldError::required(&at, NO_SELECTOR)),
    }
    if let Some(selector) = &spec.namespace_selector {
        errors.extend(not_empty_selector(
            selector,
            &path.child("namespaceSelector"),
        ));
    }
    errors.extend(strategies::injection(spec, surroundings.has_revision));
    errors.extend(strategies::update(spec));
    // SS-49
    if spec.containers.is_empty() && spec.init_containers.is_empty() {
        errors.push(FieldError::required(
            &path.child("containers"),
            NO_CONTAINER,
        ));
    }
    errors.extend(containers::errors(spec));
    errors.extend(annotations::errors(
        spec,
        metadata,
        surroundings.whitelist,
        surroundings.allows_by_default,
    ));
    errors
}
