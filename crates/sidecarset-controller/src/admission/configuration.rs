//! The cluster's configuration of Kruise, of which admission reads which annotations pods may get (SS-60).

use std::collections::BTreeMap;

use kruise_api::{
    meta::ObjectMeta, object::Object, resource::Resource,
    well_known::configuration::SIDECARSET_ANNOTATION_WHITELIST,
};
use serde::Deserialize;

/// `v1` config maps.
pub const CONFIG_MAPS: Resource = Resource {
    group: "",
    version: "v1",
    plural: "configmaps",
    kind: "ConfigMap",
    namespaced: true,
};

/// What is read of the ConfigMap.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Configuration {
    /// Its metadata.
    pub metadata: ObjectMeta,
    data: Option<BTreeMap<String, String>>,
}

impl Object for Configuration {
    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }
}

impl Configuration {
    /// Which annotations SidecarSets may put on pods, as JSON, if anything is said about that.
    #[must_use]
    pub fn annotation_whitelist(&self) -> Option<&str> {
        let text = self.data.as_ref()?.get(SIDECARSET_ANNOTATION_WHITELIST)?;
        Some(text)
    }
}
