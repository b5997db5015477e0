//! Every change of the demo's pods as it happens, from `kubectl get --watch`.

use std::io::BufReader;
use std::process::{Child, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use serde_json::Value;

use super::pods::PodView;
use super::target::{NAMESPACE, Target};

/// Something happened to a pod.
#[derive(Debug)]
pub(super) enum Change {
    /// It is new or differs.
    Seen(PodView),
    /// It is no more.
    Gone(PodView),
}

/// A running watch; ends with its owner.
pub(super) struct PodWatch {
    child: Child,
    changes: Receiver<Result<Change>>,
}

impl PodWatch {
    /// Starts with the pods that are there.
    pub(super) fn start(target: &Target) -> Result<Self> {
        let mut command = target.kubectl();
        command
            .args(["--namespace", NAMESPACE, "get", "pods", "--watch"])
            .args(["--output-watch-events", "--output=json"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let mut child = command.spawn().context("start watching pods")?;
        let stdout = child
            .stdout
            .take()
            .context("kubectl has no standard output")?;
        let (sender, changes) = mpsc::channel();
        std::thread::spawn(move || {
            let events = serde_json::Deserializer::from_reader(BufReader::new(stdout)).into_iter();
            for event in events {
                let change = event.context("read the watch").and_then(change);
                let failed = change.is_err();
                if sender.send(change).is_err() || failed {
                    return;
                }
            }
        });
        Ok(Self { child, changes })
    }

    /// The next change, if there is one within `patience`.
    pub(super) fn next(&self, patience: Duration) -> Result<Option<Change>> {
        match self.changes.recv_timeout(patience) {
            Ok(change) => change.map(Some),
            Err(RecvTimeoutError::Timeout) => Ok(None),
            Err(RecvTimeoutError::Disconnected) => bail!("the watch of the pods ended"),
        }
    }
}

impl Drop for PodWatch {
    fn drop(&mut self) {
        // It may have ended by itself, which is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[derive(Deserialize)]
struct WatchEvent {
    #[serde(rename = "type")]
    type_: String,
    object: Value,
}

fn change(event: WatchEvent) -> Result<Change> {
    match event.type_.as_str() {
        "ADDED" | "MODIFIED" => PodView::parse(event.object).map(Change::Seen),
        "DELETED" => PodView::parse(event.object).map(Change::Gone),
        other => bail!("the watch of the pods answered {other}: {}", event.object),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_one_after_the_other_are_told_apart() {
        let stream = r#"
            {"type": "ADDED", "object": {"metadata": {"name": "a", "uid": "1"}}}
            {"type": "DELETED", "object": {"metadata": {"name": "a", "uid": "1"}}}
            {"type": "ERROR", "object": {"code": 410}}
        "#;
        let changes: Vec<Result<Change>> = serde_json::Deserializer::from_str(stream)
            .into_iter::<WatchEvent>()
            .map(|event| change(event.unwrap()))
            .collect();
        assert!(
            matches!(&changes[0], Ok(Change::Seen(pod)) if pod.name == "a"),
            "{changes:?}"
        );
        assert!(
            matches!(&changes[1], Ok(Change::Gone(pod)) if pod.name == "a"),
            "{changes:?}"
        );
        assert!(
            changes[2]
                .as_ref()
                .is_err_and(|error| error.to_string().contains("410"))
        );
    }
}
