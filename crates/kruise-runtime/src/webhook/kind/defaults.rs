//! Defaults as a patch that has nothing but what they change (PF-212).

use serde_json::Value;

use super::rules::{AdmittedKind, AdmittedVersion, Versions, Visitor, not_served};
use crate::webhook::{
    patch::carry_over,
    request::{AdmissionRequest, Operation, UnreadableObject},
    response::AdmissionResponse,
};

/// Fills in the defaults of a kind, on create and update.
pub fn mutate<K: AdmittedKind>(request: &AdmissionRequest, gates: &K::Gates) -> AdmissionResponse {
    if !matches!(request.operation, Operation::Create | Operation::Update) {
        return AdmissionResponse::allow();
    }
    let defaults = Defaults { request, gates };
    K::Versions::visit(request, defaults).unwrap_or_else(|| not_served(request))
}

struct Defaults<'a, Gates> {
    request: &'a AdmissionRequest,
    gates: &'a Gates,
}

impl<K: AdmittedKind> Visitor<K> for Defaults<'_, K::Gates> {
    type Answer = AdmissionResponse;

    fn see<Version: AdmittedVersion<K>>(self) -> AdmissionResponse {
        let Self { request, gates } = self;
        // Nobody reviews subresources (CS-6).
        if !request.sub_resource.is_empty() {
            return AdmissionResponse::allow();
        }
        match changed::<K, Version>(request, gates) {
            Ok(object) => AdmissionResponse::change(request, &object),
            Err(error) => error.into(),
        }
    }
}

/// The object with its defaults, and with the fields that no type knows.
fn changed<K, V>(request: &AdmissionRequest, gates: &K::Gates) -> Result<Value, UnreadableObject>
where
    K: AdmittedKind,
    V: AdmittedVersion<K>,
{
    let mut typed: V = request.object()?;
    let old: Option<V> = match request.operation {
        Operation::Update => Some(request.old_object()?),
        _ => None,
    };
    typed.default_raw(old.as_ref(), gates);
    // The raw parts are as they were sent, but for defaults. Only the rest was read by a type, which may not know all
    // fields.
    let raw = typed.take_raw();
    let written = |typed: &V| {
        serde_json::to_value(typed).map_err(|source| UnreadableObject::Unreadable {
            field: "object",
            source,
        })
    };
    let before = written(&typed)?;
    typed.apply_defaults();
    typed.settle();
    let after = written(&typed)?;

    let mut object: Value = request.object()?;
    if let Some(spec) = object.get_mut("spec") {
        for (field, value) in raw {
            if let Some(place) = spec.get_mut(field) {
                *place = value;
            }
        }
    }
    Ok(carry_over(&object, &before, &after))
}
