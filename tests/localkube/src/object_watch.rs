//! Every change of some objects as it happens, from `kubectl get --watch`.

use std::io::BufReader;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use serde_json::Value;

/// Something happened to an object.
#[derive(Debug)]
pub enum Change<T> {
    /// It is new or differs.
    Seen(T),
    /// It is no more.
    Gone(T),
}

/// A running watch; ends with its owner.
pub struct ObjectWatch<T> {
    child: Child,
    changes: Receiver<Result<Change<T>>>,
}

impl<T: Send + 'static> ObjectWatch<T> {
    /// Starts with the objects that are there. `kubectl` has the cluster and the namespace, `what` is
    /// what to get, `read` takes of an object what matters.
    pub fn start(
        mut kubectl: Command,
        what: &[&str],
        read: impl Fn(Value) -> Result<T> + Send + 'static,
    ) -> Result<Self> {
        kubectl
            .arg("get")
            .args(what)
            .args(["--watch", "--output-watch-events", "--output=json"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let what = what.join(" ");
        let mut child = kubectl
            .spawn()
            .with_context(|| format!("start watching {what}"))?;
        let stdout = child
            .stdout
            .take()
            .context("kubectl has no standard output")?;
        let (sender, changes) = mpsc::channel();
        std::thread::spawn(move || {
            let events = serde_json::Deserializer::from_reader(BufReader::new(stdout)).into_iter();
            for event in events {
                let change = event
                    .context("read the watch")
                    .and_then(|event| change(event, &read))
                    .with_context(|| format!("watch {what}"));
                let failed = change.is_err();
                if sender.send(change).is_err() || failed {
                    return;
                }
            }
        });
        Ok(Self { child, changes })
    }

    /// The next change, if there is one within `patience`.
    pub fn next(&self, patience: Duration) -> Result<Option<Change<T>>> {
        match self.changes.recv_timeout(patience) {
            Ok(change) => change.map(Some),
            Err(RecvTimeoutError::Timeout) => Ok(None),
            Err(RecvTimeoutError::Disconnected) => bail!("a watch by kubectl ended"),
        }
    }
}

impl<T> Drop for ObjectWatch<T> {
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

fn change<T>(event: WatchEvent, read: impl Fn(Value) -> Result<T>) -> Result<Change<T>> {
    match event.type_.as_str() {
        "ADDED" | "MODIFIED" => read(event.object).map(Change::Seen),
        "DELETED" => read(event.object).map(Change::Gone),
        other => bail!("answered {other}: {}", event.object),
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
        let name = |object: Value| {
            let name = object.pointer("/metadata/name").and_then(Value::as_str);
            name.map(str::to_owned).context("no name")
        };
        let changes: Vec<Result<Change<String>>> = serde_json::Deserializer::from_str(stream)
            .into_iter::<WatchEvent>()
            .map(|event| change(event.unwrap(), name))
            .collect();
        assert!(
            matches!(&changes[0], Ok(Change::Seen(pod)) if pod == "a"),
            "{changes:?}"
        );
        assert!(
            matches!(&changes[1], Ok(Change::Gone(pod)) if pod == "a"),
            "{changes:?}"
        );
        assert!(
            changes[2]
                .as_ref()
                .is_err_and(|error| error.to_string().contains("410"))
        );
    }
}
