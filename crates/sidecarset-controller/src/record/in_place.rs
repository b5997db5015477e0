//! What each SidecarSet updated last in a pod (SS-244). By it one tells whether a container runs its new image.

use std::collections::BTreeMap;

use kruise_api::{meta::Time, well_known::annotations::SIDECARSET_INPLACE_UPDATE_STATE};
use serde::{Deserialize, Serialize};

use super::json::{RecordError, null_as_default, read, whole_seconds, write};

/// Annotation [`SIDECARSET_INPLACE_UPDATE_STATE`]: updates by name of the SidecarSet.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct InPlaceRecord(BTreeMap<String, SidecarSetInPlaceUpdate>);

/// Updates of one SidecarSet. The order of members is that of OpenKruise.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SidecarSetInPlaceUpdate {
    /// Hash of the SidecarSet at the first update.
    #[serde(deserialize_with = "null_as_default")]
    pub revision: String,
    /// When the first update was.
    #[serde(serialize_with = "whole_seconds")]
    pub update_timestamp: Option<Time>,
    /// What each container ran before its image was changed last.
    #[serde(deserialize_with = "null_as_default")]
    pub last_container_statuses: BTreeMap<String, LastContainerStatus>,
}

/// What a container ran before.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LastContainerStatus {
    /// Identity of the image, as the pod's status had it. Empty if the status had none.
    #[serde(
        rename = "imageID",
        skip_serializing_if = "String::is_empty",
        deserialize_with = "null_as_default"
    )]
    pub image_id: String,
}

impl InPlaceRecord {
    /// Reads the annotation.
    ///
    /// # Errors
    ///
    /// When it is there, and is something else.
    pub fn parse(annotation: Option<&str>) -> Result<Self, RecordError> {
        read(annotation).map(Self).map_err(|source| RecordError {
            annotation: SIDECARSET_INPLACE_UPDATE_STATE,
            source,
        })
    }

    /// What is recorded of this SidecarSet.
    #[must_use]
    pub fn get(&self, sidecar_set: &str) -> Option<&SidecarSetInPlaceUpdate> {
        self.0.get(sidecar_set)
    }

    /// Records an update to the SidecarSet's `hash`: of these containers, with the identity of the image that each of them
    /// ran. `hash` and `now` are kept at the first update only, as in OpenKruise; other containers' entries stay.
    pub fn put<'a>(
        &mut self,
        sidecar_set: &str,
        hash: &str,
        now: Time,
        changed: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) {
        let entry = self.0.entry(sidecar_set.to_owned());
        let entry = entry.or_insert_with(|| SidecarSetInPlaceUpdate {
            revision: hash.to_owned(),
            update_timestamp: Some(now),
            last_container_statuses: BTreeMap::new(),
        });
        let changed = changed.into_iter().map(|(container, image_id)| {
            let last = LastContainerStatus {
                image_id: image_id.to_owned(),
            };
            (container.to_owned(), last)
        });
        entry.last_container_statuses.extend(changed);
    }

    /// The annotation's value.
    #[must_use]
    pub fn write(&self) -> String {
        write(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn time(text: &str) -> Time {
        text.parse().unwrap()
    }

    // SS-244
    #[test]
    fn the_first_update_says_when_and_to_what() {
        let mut record = InPlaceRecord::default();
        record.put(
            "log",
            "h2",
            time("2026-01-10T08:00:00.5Z"),
            [("agent", "sha256:1"), ("b", "")],
        );
        let first = r#"{"log":{"revision":"h2","updateTimestamp":"2026-01-10T08:00:00Z","lastContainerStatuses":{"agent":{"imageID":"sha256:1"},"b":{}}}}"#;
        assert_eq!(record.write(), first);

        let mut record = InPlaceRecord::parse(Some(first)).unwrap();
        record.put(
            "log",
            "h3",
            time("2026-01-11T08:00:00Z"),
            [("b", "sha256:2")],
        );
        assert_eq!(
            record.write(),
            first.replace(r#""b":{}"#, r#""b":{"imageID":"sha256:2"}"#)
        );
    }

    // SS-244: also if no container changed.
    #[test]
    fn an_update_of_no_container_is_recorded_beside_others() {
        let mesh = r#""mesh":{"revision":"m","updateTimestamp":"2026-01-01T00:00:00Z","lastContainerStatuses":{}}"#;
        let mut record = InPlaceRecord::parse(Some(&format!("{{{mesh}}}"))).unwrap();
        record.put("log", "h2", time("2026-01-10T08:00:00Z"), []);
        let log = r#""log":{"revision":"h2","updateTimestamp":"2026-01-10T08:00:00Z","lastContainerStatuses":{}}"#;
        assert_eq!(record.write(), format!("{{{log},{mesh}}}"));
        assert_eq!(record.get("mesh").unwrap().revision, "m");
    }

    #[rstest]
    #[case("log")]
    #[case(r#"{"log":"h2"}"#)]
    fn another_form_is_an_error(#[case] text: &str) {
        assert!(InPlaceRecord::parse(Some(text)).is_err());
    }

    #[test]
    fn nulls_are_empty() {
        let record = InPlaceRecord::parse(Some(
            r#"{"log":{"revision":null,"updateTimestamp":null,"lastContainerStatuses":null}}"#,
        ));
        let expected = SidecarSetInPlaceUpdate::default();
        assert_eq!(record.unwrap().get("log"), Some(&expected));
    }
}
