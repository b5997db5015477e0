//! The local cluster's promises: `up` mends what was killed, however little is left of it, and `down`
//! leaves nothing behind. Runs the built program on a cluster of its own.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a panic in a test is its report"
)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

const NAME: &str = "cleanup-test";

#[test]
fn a_killed_cluster_is_mended_and_down_leaves_nothing() {
    if let Some(reason) = cannot_run() {
        eprintln!("SKIPPED: the local cluster can't run here: {reason}");
        return;
    }
    xtask(&["down"]);
    // On a fresh machine this takes minutes, for which the waits below are not made.
    xtask(&["prepare"]);
    let before = Leftovers::count();

    // An `up` that is killed half-way, at two places.
    for halfway in ["pki/done", "pids/apiserver"] {
        let mut up = command(&["up", "--nodes", "1"])
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        wait_for(halfway, || state().join(halfway).exists());
        up.kill().unwrap();
        up.wait().unwrap();
    }
    let held = tempfile::NamedTempFile::new().unwrap();
    up_while_holding(held.path());
    assert!(
        !is_open(held.path()),
        "a part of the cluster has a file of its caller open: were it a lock, the cluster would hold it"
    );
    let bridge = bridge();
    let before = before.without_others(&bridge);
    let there = Leftovers::count().without_others(&bridge);
    assert!(
        there.processes.len() >= before.processes.len() + 9,
        "{there:?}"
    );
    assert!(there.links.len() >= before.links.len() + 2, "{there:?}");
    assert_eq!(there.namespaces.len(), before.namespaces.len() + 1);
    assert!(there.cgroups.len() > before.cgroups.len());
    assert!(there.routes.len() > before.routes.len());
    xtask(&["status"]);

    // Up again: nothing to do, nothing new.
    let pids = recorded_pids();
    let again = xtask(&["up", "--nodes", "1"]);
    assert!(stderr(&again).contains("up already"), "{}", stderr(&again));
    assert_eq!(recorded_pids(), pids);

    // Some parts killed: those alone are started again. The data stays.
    kubectl(&["create", "configmap", "kept"]);
    kubectl(&["run", "pod", "--image=registry.local/demo:1"]);
    kubectl(&["wait", "--for=condition=Ready", "--timeout=30s", "pod/pod"]);
    kill_recorded(|part| matches!(part, "apiserver" | "scheduler" | "node1-kubelet"));
    assert!(!command(&["status"]).output().unwrap().status.success());
    xtask(&["up", "--nodes", "1"]);
    xtask(&["status"]);
    kubectl(&["get", "configmap", "kept"]);
    let etcd =
        |pids: &BTreeSet<(String, String)>| pids.iter().find(|(part, _)| part == "etcd").cloned();
    assert_eq!(
        etcd(&recorded_pids()),
        etcd(&pids),
        "etcd was not to be restarted"
    );

    // Everything killed, and the bridge gone: as good as new all the same.
    kill_recorded(|_| true);
    assert!(
        Command::new("ip")
            .args(["link", "del", &bridge])
            .status()
            .unwrap()
            .success()
    );
    xtask(&["up", "--nodes", "1"]);
    xtask(&["status"]);
    kubectl(&["run", "other", "--image=registry.local/demo:2"]);
    kubectl(&[
        "wait",
        "--for=condition=Ready",
        "--timeout=30s",
        "pod/other",
    ]);

    xtask(&["down"]);
    let after = Leftovers::count().without_others(&bridge);
    assert_eq!(after, before);
    xtask(&["down"]);
    assert!(!state().exists());
}

/// What the machine has of the things that a cluster is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Leftovers {
    processes: BTreeSet<String>,
    mounts: BTreeSet<String>,
    namespaces: BTreeSet<String>,
    links: BTreeSet<String>,
    routes: BTreeSet<String>,
    cgroups: BTreeSet<String>,
    nft_tables: BTreeSet<String>,
}

impl Leftovers {
    fn count() -> Self {
        let mountinfo = fs::read_to_string("/proc/self/mountinfo").unwrap();
        Self {
            processes: processes(),
            // The fifth field is where; numbers before it change. The directory of named network namespaces becomes a mount
            // with the first one that the machine ever has, and stays one.
            mounts: mountinfo
                .lines()
                .filter_map(|line| line.split(' ').nth(4))
                .filter(|path| *path != "/run/netns")
                .map(str::to_owned)
                .collect(),
            namespaces: names("/run/netns").collect(),
            links: names("/sys/class/net").collect(),
            routes: lines(&stdout("ip", &["-4", "route", "show"])),
            cgroups: cgroups(Path::new("/sys/fs/cgroup"), 2),
            nft_tables: lines(&stdout("nft", &["list", "tables"])),
        }
    }

    /// Without what other clusters have, which may come and go meanwhile: theirs are called by their slots.
    fn without_others(mut self, bridge: &str) -> Self {
        let foreign = |text: &String| {
            text.split(|c: char| !c.is_ascii_alphanumeric())
                .any(|word| {
                    let number = word
                        .strip_prefix("kr")
                        .map(|rest| rest.split('n').next().unwrap_or_default());
                    number.is_some_and(|number| {
                        number.parse::<u8>().is_ok() && format!("kr{number}") != bridge
                    })
                })
        };
        for set in [
            &mut self.mounts,
            &mut self.namespaces,
            &mut self.links,
            &mut self.routes,
            &mut self.cgroups,
        ] {
            set.retain(|text| !foreign(text));
        }
        self
    }
}

