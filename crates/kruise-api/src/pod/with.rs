//! A pod with more of it than everybody needs.

use std::ops::Deref;

use serde::{
    Deserialize, Deserializer,
    de::{self, DeserializeOwned},
};
use serde_json::value::RawValue;

use super::Pod;
use crate::{meta::ObjectMeta, object::Object};

/// A pod, and what else one deployable reads of it: `X` is decoded from the same text. Who watches `PodWith<X>` pays
/// for `X`, in memory and with a second look at each pod; who watches [`Pod`] pays nothing. What `X` can't read makes the
/// whole pod unreadable, also a `null` where it expects a list.
///
/// ```
/// # use kruise_api::pod::PodWith;
/// #[derive(Default, PartialEq, serde::Deserialize)]
/// #[serde(default)]
/// struct Volumes {
///     spec: VolumesInSpec,
/// }
///
/// #[derive(Default, PartialEq, serde::Deserialize)]
/// #[serde(default)]
/// struct VolumesInSpec {
///     volumes: Vec<serde_json::Value>,
/// }
///
/// let text = r#"{ "metadata": { "name": "a" }, "spec": { "volumes": [{ "name": "data" }] } }"#;
/// let pod: PodWith<Volumes> = serde_json::from_str(text).unwrap();
/// assert_eq!(pod.metadata.name, "a");
/// assert_eq!(pod.more.spec.volumes.len(), 1);
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PodWith<X> {
    /// What everybody reads.
    pub pod: Pod,
    /// What this deployable reads besides.
    pub more: X,
}

impl<'de, X: DeserializeOwned> Deserialize<'de> for PodWith<X> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Box::<RawValue>::deserialize(deserializer)?;
        Ok(Self {
            pod: serde_json::from_str(text.get()).map_err(de::Error::custom)?,
            more: serde_json::from_str(text.get()).map_err(de::Error::custom)?,
        })
    }
}

impl<X> Deref for PodWith<X> {
    type Target = Pod;

    fn deref(&self) -> &Pod {
        &self.pod
    }
}

impl<X> AsRef<Pod> for PodWith<X> {
    fn as_ref(&self) -> &Pod {
        &self.pod
    }
}

impl<X: DeserializeOwned + PartialEq + Send + Sync + 'static> Object for PodWith<X> {
    fn meta(&self) -> &ObjectMeta {
        &self.pod.metadata
    }
}
