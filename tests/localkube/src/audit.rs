//! The API server's audit log of a cluster made with `--audit`: one entry a request of a service account,
//! without bodies.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Seek, SeekFrom};
use std::path::Path;

use anyhow::{Context, Result};
use jiff::Timestamp;
use serde::Deserialize;

/// Where the API server says which pod a service account's token was given to.
const POD_NAME: &str = "authentication.kubernetes.io/pod-name";

/// One request.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// When it was logged: `ResponseComplete`, or at the beginning of a watch.
    pub stage: String,
    /// What it asked for, in the API server's word: `list`.
    pub verb: String,
    /// Who asked.
    pub user: User,
    #[serde(default, rename = "requestURI")]
    request_uri: String,
    /// What it was about.
    #[serde(default)]
    pub object_ref: ObjectRef,
    /// How it ended.
    #[serde(default)]
    pub response_status: ResponseStatus,
    /// When it came.
    pub request_received_timestamp: Timestamp,
}

/// Who asked.
#[derive(Debug, Clone, Deserialize)]
pub struct User {
    /// As the API server names accounts: `system:serviceaccount:NAMESPACE:NAME`.
    pub username: String,
    #[serde(default)]
    extra: BTreeMap<String, Vec<String>>,
}

/// What it was about. A creation has the name too, if the sender chose it.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ObjectRef {
    /// Empty for core.
    pub api_group: String,
    /// In the plural: `pods`.
    pub resource: String,
    /// Empty for the object itself.
    pub subresource: String,
    /// Empty for what is in none.
    pub namespace: String,
    /// Empty for a collection, and where the sender left it to the API server.
    pub name: String,
}

/// How it ended.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct ResponseStatus {
    /// The HTTP status.
    pub code: u16,
}

impl Entry {
    /// Reads a line. The last one may be half written, and what can't be read is no entry.
    pub fn parse(line: &str) -> Option<Self> {
        serde_json::from_str(line).ok()
    }

    /// Whether it was answered in full. A watch has another entry, when it begins.
    pub fn is_complete(&self) -> bool {
        self.stage == "ResponseComplete"
    }

    /// Whether the API server was only asked what it would say (DV-IP15).
    pub fn is_dry_run(&self) -> bool {
        self.request_uri.contains("dryRun=All")
    }

    /// Whether it was answered with success.
    pub fn succeeded(&self) -> bool {
        (200..300).contains(&self.response_status.code)
    }

    /// Whether it was meant to change something.
    pub fn is_write(&self) -> bool {
        !matches!(self.verb.as_str(), "get" | "list" | "watch") && !self.is_dry_run()
    }

    /// The pod that asked; empty for who isn't one.
    pub fn pod(&self) -> &str {
        let pods = self.user.extra.get(POD_NAME).map(Vec::as_slice);
        pods.and_then(<[String]>::first).map_or("", String::as_str)
    }
}

/// All entries of a log.
pub fn entries(log: &Path) -> Result<impl Iterator<Item = Result<Entry>>> {
    entries_from(log, 0)
}

/// The entries of one account. Its lines alone are taken apart: most of a long log is of others.
pub fn entries_of(log: &Path, username: &str) -> Result<impl Iterator<Item = Result<Entry>>> {
    let context = format!("read {}", log.display());
    let file = File::open(log).with_context(|| context.clone())?;
    let username = username.to_owned();
    let lines = BufReader::new(file).lines();
    Ok(lines.filter_map(move |line| match line {
        Ok(line) if line.contains(&username) => Entry::parse(&line)
            .filter(|entry| entry.user.username == username)
            .map(Ok),
        Ok(_) => None,
        Err(error) => Some(Err(error).with_context(|| context.clone())),
    }))
}

/// The entries behind a place in the log: its length at some earlier time.
pub fn entries_from(log: &Path, place: u64) -> Result<impl Iterator<Item = Result<Entry>>> {
    let context = format!("read {}", log.display());
    let mut file = File::open(log).with_context(|| context.clone())?;
    file.seek(SeekFrom::Start(place))
        .with_context(|| context.clone())?;
    Ok(BufReader::new(file)
        .lines()
        .filter_map(move |line| match line {
            Ok(line) => Entry::parse(&line).map(Ok),
            Err(error) => Some(Err(error).with_context(|| context.clone())),
        }))
}

/// How long the log is now.
pub fn length(log: &Path) -> Result<u64> {
    let metadata = std::fs::metadata(log).with_context(|| format!("look at {}", log.display()))?;
    Ok(metadata.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_tells_which_pod_asked() {
        let line = r#"{"stage": "ResponseComplete", "verb": "patch", "user": {"username": "u",
            "extra": {"authentication.kubernetes.io/pod-name": ["c-1"]}},
            "responseStatus": {"code": 200}, "requestReceivedTimestamp": "2026-01-01T00:00:15.5Z"}"#;
        let entry = Entry::parse(line).unwrap();
        assert_eq!(entry.pod(), "c-1");
        assert!(entry.is_complete() && entry.succeeded() && entry.is_write());
    }

    #[test]
    fn a_line_that_is_still_being_written_is_no_entry() {
        assert!(Entry::parse("{\"stage\":\"Respo").is_none());
    }

    #[test]
    fn reading_can_begin_behind_what_is_known() {
        let entry = |verb: &str| {
            format!(
                r#"{{"stage": "ResponseComplete", "verb": "{verb}", "user": {{"username": "u"}}, "requestReceivedTimestamp": "2026-01-01T00:00:15Z"}}"#
            )
        };
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), format!("{}\n", entry("get"))).unwrap();
        let place = length(file.path()).unwrap();
        let both = format!("{}\n{}\n{}", entry("get"), entry("patch"), "{\"stage\":");
        std::fs::write(file.path(), both).unwrap();
        let verbs: Vec<String> = entries_from(file.path(), place)
            .unwrap()
            .map(|entry| entry.unwrap().verb)
            .collect();
        assert_eq!(verbs, ["patch"]);
    }
}
