use kruise_api::{
    apps::{v1alpha1, v1beta1},
    defaults,
};
use kruise_runtime::webhook::{AdmissionRequest, AdmissionResponse, Operation, UnreadableObject};
use serde_json::Value;

use super::object::{AnyCloneSet, Version, version};
use crate::snapshot::Gates;

/// Fills in defaults on create and update (CS-6 to CS-10). The patch has nothing but what they change
/// (PF-212).
pub fn mutate(request: &AdmissionRequest, gates: &Gates) -> AdmissionResponse {
    if !matches!(request.operation, Operation::Create | Operation::Update) {
        return AdmissionResponse::allow();
    }
    match version(request) {
        Ok(Some(Version::V1alpha1)) => mutate_as::<v1alpha1::CloneSet>(request, gates),
        Ok(Some(Version::V1beta1)) => mutate_as::<v1beta1::CloneSet>(request, gates),
        Ok(None) => AdmissionResponse::allow(),
        Err(refusal) => refusal,
    }
}

fn mutate_as<K: AnyCloneSet>(request: &AdmissionRequest, gates: &Gates) -> AdmissionResponse {
    match change::<K>(request, gates) {
        Ok((before, after)) => AdmissionResponse::change_known(request, &before, &after),
        Err(error) => error.into(),
    }
}

/// The object as its type sees it, and with its defaults.
fn change<K: AnyCloneSet>(
    request: &AdmissionRequest,
    gates: &Gates,
) -> Result<(Value, Value), UnreadableObject> {
    let mut set: K = request.object()?;
    let written = |set: &K| {
        serde_json::to_value(set).map_err(|source| UnreadableObject::Unreadable {
            field: "object",
            source,
        })
    };
    let before = written(&set)?;
    set.apply_defaults();
    if template_is_new(request, &set)? {
        gates.default_template(set.template_mut());
        if !gates.template_no_defaults {
            set.claims_mut()
                .iter_mut()
                .for_each(defaults::volume_claim_template);
        }
    }
    Ok((before, written(&set)?))
}

/// CS-9: a template that is stored already stays as it is, and so do the claims beside it.
fn template_is_new<K: AnyCloneSet>(
    request: &AdmissionRequest,
    set: &K,
) -> Result<bool, UnreadableObject> {
    if request.operation != Operation::Update {
        return Ok(true);
    }
    let old: K = request.old_object()?;
    Ok(old.template() != set.template())
}
