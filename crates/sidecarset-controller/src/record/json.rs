//! How annotations of several records are read and written: JSON as Go reads and writes it.

use std::collections::BTreeMap;

use kruise_api::{
    json::escape_as_go,
    meta::{Time, timestamp},
};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::DeserializeOwned};

/// An annotation of a pod that is not what it should be.
#[derive(Debug, thiserror::Error)]
#[error("annotation {annotation} can't be read")]
pub struct RecordError {
    /// Key of the annotation.
    pub annotation: &'static str,
    /// What is wrong with its value.
    #[source]
    pub source: serde_json::Error,
}

/// Reads a map. An absent annotation, an empty one and `null` are the empty map, as `null` is an empty value in it.
pub(super) fn read<T: Default + DeserializeOwned>(
    annotation: Option<&str>,
) -> Result<BTreeMap<String, T>, serde_json::Error> {
    let Some(text) = annotation.filter(|text| !text.is_empty()) else {
        return Ok(BTreeMap::new());
    };
    let map: Option<BTreeMap<String, Option<T>>> = serde_json::from_str(text)?;
    let entries = map.into_iter().flatten();
    Ok(entries
        .map(|(name, value)| (name, value.unwrap_or_default()))
        .collect())
}

/// Compact JSON, keys of the map in order.
pub(super) fn write<T: Serialize>(map: &BTreeMap<String, T>) -> String {
    // A map with texts as keys can always be written.
    escape_as_go(&serde_json::to_string(map).unwrap_or_default())
}

/// `null` is the type's empty value.
pub(super) fn null_as_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}

/// A time with whole seconds, or `null`.
pub(super) fn whole_seconds<S: Serializer>(
    time: &Option<Time>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    time.map(timestamp).serialize(serializer)
}
