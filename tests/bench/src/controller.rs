//! The controller as a process of this machine, watched from outside.

use std::fs::File;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use localkube::interrupt::Interrupt;
use localkube::progress::Patience;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use ureq::Agent;

use super::usage::{self, Memory, Settling};
use super::variants;

/// From a start until the caches are full; a list of 10,000 pods takes some seconds.
const READY_TIMEOUT: Duration = Duration::from_secs(120);
/// An orderly shutdown serves on for 5 s, then finishes its writes.
const STOP_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a figure may take to settle.
const SETTLE_TIMEOUT: Duration = Duration::from_secs(180);
const POLL: Duration = Duration::from_millis(100);
/// Of the log, what is worth showing when something went wrong.
const SHOWN_LINES: usize = 15;

/// Where the program is, and how it runs.
pub(super) struct Program {
    pub(super) binary: PathBuf,
    pub(super) kubeconfig: PathBuf,
    pub(super) log: PathBuf,
    /// Environment variables for the process.
    pub(super) env: Vec<(String, String)>,
    /// Flags; of those that are given anyway they replace the ones of the same name.
    pub(super) args: Vec<String>,
}

/// The running process; ended when dropped.
pub(super) struct Controller<'a> {
    child: Child,
    metrics_port: u16,
    health_port: u16,
    /// Where it answers the API server, on every address of this machine.
    pub(super) webhook_port: u16,
    agent: Agent,
    log: &'a Path,
    interrupt: &'a Interrupt,
}

impl<'a> Controller<'a> {
    /// Starts it, without limits that would be measured in its place, and waits until it is ready.
    pub(super) fn start(program: &'a Program, interrupt: &'a Interrupt) -> Result<Self> {
        Self::start_for(program, "", interrupt)
    }

    /// The same for one namespace.
    pub(super) fn start_for(
        program: &'a Program,
        namespace: &str,
        interrupt: &'a Interrupt,
    ) -> Result<Self> {
        let [metrics_port, health_port, webhook_port] = free_ports()?;
        let path = program.log.display();
        let log = File::options().create(true).append(true).open(&program.log);
        let log = log.with_context(|| format!("open {path}"))?;
        let usual = [
            format!("--metrics-addr=127.0.0.1:{metrics_port}"),
            format!("--health-probe-addr=127.0.0.1:{health_port}"),
            format!("--webhook-port={webhook_port}"),
            format!("--namespace={namespace}"),
            "--rest-config-qps=5000".to_owned(),
            "--rest-config-burst=5000".to_owned(),
        ];
        let mut command = Command::new(&program.binary);
        command
            .arg("--kubeconfig")
            .arg(&program.kubeconfig)
            .args(variants::with(&usual, &program.args))
            .env_remove("RUST_LOG")
            .envs(program.env.iter().map(|(key, value)| (key, value)))
            .stdin(Stdio::null())
            .stdout(log.try_clone().context("share the log")?)
            .stderr(log);
        let child = command
            .spawn()
            .with_context(|| format!("start {}", program.binary.display()))?;
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(Duration::from_secs(10)))
            .proxy(None)
            .build()
            .new_agent();
        let mut controller = Self {
            child,
            metrics_port,
            health_port,
            webhook_port,
            agent,
            log: &program.log,
            interrupt,
        };
        controller.wait_for("the controller to be ready", READY_TIMEOUT, |controller| {
            Ok(controller.answers_ready())
        })?;
        Ok(controller)
    }

    /// Ends it in good order, so that it releases its lease.
    pub(super) fn stop(mut self) -> Result<()> {
        self.signal(Signal::SIGTERM)?;
        let start = Instant::now();
        while self
            .child
            .try_wait()
            .context("wait for the controller")?
            .is_none()
        {
            if start.elapsed() > STOP_TIMEOUT {
                bail!("the controller doesn't end{}", self.last_words());
            }
            std::thread::sleep(POLL);
        }
        Ok(())
    }

    pub(super) fn memory(&self) -> Result<Memory> {
        usage::memory(self.child.id())
    }

    pub(super) fn reset_peak(&self) -> Result<()> {
        usage::reset_peak(self.child.id())
    }

    pub(super) fn cpu_seconds(&self) -> Result<f64> {
        usage::cpu_seconds(self.child.id())
    }

    /// Memory once it has settled.
    pub(super) fn settled(&mut self) -> Result<Memory> {
        let mut settling = Settling::default();
        let start = Instant::now();
        let mut patience = Patience::new("for the controller's memory to settle");
        loop {
            self.look_after()?;
            let memory = self.memory()?;
            patience.look(|| format!("{:.1} MB", memory.resident as f64 / 1e6));
            if settling.add(memory.resident) {
                return Ok(memory);
            }
            if start.elapsed() > SETTLE_TIMEOUT {
                bail!("the controller's memory doesn't settle: {memory:?} now");
            }
            std::thread::sleep(Settling::EVERY);
        }
    }

    /// Waits until the index holds so many pods, all its lists are complete and no key waits.
    pub(super) fn wait_until_idle_with(&mut self, n_pods: usize, timeout: Duration) -> Result<()> {
        let what = format!("the controller to know {n_pods} pods and have nothing to do");
        self.wait_for(&what, timeout, |controller| {
            let metrics = controller.metrics()?;
            let pods = metrics.sum("kruise_watch_objects", "resource=\"pods\"");
            let waiting = metrics.sum("workqueue_depth", "")
                + metrics.sum("controller_runtime_active_workers", "");
            Ok(pods == n_pods as f64 && waiting == 0.0)
        })
    }

    /// The sum of a metric's values over all labels that contain `label`.
    pub(super) fn metric(&self, name: &str, label: &str) -> Result<f64> {
        self.metric_of(name, &[label])
    }

    /// The same over all labels that contain each of these.
    pub(super) fn metric_of(&self, name: &str, labels: &[&str]) -> Result<f64> {
        Ok(self.metrics()?.sum_of(name, labels))
    }

    pub(super) fn wait_for(
        &mut self,
        what: &str,
        timeout: Duration,
        done: impl Fn(&Self) -> Result<bool>,
    ) -> Result<()> {
        let start = Instant::now();
        let mut patience = Patience::new(format!("for {what}"));
        while !done(self)? {
            patience.look(String::new);
            self.look_after()?;
            if start.elapsed() > timeout {
                bail!(
                    "waited {} s for {what}, in vain{}",
                    timeout.as_secs(),
                    self.last_words()
                );
            }
            std::thread::sleep(POLL);
        }
        Ok(())
    }

    fn look_after(&mut self) -> Result<()> {
        self.interrupt.check()?;
        match self.child.try_wait().context("look after the controller")? {
            Some(status) => bail!("the controller ended with {status}{}", self.last_words()),
            None => Ok(()),
        }
    }

    fn answers_ready(&self) -> bool {
        let url = format!("http://127.0.0.1:{}/readyz", self.health_port);
        self.agent
            .get(url)
            .call()
            .is_ok_and(|answer| answer.status() == 200)
    }

    fn metrics(&self) -> Result<Metrics> {
        let url = format!("http://127.0.0.1:{}/metrics", self.metrics_port);
        let mut answer = self.agent.get(url).call().context("read the metrics")?;
        let text = answer.body_mut().read_to_string();
        text.context("read the metrics").map(Metrics)
    }

    /// The end of its log, for an error.
    pub(super) fn last_words(&self) -> String {
        let text = std::fs::read_to_string(self.log).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        let from = lines.len().saturating_sub(SHOWN_LINES);
        let last = lines.get(from..).unwrap_or_default().join("\n  ");
        format!("; the end of its log:\n  {last}")
    }

    fn signal(&self, signal: Signal) -> Result<()> {
        let pid = i32::try_from(self.child.id()).context("a pid too large")?;
        kill(Pid::from_raw(pid), signal).context("signal the controller")
    }
}

