//! Building the programs that go into images, with Cargo.

use std::collections::HashSet;
use std::io::{BufRead as _, BufReader, Read};
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use crate::process;
use crate::progress::{Patience, Progress};
use crate::times::{self, Times};
use crate::workspace::{self, Metadata};

/// How soon the end of a build is noticed.
const POLL: Duration = Duration::from_millis(100);

/// The Cargo profiles that make sense in an image.
#[derive(Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Profile {
    #[default]
    Release,
    Dist,
}

impl Profile {
    fn name(self) -> &'static str {
        match self {
            Self::Release => "release",
            Self::Dist => "dist",
        }
    }
}

/// One line of `cargo build --message-format=json`; only artifacts matter here.
#[derive(Deserialize)]
struct Message {
    reason: String,
    package_id: Option<String>,
    #[serde(default)]
    fresh: bool,
    executable: Option<PathBuf>,
    target: Option<Target>,
}

#[derive(Deserialize)]
struct Target {
    name: String,
}

/// Builds the packages' binaries; the result is in the order of `names`.
pub(super) fn build_all(
    names: &[String],
    profile: Profile,
    progress: &Progress,
) -> Result<Vec<PathBuf>> {
    let expected = Times::load().expected(step_ahead(names, profile));
    progress.step(format!(
        "building {} (profile {}); about {expected}",
        names.join(", "),
        profile.name()
    ));
    let mut command = workspace::cargo();
    command.args([
        "build",
        "--profile",
        profile.name(),
        "--message-format=json-render-diagnostics",
    ]);
    for name in names {
        // By package and binary: a package's examples or further binaries don't go into images.
        command.args(["--package", name, "--bin", name]);
    }
    // Cargo's own progress goes through to the terminal.
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .with_context(|| format!("start `{}`", process::show(&command)))?;
    let stdout = child
        .stdout
        .take()
        .context("cargo has no standard output")?;
    let n_packages = packages_of(names);
    let mut patience = Patience::for_minutes(format!("for cargo to build {}", names.join(", ")));
    let built = Mutex::new(Built::default());
    let messages = std::thread::scope(|scope| {
        let reader = scope.spawn(|| read(stdout, &built));
        while !reader.is_finished() {
            std::thread::sleep(POLL);
            patience.look(|| lock(&built).so_far(n_packages, &expected));
        }
        let read = reader
            .join()
            .map_err(|_| anyhow::anyhow!("a thread panicked"));
        read?.context("read cargo's messages")
    })?;
    let status = child
        .wait()
        .with_context(|| format!("wait for `{}`", process::show(&command)))?;
    if !status.success() {
        bail!("`{}` ended with {status}", process::show(&command));
    }
    let built = lock(&built);
    if let (Some(step), Some(start)) = (built.step(), built.start) {
        times::keep(step, start.elapsed());
    }
    drop(built);
    names
        .iter()
        .map(|name| executable(&messages, name))
        .collect()
}

/// What a build of these has before it: all, or what has changed since the last.
pub(super) fn step_ahead(names: &[String], profile: Profile) -> times::Step {
    let directory = Metadata::read().map(|metadata| metadata.target_directory);
    let was_built = directory.is_ok_and(|directory| {
        let directory = directory.join(profile.name());
        names.iter().all(|name| directory.join(name).exists())
    });
    if was_built {
        times::REBUILD
    } else {
        times::BUILD
    }
}

/// How many packages there are to build, at most; 0 if Cargo doesn't say.
fn packages_of(names: &[String]) -> usize {
    let mut command = workspace::cargo();
    command.args(["tree", "--offline", "--edges=normal,build", "--prefix=none"]);
    command.arg("--format={p}");
    for name in names {
        command.args(["--package", name]);
    }
    let tree = process::output(&mut command).unwrap_or_default();
    let packages = tree
        .lines()
        .map(|line| line.trim_end_matches(" (*)"))
        .filter(|line| !line.is_empty());
    packages.collect::<HashSet<_>>().len()
}

