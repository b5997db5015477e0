//! `cargo xtask cluster …`: arguments and output.

use std::ffi::OsString;
use std::fs;
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::Subcommand;

use super::site::{Lock, Node, Site};
use super::{Cluster, UpOptions, api, control_plane, kubectl_binary, lifecycle, net};
use crate::process;
use crate::progress::Progress;
use crate::times::Timed;

/// The arguments of `cargo xtask cluster`.
#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: ClusterCommand,
    /// Which cluster; several can stand side by side
    #[arg(long, global = true, default_value = "kruise", value_name = "NAME")]
    name: String,
    /// Use a cluster that exists already (status and kubectl only); nothing on this machine is touched
    #[arg(long, global = true, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
}

#[derive(Subcommand)]
enum ClusterCommand {
    /// Start it; start again what of it doesn't run; do nothing if it runs
    Up {
        /// How many nodes; with 0, a control plane alone
        #[arg(long, default_value_t = 3)]
        nodes: u8,
        /// Let the API server log the requests of service accounts; `status` says where
        #[arg(long)]
        audit: bool,
    },
    /// Install and build what a cluster needs, once some minutes, and start nothing
    Prepare,
    /// Say what runs, and where its files are; fails if something is wrong
    Status,
    /// Print the path of the administrator's kubeconfig
    Kubeconfig,
    /// Run kubectl on it: `cargo xtask cluster kubectl -- get nodes`
    Kubectl {
        /// Arguments for kubectl
        #[arg(
            trailing_var_arg = true,
            allow_hyphen_values = true,
            value_name = "ARGS"
        )]
        args: Vec<OsString>,
    },
    /// Cut a node off the network; what runs on it goes on
    Cut {
        /// For example node2
        node: String,
    },
    /// Connect a node again
    Heal {
        /// For example node2
        node: String,
    },
    /// Print a part's log
    Logs {
        /// For example apiserver or node1-kubelet; a wrong name lists them all
        part: String,
        /// Go on printing what is added
        #[arg(long, short)]
        follow: bool,
    },
    /// Stop and start a part of the control plane; the API server's data stays
    Restart {
        /// registry, etcd, apiserver, controller-manager or scheduler
        part: String,
        /// How many seconds it stays stopped
        #[arg(long, value_name = "SECONDS", default_value_t = 0)]
        wait: u64,
    },
    /// End it and remove all that belongs to it
    Down,
}

/// Runs a `cargo xtask cluster` command.
pub fn run(args: Args) -> Result<()> {
    let Args {
        command,
        name,
        kubeconfig,
    } = args;
    let progress = Progress::begin();
    if let Some(kubeconfig) = kubeconfig {
        return run_elsewhere(command, &kubeconfig, &progress);
    }
    match command {
        ClusterCommand::Up { nodes, audit } => {
            let timed = Timed::begin(&super::ahead(&name), &progress);
            Cluster::up(&UpOptions { name, nodes, audit }, &progress)?;
            timed.end(&progress);
            Ok(())
        }
        ClusterCommand::Prepare => lifecycle::prepare(&progress).map(drop),
        ClusterCommand::Down => Cluster::down(&name, &progress),
        ClusterCommand::Status => status(&name),
        ClusterCommand::Kubeconfig => {
            println!("{}", existing(&name)?.kubeconfig().display());
            Ok(())
        }
        ClusterCommand::Kubectl { args } => {
            Err(replace_by(api::kubectl(&existing(&name)?).args(args)))
        }
        ClusterCommand::Cut { node } => set_connected(&name, &node, false, &progress),
        ClusterCommand::Heal { node } => set_connected(&name, &node, true, &progress),
        ClusterCommand::Logs { part, follow } => logs(&existing(&name)?, &part, follow),
        ClusterCommand::Restart { part, wait } => {
            let _lock = Lock::acquire(&name, &progress)?;
            let site = existing(&name)?;
            if !control_plane::PARTS.contains(&part.as_str()) {
                bail!(
                    "{part:?} can't be restarted; these can: {}",
                    control_plane::PARTS.join(", ")
                );
            }
            lifecycle::restart(&site, &part, Duration::from_secs(wait), &progress)
        }
    }
}

