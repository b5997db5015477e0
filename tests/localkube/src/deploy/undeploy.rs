//! Taking an overlay away again. Custom resources and their definitions stay unless they are asked
//! for by `--crds`: removing a controller must not remove workloads.

use std::collections::BTreeSet;
use std::io::{BufRead, IsTerminal, Write};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::apply::{count, missing_rights};
use super::conditions::{self, Key, Kind};
use super::kubectl::Kubectl;
use super::manifests::{Manifests, ObjectRef};
use super::proxy::Proxy;
use super::{Target, items, overlay, state, text};
use crate::progress::{Patience, Progress};

/// `--cascade=foreground`: when it returns, the pods are gone too.
const DELETE: [&str; 6] = [
    "delete",
    "--filename=-",
    "--ignore-not-found",
    "--cascade=foreground",
    "--wait",
    "--timeout=120s",
];
/// What of these objects is still there.
const LEFT: [&str; 5] = [
    "get",
    "--filename=-",
    "--ignore-not-found",
    "--output=json",
    "--request-timeout=10s",
];
/// Of objects that something is wrong with, so many are named.
const SHOWN: usize = 5;

/// The arguments of `cargo xtask undeploy`.
#[derive(clap::Args)]
pub struct UndeployArgs {
    /// A directory below deploy/overlays
    #[arg(value_name = "OVERLAY")]
    overlay: String,
    #[command(flatten)]
    target: Target,
    /// Also the overlay's CRDs, and with them every custom resource and its pods
    #[arg(long)]
    crds: bool,
    /// Don't ask before --crds
    #[arg(long, requires = "crds")]
    yes: bool,
}

/// Runs `cargo xtask undeploy`.
pub fn run_undeploy(args: &UndeployArgs) -> Result<()> {
    let progress = Progress::begin();
    let directory = overlay::find(&args.overlay)?;
    let (kubectl, _) = args.target.connect(&progress)?;
    let manifests = overlay::render(&kubectl, &directory)?;
    if args.crds {
        show_losses(&kubectl, &manifests)?;
        if !args.yes {
            confirm()?;
        }
    }

    // First, so that nothing in the cluster waits for a server that is about to go.
    delete(
        &kubectl,
        &manifests.webhook_configurations(),
        "webhook configurations",
        &progress,
    )?;
    if args.crds {
        // While the controller still runs: it takes finalizers off, and converts versions.
        delete(
            &kubectl,
            &manifests.crds(),
            "CRDs and their custom resources",
            &progress,
        )?;
    }
    let kinds: Vec<Kind> = if args.crds {
        Vec::new()
    } else {
        let crds = manifests.crds();
        crds.into_iter().filter_map(Kind::of).collect()
    };
    let known = known(&kubectl, &kinds);
    let namespaces = manifests.namespaces();
    let kept: Vec<&Value> = manifests
        .webhook_configurations()
        .into_iter()
        .chain(namespaces.iter().copied())
        .collect();
    let rest: Vec<&Value> = manifests
        .without_crds()
        .into_iter()
        .filter(|object| !kept.contains(object))
        .collect();
    delete(
        &kubectl,
        &rest,
        "the controllers and their rights",
        &progress,
    )?;
    delete_leases(&kubectl, &manifests)?;
    delete_certificates(&kubectl, &manifests)?;
    let all_off = take_conditions_off(&kubectl, &kinds, &known, &progress);
    for namespace in namespaces {
        delete_if_empty(&kubectl, namespace, &progress)?;
    }
    if !args.crds {
        progress.step("CRDs and custom resources stay (--crds removes them too)");
    }
    progress.step(format!(
        "{} is gone from {}",
        args.overlay,
        kubectl.server()
    ));
    all_off
        .context("conditions that only the controller knows could not be taken off; run this again")
}

/// The objects of each kind, as far as they can be listed. That fails where nobody converts; then nobody has
/// to be known either, unless something is stored in two versions.
fn known(kubectl: &Kubectl, kinds: &[Kind]) -> Vec<BTreeSet<Key>> {
    let proxy = if kinds.is_empty() {
        None
    } else {
        Proxy::start(kubectl).ok()
    };
    let names = |kind| conditions::names(proxy.as_ref()?, kind).ok();
    kinds
        .iter()
        .map(|kind| names(kind).unwrap_or_default())
        .collect()
}

