//! What is read of the ConfigMap by which administrators configure Kruise.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::{
    meta::{ObjectMeta, map, null_as_default},
    object::object,
    well_known::configuration::{SIDECARSET_ANNOTATION_WHITELIST, WORKLOAD_WHITELIST},
    white_list::WhiteList,
};

/// The ConfigMap `kruise-configuration` (PF-149). Where there is none, each key is absent.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Configuration {
    /// Its metadata.
    #[serde(deserialize_with = "null_as_default")]
    pub metadata: ObjectMeta,
    #[serde(deserialize_with = "map")]
    data: BTreeMap<String, String>,
}
object!(Configuration);

impl Configuration {
    /// Which annotations SidecarSets may put on pods, as JSON, if anything is said about that (SS-60).
    #[must_use]
    pub fn annotation_whitelist(&self) -> Option<&str> {
        let text = self.data.get(SIDECARSET_ANNOTATION_WHITELIST);
        text.map(String::as_str)
    }

    /// Which kinds of others are workloads with `spec.replicas` (PB-25, step 7).
    ///
    /// # Errors
    /// When the text is no such list.
    pub fn workload_white_list(&self) -> Result<WhiteList, serde_json::Error> {
        let text = self.data.get(WORKLOAD_WHITELIST);
        text.map_or_else(|| Ok(WhiteList::default()), |text| WhiteList::parse(text))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn configuration(data: &Value) -> Configuration {
        serde_json::from_value(json!({ "metadata": { "name": "a" }, "data": data })).unwrap()
    }

    // PF-149
    #[test]
    fn what_is_absent_names_no_workload_and_what_is_broken_is_an_error() {
        let key = "PPS_Watch_Custom_Workload_WhiteList";
        for nothing in [json!(null), json!({}), json!({ key: "{}" })] {
            let list = configuration(&nothing).workload_white_list();
            assert_eq!(list.unwrap(), WhiteList::default(), "{nothing}");
        }
        let text = r#"{ "workloads": [{ "Group": "game.io", "Kind": "GameSet" }] }"#;
        let list = configuration(&json!({ key: text })).workload_white_list();
        assert!(list.unwrap().workload("game.io", "GameSet").is_some());
        for broken in ["", "{"] {
            let list = configuration(&json!({ key: broken })).workload_white_list();
            assert!(list.is_err(), "{broken:?}");
        }
    }
}
