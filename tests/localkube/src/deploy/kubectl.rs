//! kubectl on one cluster, known to answer.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::{parse_json, text};
use crate::process;
use crate::progress::Patience;

/// How long a server may take to say that it is there.
const CONNECT_TIMEOUT: &str = "--request-timeout=5s";
/// For every read after that; a server that hangs should be noticed.
const READ_TIMEOUT: &str = "--request-timeout=30s";

/// A program, a kubeconfig, a context.
pub(super) struct Kubectl {
    binary: PathBuf,
    kubeconfig: PathBuf,
    context: Option<String>,
    server: String,
}

impl Kubectl {
    /// Checks that the file is there and that its server answers and lets us in.
    pub(super) fn connect(
        binary: PathBuf,
        kubeconfig: &Path,
        context: Option<String>,
    ) -> Result<Self> {
        let file = kubeconfig.display();
        if !kubeconfig.is_file() {
            bail!("there is no kubeconfig file {file}");
        }
        let mut kubectl = Self {
            binary,
            kubeconfig: kubeconfig.to_owned(),
            context,
            server: String::new(),
        };
        let view = kubectl
            .output(&["config", "view", "--minify", "--output=json"])
            .with_context(|| format!("read the kubeconfig file {file}"))?;
        kubectl.server = text(
            &parse_json(&view, "its configuration")?,
            "/clusters/0/cluster/server",
        )
        .to_owned();
        if kubectl.server.is_empty() {
            bail!("the kubeconfig file {file} names no server in its current context");
        }
        let answer =
            process::outcome(
                kubectl
                    .command()
                    .args(["get", "--raw=/version", CONNECT_TIMEOUT]),
            )?;
        if answer.status.success() {
            return Ok(kubectl);
        }
        let server = &kubectl.server;
        let said = last_line(&answer.stderr);
        if said.contains("Unauthorized") || said.contains("must be logged in") {
            bail!("the API server {server} doesn't accept the credentials in {file}: {said}");
        }
        bail!("the API server {server}, named in {file}, doesn't answer (in 5 s): {said}")
    }

    /// The API server's URL.
    pub(super) fn server(&self) -> &str {
        &self.server
    }

    /// kubectl with the options that choose the cluster.
    pub(super) fn command(&self) -> Command {
        let mut command = Command::new(&self.binary);
        command.arg("--kubeconfig").arg(&self.kubeconfig);
        if let Some(context) = &self.context {
            command.arg("--context").arg(context);
        }
        command
    }

    /// Runs to the end and returns standard output.
    pub(super) fn output(&self, args: &[&str]) -> Result<String> {
        process::output(self.command().args(args))
    }

    /// Reads as JSON; nothing if the object or its kind doesn't exist.
    pub(super) fn get(&self, args: &[&str]) -> Result<Option<Value>> {
        let mut command = self.command();
        command
            .arg("get")
            .args(args)
            .args(["--output=json", READ_TIMEOUT]);
        let output = process::outcome(&mut command)?;
        if output.status.success() {
            let json = String::from_utf8_lossy(&output.stdout);
            return parse_json(&json, &args.join(" ")).map(Some);
        }
        let said = String::from_utf8_lossy(&output.stderr);
        if said.contains("(NotFound)") || said.contains("doesn't have a resource type") {
            return Ok(None);
        }
        bail!("`{}`: {}", process::show(&command), said.trim())
    }

    /// Runs with the objects as a list on standard input. It may take long: `patience` tells of it, with what
    /// `seen` sees.
    pub(super) fn with_objects(
        &self,
        args: &[&str],
        objects: &[&Value],
        patience: &mut Patience,
        seen: &dyn Fn() -> String,
    ) -> Result<Output> {
        let list = serde_json::json!({ "apiVersion": "v1", "kind": "List", "items": objects });
        let input = serde_json::to_vec(&list).context("write the manifests as JSON")?;
        let mut command = self.command();
        process::outcome_of_long(command.args(args), Some(&input), patience, seen)
    }
}

/// kubectl repeats itself before it gives up; the last line is the reason.
fn last_line(stderr: &[u8]) -> String {
    let text = String::from_utf8_lossy(stderr);
    let line = text.lines().rev().find(|line| !line.trim().is_empty());
    line.unwrap_or("it gave no reason").trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_kubeconfig_is_named() {
        let path = Path::new("/nowhere/kubeconfig");
        let error = Kubectl::connect("kubectl".into(), path, None)
            .err()
            .unwrap()
            .to_string();
        assert_eq!(error, "there is no kubeconfig file /nowhere/kubeconfig");
    }

    #[test]
    fn the_last_line_that_says_something_is_the_reason() {
        assert_eq!(
            last_line(b"E1 retry\nUnable to connect\n\n"),
            "Unable to connect"
        );
        assert_eq!(last_line(b""), "it gave no reason");
    }
}
