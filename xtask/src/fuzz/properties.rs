//! Which tests are properties: those that a `proptest!` in the sources has arguments for.
//!
//! Names of files and modules don't matter, so that a new file of properties needs no entry anywhere.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use localkube::process;
use localkube::workspace;
use serde::Deserialize;

use crate::test::child::Children;

/// A test binary with properties in it.
pub(super) struct Binary {
    pub(super) path: PathBuf,
    /// Where Cargo would start it: its package's directory.
    pub(super) directory: PathBuf,
    /// The option by which Cargo chooses it, as `--test api`.
    pub(super) target: String,
    /// Full names of tests.
    pub(super) properties: Vec<String>,
}

/// What Cargo says of each thing that it built.
#[derive(Deserialize)]
struct Message {
    executable: Option<PathBuf>,
    manifest_path: Option<PathBuf>,
    target: Option<Target>,
}

#[derive(Deserialize)]
struct Target {
    name: String,
    kind: Vec<String>,
    src_path: PathBuf,
}

/// Builds a package's tests and finds the properties among them.
pub(super) fn find(children: &Children, package: &str, profile: &str) -> Result<Vec<Binary>> {
    let mut output = Vec::new();
    let report = children.test_to(
        workspace::cargo().args([
            "test",
            "--package",
            package,
            "--profile",
            profile,
            "--tests",
            "--no-run",
            "--message-format=json-render-diagnostics",
        ]),
        &mut output,
    )?;
    children.check()?;
    report.result().context("build the tests")?;
    let mut binaries = Vec::new();
    for line in String::from_utf8_lossy(&output).lines() {
        let message: Message = serde_json::from_str(line).context("read what Cargo says")?;
        if let Message {
            executable: Some(path),
            manifest_path: Some(manifest),
            target: Some(target),
        } = message
        {
            let directory = manifest.parent().context("a manifest without directory")?;
            let binary = Binary {
                properties: properties(&path, &target)?,
                path,
                directory: directory.to_owned(),
                target: option(&target),
            };
            if !binary.properties.is_empty() {
                binaries.push(binary);
            }
        }
    }
    if binaries.is_empty() {
        bail!("{package} has no property tests");
    }
    Ok(binaries)
}

fn option(target: &Target) -> String {
    match target.kind.first().map(String::as_str) {
        Some(kind @ ("test" | "bin")) => format!("--{kind} {}", target.name),
        _ => "--lib".to_owned(),
    }
}

/// The tests of a binary that are properties by its sources.
fn properties(binary: &Path, target: &Target) -> Result<Vec<String>> {
    let root = target
        .src_path
        .parent()
        .context("a target without directory")?;
    let mut names = BTreeSet::new();
    scan(root, &mut names)?;
    let list = process::output(Command::new(binary).args(["--list", "--format=terse"]))?;
    let tests = list.lines().filter_map(|line| line.strip_suffix(": test"));
    let is_property = |test: &&str| names.contains(test.rsplit("::").next().unwrap_or(test));
    Ok(tests.filter(is_property).map(ToOwned::to_owned).collect())
}

fn scan(directory: &Path, names: &mut BTreeSet<String>) -> Result<()> {
    let list = || format!("list {}", directory.display());
    for entry in std::fs::read_dir(directory).with_context(list)? {
        let path = entry.with_context(list)?.path();
        if path.is_dir() {
            scan(&path, names)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = std::fs::read_to_string(&path)
                .with_context(|| format!("read {}", path.display()))?;
            names.extend(functions_with_strategies(&text).map(ToOwned::to_owned));
        }
    }
    Ok(())
}

/// Functions in a file with `proptest!` whose arguments are `name in strategy`. What isn't a test,
/// as in `prop_compose!`, is in no list of tests.
fn functions_with_strategies(text: &str) -> impl Iterator<Item = &str> {
    let text = if text.contains("proptest!") { text } else { "" };
    text.split("fn ").skip(1).filter_map(|function| {
        let (name, rest) = function.split_once('(')?;
        let arguments = rest.split('{').next()?;
        arguments.contains(" in ").then_some(name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"
prop_compose! { fn pod()(node in any_node()) -> Pod { Pod { node } } }
fn helper(pod: &Pod) { for x in pod {} }
proptest! {
    #[test]
    fn short(json in any_json()) { check(json) }
    #[test]
    fn long(
        text in "[a-z]{3}",
        number in 0..8,
    ) {
        check(text, number);
    }
}
#[test]
fn ordinary() { for x in [1] { check(x) } }
"#;

    #[test]
    fn properties_are_told_by_their_arguments() {
        let names: Vec<_> = functions_with_strategies(TEXT).collect();
        assert_eq!(names, ["pod", "short", "long"]);
        let other = TEXT.replace("proptest!", "other!");
        assert_eq!(functions_with_strategies(&other).count(), 0);
    }

    #[test]
    fn a_target_is_chosen_by_its_kind() {
        let target = |kind: &str| Target {
            name: "api".to_owned(),
            kind: vec![kind.to_owned()],
            src_path: PathBuf::new(),
        };
        assert_eq!(option(&target("test")), "--test api");
        assert_eq!(option(&target("lib")), "--lib");
    }
}
