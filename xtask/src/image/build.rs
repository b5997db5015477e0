//! Building the programs that go into images, with Cargo.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use crate::process;
use crate::progress::Progress;
use crate::workspace;

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
    progress.step(format!(
        "building {} (profile {})",
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
    let output = command
        .stderr(std::process::Stdio::inherit())
        .output()
        .with_context(|| format!("start `{}`", process::show(&command)))?;
    if !output.status.success() {
        bail!("`{}` ended with {}", process::show(&command), output.status);
    }
    let messages = String::from_utf8_lossy(&output.stdout);
    names
        .iter()
        .map(|name| executable(&messages, name))
        .collect()
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
