//! A JSON merge patch (RFC 7386) from text to text. What the patch doesn't touch stays to the byte: a number with more digits
//! than a machine counts with is not rounded.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

/// How deep objects may be nested in which something is merged: as deep as `serde_json` reads.
const MAX_DEPTH: usize = 128;

/// Why JSON can't be merged.
#[derive(Debug, thiserror::Error)]
pub enum MergeError {
    /// The value in the pod is no JSON.
    #[error("its value is no JSON")]
    Value(#[source] serde_json::Error),
    /// The patch is no JSON.
    #[error("the patch is no JSON")]
    Patch(#[source] serde_json::Error),
    /// Into `null` nothing is merged.
    #[error("its value is null")]
    NullValue,
    /// Only an object and a list can be a patch.
    #[error("the patch is neither an object nor a list")]
    NoPatch,
    /// Objects are nested too deeply.
    #[error("objects are nested more than {MAX_DEPTH} deep")]
    TooDeep,
}

type Members = BTreeMap<String, Box<RawValue>>;

/// The value with the patch merged into it. A value that the patch doesn't change stays as it was written.
pub(super) fn merged(value: &str, patch: &str) -> Result<String, MergeError> {
    let old: &RawValue = serde_json::from_str(value).map_err(MergeError::Value)?;
    let patch: &RawValue = serde_json::from_str(patch).map_err(MergeError::Patch)?;
    if old.get() == "null" {
        return Err(MergeError::NullValue);
    }
    if !patch.get().starts_with(['{', '[']) {
        return Err(MergeError::NoPatch);
    }
    let new = merge(Some(old), patch, MAX_DEPTH)?;
    Ok(match new {
        Some(new) => new.get().to_owned(),
        None => value.to_owned(),
    })
}

/// The new value, if it is another one.
fn merge(
    old: Option<&RawValue>,
    patch: &RawValue,
    depth: usize,
) -> Result<Option<Box<RawValue>>, MergeError> {
    let Some(patch) = members(patch)? else {
        let is_same = old.is_some_and(|old| old.get() == patch.get());
        return Ok((!is_same).then(|| patch.to_owned()));
    };
    let depth = depth.checked_sub(1).ok_or(MergeError::TooDeep)?;
    let old = match old {
        Some(old) => members(old)?,
        None => None,
    };
    // What is no object is replaced by one.
    let mut is_changed = old.is_none();
    let mut members = old.unwrap_or_default();
    for (name, patch) in patch {
        if patch.get() == "null" {
            is_changed |= members.remove(&name).is_some();
        } else if let Some(new) = merge(members.get(&name).map(AsRef::as_ref), &patch, depth)? {
            members.insert(name, new);
            is_changed = true;
        }
    }
    is_changed.then(|| written(&members)).transpose()
}

fn written(members: &Members) -> Result<Box<RawValue>, MergeError> {
    serde_json::value::to_raw_value(members).map_err(MergeError::Value)
}

/// The members of an object; none of anything else.
fn members(value: &RawValue) -> Result<Option<Members>, MergeError> {
    if value.get().starts_with('{') {
        let members = serde_json::from_str(value.get());
        members.map(Some).map_err(MergeError::Value)
    } else {
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;
    use serde_json::{Value, json};

    use super::*;

    // SS-112. The first eleven are examples of RFC 7386.
    #[rstest]
    #[case(r#"{"a":"b"}"#, r#"{"a":"c"}"#, r#"{"a":"c"}"#)]
    #[case(r#"{"a":"b"}"#, r#"{"b":"c"}"#, r#"{"a":"b","b":"c"}"#)]
    #[case(r#"{"a":"b"}"#, r#"{"a":null}"#, "{}")]
    #[case(r#"{"a":"b","b":"c"}"#, r#"{"a":null}"#, r#"{"b":"c"}"#)]
    #[case(r#"{"a":["b"]}"#, r#"{"a":"c"}"#, r#"{"a":"c"}"#)]
    #[case(r#"{"a":"c"}"#, r#"{"a":["b"]}"#, r#"{"a":["b"]}"#)]
    #[case(
        r#"{"a":{"b":"c"}}"#,
        r#"{"a":{"b":"d","c":null}}"#,
        r#"{"a":{"b":"d"}}"#
    )]
    #[case(r#"{"a":[{"b":"c"}]}"#, r#"{"a":[1]}"#, r#"{"a":[1]}"#)]
    #[case(r#"["a","b"]"#, r#"["c","d"]"#, r#"["c","d"]"#)]
    #[case(r#"{"a":"b"}"#, r#"["c"]"#, r#"["c"]"#)]
    #[case("{}", r#"{"a":{"bb":{"ccc":null}}}"#, r#"{"a":{"bb":{}}}"#)]
    #[case::into_no_object("[1]", r#"{"a":{"b":1,"c":null}}"#, r#"{"a":{"b":1}}"#)]
    #[case::what_is_not_touched_stays(
        r#"{"z": 12345678901234567890123.10, "n": {"y": 1,  "x": 2}}"#,
        r#"{"a":1}"#,
        r#"{"a":1,"n":{"y": 1,  "x": 2},"z":12345678901234567890123.10}"#
    )]
    #[case::nothing_changes(
        r#" {"b": 1, "a": {"c": 2}} "#,
        r#"{"a":{"c":2,"d":null}}"#,
        r#" {"b": 1, "a": {"c": 2}} "#
    )]
    fn patches_are_merged(#[case] value: &str, #[case] patch: &str, #[case] expected: &str) {
        assert_eq!(merged(value, patch).unwrap(), expected);
    }

    // SS-112
    #[rstest]
    #[case::no_value("oops", "{}", "its value is no JSON")]
    #[case::no_patch("{}", "{a}", "the patch is no JSON")]
    #[case::null_value("null", "{}", "its value is null")]
    #[case::null_patch("{}", " null ", "the patch is neither an object nor a list")]
    #[case::scalar_patch("{}", "1", "the patch is neither an object nor a list")]
    fn there_is_nothing_to_merge(#[case] value: &str, #[case] patch: &str, #[case] error: &str) {
        assert_eq!(merged(value, patch).unwrap_err().to_string(), error);
    }

    // An author of SidecarSets must not be able to end the process.
    #[test]
    fn depth_is_limited() {
        let nested = |depth: usize, inner: &str| {
            format!("{}{inner}{}", r#"{"a":"#.repeat(depth), "}".repeat(depth))
        };
        let deep = nested(MAX_DEPTH, "1");
        assert_eq!(merged("{}", &deep).unwrap(), deep);
        for deep in [nested(MAX_DEPTH + 1, "1"), nested(10 * MAX_DEPTH, "1")] {
            assert!(matches!(merged("{}", &deep), Err(MergeError::TooDeep)));
        }
        let list = "[".repeat(100_000) + &"]".repeat(100_000);
        assert_eq!(merged("{}", &list).unwrap(), list);
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<i8>().prop_map(Value::from),
            "[a-c<]{0,2}".prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 16, 3, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
                prop::collection::btree_map("[a-c]", inner, 0..3).prop_map(|map| json!(map)),
            ]
        })
    }

    proptest! {
        #[test]
        fn it_is_the_merge_patch_of_the_rfc(value in any_json(), patch in any_json()) {
            let is_patch = patch.is_object() || patch.is_array();
            match merged(&value.to_string(), &patch.to_string()) {
                Ok(text) => {
                    let mut expected = value;
                    json_patch::merge(&mut expected, &patch);
                    prop_assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), expected);
                    prop_assert_eq!(&merged(&text, &patch.to_string()).unwrap(), &text, "again");
                }
                Err(_) => prop_assert!(value.is_null() || !is_patch),
            }
        }
    }
}
