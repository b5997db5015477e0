//! `cargo xtask gen-deploy`: what lies in deploy/ for each deployable, from its table in `deployables`: its
//! base with roles, Deployment, Services and webhooks, the kustomizations of its CRDs, and the overlays.
//!
//! Comments are written along, which no serialiser keeps, so this writes text. What a table's rights lack the
//! end-to-end tests show, since they run with exactly these; what they have too much, a test that knows which
//! verbs the runtime's client can send, and `--used-in` with the audit log of a run.

mod kustomize;
mod rbac;
mod services;
mod used;
mod webhooks;
mod workload;

use std::path::{Path, PathBuf};

use anyhow::Result;

pub(crate) use used::check_used;

use crate::crd_choices::{self, CHOICES};
use crate::deployables::{self, Deployable};
use crate::generated::{self, Generated};

const COMMAND: &str = "gen-deploy";

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Write nothing; fail if a file is not current
    #[arg(long)]
    pub(crate) check: bool,
    /// Write nothing; fail if nobody used a right, by the audit log of a cluster that was made with --audit
    /// and ran the end-to-end tests, and no list excuses it
    #[arg(long, value_name = "LOG", conflicts_with = "check")]
    pub(crate) used_in: Option<PathBuf>,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let deployables = deployables::all();
    if let Some(log) = &args.used_in {
        return check_used(&deployables, log);
    }
    let files = files(&deployables);
    if args.check {
        generated::check(&files, COMMAND)?;
        generated::check_no_other(&files, COMMAND, Path::new("deploy"))
    } else {
        generated::write(&files)
    }
}

fn files(deployables: &[Deployable]) -> Vec<Generated> {
    let mut files = Vec::new();
    for deployable in deployables {
        let base = Path::new("deploy/base").join(deployable.name);
        let parts = base_parts(deployable);
        let names: Vec<&str> = parts.iter().map(|(name, _)| *name).collect();
        let kustomization = kustomize::base(&names);
        for (name, text) in parts.iter().chain([&("kustomization.yaml", kustomization)]) {
            files.push(generated(&base.join(name), text));
        }
        files.push(overlay(deployable.choice, &kustomize::overlay(deployable)));
    }
    let crds = Path::new("deploy/crds");
    for choice in CHOICES {
        let path = crds.join(choice.name).join("kustomization.yaml");
        files.push(generated(&path, &kustomize::crds(choice)));
    }
    let all_crds = kustomize::all_crds(CHOICES);
    let path = crds.join(crd_choices::ALL).join("kustomization.yaml");
    files.push(generated(&path, &all_crds));
    files.push(overlay(
        kustomize::ALL,
        &kustomize::overlay_of_all(deployables),
    ));
    files
}

/// The files of a base, in the order in which its kustomization names them.
fn base_parts(deployable: &Deployable) -> Vec<(&'static str, String)> {
    let mut parts = vec![
        ("service-account.yaml", rbac::service_account(deployable)),
        ("rbac.yaml", rbac::roles(deployable)),
        ("deployment.yaml", workload::deployment(deployable)),
    ];
    if deployable.converts {
        parts.push(("service.yaml", services::conversion(deployable)));
    }
    if !deployable.webhooks.is_empty() {
        parts.push(("webhook-service.yaml", services::admission(deployable)));
        parts.push(("webhooks.yaml", webhooks::configurations(deployable)));
    }
    parts.push(("pod-disruption-budget.yaml", workload::budget(deployable)));
    parts
}

fn overlay(name: &str, text: &str) -> Generated {
    let directory = Path::new("deploy/overlays").join(name);
    generated(&directory.join("kustomization.yaml"), text)
}

fn generated(path: &Path, text: &str) -> Generated {
    Generated {
        path: path.to_owned(),
        content: generated::banner(COMMAND) + text,
    }
}

/// The labels of everything that belongs to a deployable, so many spaces deep.
fn labels(name: &str, depth: usize) -> String {
    let indent = " ".repeat(depth);
    format!(
        "{indent}labels:\n\
         {indent}  app.kubernetes.io/name: {name}\n\
         {indent}  app.kubernetes.io/part-of: kruise\n"
    )
}

/// Each line as a comment, so many spaces deep; nothing of an empty text.
fn comment(text: &str, depth: usize) -> String {
    let indent = " ".repeat(depth);
    text.lines()
        .map(|line| format!("{indent}# {line}").trim_end().to_owned() + "\n")
        .collect()
}

/// `[a, b]`, as YAML has lists in one line; each item in quotes if it must be.
fn list(items: impl IntoIterator<Item = impl AsRef<str>>) -> String {
    let items: Vec<String> = items
        .into_iter()
        .map(|item| scalar(item.as_ref()))
        .collect();
    format!("[{}]", items.join(", "))
}

/// In quotes unless it is a plain word: what YAML takes for a string of its own accord.
fn scalar(text: &str) -> String {
    let is_plain = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '-')
        && text.len() > 1
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "-_./=".contains(c))
        && !matches!(
            text.to_ascii_lowercase().as_str(),
            "true" | "false" | "null" | "yes" | "no" | "on" | "off"
        );
    if is_plain {
        text.to_owned()
    } else {
        serde_json::Value::from(text).to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_stand_without_quotes_and_what_yaml_would_misread_with_them() {
        assert_eq!(list(["pods", "pods/status"]), "[pods, pods/status]");
        assert_eq!(list(["", "true", "1"]), r#"["", "true", "1"]"#);
        assert_eq!(
            list(["--v=4", "--gates=A=true,B"]),
            r#"[--v=4, "--gates=A=true,B"]"#
        );
        assert_eq!(list([""; 0]), "[]");
    }

    #[test]
    fn comments_keep_their_lines_and_an_empty_one_is_none() {
        assert_eq!(comment("a\n\nb", 2), "  # a\n  #\n  # b\n");
        assert_eq!(comment("", 2), "");
    }
}
