//! Object metadata as controllers read it: only what they need, nothing that only the server needs.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{text::Text, text_map::TextMap};

mod lenient;
pub(crate) mod wire_time;

pub(crate) use lenient::{is_zero, list, lists, map, null_as_default, optional_list, optional_map};

/// String to string, as labels and annotations are.
pub type StringMap = BTreeMap<String, String>;

/// Fields that a type does not know, by name. They are kept, so that an object which was read, changed and
/// written back has not lost what a newer version added.
pub type UnknownFields = BTreeMap<String, Value>;

/// A point in time. On the wire it has whole seconds and is in UTC (RFC 3339).
pub type Time = jiff::Timestamp;

/// A time as it is written on the wire: RFC 3339 in UTC, with whole seconds.
#[must_use]
pub fn timestamp(time: Time) -> String {
    whole_seconds(time).to_string()
}

/// The same time without its fraction of a second: what the wire can hold.
pub(crate) fn whole_seconds(time: Time) -> Time {
    let fraction = SignedDuration::from_nanos(i64::from(time.subsec_nanosecond()));
    time.checked_sub(fraction).unwrap_or(time)
}

/// The part of `metadata` that controllers read. `managedFields` is never kept.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ObjectMeta {
    /// Name, unique in the namespace for one kind.
    #[serde(
        skip_serializing_if = "String::is_empty",
        deserialize_with = "null_as_default"
    )]
    pub name: String,
    /// Namespace; empty for cluster-scoped objects.
    #[serde(
        skip_serializing_if = "String::is_empty",
        deserialize_with = "null_as_default"
    )]
    pub namespace: String,
    /// Identity over the object's whole life.
    #[serde(
        skip_serializing_if = "String::is_empty",
        deserialize_with = "null_as_default"
    )]
    pub uid: String,
    /// Version of this state of the object, comparable as a number within one resource.
    #[serde(
        skip_serializing_if = "String::is_empty",
        deserialize_with = "null_as_default"
    )]
    pub resource_version: String,
    /// Counts changes of the spec.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub generation: Option<i64>,
    /// When the object was created.
    #[serde(with = "wire_time", skip_serializing_if = "Option::is_none")]
    pub creation_timestamp: Option<Time>,
    /// When the object is to be gone; present once deletion was asked for.
    #[serde(with = "wire_time", skip_serializing_if = "Option::is_none")]
    pub deletion_timestamp: Option<Time>,
    /// Labels.
    #[serde(skip_serializing_if = "TextMap::is_empty")]
    pub labels: TextMap,
    /// Annotations.
    #[serde(skip_serializing_if = "TextMap::is_empty")]
    pub annotations: TextMap,
    /// Names of those who must act before the object can vanish.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "list")]
    pub finalizers: Vec<String>,
    /// Who owns the object.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "list")]
    pub owner_references: Vec<OwnerReference>,
}

impl ObjectMeta {
    /// The reference of the one owner that manages the object, if there is one.
    #[must_use]
    pub fn controller(&self) -> Option<&OwnerReference> {
        self.owner_references
            .iter()
            .find(|reference| reference.controller == Some(true))
    }

    /// Whether any owner reference, managing or not, names this UID (CS-27).
    #[must_use]
    pub fn is_owned_by(&self, uid: &str) -> bool {
        self.owner_references
            .iter()
            .any(|reference| reference.uid == uid)
    }

    /// Whether deletion was asked for.
    #[must_use]
    pub fn is_terminating(&self) -> bool {
        self.deletion_timestamp.is_some()
    }
}

/// One owner of an object.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct OwnerReference {
    /// Group and version, such as `apps.kruise.io/v1beta1`. Compare the group only (PF-404).
    pub api_version: Text,
    /// Kind of the owner.
    pub kind: Text,
    /// Name of the owner.
    pub name: Text,
    /// UID of the owner; what decides.
    pub uid: Text,
    /// Whether this owner manages the object. At most one does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub controller: Option<bool>,
    /// Whether deletion of the owner in the foreground waits for this object.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub block_owner_deletion: Option<bool>,
}

impl OwnerReference {
    /// Whether the owner is of this kind. The group decides, not the version (PF-404).
    #[must_use]
    pub fn is_of(&self, group: &str, kind: &str) -> bool {
        self.kind == kind && self.api_version.split('/').next() == Some(group)
    }
}

/// A label selector as it is written in objects. Absent selects nothing, empty selects everything.
// `selector::Selector` is the form that matches.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-map-type" = "atomic"))]
pub struct LabelSelector {
    /// Labels that must have exactly these values.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "optional_map"
    )]
    pub match_labels: Option<StringMap>,
    /// Requirements on labels; all of them must hold.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "optional_list"
    )]
    #[schemars(extend("x-kubernetes-list-type" = "atomic"))]
    pub match_expressions: Option<Vec<LabelSelectorRequirement>>,
}

/// One requirement on a label.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LabelSelectorRequirement {
    /// The label's key.
    #[serde(default, deserialize_with = "null_as_default")]
    #[schemars(!default)]
    pub key: String,
    /// `In`, `NotIn`, `Exists` or `DoesNotExist`.
    #[serde(default, deserialize_with = "null_as_default")]
    #[schemars(!default)]
    pub operator: String,
    /// Values for `In` and `NotIn`; empty for the other two.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "optional_list"
    )]
    #[schemars(extend("x-kubernetes-list-type" = "atomic"))]
    pub values: Option<Vec<String>>,
}
