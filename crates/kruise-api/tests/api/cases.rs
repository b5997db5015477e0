//! What is refused, and where, by the tables in tests/validation. A real API server is held to the same tables by the
//! end-to-end tests.

use std::{collections::BTreeMap, path::PathBuf};

use kruise_api::conversion::convert;
use serde::Deserialize;
use serde_json::Value;

use crate::{
    every_kind::{Version, versions},
    samples,
};

/// A line of a table; tests/validation/README.md says what it means.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    #[serde(default)]
    object: Value,
    stored: Option<Value>,
    version: Option<String>,
    #[serde(default)]
    refused: BTreeMap<String, String>,
    /// For the API server.
    crd: Option<Value>,
    /// For the reader.
    why: Option<String>,
}

fn table(kind: &str) -> Vec<Case> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../../tests/validation")
        .join(format!("{}.yaml", kind.to_lowercase()));
    let text = std::fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_yaml_ng::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The minimal sample in this version.
fn minimal(version: &Version) -> Value {
    let sample = samples::minimal(version.kind);
    if sample["apiVersion"] == version.api_version {
        return sample;
    }
    convert(sample, version.api_version).unwrap()
}

#[test]
fn every_kind_refuses_what_its_table_says_and_nothing_else() {
    let mut wrong = Vec::new();
    for version in versions()
        .iter()
        .filter(|version| version.kind != "CloneSet")
    {
        let minimal = minimal(version);
        let patched = |patch: &Value| {
            let mut object = minimal.clone();
            json_patch::merge(&mut object, patch);
            object
        };
        let cases = table(version.kind);
        assert!(!cases.is_empty(), "{}", version.kind);
        for case in &cases {
            assert!(
                case.crd.is_none() || case.why.is_some(),
                "{}: {}",
                version.kind,
                case.object
            );
            if case
                .version
                .as_ref()
                .is_some_and(|it| it != version.version)
            {
                continue;
            }
            let object = patched(&case.object);
            let stored = case.stored.as_ref().map(&patched);
            let errors = version.judge(&object, stored.as_ref()).unwrap();
            let told: Vec<(String, String)> = errors
                .iter()
                .map(|error| (error.field.clone(), error.message()))
                .collect();
            let is_right = told.len() == case.refused.len()
                && told.iter().all(|(field, message)| {
                    let words = case.refused.get(field);
                    words.is_some_and(|words| message.contains(words))
                });
            if !is_right {
                wrong.push(format!(
                    "{} {} {}: wanted {:?}, got {told:?}",
                    version.kind, version.version, case.object, case.refused
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
