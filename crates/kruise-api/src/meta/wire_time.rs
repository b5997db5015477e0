//! Times as fields of objects: whole seconds, as every client of Kubernetes writes them. For `serde(with)`.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize, Serializer, ser::SerializeMap};

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

/// For `serde(serialize_with)`: times by name.
pub(crate) fn map<S: Serializer>(
    times: &BTreeMap<String, Time>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(Some(times.len()))?;
    for (name, time) in times {
        map.serialize_entry(name, &Whole(*time))?;
    }
    map.end()
}

struct Whole(Time);

impl Serialize for Whole {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&whole_seconds(self.0))
    }
}
