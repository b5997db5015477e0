//! Annotations that pods get from a SidecarSet's `patchPodMetadata` (SS-112, SS-113, SS-245). The pod webhook applies them
//! to new pods, the controller to pods that it updates.

mod merge;

use std::collections::BTreeMap;

use kruise_api::apps::v1beta1::{SidecarSetPatchPodMetadata, SidecarSetPatchPolicyType};

pub use merge::MergeError;

/// An annotation that can't get its value.
#[derive(Debug, thiserror::Error)]
#[error("patchPodMetadata can't be merged into annotation {annotation} of the pod")]
pub struct PatchError {
    /// Key of the annotation.
    pub annotation: String,
    /// What is wrong.
    #[source]
    pub source: MergeError,
}

/// The annotations that change, with their new values, when these entries are applied in order. `current` looks up an
/// annotation of the pod.
///
/// # Errors
///
/// When JSON is to be merged where there is none.
pub fn changed_annotations<'p>(
    current: impl Fn(&str) -> Option<&'p str>,
    entries: &[SidecarSetPatchPodMetadata],
) -> Result<BTreeMap<String, String>, PatchError> {
    let mut changed: BTreeMap<String, String> = BTreeMap::new();
    for entry in entries {
        for (key, value) in &entry.annotations {
            let now = changed.get(key).map(String::as_str);
            let now = now.or_else(|| current(key));
            let new = match (&entry.patch_policy, now) {
                (SidecarSetPatchPolicyType::Overwrite, _)
                | (SidecarSetPatchPolicyType::Retain, None)
                | (SidecarSetPatchPolicyType::MergePatchJson, None | Some("")) => value.clone(),
                (SidecarSetPatchPolicyType::MergePatchJson, Some(now)) => merge::merged(now, value)
                    .map_err(|source| PatchError {
                        annotation: key.clone(),
                        source,
                    })?,
                // It stays. A policy that nobody knows does nothing.
                _ => continue,
            };
            changed.insert(key.clone(), new);
        }
    }
    changed.retain(|key, value| current(key) != Some(value.as_str()));
    Ok(changed)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};

    use super::*;

    fn changed(pod: &Value, entries: &Value) -> Result<Value, PatchError> {
        let entries: Vec<SidecarSetPatchPodMetadata> =
            serde_json::from_value(entries.clone()).unwrap();
        let current = |key: &str| pod.get(key).and_then(Value::as_str);
        changed_annotations(current, &entries).map(|changed| json!(changed))
    }

    // SS-112, SS-245
    #[rstest]
    #[case::retain_sets_what_is_absent("Retain", json!({}), json!({ "a": "1" }))]
    #[case::retain_keeps("Retain", json!({ "a": "0" }), json!({}))]
    #[case::retain_keeps_an_empty_one("Retain", json!({ "a": "" }), json!({}))]
    #[case::overwrite_sets("Overwrite", json!({}), json!({ "a": "1" }))]
    #[case::overwrite_replaces("Overwrite", json!({ "a": "0" }), json!({ "a": "1" }))]
    #[case::equal_values_are_no_change("Overwrite", json!({ "a": "1" }), json!({}))]
    #[case::unknown_policies_do_nothing("Replace", json!({}), json!({}))]
    #[case::no_policy_does_nothing("", json!({}), json!({}))]
    #[case::others_stay("Overwrite", json!({ "b": "2" }), json!({ "a": "1" }))]
    fn a_policy_decides(#[case] policy: &str, #[case] pod: Value, #[case] expected: Value) {
        let entries = json!([{ "annotations": { "a": "1" }, "patchPolicy": policy }]);
        assert_eq!(changed(&pod, &entries).unwrap(), expected);
    }

    // SS-112, SS-A13
    #[rstest]
    #[case::merged(json!({ "oom": r#"{"main":2,"agent":9}"# }), json!({ "oom": r#"{"agent":1,"main":2}"# }))]
    #[case::absent(json!({}), json!({ "oom": r#"{"agent":1}"# }))]
    #[case::empty(json!({ "oom": "" }), json!({ "oom": r#"{"agent":1}"# }))]
    #[case::nothing_new(json!({ "oom": r#"{"main":2, "agent":1}"# }), json!({}))]
    fn json_is_merged(#[case] pod: Value, #[case] expected: Value) {
        let entries = json!([{ "annotations": { "oom": r#"{"agent":1}"# }, "patchPolicy": "MergePatchJson" }]);
        assert_eq!(changed(&pod, &entries).unwrap(), expected);
    }

    // SS-112: what is set first is not validated.
    #[test]
    fn a_patch_for_an_absent_annotation_may_be_any_text() {
        let entries =
            json!([{ "annotations": { "oom": "{agent" }, "patchPolicy": "MergePatchJson" }]);
        assert_eq!(
            changed(&json!({}), &entries).unwrap(),
            json!({ "oom": "{agent" })
        );
    }

    // SS-A13, SS-289
    #[test]
    fn a_value_that_is_no_json_is_an_error_with_its_key() {
        let entries = json!([{ "annotations": { "oom": r#"{"agent":1}"# }, "patchPolicy": "MergePatchJson" }]);
        let error = changed(&json!({ "oom": "oops" }), &entries).unwrap_err();
        assert!(error.to_string().contains("annotation oom"), "{error}");
    }

    // SS-112: each entry sees what those before it did.
    #[test]
    fn entries_are_applied_in_order() {
        let entries = json!([
            { "annotations": { "a": "1", "b": "1", "m": r#"{"x":1}"# }, "patchPolicy": "Overwrite" },
            { "annotations": { "a": "2" }, "patchPolicy": "Retain" },
            { "annotations": { "m": r#"{"y":2}"# }, "patchPolicy": "MergePatchJson" },
            { "annotations": { "b": "0" }, "patchPolicy": "Overwrite" },
        ]);
        let expected = json!({ "a": "1", "m": r#"{"x":1,"y":2}"# });
        assert_eq!(changed(&json!({ "b": "0" }), &entries).unwrap(), expected);
    }
}
