//! An object while it is converted.

use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};

use super::{error::ConversionError, marks::Marks};
use crate::meta::{StringMap, map};

/// An object as a client sent it. Nothing of it is read but what a conversion touches.
pub(crate) struct RawObject {
    pub(crate) kind: String,
    pub(crate) api_version: String,
    members: Map<String, Value>,
}

impl RawObject {
    pub(crate) fn of(object: Value) -> Result<Self, ConversionError> {
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

    /// The object with another `apiVersion`.
    pub(crate) fn into_version(mut self, api_version: &str) -> Value {
        self.members
            .insert("apiVersion".to_owned(), Value::from(api_version));
        Value::Object(self.members)
    }

    /// The spec or the status, if the object has it.
    pub(crate) fn part(&mut self, name: &str) -> Option<&mut Value> {
        self.members.get_mut(name)
    }

    /// Converts the spec, if the object has one, together with the labels and annotations that belong to
    /// it.
    pub(crate) fn convert_spec<From: DeserializeOwned, To: Serialize>(
        &mut self,
        convert: impl FnOnce(From, &mut Marks<'_>) -> To,
    ) -> Result<(), ConversionError> {
        self.convert_part("spec", convert)
    }

    /// Converts the status, if the object has one, together with the labels and annotations that belong to it.
    pub(crate) fn convert_status<From: DeserializeOwned, To: Serialize>(
        &mut self,
        convert: impl FnOnce(From, &mut Marks<'_>) -> To,
    ) -> Result<(), ConversionError> {
        self.convert_part("status", convert)
    }

    /// Fails if the object has this field, for which the other version has no form.
    pub(crate) fn must_lack(&self, field: &'static str) -> Result<(), ConversionError> {
        let mut steps = field.split('.');
        let mut value = steps.next().and_then(|part| self.members.get(part));
        for step in steps {
            value = value.and_then(|value| value.get(step));
        }
        if value.is_none_or(Value::is_null) {
            return Ok(());
        }
        Err(ConversionError::NoForm {
            kind: self.kind.clone(),
            object: self.key(),
            field,
        })
    }

    fn convert_part<From: DeserializeOwned, To: Serialize>(
        &mut self,
        name: &'static str,
        convert: impl FnOnce(From, &mut Marks<'_>) -> To,
    ) -> Result<(), ConversionError> {
        let Some(part) = self.members.get(name).filter(|part| !part.is_null()) else {
            return Ok(());
        };
        let part = From::deserialize(part).map_err(|source| self.unreadable(name, source))?;
        let mut labels = self.string_map("labels", "metadata.labels")?;
        let mut annotations = self.string_map("annotations", "metadata.annotations")?;
        let before = (labels.clone(), annotations.clone());
        let mut marks = Marks {
            labels: &mut labels,
            annotations: &mut annotations,
        };
        let part = serde_json::to_value(convert(part, &mut marks))
            .map_err(|source| self.unreadable(name, source))?;
        self.members.insert(name.to_owned(), part);
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

    /// Namespace and name for a message. The object may lack either.
    pub(crate) fn key(&self) -> String {
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