impl Drop for Controller<'_> {
    fn drop(&mut self) {
        // It may have ended by itself, which is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A scrape in the text format.
struct Metrics(String);

impl Metrics {
    fn sum(&self, name: &str, label: &str) -> f64 {
        self.sum_of(name, &[label])
    }

    fn sum_of(&self, name: &str, wanted: &[&str]) -> f64 {
        self.0
            .lines()
            .filter_map(|line| {
                let rest = line.strip_prefix(name)?;
                let (labels, value) = rest.rsplit_once(' ')?;
                let is_it = labels.is_empty() || labels.starts_with('{');
                let fits = wanted.iter().all(|label| labels.contains(label));
                (is_it && fits).then(|| value.parse::<f64>().ok())?
            })
            .sum()
    }
}

fn free_ports() -> Result<[u16; 3]> {
    // Bound at the same time, so that they differ.
    let listeners = [0; 3].map(|_| TcpListener::bind(("127.0.0.1", 0)));
    let mut ports = [0; 3];
    for (port, listener) in ports.iter_mut().zip(listeners) {
        let listener = listener.context("find a free port")?;
        *port = listener.local_addr().context("find a free port")?.port();
    }
    Ok(ports)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_summed_over_the_labels_that_fit() {
        let metrics = Metrics(
            "# HELP depth Keys\ndepth{name=\"a\"} 2\ndepth{name=\"b\"} 3\ndepth_other{name=\"a\"} 7\nbare 4\n"
                .to_owned(),
        );
        assert_eq!(metrics.sum("depth", ""), 5.0);
        assert_eq!(metrics.sum("depth", "name=\"b\""), 3.0);
        assert_eq!(metrics.sum("bare", ""), 4.0);
        assert_eq!(metrics.sum("missing", ""), 0.0);
    }
}
