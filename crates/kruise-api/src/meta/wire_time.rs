//! Times as fields of objects: whole seconds, as every client of Kubernetes writes them. For `serde(with)`.

use serde::{Deserialize, Deserializer, Serializer};

use super::{Time, whole_seconds};

pub(crate) fn serialize<S: Serializer>(
    time: &Option<Time>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match time {
        Some(time) => serializer.collect_str(&whole_seconds(*time)),
        None => serializer.serialize_none(),
    }
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Time>, D::Error> {
    Option::deserialize(deserializer)
}
