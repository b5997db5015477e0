//! What most writers need of the answer to a write: which object was written, and its version. The whole object would
//! cost the server its encoding and us its decoding.

use serde::Deserialize;
use serde_json::Value;

/// The object's metadata alone, which any server since 1.15 can send.
pub(crate) const METADATA_ONLY: &str =
    "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json";

/// The same of each object of a list.
pub(crate) const METADATA_OF_LIST: &str =
    "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json";

/// An object as a write left it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Written {
    /// Its UID.
    pub uid: String,
    /// Its version after the write.
    pub resource_version: String,
}

impl<'de> Deserialize<'de> for Written {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Answer {
            metadata: Metadata,
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Metadata {
            uid: String,
            resource_version: String,
        }
        let Answer { metadata } = Answer::deserialize(deserializer)?;
        Ok(Self {
            uid: metadata.uid,
            resource_version: metadata.resource_version,
        })
    }
}

/// The name that an object is to be written under.
pub(crate) fn name_in(object: &Value) -> &str {
    object
        .pointer("/metadata/name")
        .and_then(Value::as_str)
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn written(answer: Value) -> Result<Written, String> {
        serde_json::from_value(answer).map_err(|error| error.to_string())
    }

    // A server that doesn't know the short form sends the whole object.
    #[test]
    fn short_and_whole_answers_are_read() {
        let metadata = json!({ "name": "a", "uid": "u", "resourceVersion": "7", "labels": {} });
        let expected = Written {
            uid: "u".to_owned(),
            resource_version: "7".to_owned(),
        };
        for answer in [
            json!({ "kind": "PartialObjectMetadata", "metadata": metadata }),
            json!({ "kind": "Pod", "metadata": metadata, "spec": { "containers": [] } }),
        ] {
            assert_eq!(written(answer).as_ref(), Ok(&expected));
        }
    }

    #[test]
    fn an_answer_without_a_version_is_none() {
        let error = written(json!({ "kind": "Status", "metadata": {} })).unwrap_err();
        assert!(error.contains("missing field `uid`"), "{error}");
    }
}
