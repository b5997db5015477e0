//! The API server behind `kubectl proxy`: for answers that kubectl itself shortens (it shows nothing of a
//! "503"), and for many calls, each of which would take a kubectl of its own.
//!
//! The proxy listens on a socket in a directory that only this user may enter: a port of this machine
//! would let everybody on it act with our rights.

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::kubectl::Kubectl;
use crate::process;

/// kubectl is there within a second on a machine that isn't busy.
const START_TIMEOUT: Duration = Duration::from_secs(20);
const POLL: Duration = Duration::from_millis(20);
/// A server that hangs should be noticed.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

/// What the API server said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Answer {
    /// Of HTTP.
    pub(super) status: u16,
    pub(super) body: String,
}

/// What is asked of an API server here. Tests have one of their own.
pub(super) trait ApiServer {
    /// Reads what is at this path.
    fn get(&self, path: &str) -> Result<Answer>;
    /// Sends a JSON merge patch.
    fn merge_patch(&self, path: &str, patch: &serde_json::Value) -> Result<Answer>;
}

/// A running proxy; ends with its owner.
pub(super) struct Proxy {
    child: Child,
    socket: PathBuf,
    _directory: tempfile::TempDir,
}

impl Proxy {
    pub(super) fn start(kubectl: &Kubectl) -> Result<Self> {
        let directory = tempfile::tempdir().context("make a directory for kubectl proxy")?;
        let socket = directory.path().join("socket");
        let mut command = kubectl.command();
        command
            .arg("proxy")
            .arg("--unix-socket")
            .arg(&socket)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let child = command
            .spawn()
            .with_context(|| format!("start `{}`", process::show(&command)))?;
        // Made first, so that it is ended if it doesn't get there.
        let mut proxy = Self {
            child,
            socket,
            _directory: directory,
        };
        let start = Instant::now();
        while UnixStream::connect(&proxy.socket).is_err() {
            let ended = proxy.child.try_wait().context("look after kubectl proxy")?;
            if ended.is_some() || start.elapsed() > START_TIMEOUT {
                bail!("`{}` doesn't serve", process::show(&command));
            }
            std::thread::sleep(POLL);
        }
        Ok(proxy)
    }

    fn call(&self, head: &str, path: &str, body: &str) -> Result<Answer> {
        let call = || format!("{} {path}", head.lines().next().unwrap_or_default());
        let mut stream = UnixStream::connect(&self.socket).context("connect to kubectl proxy")?;
        stream.set_read_timeout(Some(ANSWER_TIMEOUT))?;
        stream
            .write_all(request(head, path, body).as_bytes())
            .with_context(call)?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).with_context(call)?;
        parse(&answer).with_context(call)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        // It may have ended by itself, which is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl ApiServer for Proxy {
    fn get(&self, path: &str) -> Result<Answer> {
        self.call("GET", path, "")
    }

    fn merge_patch(&self, path: &str, patch: &serde_json::Value) -> Result<Answer> {
        let head = "PATCH\nContent-Type: application/merge-patch+json";
        self.call(head, path, &patch.to_string())
    }
}

/// `head` is the method, and further lines of the request's head. HTTP/1.0: the answer ends where the
/// connection does, and comes in one piece.
fn request(head: &str, path: &str, body: &str) -> String {
    let (method, headers) = head.split_once('\n').unwrap_or((head, ""));
    let headers: String = headers.lines().map(|line| format!("{line}\r\n")).collect();
    format!(
        "{method} {path} HTTP/1.0\r\nHost: localhost\r\n{headers}Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

fn parse(answer: &[u8]) -> Result<Answer> {
    let text = String::from_utf8_lossy(answer);
    let (head, body) = text
        .split_once("\r\n\r\n")
        .context("the answer has no end of its head")?;
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok());
    Ok(Answer {
        status: status.context("the answer has no status")?,
        body: body.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_has_its_headers_and_an_answer_its_status() {
        assert_eq!(
            request("PATCH\nContent-Type: x", "/a?b=c", "{}"),
            "PATCH /a?b=c HTTP/1.0\r\nHost: localhost\r\nContent-Type: x\r\nContent-Length: 2\r\n\r\n{}"
        );
        let answer =
            parse(b"HTTP/1.0 503 Service Unavailable\r\nDate: now\r\n\r\n[-]x not\r\n\r\nyet");
        let expected = Answer {
            status: 503,
            body: "[-]x not\r\n\r\nyet".to_owned(),
        };
        assert_eq!(answer.unwrap(), expected);
        assert!(parse(b"").is_err());
    }
}