/// With the controller gone: it would put them back.
fn take_conditions_off(
    kubectl: &Kubectl,
    kinds: &[Kind],
    known: &[BTreeSet<Key>],
    progress: &Progress,
) -> Result<()> {
    if kinds.is_empty() {
        return Ok(());
    }
    let proxy = Proxy::start(kubectl)?;
    let mut left = Vec::new();
    for (kind, known) in kinds.iter().zip(known) {
        let what = kind.name();
        let mut patience = Patience::new(format!("for our conditions to be taken off {what}"));
        let outcome = conditions::take_off(&proxy, kind, known, &mut patience)?;
        progress.step(format!(
            "{what}: conditions of our own taken off {}",
            count(outcome.cleaned, "object")
        ));
        left.extend(
            outcome
                .left
                .into_iter()
                .map(|left| format!("  {what} {left}")),
        );
    }
    if left.is_empty() {
        return Ok(());
    }
    let more = left.len().saturating_sub(SHOWN);
    left.truncate(SHOWN);
    if more > 0 {
        left.push(format!("  and {more} more"));
    }
    bail!("{}", left.join("\n"))
}

fn delete(kubectl: &Kubectl, objects: &[&Value], what: &str, progress: &Progress) -> Result<()> {
    if objects.is_empty() {
        return Ok(());
    }
    progress.step(format!("removing {what}"));
    let mut patience = Patience::new(format!("for {what} to go"));
    let output =
        kubectl.with_objects(&DELETE, objects, &mut patience, &|| left(kubectl, objects))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    // A kind that the server doesn't know has no objects to remove.
    let serious: Vec<&str> = said
        .lines()
        .filter(|line| !line.contains("no matches for kind"))
        .collect();
    if serious.is_empty() {
        return Ok(());
    }
    let missing = missing_rights(&said);
    if missing.is_empty() {
        bail!("removing {what}: {}", serious.join("\n"));
    }
    bail!(
        "rights are missing:\n{}",
        missing.into_iter().collect::<Vec<_>>().join("\n")
    )
}

/// What of the objects is still there; nothing where that can't be seen.
fn left(kubectl: &Kubectl, objects: &[&Value]) -> String {
    let mut silent = Patience::silent();
    let Ok(output) = kubectl.with_objects(&LEFT, objects, &mut silent, &String::new) else {
        return String::new();
    };
    let found: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
    let one = (found.get("kind").is_some() && found.get("items").is_none()).then_some(&found);
    let left: Vec<String> = items(&found, "/items")
        .iter()
        .chain(one)
        .map(state::going)
        .collect();
    left.join(", ")
}

/// A controller makes its Lease itself, so no manifest names it.
fn delete_leases(kubectl: &Kubectl, manifests: &Manifests) -> Result<()> {
    for deployment in manifests.of_kind(&["Deployment"]) {
        let ObjectRef {
            namespace, name, ..
        } = ObjectRef::of(deployment);
        kubectl.output(&[
            "delete",
            "lease",
            &name,
            "--namespace",
            &namespace,
            "--ignore-not-found",
        ])?;
    }
    Ok(())
}

/// Nor the Secret of the certificates that it made. One that somebody else filled is theirs.
fn delete_certificates(kubectl: &Kubectl, manifests: &Manifests) -> Result<()> {
    for deployment in manifests.of_kind(&["Deployment"]) {
        let ObjectRef {
            namespace, name, ..
        } = ObjectRef::of(deployment);
        let secret = format!("kruise-{name}-webhook-certs");
        let there = ["secret", &secret, "--namespace", &namespace];
        let found = kubectl.get(&[&there[..], &["--show-managed-fields"]].concat())?;
        if found.is_some_and(|found| is_filled_by(&found, &name)) {
            kubectl.output(&[&["delete"], &there[..], &["--ignore-not-found"]].concat())?;
        }
    }
    Ok(())
}

/// Whether nobody but this manager has set what is in the object.
fn is_filled_by(object: &Value, manager: &str) -> bool {
    let managers = items(object, "/metadata/managedFields");
    !managers.is_empty()
        && managers
            .iter()
            .all(|entry| text(entry, "/manager") == manager)
}

fn show_losses(kubectl: &Kubectl, manifests: &Manifests) -> Result<()> {
    let mut lines = Vec::new();
    for crd in manifests.crds() {
        lines.push(losses(kubectl, crd)?);
    }
    eprintln!(
        "--crds removes with the definitions:\n  {}",
        lines.join("\n  ")
    );
    Ok(())
}