fn run_elsewhere(command: ClusterCommand, kubeconfig: &Path, progress: &Progress) -> Result<()> {
    let args = match command {
        ClusterCommand::Kubectl { args } => args,
        ClusterCommand::Status => ["get", "nodes", "--output=wide"]
            .map(OsString::from)
            .to_vec(),
        ClusterCommand::Up { .. }
        | ClusterCommand::Prepare
        | ClusterCommand::Down
        | ClusterCommand::Kubeconfig
        | ClusterCommand::Cut { .. }
        | ClusterCommand::Heal { .. }
        | ClusterCommand::Logs { .. }
        | ClusterCommand::Restart { .. } => bail!(
            "this command works on a cluster that was made here, and {} is another's: with --kubeconfig only \
             status and kubectl work",
            kubeconfig.display()
        ),
    };
    if !kubeconfig.is_file() {
        bail!("there is no file {}", kubeconfig.display());
    }
    Err(replace_by(
        Command::new(kubectl_binary(progress)?)
            .arg("--kubeconfig")
            .arg(kubeconfig)
            .args(args),
    ))
}

/// Becomes the program, so that its exit code and signals are ours; returns only if it can't.
fn replace_by(command: &mut Command) -> anyhow::Error {
    let error = command.exec();
    anyhow::Error::new(error).context(format!("start `{}`", process::show(command)))
}

fn existing(name: &str) -> Result<Site> {
    Site::load(name)?.with_context(|| {
        format!("there is no cluster {name:?}; `cargo xtask cluster up --name {name}` makes it")
    })
}

fn status(name: &str) -> Result<()> {
    let site = existing(name)?;
    let ready = api::ready_nodes(&site).unwrap_or_default();
    // A reader that stopped reading (`| head`) is no reason to fail.
    let _ = write_status(&site, &ready, &mut std::io::stdout().lock());
    let faults = lifecycle::faults(&site);
    if !faults.is_empty() {
        bail!(
            "{}; `cargo xtask cluster up --name {name} --nodes {}` mends it",
            faults.join(", "),
            site.config.nodes
        );
    }
    if ready.len() < usize::from(site.config.nodes) {
        bail!("not every node is Ready");
    }
    Ok(())
}

fn write_status(site: &Site, ready: &[String], out: &mut impl Write) -> std::io::Result<()> {
    writeln!(out, "cluster     {}", site.name)?;
    writeln!(out, "API server  {}", site.api_server())?;
    writeln!(out, "kubeconfig  {}", site.kubeconfig().display())?;
    writeln!(
        out,
        "registry    {} (plain HTTP, mirror of every name)",
        site.registry()
    )?;
    writeln!(out, "logs        {}", site.path("log").display())?;
    if site.config.audit {
        writeln!(out, "audit log   {}", site.audit_log().display())?;
    } else {
        writeln!(out, "audit log   off; `up --audit` turns it on")?;
    }
    for node in site.nodes() {
        let state = match (ready.contains(&node.name()), net::is_connected(&node)) {
            (true, true) => "Ready",
            (false, true) => "not Ready",
            (_, false) => "cut off",
        };
        writeln!(
            out,
            "{:<11} {state}, address {}, pods {}",
            node.name(),
            node.address(),
            node.pod_subnet()
        )?;
    }
    Ok(())
}

fn set_connected(name: &str, node_name: &str, connected: bool, progress: &Progress) -> Result<()> {
    let _lock = Lock::acquire(name, progress)?;
    let site = existing(name)?;
    let found: Option<Node<'_>> = site.nodes().find(|node| node.name() == node_name);
    let Some(node) = found else {
        let names: Vec<String> = site.nodes().map(|node| node.name()).collect();
        bail!(
            "there is no {node_name:?} in cluster {name:?}; its nodes are {}",
            names.join(", ")
        );
    };
    net::set_connected(&node, connected)?;
    progress.step(format!(
        "{node_name} is {}",
        if connected {
            "connected again"
        } else {
            "cut off"
        }
    ));
    Ok(())
}

fn logs(site: &Site, part: &str, follow: bool) -> Result<()> {
    let log = site.log(part);
    if !log.is_file() {
        let mut parts: Vec<String> = fs::read_dir(site.path("log"))
            .context("list the logs")?
            .filter_map(|entry| {
                Some(
                    entry
                        .ok()?
                        .file_name()
                        .to_str()?
                        .strip_suffix(".log")?
                        .to_owned(),
                )
            })
            .collect();
        parts.sort();
        bail!("{part:?} has no log; these have: {}", parts.join(", "));
    }
    if follow {
        return Err(replace_by(
            Command::new("tail").args(["-n", "+1", "-F"]).arg(log),
        ));
    }
    let mut file = fs::File::open(&log).with_context(|| format!("open {}", log.display()))?;
    std::io::copy(&mut file, &mut std::io::stdout().lock())
        .context("print the log")
        .map(drop)
}
