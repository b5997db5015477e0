//! The stages, in order of cost.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};
use clap::ValueEnum;
use localkube::cluster::Cluster;
use localkube::times::Step;
use localkube::workspace::{self, Metadata};

use super::budget::Budget;
use super::child::Children;
use super::libtest::Report;
use super::summary::Outcome;
use super::tools;
use super::{Args, cluster_name};
use crate::{conformance, deployables, gen_crds, gen_deploy, tidy};

/// How many end-to-end tests may wait for their turn: a few of them run at once (`AT_ONCE` in tests/e2e), but each
/// that waits for what it claims has a thread.
const E2E_THREADS: &str = "--test-threads=32";
/// The feature with which end-to-end tests are built that are too dear for CI.
const FULL: &str = "--features=e2e/full";
/// How many sequences of requests the test kit's API server and a real one are sent. `cargo xtask conformance` sends
/// more.
const SEQUENCES: &str = "200";
/// The package of the local cluster.
const LOCALKUBE: &str = "localkube";

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Stage {
    Fmt,
    Clippy,
    Docs,
    Tidy,
    Deny,
    Generated,
    Conformance,
    Package,
    Unit,
    Cluster,
    Sequences,
    E2e,
}

impl Stage {
    /// In the order in which they are declared.
    pub(super) fn all() -> Vec<Self> {
        Self::value_variants().to_vec()
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Fmt => "fmt",
            Self::Clippy => "clippy",
            Self::Docs => "docs",
            Self::Tidy => "tidy",
            Self::Deny => "deny",
            Self::Generated => "generated",
            Self::Conformance => "conformance",
            Self::Package => "package",
            Self::Unit => "unit",
            Self::Cluster => "cluster",
            Self::Sequences => "sequences",
            Self::E2e => "e2e",
        }
    }

    /// What its time is kept by.
    pub(super) fn step(self) -> Step {
        let name = match self {
            Self::Fmt => "test fmt",
            Self::Clippy => "test clippy",
            Self::Docs => "test docs",
            Self::Tidy => "test tidy",
            Self::Deny => "test deny",
            Self::Generated => "test generated",
            Self::Conformance => "test conformance",
            Self::Package => "test package",
            Self::Unit => "test unit",
            Self::Cluster => "test cluster",
            Self::Sequences => "test sequences",
            Self::E2e => "test e2e",
        };
        Step { name, usual: None }
    }

    pub(super) fn about(self) -> &'static str {
        match self {
            Self::Fmt => "the formatting is rustfmt's",
            Self::Clippy => "no lint complains",
            Self::Docs => "documentation builds, and its links lead somewhere",
            Self::Tidy => "dependency edges, file sizes, documented commands",
            Self::Deny => "licences and sources of dependencies, banned crates",
            Self::Generated => "generated files are current",
            Self::Conformance => "CRDs are the reference's, but for reviewed differences",
            Self::Package => "kruise-api builds from its package alone, without a warning",
            Self::Unit => "unit, planner, property and golden tests",
            Self::Cluster => "the local cluster mends itself and leaves nothing behind",
            Self::Sequences => "the test kit's API server answers as a real one",
            Self::E2e => "the binaries from their images on a real cluster, and no right unused",
        }
    }

    pub(super) fn uses_cluster(self) -> bool {
        matches!(self, Self::Cluster | Self::Sequences | Self::E2e)
    }

    pub(super) fn run(self, args: &Args, children: &Children, outcome: &mut Outcome) -> Result<()> {
        match self {
            Self::Fmt => children.run(workspace::cargo().args(["fmt", "--all", "--check"])),
            Self::Clippy => children.run(workspace::cargo().args([
                "clippy",
                "--workspace",
                "--all-targets",
                FULL,
                "--",
                "--deny=warnings",
            ])),
            Self::Docs => children.run(
                workspace::cargo()
                    .args(["doc", "--workspace", "--no-deps"])
                    .env("RUSTDOCFLAGS", "--deny=warnings"),
            ),
            Self::Tidy => tidy::run(&tidy::Args {}),
            Self::Deny => {
                let mut deny = tools::cargo_deny(children)?;
                children.run(deny.args(["check", "bans", "licenses", "sources"]))
            }
            Self::Generated => {
                gen_crds::run(&gen_crds::Args { check: true })?;
                gen_deploy::run(&gen_deploy::Args {
                    check: true,
                    used_in: None,
                })
            }
            Self::Conformance => conformance::run(&conformance::Args::default()),
            Self::Package => package(children),
            Self::Unit => unit(children, outcome),
            Self::Cluster => cluster(children, outcome),
            Self::Sequences => children.run(Command::new(own_binary()?).args([
                "conformance",
                "--sequences",
                SEQUENCES,
            ])),
            Self::E2e => e2e(args, children, outcome),
        }
    }
}

