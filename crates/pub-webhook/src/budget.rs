//! A budget as it is kept here: all of its spec, and of its status what was computed and spent.

use kruise_api::{meta::ObjectMeta, object::Object, policy::v1beta1, read};
use serde::{Deserialize, Deserializer, de};
use serde_json::value::RawValue;

/// A PodUnavailableBudget.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Budget {
    /// What a decision reads; its metadata is that of the whole.
    pub asked: read::PodUnavailableBudget,
    /// All that the user wants.
    pub spec: v1beta1::PodUnavailableBudgetSpec,
    /// What else of the status the reconciler has written.
    pub counted: Counted,
}

/// The fields of a status that only the reconciler writes and nobody spends (PB-56).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Counted {
    /// Generation of the spec that the status is about.
    #[serde(deserialize_with = "null_is_default")]
    pub observed_generation: i64,
    /// Pods that are available.
    #[serde(deserialize_with = "null_is_default")]
    pub current_available: i32,
    /// Pods that there should be; -1 where that is not known (PB-23).
    #[serde(deserialize_with = "null_is_default")]
    pub total_replicas: i32,
}

impl Budget {
    /// Its metadata.
    #[must_use]
    pub fn metadata(&self) -> &ObjectMeta {
        &self.asked.metadata
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.asked.metadata.name
    }

    /// The budget as admission compares it with others (PB-8).
    #[must_use]
    pub fn object(&self) -> v1beta1::PodUnavailableBudget {
        v1beta1::PodUnavailableBudget {
            metadata: self.asked.metadata.clone(),
            spec: self.spec.clone(),
            ..v1beta1::PodUnavailableBudget::default()
        }
    }
}

impl Object for Budget {
    fn meta(&self) -> &ObjectMeta {
        self.metadata()
    }
}

/// The parts that the read projection leaves out.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Rest {
    #[serde(deserialize_with = "null_is_default")]
    spec: v1beta1::PodUnavailableBudgetSpec,
    #[serde(deserialize_with = "null_is_default")]
    status: Counted,
}

impl<'de> Deserialize<'de> for Budget {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Box::<RawValue>::deserialize(deserializer)?;
        let Rest { spec, status } = serde_json::from_str(text.get()).map_err(de::Error::custom)?;
        Ok(Self {
            asked: serde_json::from_str(text.get()).map_err(de::Error::custom)?,
            spec,
            counted: status,
        })
    }
}

/// Go reads null like an absent field.
fn null_is_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}
