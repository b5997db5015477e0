//! Conversion of objects between the versions of their kind (PF-401).
//!
//! Controllers speak the version that is stored. The other versions exist for clients that still use them.
//! What a version has no field for travels in labels and annotations. Conversion touches these, the spec and
//! the status, and nothing else: the API server refuses other changes of metadata.
//!
//! How the versions of a kind differ stands in the kind's room in [`crate::kinds`].

use std::sync::LazyLock;

use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

pub use crate::versions::ConversionError;
use crate::{kinds, object::CustomResource, versions::RawObject};

/// The object in the version `to`, a group and version such as `apps.kruise.io/v1beta1`.
///
/// # Errors
///
/// When there is nothing to convert, or no way to do it.
pub fn convert(object: Value, to: &str) -> Result<Value, ConversionError> {
    let mut object = RawObject::of(object)?;
    if object.api_version == to {
        return Err(ConversionError::SameVersion {
            object: object.key(),
            kind: object.kind,
            api_version: object.api_version,
        });
    }
    let mut kinds = kinds::ALL.iter().filter(|kind| kind.name == object.kind);
    let Some(conversion) = kinds.find_map(|kind| kind.conversion(&object.api_version, to)) else {
        return Err(ConversionError::Unknown {
            object: object.key(),
            kind: object.kind,
            from: object.api_version,
            to: to.to_owned(),
        });
    };
    (conversion.convert)(&mut object)?;
    Ok(object.into_version(to))
}

/// An object in another version's type.
///
/// # Errors
///
/// When there is no way from the one version to the other.
pub fn convert_typed<From, To>(object: &From) -> Result<To, ConversionError>
where
    From: CustomResource + Serialize,
    To: CustomResource + DeserializeOwned,
{
    let unreadable = |field, source| ConversionError::Field {
        kind: From::KIND.to_owned(),
        object: From::API_VERSION.to_owned(),
        field,
        source,
    };
    let object = serde_json::to_value(object).map_err(|source| unreadable("object", source))?;
    let object = convert(object, To::API_VERSION)?;
    serde_json::from_value(object).map_err(|source| unreadable("object", source))
}

/// The `apiVersion` in which the API server stores objects of a kind, and which controllers speak. Any version of its
/// group names the kind: `StatefulSet` alone could be Kubernetes' own.
///
/// ```
/// use kruise_api::conversion::stored_version;
///
/// let stored = stored_version("apps.kruise.io/v1alpha1", "CloneSet");
/// assert_eq!(stored, Some("apps.kruise.io/v1beta1"));
/// assert_eq!(stored_version("apps/v1", "StatefulSet"), None);
/// ```
#[must_use]
pub fn stored_version(api_version: &str, kind: &str) -> Option<&'static str> {
    struct Stored {
        kind: &'static str,
        group: &'static str,
        api_version: String,
    }
    // Made once: a definition has its whole schema.
    static STORED: LazyLock<Vec<Stored>> = LazyLock::new(|| {
        let of_kind = |kind: &kinds::CustomKind| {
            let (group, version) = (kind.definition)().stored()?;
            Some(Stored {
                kind: kind.name,
                group,
                api_version: format!("{group}/{version}"),
            })
        };
        kinds::ALL.iter().filter_map(of_kind).collect()
    });
    let (group, _) = api_version.split_once('/')?;
    let mut all = STORED.iter();
    all.find(|stored| stored.kind == kind && stored.group == group)
        .map(|stored| stored.api_version.as_str())
}
