use kruise_api::{
    apps::{v1alpha1, v1beta1},
    defaults,
    template::means_the_same,
};
use kruise_runtime::webhook::{
    AdmissionRequest, AdmissionResponse, Operation, UnreadableObject, carry_over,
};
use serde_json::Value;

use super::object::{AnyCloneSet, Version, version};
use crate::gates::Gates;

/// Fills in defaults on create and update (CS-6 to CS-10). The patch has nothing but what they change
/// (PF-212).
///
/// What comes out is in the form in which it will be served, in either version, so that nobody who writes
/// back what they read or applied before changes the spec, and with it the object's generation (DV-CS15).
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
    match changed::<K>(request, gates) {
        Ok(object) => AdmissionResponse::change(request, &object),
        Err(error) => error.into(),
    }
}

/// The object with its defaults, and with what no type knows.
fn changed<K: AnyCloneSet>(
    request: &AdmissionRequest,
    gates: &Gates,
) -> Result<Value, UnreadableObject> {
    let mut set: K = request.object()?;
    let old: Option<K> = match request.operation {
        Operation::Update => Some(request.old_object()?),
        _ => None,
    };
    default_raw(&mut set, old.as_ref(), gates);
    // They are as they were sent but for defaults; only the rest is read by a type that may not know all.
    let (template, claims) = set.take_raw();
    let written = |set: &K| {
        serde_json::to_value(set).map_err(|source| UnreadableObject::Unreadable {
            field: "object",
            source,
        })
    };
    let before = written(&set)?;
    set.apply_defaults();
    set.settle();
    let after = written(&set)?;

    let mut object: Value = request.object()?;
    let raw = [
        ("template", template),
        (
            "volumeClaimTemplates",
            claims.map_or(Value::Null, Value::from),
        ),
    ];
    if let Some(spec) = object.get_mut("spec") {
        for (field, value) in raw {
            if let Some(place) = spec.get_mut(field) {
                *place = value;
            }
        }
    }
    Ok(carry_over(&object, &before, &after))
}

/// Defaults of the template and of the claims beside it (CS-9). A template that is stored already stays
/// as it is, and the claims with it; and so does what says the same in other words as what is stored.
fn default_raw<K: AnyCloneSet>(set: &mut K, old: Option<&K>, gates: &Gates) {
    let is_new = old.is_none_or(|old| old.template() != set.template());
    if is_new {
        gates.default_template(set.template_mut());
    }
    if gates.template_no_defaults {
        return;
    }
    if is_new {
        set.claims_mut()
            .iter_mut()
            .for_each(defaults::volume_claim_template);
    }
    let Some(old) = old else { return };
    if is_new && means_the_same(set.template(), old.template()) {
        *set.template_mut() = old.template().clone();
    }
    // By position: names of claims are for validation to judge.
    for (claim, stored) in set.claims_mut().iter_mut().zip(old.claims()) {
        let mut filled = claim.clone();
        defaults::volume_claim_template(&mut filled);
        if means_the_same(&filled, stored) {
            *claim = stored.clone();
        }
    }
}
