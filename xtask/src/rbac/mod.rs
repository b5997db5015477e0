//! `cargo xtask gen-rbac`: each deployable's roles, from a table that gives every right its reason.
//!
//! The table is written by hand, beside nothing it could drift from unseen: the end-to-end tests
//! run with exactly these rights.

mod cloneset;
mod render;

use std::path::Path;

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
}

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
    let files: Vec<Generated> = [cloneset::RIGHTS].iter().map(file).collect();
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
