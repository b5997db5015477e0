//! Conversion of objects between the versions of their kind (PF-401).
//!
//! Controllers speak the version that is stored; the others exist for clients that still use them. What
//! a version has no field for travels in labels and annotations, which together with the spec are all
//! that conversion touches: the API server refuses other changes of metadata, and statuses are alike.

mod cloneset;

pub use cloneset::{settle_v1alpha1, settle_v1beta1};

use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};

use crate::{
    apps::{v1alpha1, v1beta1},
    meta::{StringMap, map},
    object::CustomResource,
};

/// Why an object has no form in another version.
#[derive(Debug, thiserror::Error)]
pub enum ConversionError {
    /// It does not say what it is.
    #[error("the object has no apiVersion and kind")]
    Untyped,
    /// It is what was asked for already.
    #[error("{kind} {object} is {api_version} already")]
    SameVersion {
        /// Kind of the object.
        kind: String,
        /// Namespace and name.
        object: String,
        /// Its version, and the one asked for.
        api_version: String,
    },
    /// There is no such conversion.
    #[error("{kind} {object}: no conversion from {from} to {to}")]
    Unknown {
        /// Kind of the object.
        kind: String,
        /// Namespace and name.
        object: String,
        /// Its version.
        from: String,
        /// The version asked for.
        to: String,
    },
    /// A part of it is not what its version says.
    #[error("{kind} {object}: {field} can't be read")]
    Field {
        /// Kind of the object.
        kind: String,
        /// Namespace and name.
        object: String,
        /// The part.
        field: &'static str,
        /// What is wrong there.
        source: serde_json::Error,
    },
}

/// The object in the version `to`, a group and version such as `apps.kruise.io/v1beta1`.
///
/// # Errors
///
/// When there is nothing to convert, or no way to do it.
pub fn convert(object: Value, to: &str) -> Result<Value, ConversionError> {
    let mut object = Object::of(object)?;
    if object.api_version == to {
        return Err(ConversionError::SameVersion {
            object: object.key(),
            kind: object.kind,
            api_version: object.api_version,
        });
    }
    match (object.kind.as_str(), object.api_version.as_str(), to) {
        (
            v1beta1::CloneSet::KIND,
            v1alpha1::CloneSet::API_VERSION,
            v1beta1::CloneSet::API_VERSION,
        ) => {
            object.convert_spec(cloneset::to_v1beta1)?;
        }
        (
            v1beta1::CloneSet::KIND,
            v1beta1::CloneSet::API_VERSION,
            v1alpha1::CloneSet::API_VERSION,
        ) => {
            object.convert_spec(cloneset::to_v1alpha1)?;
        }
        _ => {
            return Err(ConversionError::Unknown {
                object: object.key(),
                kind: object.kind,
                from: object.api_version,
                to: to.to_owned(),
            });
        }
    }
    object
        .members
        .insert("apiVersion".to_owned(), Value::from(to));
    Ok(Value::Object(object.members))
}

/// Labels and annotations, in which a version keeps what it has no field for.
pub(crate) struct Marks<'a> {
    pub(crate) labels: &'a mut StringMap,
    pub(crate) annotations: &'a mut StringMap,
}

/// An object on its way.
struct Object {
    kind: String,
    api_version: String,
    members: Map<String, Value>,
}

impl Object {
    fn of(object: Value) -> Result<Self, ConversionError> {
        let Value::Object(members) = object else {
            return Err(ConversionError::Untyped);
        };
        let text = |field: &str| {
            members
                .get(field)
                .and_then(Value::as_str)
                .map(str::to_owned)
                .ok_or(ConversionError::Untyped)
        };
        Ok(Self {
            kind: text("kind")?,
            api_version: text("apiVersion")?,
            members,
        })
    }

    /// Replaces the spec, if there is one, and what belongs to it in metadata.
    fn convert_spec<From: DeserializeOwned, To: Serialize>(
        &mut self,
        convert: impl FnOnce(From, &mut Marks<'_>) -> To,
    ) -> Result<(), ConversionError> {
        let Some(spec) = self.members.get("spec").filter(|spec| !spec.is_null()) else {
            return Ok(());
        };
        let spec = From::deserialize(spec).map_err(|source| self.unreadable("spec", source))?;
        let mut labels = self.string_map("labels", "metadata.labels")?;
        let mut annotations = self.string_map("annotations", "metadata.annotations")?;
        let before = (labels.clone(), annotations.clone());
        let mut marks = Marks {
            labels: &mut labels,
            annotations: &mut annotations,
        };
        let spec = serde_json::to_value(convert(spec, &mut marks))
            .map_err(|source| self.unreadable("spec", source))?;
        self.members.insert("spec".to_owned(), spec);
        if labels != before.0 {
            self.set_string_map("labels", labels);
        }
        if annotations != before.1 {
            self.set_string_map("annotations", annotations);
        }
        Ok(())
    }

    fn string_map(&self, field: &str, path: &'static str) -> Result<StringMap, ConversionError> {
        match self
            .members
            .get("metadata")
            .and_then(|meta| meta.get(field))
        {
            None | Some(Value::Null) => Ok(StringMap::new()),
            Some(entries) => map(entries).map_err(|source| self.unreadable(path, source)),
        }
    }

    fn set_string_map(&mut self, field: &str, map: StringMap) {
        let metadata = self.members.entry("metadata").or_insert(Value::Null);
        if metadata.is_null() {
            *metadata = Value::Object(Map::new());
        }
        if let Some(metadata) = metadata.as_object_mut() {
            if map.is_empty() {
                metadata.remove(field);
            } else {
                let map = map
                    .into_iter()
                    .map(|(key, value)| (key, Value::from(value)));
                metadata.insert(field.to_owned(), map.collect());
            }
        }
    }

    fn unreadable(&self, field: &'static str, source: serde_json::Error) -> ConversionError {
        ConversionError::Field {
            kind: self.kind.clone(),
            object: self.key(),
            field,
            source,
        }
    }

    /// Namespace and name, as far as there are any.
    fn key(&self) -> String {
        let text = |field: &str| {
            let metadata = self.members.get("metadata")?;
            metadata
                .get(field)?
                .as_str()
                .filter(|text| !text.is_empty())
        };
        let name = text("name").unwrap_or("without a name");
        match text("namespace") {
            Some(namespace) => format!("{namespace}/{name}"),
            None => name.to_owned(),
        }
    }
}