/// Without a terminal there is nobody to ask, and no answer means no.
fn confirm() -> Result<()> {
    if !std::io::stdin().is_terminal() {
        bail!("--crds asks before it removes, and there is no terminal; --yes says yes");
    }
    eprint!("Remove them? Type yes: ");
    std::io::stderr().flush().context("write to the terminal")?;
    let mut answer = String::new();
    std::io::stdin()
        .lock()
        .read_line(&mut answer)
        .context("read the answer")?;
    if answer.trim() != "yes" {
        bail!("nothing was removed");
    }
    Ok(())
}

fn losses(kubectl: &Kubectl, crd: &Value) -> Result<String> {
    let kind = text(crd, "/spec/names/kind");
    let objects = kubectl.get(&[text(crd, "/metadata/name"), "--all-namespaces"])?;
    Ok(describe(kind, objects.as_ref()))
}

fn describe(kind: &str, objects: Option<&Value>) -> String {
    let objects = objects.map_or(&[][..], |list| items(list, "/items"));
    if objects.is_empty() {
        return format!("{kind}: none");
    }
    let namespaces: BTreeSet<&str> = objects
        .iter()
        .map(|object| text(object, "/metadata/namespace"))
        .collect();
    let plural = if namespaces.len() == 1 { "" } else { "s" };
    format!(
        "{kind}: {} in {} namespace{plural}, with their pods",
        objects.len(),
        namespaces.len()
    )
}

fn delete_if_empty(kubectl: &Kubectl, namespace: &Value, progress: &Progress) -> Result<()> {
    let name = text(namespace, "/metadata/name");
    if kubectl.get(&["namespace", name])?.is_none() {
        return Ok(());
    }
    let others = others_in(kubectl, name)?;
    if others.is_empty() {
        return delete(
            kubectl,
            &[namespace],
            &format!("the namespace {name}"),
            progress,
        );
    }
    progress.step(format!(
        "the namespace {name} stays, since it holds {}",
        others.join(", ")
    ));
    Ok(())
}

/// Everything in a namespace but what every namespace has.
fn others_in(kubectl: &Kubectl, namespace: &str) -> Result<Vec<String>> {
    let kinds = kubectl.output(&[
        "api-resources",
        "--verbs=list,delete",
        "--namespaced",
        "--output=name",
    ])?;
    // Events tell of what was; those that something still stands for go with it.
    let kinds: Vec<&str> = kinds
        .lines()
        .filter(|kind| !matches!(*kind, "events" | "events.events.k8s.io"))
        .collect();
    let found = kubectl.output(&[
        "get",
        &kinds.join(","),
        "--namespace",
        namespace,
        "--ignore-not-found",
        "--output=name",
    ])?;
    Ok(found
        .lines()
        .filter(|object| !is_in_every_namespace(object))
        .map(Into::into)
        .collect())
}

fn is_in_every_namespace(object: &str) -> bool {
    matches!(
        object,
        "serviceaccount/default"
            | "configmap/kube-root-ca.crt"
            | "configmap/openshift-service-ca.crt"
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn losses_count_objects_and_namespaces() {
        let object = |namespace: &str| json!({ "metadata": { "namespace": namespace } });
        let list = json!({ "items": [object("a"), object("b"), object("a")] });
        assert_eq!(
            describe("CloneSet", Some(&list)),
            "CloneSet: 3 in 2 namespaces, with their pods"
        );
        assert_eq!(describe("CloneSet", None), "CloneSet: none");
    }

    #[test]
    fn only_a_secret_that_the_controller_alone_has_filled_counts_as_its_own() {
        let secret = |managers: &[&str]| {
            let entries: Vec<Value> = managers
                .iter()
                .map(|name| json!({ "manager": name }))
                .collect();
            json!({ "metadata": { "managedFields": entries } })
        };
        assert!(is_filled_by(&secret(&["c", "c"]), "c"));
        assert!(!is_filled_by(&secret(&["c", "cert-manager"]), "c"));
        assert!(!is_filled_by(&secret(&[]), "c"));
    }

    #[test]
    fn what_every_namespace_has_does_not_keep_it() {
        assert!(is_in_every_namespace("configmap/kube-root-ca.crt"));
        assert!(!is_in_every_namespace("secret/mine"));
    }
}
