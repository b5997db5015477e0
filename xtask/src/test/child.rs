//! Programs that a test run starts, and their end when somebody wants the run to end.
//!
//! Each gets a process group of its own, since `cargo test` doesn't pass a signal on to the tests:
//! the group is ended as a whole, and then the clean-up has the machine for itself.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use localkube::process;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use super::libtest::Report;

/// How soon a signal takes effect.
const POLL: Duration = Duration::from_millis(100);
/// What doesn't end when asked is ended after this.
const GRACE: Duration = Duration::from_secs(5);

pub(crate) struct Children {
    interrupted: Arc<AtomicBool>,
}

impl Children {
    /// From now on Ctrl-C ends what runs, and no longer us.
    pub(crate) fn watch_signals() -> Result<Self> {
        let interrupted = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM, SIGHUP] {
            signal_hook::flag::register(signal, Arc::clone(&interrupted))
                .context("handle signals")?;
        }
        Ok(Self { interrupted })
    }

    /// An error if somebody wants the run to end.
    pub(crate) fn check(&self) -> Result<()> {
        if self.interrupted.load(Ordering::SeqCst) {
            bail!("interrupted");
        }
        Ok(())
    }

    /// Runs to the end with our standard output and error; a non-zero exit is an error.
    pub(super) fn run(&self, command: &mut Command) -> Result<()> {
        let child = self.spawn(command)?;
        let status = self.wait(child, |_| Ok(()))?;
        if !status.success() {
            bail!("`{}` ended with {status}", process::show(command));
        }
        Ok(())
    }

    /// Runs to the end and passes standard error on, which is returned too; a non-zero exit is an
    /// error.
    pub(super) fn run_reading_errors(&self, command: &mut Command) -> Result<String> {
        let child = self.spawn(command.stderr(Stdio::piped()))?;
        let mut errors = String::new();
        let status = self.wait(child, |child| {
            let stderr = child.stderr.take().context("no standard error")?;
            for line in BufReader::new(stderr).split(b'\n') {
                let line = line.context("read standard error")?;
                let line = String::from_utf8_lossy(&line);
                eprintln!("{line}");
                errors.push_str(&line);
                errors.push('\n');
            }
            Ok(())
        })?;
        if !status.success() {
            bail!("`{}` ended with {status}", process::show(command));
        }
        Ok(errors)
    }

    /// Runs to the end and returns standard output; a non-zero exit is an error.
    pub(super) fn output(&self, command: &mut Command) -> Result<String> {
        let child = self.spawn(command.stdout(Stdio::piped()))?;
        let mut output = String::new();
        let status = self.wait(child, |child| {
            let mut stdout = child.stdout.take().context("no standard output")?;
            stdout
                .read_to_string(&mut output)
                .context("read standard output")?;
            Ok(())
        })?;
        if !status.success() {
            bail!("`{}` ended with {status}", process::show(command));
        }
        Ok(output)
    }

    /// Runs `cargo test`, passing its output on and reading it.
    pub(super) fn test(&self, command: &mut Command) -> Result<Report> {
        self.test_to(command, &mut std::io::stdout().lock())
    }

    /// The same, passing the output on to something else.
    pub(crate) fn test_to(&self, command: &mut Command, out: &mut impl Write) -> Result<Report> {
        let child = self.spawn(command.stdout(Stdio::piped()))?;
        let mut report = Report::default();
        let status = self.wait(child, |child| {
            let stdout = child.stdout.take().context("no standard output")?;
            for line in BufReader::new(stdout).split(b'\n') {
                let line = line.context("read the tests' output")?;
                let line = String::from_utf8_lossy(&line);
                writeln!(out, "{line}").context("write to standard output")?;
                report.line(&line);
            }
            Ok(())
        })?;
        report.ended(status);
        Ok(report)
    }

    fn spawn(&self, command: &mut Command) -> Result<Child> {
        self.check()?;
        command
            .stdin(Stdio::null())
            .process_group(0)
            .spawn()
            .with_context(|| format!("start `{}`", process::show(command)))
    }

    /// Waits for the end, doing `meanwhile`; an interrupt ends the whole group.
    fn wait(
        &self,
        mut child: Child,
        meanwhile: impl FnOnce(&mut Child) -> Result<()>,
    ) -> Result<ExitStatus> {
        let group = Pid::from_raw(i32::try_from(child.id()).context("a process id")?);
        let ended = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| self.end_if_interrupted(group, &ended));
            let result = meanwhile(&mut child).and_then(|()| Ok(child.wait()?));
            ended.store(true, Ordering::SeqCst);
            result
        })
    }

    fn end_if_interrupted(&self, group: Pid, ended: &AtomicBool) {
        let mut asked: Option<Instant> = None;
        while !ended.load(Ordering::SeqCst) {
            let signal = match asked {
                None => Signal::SIGTERM,
                Some(_) => Signal::SIGKILL,
            };
            let due = asked.is_none_or(|asked| asked.elapsed() >= GRACE);
            if due && self.interrupted.load(Ordering::SeqCst) {
                // A group that has just ended by itself is what we want.
                let _ = killpg(group, signal);
                asked = Some(Instant::now());
            }
            std::thread::sleep(POLL);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn children() -> Children {
        Children {
            interrupted: Arc::default(),
        }
    }

    #[test]
    fn output_is_read_while_it_goes_by() {
        let mut command = Command::new("echo");
        command.arg("test result: ok. 2 passed; 0 failed;");
        let mut out = Vec::new();
        let report = children().test_to(&mut command, &mut out).unwrap();
        assert!(out.starts_with(b"test result"));
        assert_eq!(report.passed, 2);
        assert!(report.result().is_ok());
    }

    #[test]
    fn a_failing_program_is_an_error_that_names_it() {
        let error = children()
            .run(&mut Command::new("false"))
            .unwrap_err()
            .to_string();
        assert!(error.contains("`false`"), "{error}");
    }

    #[test]
    fn output_is_returned_unless_the_program_fails() {
        let output = children().output(Command::new("echo").arg("a: test"));
        assert_eq!(output.unwrap(), "a: test\n");
        assert!(children().output(&mut Command::new("false")).is_err());
    }

    #[test]
    fn errors_are_read_and_a_failure_is_still_one() {
        let mut command = Command::new("sh");
        command.args(["-c", "echo out; echo warning: x >&2"]);
        let errors = children().run_reading_errors(&mut command).unwrap();
        assert_eq!(errors, "warning: x\n");
        let failed = children().run_reading_errors(&mut Command::new("false"));
        assert!(failed.is_err());
    }

    #[test]
    fn an_interrupt_ends_the_whole_group_at_once() {
        let children = children();
        let interrupted = Arc::clone(&children.interrupted);
        std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(300));
            interrupted.store(true, Ordering::SeqCst);
        });
        let start = Instant::now();
        // The shell's child holds the pipe too; only ending both lets the reader return.
        let mut command = Command::new("sh");
        command.args(["-c", "sleep 60 & sleep 60"]);
        let report = children.test(&mut command).unwrap();
        assert!(report.result().is_err());
        assert!(start.elapsed() < GRACE);
        assert!(children.check().is_err());
    }
}