/// Packages whose parts Cargo has told of.
#[derive(Default)]
struct Built {
    all: HashSet<String>,
    /// Those that were there before.
    fresh: HashSet<String>,
    /// When the first was told of: before that Cargo may have waited for another one.
    start: Option<Instant>,
}

impl Built {
    fn add(&mut self, line: &str) {
        let Ok(message) = serde_json::from_str::<Message>(line) else {
            return;
        };
        if let Some(package) = message.package_id
            && message.reason == "compiler-artifact"
        {
            self.start.get_or_insert_with(Instant::now);
            if message.fresh {
                self.fresh.insert(package.clone());
            }
            self.all.insert(package);
        }
    }

    fn so_far(&self, of: usize, expected: &str) -> String {
        let n_built = self.all.len();
        match of {
            0 => format!("{n_built} packages so far, about {expected} in all"),
            of => format!("{n_built} of {of} packages, about {expected} in all"),
        }
    }

    /// Which step's time it tells; none's if there was nothing to build.
    fn step(&self) -> Option<times::Step> {
        let n_new = self.all.difference(&self.fresh).count();
        match n_new {
            0 => None,
            n_new if n_new * 2 >= self.all.len() => Some(times::BUILD),
            _ => Some(times::REBUILD),
        }
    }
}

fn lock(built: &Mutex<Built>) -> MutexGuard<'_, Built> {
    built.lock().unwrap_or_else(PoisonError::into_inner)
}

fn read(stdout: impl Read, built: &Mutex<Built>) -> std::io::Result<String> {
    let mut messages = String::new();
    for line in BufReader::new(stdout).lines() {
        let line = line?;
        lock(built).add(&line);
        messages.push_str(&line);
        messages.push('\n');
    }
    Ok(messages)
}

fn executable(messages: &str, name: &str) -> Result<PathBuf> {
    messages
        .lines()
        .filter_map(|line| serde_json::from_str::<Message>(line).ok())
        .filter(|message| message.reason == "compiler-artifact")
        .filter(|message| {
            message
                .target
                .as_ref()
                .is_some_and(|target| target.name == name)
        })
        .find_map(|message| message.executable)
        .with_context(|| format!("cargo built {name}, but named no executable of it"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn built(packages: &[(&str, bool)]) -> Built {
        let mut built = Built::default();
        for (package, fresh) in packages {
            built.add(&format!(
                r#"{{"reason":"compiler-artifact","package_id":"{package}","fresh":{fresh}}}"#
            ));
        }
        built
    }

    #[test]
    fn a_build_counts_packages_and_tells_whose_time_it_took() {
        // A package has a build script beside its library.
        let first = built(&[("a", false), ("a", false), ("b", false), ("c", true)]);
        assert_eq!(
            first.so_far(9, "150 s"),
            "3 of 9 packages, about 150 s in all"
        );
        assert_eq!(first.step(), Some(times::BUILD));
        let again = built(&[("a", true), ("b", true), ("c", false)]);
        assert_eq!(again.step(), Some(times::REBUILD));
        assert_eq!(built(&[("a", true)]).step(), None);
    }

    #[test]
    fn the_executable_is_the_one_of_the_binary_not_of_the_library() {
        let messages = concat!(
            r#"{"reason":"compiler-artifact","target":{"name":"tool"},"executable":null}"#,
            "\n",
            r#"{"reason":"compiler-artifact","target":{"name":"other"},"executable":"/t/other"}"#,
            "\n",
            r#"{"reason":"compiler-artifact","target":{"name":"tool"},"executable":"/t/tool"}"#,
            "\n",
            r#"{"reason":"build-finished","success":true}"#,
        );
        assert_eq!(
            executable(messages, "tool").unwrap(),
            PathBuf::from("/t/tool")
        );
        assert!(executable(messages, "third").is_err());
    }
}