/// Packs what others may use without the rest of the workspace, and builds it from the package.
fn package(children: &Children) -> Result<()> {
    let errors = children.run_reading_errors(workspace::cargo().args([
        "package",
        "--package=kruise-api",
        // What isn't committed yet is tested too.
        "--allow-dirty",
        "--offline",
        "--color=never",
    ]))?;
    match errors.lines().find(|line| line.starts_with("warning")) {
        None => Ok(()),
        Some(warning) => bail!("`cargo package`: {warning}"),
    }
}

fn unit(children: &Children, outcome: &mut Outcome) -> Result<()> {
    let others = [
        "test",
        "--workspace",
        "--exclude=e2e",
        "--exclude=localkube",
        "--no-fail-fast",
    ];
    // Without those of them that need a cluster, which have stages of their own.
    let libraries = ["test", "--package=localkube", "--package=e2e", "--lib"];
    for arguments in [others.as_slice(), &libraries] {
        let report = children.test(workspace::cargo().args(arguments))?;
        outcome.count(&report);
        report.result()?;
    }
    Ok(())
}

fn cluster(children: &Children, outcome: &mut Outcome) -> Result<()> {
    let metadata = Metadata::read()?;
    let localkube = metadata
        .packages
        .iter()
        .find(|package| package.name == LOCALKUBE);
    let targets = localkube
        .with_context(|| format!("the workspace has no package {LOCALKUBE}"))?
        .targets
        .iter();
    if !targets
        .flat_map(|target| &target.kind)
        .any(|kind| kind == "test")
    {
        bail!("tests/localkube/tests is empty: the local cluster's own test is gone");
    }
    // Here, so that its progress can be seen. Where it fails the test says why, and whether that matters.
    let prepared = children.run(Command::new(own_binary()?).args(["cluster", "prepare"]));
    if let Err(error) = prepared {
        eprintln!("{error:#}");
    }
    // With their output, which says when a machine can't run a cluster.
    let report = children.test(workspace::cargo().args([
        "test",
        "--package",
        LOCALKUBE,
        "--test=*",
        "--",
        "--show-output",
    ]))?;
    outcome.count(&report);
    report.result()
}

fn e2e(args: &Args, children: &Children, outcome: &mut Outcome) -> Result<()> {
    if let (Some(kubeconfig), Some(registry)) = (&args.kubeconfig, &args.registry) {
        let mut deploy = Command::new(own_binary()?);
        deploy.args(["deploy", "all"]);
        deploy
            .arg("--kubeconfig")
            .arg(kubeconfig)
            .args(["--registry", registry]);
        if args.insecure {
            deploy.arg("--insecure");
        }
        children.run(&mut deploy)?;
    }
    let tests = e2e_tests(args, children)?;
    let mut budget = match args.full {
        None => Budget::of(&tests)?,
        Some(_) => Budget::without_limit(&tests),
    };
    budget.check()?;
    let times = std::env::temp_dir().join(format!("kruise-e2e-times-{}", std::process::id()));
    let result = all_e2e(args, children, &times, outcome);
    let noted = if times.exists() {
        let noted = budget.ran(&times);
        noted.and(std::fs::remove_file(&times).context("remove the times of tests"))
    } else {
        Ok(())
    };
    outcome.budget = budget;
    // What the tests found comes first.
    result.and(noted)
}

