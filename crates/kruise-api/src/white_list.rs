//! Kinds of other projects that an administrator lists in the ConfigMap `kruise-configuration`, so that they are
//! treated as workloads (PF-149).

use serde::Deserialize;
use serde_json::Value;

use crate::meta::{list, null_as_default};

/// The list. What it does not name is no workload.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct WhiteList {
    /// The kinds.
    #[serde(deserialize_with = "list")]
    pub workloads: Vec<ListedWorkload>,
}

/// A kind that counts as a workload.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase", default)]
pub struct ListedWorkload {
    /// API group.
    #[serde(deserialize_with = "null_as_default")]
    pub group: String,
    /// Which version to read; empty: the one that the server prefers.
    #[serde(deserialize_with = "null_as_default")]
    pub version: String,
    /// Kind.
    #[serde(deserialize_with = "null_as_default")]
    pub kind: String,
    /// Kinds between the workload and its pods. Read for WorkloadSpread alone.
    #[serde(rename = "subresources", deserialize_with = "list")]
    pub sub_resources: Vec<ListedKind>,
    /// Dotted path of the number of replicas; empty: none. Read for WorkloadSpread alone.
    #[serde(rename = "replicaspath", deserialize_with = "null_as_default")]
    pub replicas_path: String,
}

/// A kind in a version.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct ListedKind {
    /// API group.
    #[serde(deserialize_with = "null_as_default")]
    pub group: String,
    /// Version.
    #[serde(deserialize_with = "null_as_default")]
    pub version: String,
    /// Kind.
    #[serde(deserialize_with = "null_as_default")]
    pub kind: String,
}

impl WhiteList {
    /// Reads the list. Names of members may be in upper or lower case.
    ///
    /// # Errors
    /// When the text is no such list.
    pub fn parse(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_value(lower_names(serde_json::from_str(text)?))
    }

    /// The entry of a kind. The version plays no role.
    #[must_use]
    pub fn workload(&self, group: &str, kind: &str) -> Option<&ListedWorkload> {
        let mut workloads = self.workloads.iter();
        workloads.find(|workload| workload.group == group && workload.kind == kind)
    }
}

fn lower_names(value: Value) -> Value {
    match value {
        Value::Object(members) => members
            .into_iter()
            .map(|(name, value)| (name.to_lowercase(), lower_names(value)))
            .collect(),
        Value::Array(items) => items.into_iter().map(lower_names).collect(),
        plain => plain,
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    // PF-149
    #[test]
    fn names_of_members_may_be_in_either_case() {
        let text = r#"{ "Workloads": [
            { "Group": "game.io", "version": "v1", "KIND": "GameSet", "subResources": [{ "kind": "Game" }] },
            { "kind": "Other", "replicasPath": "spec.size", "more": 1 }
        ] }"#;
        let list = WhiteList::parse(text).unwrap();
        let set = list.workload("game.io", "GameSet").unwrap();
        assert_eq!((&*set.version, &*set.sub_resources[0].kind), ("v1", "Game"));
        let other = list.workload("", "Other").unwrap();
        assert_eq!(other.replicas_path, "spec.size");
        assert_eq!(list.workload("game.io", "gameset"), None);
    }

    #[rstest]
    #[case("{}", true)]
    #[case(r#"{ "workloads": null }"#, true)]
    #[case("{", false)]
    #[case("", false)]
    #[case(r#"{ "workloads": [1] }"#, false)]
    fn what_is_no_list_is_an_error(#[case] text: &str, #[case] is_list: bool) {
        assert_eq!(
            WhiteList::parse(text).ok(),
            is_list.then(WhiteList::default)
        );
    }
}
