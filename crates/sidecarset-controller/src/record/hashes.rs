//! The two annotations with the hashes that SidecarSets had when their containers came into the pod (SS-136, SS-243).

use std::collections::BTreeMap;

use kruise_api::meta::Time;
use serde::{Deserialize, Serialize};

use super::json::{RecordError, null_as_default, read, whole_seconds, write};

/// What one of the two annotations says, by name of the SidecarSet.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct HashRecord(BTreeMap<String, SidecarSetUpgradeSpec>);

/// What is recorded of one SidecarSet. The order of members is that of OpenKruise.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SidecarSetUpgradeSpec {
    /// When this was recorded. None where an old form of the annotation didn't say it.
    #[serde(serialize_with = "whole_seconds")]
    pub update_timestamp: Option<Time>,
    /// Hash of the SidecarSet's containers, with or without images.
    #[serde(rename = "hash", deserialize_with = "null_as_default")]
    pub sidecar_set_hash: String,
    /// Name of the SidecarSet.
    #[serde(deserialize_with = "null_as_default")]
    pub sidecar_set_name: String,
    /// Names of its containers that run as long as the pod, as in [`sidecar_list`](super::sidecar_list).
    #[serde(deserialize_with = "null_as_default")]
    pub sidecar_list: Vec<String>,
    /// Name of its ControllerRevision, if there was one. Only the annotation with images has it.
    #[serde(
        rename = "controllerRevision",
        skip_serializing_if = "String::is_empty",
        deserialize_with = "null_as_default"
    )]
    pub sidecar_set_controller_revision: String,
}

impl HashRecord {
    /// Reads annotation `key`. Early versions of OpenKruise wrote a hash in the place of each entry.
    ///
    /// # Errors
    ///
    /// When the annotation is there, and is in neither form.
    pub fn parse(key: &'static str, annotation: Option<&str>) -> Result<Self, RecordError> {
        read(annotation).map(Self).or_else(|source| {
            // The error of the present form says more than that of the old one.
            legacy(annotation).ok_or(RecordError {
                annotation: key,
                source,
            })
        })
    }

    /// The hash recorded of this SidecarSet (SS-211).
    #[must_use]
    pub fn hash_of(&self, sidecar_set: &str) -> Option<&str> {
        self.get(sidecar_set)
            .map(|entry| entry.sidecar_set_hash.as_str())
    }

    /// What is recorded of this SidecarSet.
    #[must_use]
    pub fn get(&self, sidecar_set: &str) -> Option<&SidecarSetUpgradeSpec> {
        self.0.get(sidecar_set)
    }

    /// Records this of the SidecarSet that the entry names. What is recorded of others stays.
    pub fn put(&mut self, entry: SidecarSetUpgradeSpec) {
        self.0.insert(entry.sidecar_set_name.clone(), entry);
    }

    /// The annotation's value.
    #[must_use]
    pub fn write(&self) -> String {
        write(&self.0)
    }
}

fn legacy(annotation: Option<&str>) -> Option<HashRecord> {
    let hashes: BTreeMap<String, String> = read(annotation).ok()?;
    let entries = hashes.into_iter().map(|(name, hash)| {
        let entry = SidecarSetUpgradeSpec {
            sidecar_set_hash: hash,
            sidecar_set_name: name.clone(),
            ..SidecarSetUpgradeSpec::default()
        };
        (name, entry)
    });
    Some(HashRecord(entries.collect()))
}

#[cfg(test)]
mod tests {
    use kruise_api::well_known::annotations::SIDECARSET_HASH;
    use rstest::rstest;

    use super::*;

    fn record(text: &str) -> HashRecord {
        HashRecord::parse(SIDECARSET_HASH, Some(text)).unwrap()
    }

    fn entry(revision: &str) -> SidecarSetUpgradeSpec {
        SidecarSetUpgradeSpec {
            update_timestamp: Some("2026-01-10T08:00:00.9Z".parse().unwrap()),
            sidecar_set_hash: "h2".to_owned(),
            sidecar_set_name: "log".to_owned(),
            sidecar_list: vec!["agent".to_owned()],
            sidecar_set_controller_revision: revision.to_owned(),
        }
    }

    const LOG: &str = r#""log":{"updateTimestamp":"2026-01-10T08:00:00Z","hash":"h2","sidecarSetName":"log","sidecarList":["agent"],"controllerRevision":"log-7"}"#;

    // SS-136: members in this order, whole seconds, controllerRevision only if there is one.
    #[test]
    fn an_entry_is_written_as_openkruise_writes_it() {
        let mut record = HashRecord::default();
        record.put(entry("log-7"));
        assert_eq!(record.write(), format!("{{{LOG}}}"));
        record.put(entry(""));
        assert_eq!(
            record.write(),
            r#"{"log":{"updateTimestamp":"2026-01-10T08:00:00Z","hash":"h2","sidecarSetName":"log","sidecarList":["agent"]}}"#
        );
    }

    // SS-243: other sets' entries stay.
    #[test]
    fn entries_of_others_stay_and_keys_are_sorted() {
        let mesh = r#""mesh":{"updateTimestamp":"2025-12-31T23:59:59Z","hash":"m","sidecarSetName":"mesh","sidecarList":[]}"#;
        let mut record = record(&format!("{{{mesh}}}"));
        record.put(entry("log-7"));
        assert_eq!(record.write(), format!("{{{LOG},{mesh}}}"));
        assert_eq!(record.hash_of("mesh"), Some("m"));
        assert_eq!(record.hash_of("none"), None);
    }

    // SS-136, SS-243: the old form is read, and written in the present one.
    #[test]
    fn the_legacy_form_is_migrated() {
        let record = record(r#"{"log":"h1"}"#);
        assert_eq!(record.hash_of("log"), Some("h1"));
        assert_eq!(
            record.write(),
            r#"{"log":{"updateTimestamp":null,"hash":"h1","sidecarSetName":"log","sidecarList":[]}}"#
        );
        assert_eq!(self::record(&record.write()), record);
    }

    #[rstest]
    #[case::absent(None)]
    #[case::empty(Some(""))]
    #[case::null(Some("null"))]
    #[case::no_entry(Some("{}"))]
    fn nothing_is_recorded(#[case] annotation: Option<&str>) {
        let record = HashRecord::parse(SIDECARSET_HASH, annotation).unwrap();
        assert_eq!(record, HashRecord::default());
    }

    #[test]
    fn members_that_go_wrote_as_null_are_empty() {
        let record = record(
            r#"{"log":{"updateTimestamp":null,"hash":null,"sidecarSetName":"log","sidecarList":null}}"#,
        );
        assert_eq!(record.hash_of("log"), Some(""));
    }

    // SS-136, SS-289
    #[rstest]
    #[case::no_json("{log")]
    #[case::more_behind(r#"{"log":"h1"} x"#)]
    #[case::no_map(r#"["log"]"#)]
    #[case::a_number(r#"{"log":1}"#)]
    #[case::both_forms(r#"{"log":"h1","mesh":{"hash":"m"}}"#)]
    #[case::no_time(r#"{"log":{"updateTimestamp":"yesterday"}}"#)]
    fn what_is_in_neither_form_is_an_error(#[case] text: &str) {
        let error = HashRecord::parse(SIDECARSET_HASH, Some(text)).unwrap_err();
        assert_eq!(
            error.to_string(),
            "annotation kruise.io/sidecarset-hash can't be read"
        );
    }
}