/// Runs the tests, and once more what failed.
fn all_e2e(args: &Args, children: &Children, times: &Path, outcome: &mut Outcome) -> Result<()> {
    let report = run_e2e(args, children, times, &[])?;
    outcome.count(&report);
    if report.failed_tests.is_empty() {
        report.result()?;
        return rights_are_used(args);
    }
    // Once more: a real cluster has bad moments. A pass now is not hidden, but called flaky.
    let names: Vec<&str> = report.failed_tests.iter().map(String::as_str).collect();
    println!("once more: {}", names.join(", "));
    let again = run_e2e(args, children, times, &names)?;
    outcome.repeat(&report, &again);
    again.result()?;
    rights_are_used(args)
}

/// What deployables may do, and no test needed. Somebody else's cluster doesn't tell.
fn rights_are_used(args: &Args) -> Result<()> {
    // Those of one deployable need not have used what others may.
    if args.kubeconfig.is_some() || args.full.is_some() {
        return Ok(());
    }
    let name = cluster_name();
    let cluster = Cluster::find(&name)?.with_context(|| format!("cluster {name:?} is gone"))?;
    let log = cluster.audit_log();
    let log = log.with_context(|| format!("cluster {name:?} has no audit log"))?;
    gen_deploy::check_used(&deployables::all(), &log)
}

/// Names of the end-to-end tests that are to run.
fn e2e_tests(args: &Args, children: &Children) -> Result<Vec<String>> {
    let mut command = e2e_command(args);
    command.args(["--list", "--format=terse"]);
    let listed = children.output(&mut command)?;
    let names = listed
        .lines()
        .filter_map(|line| line.strip_suffix(": test"));
    let names: Vec<String> = names.map(ToOwned::to_owned).collect();
    if let (Some(name), true) = (&args.full, names.is_empty()) {
        bail!(
            "no end-to-end test is of {name:?}: the modules in tests/e2e/tests/it are called like overlays"
        );
    }
    Ok(names)
}

/// `cargo test` of the tests that are to run; what follows goes to them.
fn e2e_command(args: &Args) -> Command {
    let mut command = workspace::cargo();
    command.args(["test", "--package=e2e", "--test=it"]);
    match &args.full {
        None => command.arg("--"),
        Some(name) => command.args([FULL, "--", &format!("{}::", name.replace('-', "_"))]),
    };
    command
}

/// All end-to-end tests, or those with the given names.
fn run_e2e(args: &Args, children: &Children, times: &Path, names: &[&str]) -> Result<Report> {
    let mut command = e2e_command(args);
    // The tests call commands of localkube, which are ours too: nothing has to be built for them.
    command.env("KRUISE_LOCALKUBE", own_binary()?);
    command.env("KRUISE_E2E_TIMES", times).arg(E2E_THREADS);
    if let Some(kubeconfig) = &args.kubeconfig {
        let absolute = std::path::absolute(kubeconfig).context("find the kubeconfig")?;
        // With their output, in which tests say that they skipped themselves.
        command
            .arg("--show-output")
            .env("KRUISE_E2E_KUBECONFIG", absolute);
    }
    if !names.is_empty() {
        command.arg("--exact").args(names);
    }
    children.test(&mut command)
}

/// Where our binary lies. A stage before may have built it anew, in which case Linux calls the file
/// that runs deleted; the new one has its name.
fn own_binary() -> Result<std::path::PathBuf> {
    let running = std::env::current_exe().context("find our own binary")?;
    let path = running.to_string_lossy();
    Ok(path
        .strip_suffix(" (deleted)")
        .map_or_else(|| running.clone(), Into::into))
}
