//! Decoding a pod straight from the wire into its projection.
//!
//! One thing needs whole containers: the hash by which an older kubelet knows a container (IP-127). The
//! container must be read into memory for it. So the hash is computed while decoding, and only for pods
//! that carry the report of the node daemon. The report is in `metadata`, which writers put before `spec`.
//! Where `metadata` comes after, the hash is left out, and image IDs decide (IP-51).

use serde::{
    Deserialize, Deserializer,
    de::{self, IgnoredAny, MapAccess},
};
use serde_json::Value;

use super::{Container, Pod, PodStatus, spec::SpecOnTheWire};
use crate::{
    hash::go_bytes_hash, json::go_json, meta::ObjectMeta, revision,
    well_known::annotations::RUNTIME_CONTAINERS_META,
};

/// A container that is hashed while it is read.
#[derive(Default)]
struct Hashed(Container);

impl From<Hashed> for Container {
    fn from(hashed: Hashed) -> Self {
        hashed.0
    }
}

impl<'de> Deserialize<'de> for Hashed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let whole = Value::deserialize(deserializer)?;
        let mut container = Container::deserialize(&whole).map_err(de::Error::custom)?;
        container.plain_hash.get_or_insert_with(|| {
            go_bytes_hash(&go_json(&revision::normal_form("Container", &whole)))
        });
        Ok(Self(container))
    }
}

impl<'de> Deserialize<'de> for Pod {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(PodVisitor)
    }
}

struct PodVisitor;

impl<'de> de::Visitor<'de> for PodVisitor {
    type Value = Pod;

    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("a pod")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Pod, A::Error> {
        #[derive(Deserialize)]
        #[serde(field_identifier, rename_all = "camelCase")]
        enum Member {
            Metadata,
            Spec,
            Status,
            #[serde(other)]
            Other,
        }

        let mut pod = Pod::default();
        while let Some(member) = members.next_key()? {
            match member {
                Member::Metadata => pod.metadata = read::<ObjectMeta, _>(&mut members)?,
                Member::Spec if has_report(&pod.metadata) => {
                    pod.spec = read::<SpecOnTheWire<Hashed>, _>(&mut members)?.into();
                }
                Member::Spec => pod.spec = read(&mut members)?,
                Member::Status => pod.status = read::<PodStatus, _>(&mut members)?,
                Member::Other => {
                    members.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(pod)
    }
}

/// The next member, empty where it is null.
fn read<'de, T: Default + Deserialize<'de>, A: MapAccess<'de>>(
    members: &mut A,
) -> Result<T, A::Error> {
    Ok(members.next_value::<Option<T>>()?.unwrap_or_default())
}

fn has_report(metadata: &ObjectMeta) -> bool {
    metadata.annotations.contains_key(RUNTIME_CONTAINERS_META)
}
