//! Limits and requests of a container: the few amounts that planners read, and a digest by which all
//! of them are compared (IP-48).

use std::{collections::BTreeMap, num::NonZeroU64};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use crate::{
    meta::{list, null_as_default},
    quantity,
    text::Text,
};

/// What is kept of a container's resources.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct ContainerResources {
    /// Limits.
    #[serde(skip_serializing_if = "Amounts::is_empty")]
    pub limits: Amounts,
    /// Requests.
    #[serde(skip_serializing_if = "Amounts::is_empty")]
    pub requests: Amounts,
    /// Stands for all limits and requests, those of other resources included.
    pub digest: ResourcesDigest,
}

/// Amounts of the resources that can change in place, as text.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize)]
pub struct Amounts {
    /// CPU.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu: Option<Box<str>>,
    /// Memory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<Box<str>>,
}

impl Amounts {
    /// The amount of the resource of this name, if it is one that can change in place.
    #[must_use]
    pub fn get(&self, resource: &str) -> Option<&str> {
        match resource {
            "cpu" => self.cpu.as_deref(),
            "memory" => self.memory.as_deref(),
            _ => None,
        }
    }

    fn is_empty(&self) -> bool {
        self.cpu.is_none() && self.memory.is_none()
    }
}

/// A digest of limits and requests. It is the same for the same resources in the same amounts, in whatever
/// way these are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ResourcesDigest(NonZeroU64);

impl ResourcesDigest {
    /// The digest of no limits and no requests.
    pub(super) const NOTHING: Self = {
        let separators = mix(mix(OFFSET_BASIS, SEPARATOR), SEPARATOR);
        Self::of_hash(separators)
    };

    fn of(limits: &BTreeMap<String, Value>, requests: &BTreeMap<String, Value>) -> Self {
        let mut hash = OFFSET_BASIS;
        for amounts in [limits, requests] {
            for (resource, amount) in amounts {
                let text = text_of(amount);
                let amount = match quantity::nanos(&text) {
                    Some(nanos) => nanos.to_le_bytes().to_vec(),
                    None => text.into_bytes(),
                };
                hash = resource.bytes().chain([0]).chain(amount).fold(hash, mix);
            }
            hash = mix(hash, SEPARATOR);
        }
        Self::of_hash(hash)
    }

    const fn of_hash(hash: u64) -> Self {
        match NonZeroU64::new(hash) {
            Some(hash) => Self(hash),
            None => Self(NonZeroU64::MIN),
        }
    }
}

/// No byte of UTF-8.
const SEPARATOR: u8 = 0xff;
const OFFSET_BASIS: u64 = 0xcbf2_9ce4_8422_2325;

/// FNV-1a with 64 bits: nothing on the wire depends on it, only equality.
const fn mix(hash: u64, byte: u8) -> u64 {
    (hash ^ byte as u64).wrapping_mul(0x0100_0000_01b3)
}

/// Which changes of resources restart the container.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct ResizePolicy {
    /// A change of CPU restarts the container.
    pub cpu_restarts: bool,
    /// A change of memory restarts the container.
    pub memory_restarts: bool,
}

impl ResizePolicy {
    pub(super) fn is_empty(&self) -> bool {
        !self.cpu_restarts && !self.memory_restarts
    }
}

const RESTART_CONTAINER: &str = "RestartContainer";

#[derive(Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct ResizePolicyItem {
    resource_name: Text,
    restart_policy: Text,
}

impl<'de> Deserialize<'de> for ResizePolicy {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let items: Vec<ResizePolicyItem> = list(deserializer)?;
        let restarts = |resource: &str| {
            items.iter().any(|item| {
                item.resource_name == resource && item.restart_policy == RESTART_CONTAINER
            })
        };
        Ok(Self {
            cpu_restarts: restarts("cpu"),
            memory_restarts: restarts("memory"),
        })
    }
}

impl Serialize for ResizePolicy {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let items = [("cpu", self.cpu_restarts), ("memory", self.memory_restarts)];
        serializer.collect_seq(items.into_iter().filter(|(_, restarts)| *restarts).map(
            |(resource, _)| ResizePolicyItem {
                resource_name: resource.into(),
                restart_policy: RESTART_CONTAINER.into(),
            },
        ))
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct OnTheWire {
    #[serde(deserialize_with = "null_as_default")]
    limits: BTreeMap<String, Value>,
    #[serde(deserialize_with = "null_as_default")]
    requests: BTreeMap<String, Value>,
    /// Present only in an encoded projection, which lacks some amounts.
    digest: Option<ResourcesDigest>,
}

impl OnTheWire {
    fn digest(&self) -> ResourcesDigest {
        self.digest
            .unwrap_or_else(|| ResourcesDigest::of(&self.limits, &self.requests))
    }
}

/// A container without limits and requests keeps nothing.
pub(super) fn of_spec<'de, D>(deserializer: D) -> Result<Option<Box<ContainerResources>>, D::Error>
where
    D: Deserializer<'de>,
{
    let wire: OnTheWire = null_as_default(deserializer)?;
    let digest = wire.digest();
    if digest == ResourcesDigest::NOTHING {
        return Ok(None);
    }
    Ok(Some(Box::new(ContainerResources {
        limits: amounts(&wire.limits),
        requests: amounts(&wire.requests),
        digest,
    })))
}

pub(super) fn of_status<'de, D>(deserializer: D) -> Result<Option<ResourcesDigest>, D::Error>
where
    D: Deserializer<'de>,
{
    let wire: Option<OnTheWire> = Option::deserialize(deserializer)?;
    Ok(wire.map(|wire| wire.digest()))
}

pub(super) fn status_to_wire<S: Serializer>(
    digest: &Option<ResourcesDigest>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_map(digest.map(|digest| ("digest", digest)))
}

fn amounts(of: &BTreeMap<String, Value>) -> Amounts {
    let amount = |resource: &str| of.get(resource).map(|value| text_of(value).into());
    Amounts {
        cpu: amount("cpu"),
        memory: amount("memory"),
    }
}

/// The API server writes text; others may write a number.
fn text_of(amount: &Value) -> String {
    match amount {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
