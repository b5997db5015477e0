//! Whether an object may be deleted, by what its label says and by what was counted. Pure.

use kruise_api::{
    deletion_protection::{Protection, always, cascading, of_workload, refused},
    meta::ObjectMeta,
    resource::NamedResource,
};
use kruise_runtime::webhook::{AdmissionRequest, Operation, UnreadableObject};

use crate::{
    gates::Gates,
    objects::{AnySpec, DefinitionSpec, Object, WorkloadSpec},
    protected::ProtectedKind,
};

/// What is known so far.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// It may be deleted.
    Allowed,
    /// It may not, in the words that clients see (DP-13).
    Refused(String),
    /// It depends on how many of these are active.
    Depends(Below),
}

/// What may be active below an object.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Below {
    /// Pods of a namespace that have neither ended nor are being deleted.
    Pods {
        /// Its name.
        namespace: String,
    },
    /// Volume claims of a namespace that are bound, and are not being deleted.
    Claims {
        /// Its name.
        namespace: String,
    },
    /// Custom resources that are not being deleted.
    CustomResources {
        /// How they are listed (DP-18).
        resource: NamedResource,
        /// What their definition calls a list of them.
        list_kind: String,
    },
}

/// What was counted.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Counted {
    /// So many are active, or more where not all were counted.
    pub active: usize,
    /// Why not all were counted.
    pub missing: Option<String>,
}

/// Judges a request by itself (DP-7 to DP-11).
///
/// # Errors
/// When the object can't be read (DP-9).
pub fn request(
    kind: ProtectedKind,
    request: &AdmissionRequest,
    gates: Gates,
) -> Result<Verdict, UnreadableObject> {
    let deletes = request.operation == Operation::Delete && request.sub_resource.is_empty();
    let is_known = kind.has_version(&request.kind.version);
    if !deletes || !is_known || request.raw_old_object.is_none() {
        return Ok(Verdict::Allowed);
    }
    let verdict = match kind {
        ProtectedKind::Namespace => {
            let (metadata, AnySpec {}) = request.old_object::<Object<_>>()?.into_parts();
            namespace(&metadata)
        }
        ProtectedKind::CustomResourceDefinition => {
            let (metadata, spec) = request.old_object::<Object<_>>()?.into_parts();
            definition(&metadata, &spec, gates)
        }
        ProtectedKind::Deployment | ProtectedKind::ReplicaSet | ProtectedKind::StatefulSet => {
            let (metadata, spec) = request.old_object::<Object<WorkloadSpec>>()?.into_parts();
            of_workload(&metadata, spec.replicas).map_or(Verdict::Allowed, Verdict::Refused)
        }
        ProtectedKind::Service | ProtectedKind::Ingress => {
            let (metadata, AnySpec {}) = request.old_object::<Object<_>>()?.into_parts();
            unless_always(&metadata)
        }
    };
    Ok(if gates.protection {
        verdict
    } else {
        Verdict::Allowed
    })
}

fn unless_always(metadata: &ObjectMeta) -> Verdict {
    match Protection::of(metadata) {
        Some(Protection::Always) => Verdict::Refused(always()),
        Some(Protection::Cascading) | None => Verdict::Allowed,
    }
}

fn namespace(metadata: &ObjectMeta) -> Verdict {
    match Protection::of(metadata) {
        Some(Protection::Cascading) => Verdict::Depends(Below::Pods {
            namespace: metadata.name.clone(),
        }),
        Some(Protection::Always) | None => unless_always(metadata),
    }
}

/// DP-17 to DP-19
fn definition(metadata: &ObjectMeta, spec: &DefinitionSpec, gates: Gates) -> Verdict {
    match Protection::of(metadata) {
        Some(Protection::Cascading) => {}
        Some(Protection::Always) | None => return unless_always(metadata),
    }
    if !gates.of_custom_resources {
        let why = "feature-gate DeletionProtectionForCRDCascadingGate is not enabled";
        return Verdict::Refused(why.to_owned());
    }
    let (group, list_kind) = (spec.group(), spec.list_kind());
    let Some(version) = spec.storage_version() else {
        let why = not_listed(
            group,
            "",
            list_kind,
            "the definition names no storage version",
        );
        return Verdict::Refused(why);
    };
    let owned = |name: &str| name.to_owned().into();
    Verdict::Depends(Below::CustomResources {
        resource: NamedResource {
            group: owned(group),
            version: owned(version),
            plural: owned(spec.plural()),
        },
        list_kind: list_kind.to_owned(),
    })
}

/// Goes on with what was counted (DP-15, DP-17). What couldn't be counted refuses, unless enough is known without it.
#[must_use]
pub fn counted(below: Below, counted: Counted) -> Verdict {
    let Counted { active, missing } = counted;
    match below {
        Below::Pods { namespace } => match (active, missing) {
            (0, None) => Verdict::Depends(Below::Claims { namespace }),
            (0, Some(why)) => Verdict::Refused(refused(format_args!("list pods error: {why}"))),
            (active, _) => Verdict::Refused(cascading("active pods", active)),
        },
        Below::Claims { .. } => match (active, missing) {
            (0, None) => Verdict::Allowed,
            (0, Some(why)) => Verdict::Refused(refused(format_args!("list pvc error: {why}"))),
            (active, _) => Verdict::Refused(cascading("\"Bound\" status pvc", active)),
        },
        Below::CustomResources {
            resource,
            list_kind,
        } => match (active, missing) {
            (0, None) => Verdict::Allowed,
            (0, Some(why)) => {
                let NamedResource { group, version, .. } = resource;
                Verdict::Refused(not_listed(&group, &version, &list_kind, &why))
            }
            (active, _) => Verdict::Refused(cascading("active CRs", active)),
        },
    }
}

fn not_listed(group: &str, version: &str, list_kind: &str, why: &str) -> String {
    format!("failed to list CRs of {group}/{version}, Kind={list_kind}: {why}")
}
