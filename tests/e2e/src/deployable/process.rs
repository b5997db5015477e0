//! A deployable as a process of the test, in place of the deployed one.

use std::{
    fs::File,
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::names::SYSTEM;

/// What of a log is printed when a test fails.
const LAST_LINES: usize = 150;
/// Twice as long as a controller serves on after the signal to end.
const END_WITHIN: Duration = Duration::from_secs(10);

/// The controller as a process; ended when dropped.
pub struct LocalController {
    child: Child,
    directory: TempDir,
}

impl LocalController {
    pub(super) fn start(binary: PathBuf, url: &str, token: &str, flags: &[&str]) -> Self {
        let directory = TempDir::new().expect("a directory");
        let kubeconfig = directory.path().join("kubeconfig");
        std::fs::write(&kubeconfig, config(url, token).to_string()).expect("write a kubeconfig");
        let log = File::create(directory.path().join("log")).expect("create a log");
        let child = Command::new(binary)
            .arg("--kubeconfig")
            .arg(&kubeconfig)
            .args(["--metrics-addr=0", "--health-probe-addr=0"])
            .args(["--webhook-port=0", "--v=4"])
            .args(flags)
            .env("POD_NAMESPACE", SYSTEM)
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("the log"))
            .stderr(log)
            .spawn()
            .expect("start the controller");
        Self { child, directory }
    }

    /// Fails the test if the process has ended.
    pub fn still_runs(&mut self) {
        let ended = self.child.try_wait().expect("ask for the process");
        assert!(ended.is_none(), "the controller has ended: {ended:?}");
    }

    /// What it has logged.
    #[must_use]
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.directory.path().join("log")).unwrap_or_default()
    }
}

impl Drop for LocalController {
    fn drop(&mut self) {
        tokio::task::block_in_place(|| {
            // With a signal first, so that it gives its lease back to the deployed replicas.
            let pid = self.child.id().to_string();
            let _ = Command::new("kill").arg(pid).status();
            let start = Instant::now();
            while matches!(self.child.try_wait(), Ok(None)) && start.elapsed() < END_WITHIN {
                std::thread::sleep(Duration::from_millis(100));
            }
            let _ = self.child.kill();
            let _ = self.child.wait();
        });
        if std::thread::panicking() {
            let log = self.log();
            let lines: Vec<&str> = log.lines().collect();
            let last = lines.len().saturating_sub(LAST_LINES);
            eprintln!(
                "---- log of the local controller\n{}",
                lines[last..].join("\n")
            );
        }
    }
}

fn config(url: &str, token: &str) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{ "name": "proxy", "cluster": { "server": url } }],
        "users": [{ "name": "controller", "user": { "token": token } }],
        "contexts": [{ "name": "proxy", "context": { "cluster": "proxy", "user": "controller" } }],
        "current-context": "proxy",
    })
}
