//! A request that is about objects of a known kind.

use std::sync::Arc;

use serde_json::Value;

use kruise_api::resource::ObjectKey;

use super::{
    answer::Form,
    fields::FieldError,
    kinds::Kind,
    metadata,
    path::{Query, Verb},
    status::Status,
    store,
};

/// A request, read as far as the server needs to know what it is about.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) who: &'static str,
    pub(crate) verb: Verb,
    pub(crate) kind: Arc<Kind>,
    /// Number of the kind.
    pub(crate) number: usize,
    /// Version of the kind that the client speaks.
    pub(crate) version: &'static str,
    pub(crate) key: ObjectKey,
    pub(crate) subresource: String,
    pub(crate) query: Query,
    pub(crate) content_type: String,
    pub(crate) form: Form,
    pub(crate) body: Result<Value, String>,
}

impl Call {
    pub(crate) fn name(&self) -> &str {
        &self.key.name
    }

    /// Name of the object that it is about, which in a creation only the object says.
    pub(crate) fn object_name(&self) -> &str {
        match &self.body {
            Ok(body) if self.verb == Verb::Create && self.key.name.is_empty() => {
                metadata::text(body, "name")
            }
            _ => self.name(),
        }
    }

    pub(crate) fn namespace(&self) -> &str {
        &self.key.namespace
    }

    /// Where the object is stored.
    pub(crate) fn place(&self) -> String {
        store::place(&self.key)
    }

    /// What the places of the selected namespace's objects begin with.
    pub(crate) fn prefix(&self) -> String {
        if self.key.namespace.is_empty() {
            String::new()
        } else {
            format!("{}/", self.key.namespace)
        }
    }

    pub(crate) fn api_version(&self) -> String {
        self.kind.api_version(self.version)
    }

    /// The object that was sent, with metadata in the server's form.
    pub(crate) fn object(&self) -> Result<Value, Status> {
        let kind = self.kind.resource.kind;
        let mut object = match &self.body {
            Ok(object) => object.clone(),
            Err(why) => {
                let message =
                    format!("the object provided is unrecognized (must be of type {kind}): {why}");
                return Err(Status::bad_request(&message));
            }
        };
        let text = |member: &str| object[member].as_str().unwrap_or_default().to_owned();
        let (own_version, own_kind) = (text("apiVersion"), text("kind"));
        let expected = self.api_version();
        if self.kind.custom.is_some() && own_kind.is_empty() {
            let message = format!("Object 'Kind' is missing in '{object}'");
            let message =
                format!("the object provided is unrecognized (must be of type {kind}): {message}");
            return Err(Status::bad_request(&message));
        }
        if self.kind.custom.is_some() && own_kind != kind && own_version == expected {
            let error = FieldError::invalid(
                "kind",
                &own_kind.as_str().into(),
                &format!("must be {kind}"),
            );
            let name = metadata::text(&object, "name");
            return Err(Status::invalid(
                self.kind.resource.group,
                &own_kind,
                name,
                &[error],
            ));
        }
        if !own_kind.is_empty() && own_kind != kind {
            let version = own_version.rsplit('/').next().unwrap_or_default();
            let message =
                format!("{own_kind} in version {version:?} cannot be handled as a {kind}");
            return Err(Status::bad_request(&message));
        }
        if !own_version.is_empty() && own_version != expected {
            let message = format!(
                "the API version in the data ({own_version}) does not match the expected API version ({expected})"
            );
            return Err(Status::bad_request(&message));
        }
        self.read(&mut object).map_err(|why| {
            let message = format!(
                "{kind} in version {:?} cannot be handled as a {kind}: {why}",
                self.version
            );
            Status::bad_request(&message)
        })?;
        Ok(object)
    }

    /// Brings an object into the form that the server works with.
    pub(crate) fn read(&self, object: &mut Value) -> Result<(), String> {
        metadata::read(object)?;
        object["apiVersion"] = self.api_version().into();
        object["kind"] = self.kind.resource.kind.into();
        Ok(())
    }
}
