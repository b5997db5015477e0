//! `cargo xtask new-controller`: a controller that builds, deploys and passes a smoke test, made from
//! xtask/templates/controller. It watches its kind and reports the generation that it has seen; what it is
//! for comes after.
//!
//! The kind's types, its CRD, its conversion and its webhooks are not made: they come with the specification.

mod kinds;
mod templates;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use localkube::{process, workspace};

use crate::crd_choices;
use kinds::Kinds;

/// Where the tables of deployables are told of.
const DEPLOYABLES: &str = "xtask/src/deployables.rs";
/// Where the modules of end-to-end tests are told of.
const TESTS: &str = "tests/e2e/tests/it/main.rs";
/// Where end-to-end tests have their names.
const NAMES: &str = "tests/e2e/src/names.rs";

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Of the crate, its binary and all that belongs to it: STEM-controller, where STEM is its overlay, too, unless there
    /// are CRDs for it already, under another choice
    name: String,
    /// The kind that it owns, and further ones that it watches: those of their objects wake it that an object
    /// of its own kind owns [default: the kind that is called like the stem]
    #[arg(long = "kind", value_name = "KIND", num_args = 1..)]
    kinds: Vec<String>,
}

/// Something that is written.
struct File {
    /// Relative to the workspace's root.
    path: PathBuf,
    text: String,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let stem = stem(&args.name)?;
    // Where docs/spec has a shorter word for what it owns, that is the choice.
    let choice = crd_choices::of_deployable(&args.name).unwrap_or(stem);
    let kinds = Kinds::find(stem, &args.kinds)?;
    let files = templates::files(&args.name, choice, &kinds)?;
    let root = workspace::root();
    for file in &files {
        let path = root.join(&file.path);
        ensure!(!path.exists(), "{} is there already", file.path.display());
    }
    for file in &files {
        write(&root.join(&file.path), &file.text)?;
    }
    change(DEPLOYABLES, |text| with_table(text, &snake(&args.name)))?;
    change(TESTS, |text| with_tests(text, &snake(choice)))?;
    let names = templates::names(&args.name, choice, &kinds);
    change(NAMES, |text| {
        Ok(format!("{text}{}", new_names(text, &names)))
    })?;

    format(&args.name)?;
    // Its table is known only to the program that is built with it.
    let mut generate = workspace::cargo();
    generate.args(["run", "--quiet", "--package=xtask", "--", "gen-deploy"]);
    let generated = process::output_of_long(&mut generate, "for cargo to build xtask anew")?;
    tell(&args.name, choice, &files, &generated)
}

/// What stands before `-controller`.
fn stem(name: &str) -> Result<&str> {
    let is_word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    match name.strip_suffix("-controller") {
        Some(stem)
            if stem.starts_with(|c: char| c.is_ascii_lowercase()) && stem.chars().all(is_word) =>
        {
            Ok(stem)
        }
        _ => bail!(
            "{name:?} is no name for a controller: small letters, digits and hyphens, and -controller at \
             the end"
        ),
    }
}

/// The list of deployables with one more.
fn with_table(deployables: &str, module: &str) -> Result<String> {
    const MODULES: &str = "mod rights;\n";
    const TABLES: &str = "[\n        cloneset_controller::table(),\n";
    let one = deployables
        .split_once(MODULES)
        .and_then(|(before, after)| Some((before, after.split_once(TABLES)?)));
    let Some((before, (between, after))) = one else {
        bail!("{DEPLOYABLES} has no {MODULES:?} or no {TABLES:?} any more");
    };
    Ok(format!(
        "{before}{MODULES}mod {module};\n{between}{TABLES}        {module}::table(),\n{after}"
    ))
}

/// The list of modules of end-to-end tests with one more.
fn with_tests(main: &str, module: &str) -> Result<String> {
    const MODULES: &str = "mod cloneset;\n";
    let Some((before, after)) = main.split_once(MODULES) else {
        bail!("{TESTS} has no {MODULES:?} any more");
    };
    Ok(format!("{before}{MODULES}mod {module};\n{after}"))
}

fn change(path: &str, change: impl FnOnce(&str) -> Result<String>) -> Result<()> {
    let file = workspace::root().join(path);
    let text = std::fs::read_to_string(&file).with_context(|| format!("read {path}"))?;
    write(&file, &change(&text)?)
}

