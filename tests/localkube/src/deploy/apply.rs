//! Applying manifests: CRDs first, since what comes after may need them; and saying plainly which
//! right is missing when the server refuses.

use std::collections::BTreeSet;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::kubectl::Kubectl;
use super::manifests::Manifests;
use super::text;
use crate::process;
use crate::progress::{Patience, Progress};

/// Server-side, so that fields which a controller keeps (a CA bundle, for one) stay; by force,
/// since what is in the overlay is what is wanted, whoever set it before.
const APPLY: [&str; 6] = [
    "apply",
    "--server-side",
    "--force-conflicts",
    "--field-manager=kruise-deploy",
    "--filename=-",
    "--output=name",
];

/// The API server needs a moment to serve a new kind.
const ESTABLISHED_TIMEOUT: &str = "--timeout=60s";
/// With this kubectl gives up on a CRD that is so new that nobody has judged it yet.
const NO_CONDITIONS_YET: &str = ".status.conditions accessor error";
const ATTEMPTS: u32 = 40;
const PAUSE: Duration = Duration::from_millis(250);

pub(super) fn apply(kubectl: &Kubectl, manifests: &Manifests, progress: &Progress) -> Result<()> {
    let crds = manifests.crds();
    if !crds.is_empty() {
        progress.step(format!("applying {}", count(crds.len(), "CRD")));
        apply_objects(kubectl, &crds)?;
        wait_until_established(kubectl, &crds)
            .context("a CRD was not accepted (`kubectl describe crd`)")?;
    }
    let rest = manifests.without_crds();
    progress.step(format!("applying {}", count(rest.len(), "object")));
    apply_objects(kubectl, &rest)
}

fn wait_until_established(kubectl: &Kubectl, crds: &[&Value]) -> Result<()> {
    let mut attempt = 1;
    loop {
        let mut wait = kubectl.command();
        wait.args(["wait", "--for=condition=Established", ESTABLISHED_TIMEOUT]);
        wait.args(
            crds.iter()
                .map(|crd| format!("crd/{}", text(crd, "/metadata/name"))),
        );
        match process::output_of_long(&mut wait, "for the API server to serve the CRDs") {
            Err(error)
                if format!("{error:#}").contains(NO_CONDITIONS_YET) && attempt < ATTEMPTS =>
            {
                thread::sleep(PAUSE);
                attempt += 1;
            }
            waited => return waited.map(drop),
        }
    }
}

pub(super) fn count(n: usize, what: &str) -> String {
    let plural = if n == 1 { "" } else { "s" };
    format!("{n} {what}{plural}")
}

fn apply_objects(kubectl: &Kubectl, objects: &[&Value]) -> Result<()> {
    let mut patience = Patience::new("for the API server to take the objects");
    let output = kubectl.with_objects(&APPLY, objects, &mut patience, &String::new)?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let missing = missing_rights(&said);
    if missing.is_empty() {
        bail!(
            "the API server {} refused a manifest: {}",
            kubectl.server(),
            said.trim()
        );
    }
    bail!(
        "rights are missing on {}:\n{}\nask an administrator for them, or install as \
         cluster-admin",
        kubectl.server(),
        missing.into_iter().collect::<Vec<_>>().join("\n")
    )
}

/// One sentence for each right that the API server says is missing.
pub(super) fn missing_rights(stderr: &str) -> BTreeSet<String> {
    stderr
        .lines()
        .filter(|line| line.contains("orbidden"))
        .filter_map(missing_right)
        .collect()
}

fn missing_right(line: &str) -> Option<String> {
    if line.contains("is attempting to grant RBAC permissions not currently held") {
        let user = quoted_after(line, "user ").unwrap_or("the user");
        let role = first_quoted(line);
        return Some(format!(
            "  user \"{user}\" may not create the role \"{role}\", since it would grant more than \
             the user has; the user needs those rights, or the verb \"escalate\" on roles and \
             clusterroles (API group rbac.authorization.k8s.io)"
        ));
    }
    let user = quoted_after(line, "User ")?;
    let verb = line.split(" cannot ").nth(1)?.split(' ').next()?;
    let resource = quoted_after(line, " resource ")?;
    let group = quoted_after(line, " in API group ").unwrap_or_default();
    let resource = if group.is_empty() {
        resource.to_owned()
    } else {
        format!("{resource}.{group}")
    };
    let (place, flag) = match quoted_after(line, " in the namespace ") {
        Some(namespace) => (
            format!("in namespace \"{namespace}\""),
            format!(" -n {namespace}"),
        ),
        None => ("in the whole cluster".to_owned(), String::new()),
    };
    Some(format!(
        "  user \"{user}\" may not {verb} {resource} {place} (`kubectl auth can-i {verb} \
         {resource}{flag}`)"
    ))
}

fn quoted_after<'a>(line: &'a str, before: &str) -> Option<&'a str> {
    line.split_once(&format!("{before}\""))?.1.split('"').next()
}

fn first_quoted(line: &str) -> &str {
    line.split('"').nth(1).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_right_names_user_verb_resource_and_namespace() {
        let said = "Error from server (Forbidden): deployments.apps \"d\" is forbidden: User \
                    \"dev\" cannot patch resource \"deployments\" in API group \"apps\" in the \
                    namespace \"kruise-system\"\n";
        let rights: Vec<String> = missing_rights(said).into_iter().collect();
        assert_eq!(
            rights,
            [
                "  user \"dev\" may not patch deployments.apps in namespace \"kruise-system\" \
              (`kubectl auth can-i patch deployments.apps -n kruise-system`)"
            ]
        );
    }

    #[test]
    fn a_core_resource_of_the_cluster_has_no_group_and_no_namespace() {
        let said = "Error from server (Forbidden): namespaces \"x\" is forbidden: User \"dev\" \
                    cannot patch resource \"namespaces\" in API group \"\" in the namespace \"x\"";
        assert!(
            missing_rights(said)
                .first()
                .unwrap()
                .contains("may not patch namespaces in")
        );
        let said = "Error from server (Forbidden): a is forbidden: User \"dev\" cannot get \
                    resource \"nodes\" in API group \"\" at the cluster scope";
        assert!(
            missing_rights(said)
                .first()
                .unwrap()
                .contains("nodes in the whole cluster")
        );
    }

    #[test]
    fn granting_more_than_one_has_is_explained() {
        let said = "Error from server (Forbidden): clusterroles.rbac.authorization.k8s.io \"c\" \
                    is forbidden: user \"dev\" (groups=[\"system:authenticated\"]) is attempting \
                    to grant RBAC permissions not currently held:";
        let right = missing_rights(said).pop_first().unwrap();
        assert!(right.contains("\"dev\"") && right.contains("\"c\"") && right.contains("escalate"));
    }

    #[test]
    fn other_errors_are_no_missing_rights() {
        assert!(missing_rights("error: the server is on fire").is_empty());
    }
}
