//! `cargo xtask gen-rbac`: each deployable's roles, from a table that gives every right its reason.
//!
//! The table is written by hand. What it lacks the end-to-end tests show, since they run with exactly these
//! rights; what it has too much, a test that knows which verbs the runtime's client can send, and
//! `--used-in` with the audit log of a run.

mod cloneset;
mod render;
mod used;

use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::generated::{self, Generated};

const COMMAND: &str = "gen-rbac";

/// Everything is installed in one namespace.
const NAMESPACE: &str = "kruise-system";

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Write nothing; fail if a file is not current
    #[arg(long)]
    pub(crate) check: bool,
    /// Write nothing; say which rights nobody used, by the audit log of a cluster that was made with --audit
    #[arg(long, value_name = "LOG", conflicts_with = "check")]
    pub(crate) used_in: Option<PathBuf>,
}

/// Of every deployable.
const TABLES: [Rights; 1] = [cloneset::RIGHTS];

/// What one deployable may do.
struct Rights {
    /// The deployable, which its service account and roles are named after.
    name: &'static str,
    /// In every namespace.
    cluster: &'static [Rule],
    /// In the namespace of the installation.
    own_namespace: &'static [Rule],
}

/// Verbs on resources of one group, with what they are for.
struct Rule {
    /// Printed above the rule.
    why: &'static str,
    /// The API group; empty for core.
    group: &'static str,
    resources: &'static [&'static str],
    verbs: &'static [&'static str],
    /// Objects by name; empty for all.
    names: &'static [&'static str],
}

pub(crate) fn run(args: &Args) -> Result<()> {
    if let Some(log) = &args.used_in {
        return TABLES.iter().try_for_each(|rights| used::tell(rights, log));
    }
    let files: Vec<Generated> = TABLES.iter().map(file).collect();
    if args.check {
        generated::check(&files, COMMAND)
    } else {
        generated::write(&files)
    }
}

fn file(rights: &Rights) -> Generated {
    Generated {
        path: Path::new("deploy/base").join(rights.name).join("rbac.yaml"),
        content: generated::banner(COMMAND) + &render::manifests(rights),
    }
}