/// Names have other lengths than in the templates, so lines break elsewhere.
fn format(name: &str) -> Result<()> {
    let mut format = workspace::cargo();
    format.args(["fmt", "--package", name, "--package=xtask", "--package=e2e"]);
    process::output(&mut format).map(drop)
}

fn write(path: &Path, text: &str) -> Result<()> {
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent).with_context(|| format!("create {}", parent.display()))?;
    }
    std::fs::write(path, text).with_context(|| format!("write {}", path.display()))
}

fn tell(name: &str, choice: &str, files: &[File], generated: &str) -> Result<()> {
    let lines = |path: &Path| {
        let text = std::fs::read_to_string(workspace::root().join(path))
            .with_context(|| format!("read {}", path.display()))?;
        anyhow::Ok(text.lines().count())
    };
    let mut n_lines = 0;
    for file in files {
        let n = lines(&file.path)?;
        n_lines += n;
        println!("{n:>5}  {}", file.path.display());
    }
    println!(
        "{n_lines:>5}  lines in {} files; and generated:",
        files.len()
    );
    print!("{generated}");
    let module = snake(choice);
    println!(
        "\nNow:\n  \
           cargo test --package {name}\n  \
           cargo xtask deploy {choice} --name CLUSTER\n  \
           cargo test --package e2e {module}::\n\
         Then its rules: docs/spec, the types in kruise-api, and a page docs/controllers/{choice}.md."
    );
    Ok(())
}

/// `image_pull_job` of `ImagePullJob`, or of `image-pull-job`.
fn snake(name: &str) -> String {
    let mut snake = String::new();
    for c in name.chars() {
        if c.is_ascii_uppercase() && !snake.is_empty() {
            snake.push('_');
        }
        snake.push(if c == '-' {
            '_'
        } else {
            c.to_ascii_lowercase()
        });
    }
    snake
}

/// The declarations of `names` that `text` hasn't got; blank lines are between them.
fn new_names(text: &str, names: &str) -> String {
    let is_new = |declaration: &&str| {
        let constant = declaration.split_once("pub const ").map(|(_, rest)| rest);
        let name = constant
            .and_then(|rest| rest.split_once(':'))
            .map(|(name, _)| name);
        name.is_some_and(|name| !text.contains(&format!("pub const {name}:")))
    };
    let declarations = names.trim().split("\n\n").filter(is_new);
    declarations.map(|it| format!("\n{it}\n")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_ends_in_controller() {
        assert_eq!(stem("image-pull-controller").unwrap(), "image-pull");
        for bad in [
            "widget",
            "Widget-controller",
            "-controller",
            "1-controller",
            "a b-controller",
        ] {
            assert!(stem(bad).is_err(), "{bad}");
        }
    }

    // A kind may be known there already: as what a stand-in is installed for, say.
    #[test]
    fn names_that_are_there_are_not_declared_again() {
        let names =
            "\n/// One.\npub const A: &str = \"a\";\n\n/// Two.\npub const B: &str = \"b\";\n";
        assert_eq!(new_names("pub const AB: u8 = 1;\n", names), names);
        let kept = new_names("/// Two.\npub const B: u8 = 1;\n", names);
        assert_eq!(kept, "\n/// One.\npub const A: &str = \"a\";\n");
    }

    #[test]
    fn names_become_those_of_modules() {
        assert_eq!(snake("ImagePullJob"), "image_pull_job");
        assert_eq!(snake("widget-controller"), "widget_controller");
    }

    #[test]
    fn a_table_is_added_to_those_that_are_there() {
        let path = workspace::root().join(DEPLOYABLES);
        let text = std::fs::read_to_string(path).unwrap();
        let added = with_table(&text, "widget_controller").unwrap();
        assert!(added.contains("mod widget_controller;\n"));
        assert!(added.contains("        widget_controller::table(),\n"));
        assert!(with_table("fn all() {}", "a").is_err());
    }

    #[test]
    fn a_module_is_added_to_the_end_to_end_tests() {
        let path = workspace::root().join(TESTS);
        let text = std::fs::read_to_string(path).unwrap();
        let added = with_tests(&text, "widget").unwrap();
        assert!(added.contains("mod cloneset;\nmod widget;\n"));
        assert!(with_tests("mod api;", "widget").is_err());
    }
}