/// Processes that name the cluster's directory, or sit in a network namespace that is not the machine's.
fn processes() -> BTreeSet<String> {
    let root = fs::read_link("/proc/self/ns/net").unwrap();
    let ours = format!("/clusters/{NAME}/");
    names("/proc")
        .filter(|pid| {
            pid.parse::<u32>()
                .is_ok_and(|pid| pid != std::process::id())
        })
        .filter(|pid| {
            let command = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            let elsewhere =
                fs::read_link(format!("/proc/{pid}/ns/net")).is_ok_and(|net| net != root);
            String::from_utf8_lossy(&command).contains(&ours)
                || (elsewhere && mounts_of(pid).contains(&ours))
        })
        .collect()
}

/// What the process sees mounted: its node's directory at /run.
fn mounts_of(pid: &str) -> String {
    fs::read_to_string(format!("/proc/{pid}/mountinfo")).unwrap_or_default()
}

fn cgroups(dir: &Path, depth: u8) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        let path = entry.path();
        if entry.file_name().to_string_lossy().starts_with("kr") {
            found.insert(path.display().to_string());
        } else if depth > 1 && path.is_dir() {
            found.extend(cgroups(&path, depth - 1));
        }
    }
    found
}

fn recorded_pids() -> BTreeSet<(String, String)> {
    let dir = state().join("pids");
    names(&dir)
        .map(|part| (part.clone(), fs::read_to_string(dir.join(part)).unwrap()))
        .collect()
}

fn kill_recorded(which: impl Fn(&str) -> bool) {
    for (part, record) in recorded_pids() {
        if which(&part) {
            let pid = record.split(' ').next().unwrap();
            assert!(
                Command::new("kill")
                    .args(["-9", pid])
                    .status()
                    .unwrap()
                    .success(),
                "kill {part}"
            );
        }
    }
}

fn state() -> PathBuf {
    let cache = std::env::var_os("KRUISE_CACHE_DIR")
        .map(PathBuf::from)
        .or_else(|| std::env::var_os("XDG_CACHE_HOME").map(|dir| PathBuf::from(dir).join("kruise")))
        .unwrap_or_else(|| PathBuf::from(std::env::var_os("HOME").unwrap()).join(".cache/kruise"));
    cache.join("clusters").join(NAME)
}

fn command(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_localkube"));
    command
        .arg("cluster")
        .args(["--name", NAME])
        .args(args)
        .stdin(Stdio::null());
    command
}

fn xtask(args: &[&str]) -> Output {
    let start = Instant::now();
    let output = command(args).output().unwrap();
    eprintln!(
        "{args:?}: {:.1} s\n{}",
        start.elapsed().as_secs_f64(),
        stderr(&output)
    );
    assert!(
        output.status.success(),
        "{args:?} failed: {}",
        stderr(&output)
    );
    output
}

/// Started as by `flock FILE cargo xtask cluster up`: with a file open that isn't ours.
fn up_while_holding(file: &Path) {
    let up = command(&["up", "--nodes", "1"]);
    let mut shell = Command::new("sh");
    shell.args(["-c", "exec 7>\"$0\"; exec \"$@\""]).arg(file);
    let output = shell
        .arg(up.get_program())
        .args(up.get_args())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
}

/// Whether a process other than this one has the file open.
fn is_open(file: &Path) -> bool {
    names("/proc")
        .filter(|pid| {
            pid.parse::<u32>()
                .is_ok_and(|pid| pid != std::process::id())
        })
        .flat_map(|pid| {
            let dir = PathBuf::from(format!("/proc/{pid}/fd"));
            names(dir.clone())
                .map(move |fd| dir.join(fd))
                .collect::<Vec<_>>()
        })
        .any(|fd| fs::read_link(fd).is_ok_and(|target| target == file))
}

fn kubectl(args: &[&str]) {
    let mut all = vec!["kubectl", "--"];
    all.extend(args);
    xtask(&all);
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn stdout(program: &str, args: &[&str]) -> String {
    // A program that is not installed yet shows nothing that could have been left behind.
    Command::new(program)
        .args(args)
        .output()
        .map(|out| String::from_utf8_lossy(&out.stdout).into())
        .unwrap_or_default()
}

fn lines(text: &str) -> BTreeSet<String> {
    text.lines().map(str::to_owned).collect()
}

/// The name of the cluster's bridge, by its slot.
fn bridge() -> String {
    let config: serde_json::Value =
        serde_json::from_slice(&fs::read(state().join("cluster.json")).unwrap()).unwrap();
    format!("kr{}", config["slot"])
}

fn names(dir: impl AsRef<Path>) -> impl Iterator<Item = String> {
    fs::read_dir(dir)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
}

fn wait_for(what: &str, mut done: impl FnMut() -> bool) {
    let start = Instant::now();
    while !done() {
        assert!(
            start.elapsed() < Duration::from_secs(60),
            "waited for {what} in vain"
        );
        sleep(Duration::from_millis(10));
    }
}

/// Not Linux or not root: everything else that is missing is a failure, told by `up`.
fn cannot_run() -> Option<&'static str> {
    if !cfg!(target_os = "linux") {
        return Some("not Linux");
    }
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let is_root = status
        .lines()
        .any(|line| line.starts_with("Uid:") && line.split_whitespace().nth(2) == Some("0"));
    (!is_root).then_some("not root")
}
