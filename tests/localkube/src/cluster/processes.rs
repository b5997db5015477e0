//! The cluster's daemons: started so that they outlive this command, and recorded with pid, start time
//! and boot, so that a pid used again by a stranger is never taken for one of them.

use std::ffi::OsStr;
use std::fs::{self, OpenOptions};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::cgroups;
use super::site::Site;
use crate::process;
use crate::progress::Patience;

/// How often to look whether something has come to be.
pub(super) const POLL: Duration = Duration::from_millis(100);

/// How long a shell may take to record itself, on a machine that is busy.
const RECORD_TIMEOUT: Duration = Duration::from_secs(10);

/// `$0` is the cgroup's list of processes, `$1` the record: pid, start time and boot, as [`stamp`]
/// reads them. The rest is the program.
///
/// Of the files that whoever called us has open nothing is passed on: a lock among them (`flock FILE cargo
/// xtask cluster up`) would be held as long as the cluster lives. A shell names only those up to 9.
const JOIN_RECORD_EXEC: &str = r#"
set -e
exec 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&-
echo 0 > "$0"
started=$(cut -d' ' -f22 "/proc/$$/stat")
boot=$(cat /proc/sys/kernel/random/boot_id)
echo "$$ $started $boot" > "$1.new"
mv "$1.new" "$1"
shift
exec "$@"
"#;

/// Starts a daemon and records it. `owner` is the cgroup it joins: `host`, or `nodeN-host`.
pub(super) fn start(site: &Site, owner: &str, part: &str, program: &Command) -> Result<()> {
    let procs = cgroups::ensure_daemons(site, owner)?;
    let log_path = site.log(part);
    let log = OpenOptions::new()
        .create(true)
        .append(true)
        .open(&log_path)
        .with_context(|| format!("open {}", log_path.display()))?;
    fs::create_dir_all(site.path("pids")).context("create the pids directory")?;
    let record = record(site, part);
    let _ = fs::remove_file(&record);
    // The shell joins the cgroup and records itself before it becomes the program: even if this command
    // is killed right now, nothing of the program's runs outside, and the next `up` knows of it. `exec`
    // keeps pid and start time, so they are the program's.
    let mut command = Command::new("setsid");
    command
        .args(["sh", "-c", JOIN_RECORD_EXEC])
        .arg(procs)
        .arg(&record)
        .arg(program.get_program())
        .args(program.get_args())
        .env_clear()
        .env(
            "PATH",
            "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        )
        .env("HOME", &site.dir)
        .envs(
            program
                .get_envs()
                .filter_map(|(key, value)| Some((key, value?))),
        )
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(log.try_clone().context("share the log")?)
        .stderr(log);
    let mut child = command
        .spawn()
        .with_context(|| format!("start {part}: `{}`", process::show(&command)))?;
    let started = Instant::now();
    while !record.exists() {
        let ended = child.try_wait().context("look after the new process")?;
        if ended.is_some_and(|status| !status.success()) || started.elapsed() > RECORD_TIMEOUT {
            bail!("{part} ended at once{}", log_tail(site, part));
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    Ok(())
}

/// The daemon's pid, if it runs.
pub(super) fn pid(site: &Site, part: &str) -> Option<u32> {
    let text = fs::read_to_string(record(site, part)).ok()?;
    let (pid, recorded) = text.trim().split_once(' ')?;
    let pid = pid.parse().ok()?;
    (stamp(pid)? == recorded).then_some(pid)
}

/// Ends a daemon: asks, and after `grace` insists.
pub(super) fn stop(site: &Site, part: &str, grace: Duration) -> Result<()> {
    let start = Instant::now();
    let mut asked = false;
    while let Some(pid) = pid(site, part) {
        let waited = start.elapsed();
        let signal = if waited >= grace {
            Signal::SIGKILL
        } else {
            Signal::SIGTERM
        };
        if !asked || signal == Signal::SIGKILL {
            let _ = kill(
                Pid::from_raw(pid.try_into().context("a pid too large")?),
                signal,
            );
            asked = true;
        }
        if waited > grace + Duration::from_secs(10) {
            bail!("{part} (pid {pid}) doesn't end");
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    let _ = fs::remove_file(record(site, part));
    Ok(())
}

/// Waits until `done` says so. Gives up early, with the log's end, if `part` ends meanwhile.
pub(super) fn wait_until(
    site: &Site,
    part: &str,
    what: &str,
    timeout: Duration,
    mut done: impl FnMut() -> bool,
) -> Result<()> {
    let start = Instant::now();
    let mut patience = Patience::new(format!("until {what}"));
    loop {
        if done() {
            return Ok(());
        }
        patience.look(|| last_line(site, part));
        if pid(site, part).is_none() {
            bail!(
                "{part} ended while waiting until {what}{}",
                log_tail(site, part)
            );
        }
        if start.elapsed() > timeout {
            bail!(
                "waited {} s until {what}, in vain{}",
                timeout.as_secs(),
                log_tail(site, part)
            );
        }
        std::thread::sleep(POLL);
    }
}

/// A command in the node's mount and network namespaces, `holder` being the process that keeps them.
pub(super) fn in_namespaces(holder: u32, program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new("nsenter");
    command
        .args(["--target", &holder.to_string(), "--mount", "--net", "--"])
        .arg(program);
    command
}

/// The end of a part's log, made to be appended to an error.
pub(super) fn log_tail(site: &Site, part: &str) -> String {
    let path = site.log(part);
    let text = fs::read(&path)
        .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
        .unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    let tail = lines
        .get(lines.len().saturating_sub(8)..)
        .unwrap_or_default()
        .join("\n  ");
    format!("; the end of {}:\n  {tail}", path.display())
}

/// The last that a part has logged.
fn last_line(site: &Site, part: &str) -> String {
    let text = fs::read(site.log(part)).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    text.lines().next_back().unwrap_or_default().to_owned()
}

fn record(site: &Site, part: &str) -> PathBuf {
    site.path("pids").join(part)
}

/// Start time and boot of a process that runs; `None` for one that is gone or a zombie.
fn stamp(pid: u32) -> Option<String> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name, in parentheses, may hold anything; fields are counted from behind it.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    if matches!(fields.next()?, "Z" | "X") {
        return None;
    }
    let started = fields.nth(18)?;
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    Some(format!("{started} {}", boot.trim()))
}

#[cfg(test)]
mod tests {
    use super::stamp;

    #[test]
    fn a_process_keeps_its_stamp() {
        let own = stamp(std::process::id()).unwrap();
        assert_eq!(stamp(std::process::id()).unwrap(), own);
        assert_eq!(own.split(' ').count(), 2);
        assert_eq!(stamp(u32::MAX), None);
    }
}
