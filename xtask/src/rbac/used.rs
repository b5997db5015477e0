//! Rights that nobody uses: by the audit log of a run, and by what the code can send at all.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Result, bail};
use localkube::audit::{self, Entry};

use super::{NAMESPACE, Rights, Rule};

/// A verb on a resource, as rules name it: `pods/status`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Use {
    group: String,
    resource: String,
    verb: String,
}

impl Use {
    fn of(entry: &Entry) -> Self {
        let object = &entry.object_ref;
        let resource = if object.subresource.is_empty() {
            object.resource.clone()
        } else {
            format!("{}/{}", object.resource, object.subresource)
        };
        Self {
            group: object.api_group.clone(),
            resource,
            verb: entry.verb.clone(),
        }
    }
}

/// Prints the rights that no request in the log needed.
pub(super) fn tell(rights: &Rights, log: &Path) -> Result<()> {
    let account = format!("system:serviceaccount:{NAMESPACE}:{}", rights.name);
    let mut used = BTreeSet::new();
    for entry in audit::entries(log)? {
        let entry = entry?;
        if entry.user.username == account {
            used.insert(Use::of(&entry));
        }
    }
    if used.is_empty() {
        bail!("{} tells of no request by {account}", log.display());
    }
    println!("{}: nobody used", rights.name);
    for line in unused(rights, &used) {
        println!("  {line}");
    }
    Ok(())
}

/// A line for each verb of each rule that isn't among the uses.
fn unused(rights: &Rights, used: &BTreeSet<Use>) -> Vec<String> {
    let rules = rights.cluster.iter().chain(rights.own_namespace);
    rules
        .filter(|rule| !is_asked_about(rule))
        .flat_map(uses)
        .filter(|one| !used.contains(one))
        .map(|one| format!("{} {}", one.verb, in_words(&one)))
        .collect()
}

fn uses(rule: &Rule) -> impl Iterator<Item = Use> {
    rule.resources.iter().flat_map(|resource| {
        rule.verbs.iter().map(|verb| Use {
            group: rule.group.to_owned(),
            resource: (*resource).to_owned(),
            verb: (*verb).to_owned(),
        })
    })
}

fn in_words(one: &Use) -> String {
    if one.group.is_empty() {
        one.resource.clone()
    } else {
        format!("{} of {}", one.resource, one.group)
    }
}

/// The admission plug-in OwnerReferencesPermissionEnforcement asks whether one may update an owner's
/// finalizers; nobody sends such a request.
fn is_asked_about(rule: &Rule) -> bool {
    rule.resources
        .iter()
        .all(|resource| resource.ends_with("/finalizers"))
}

#[cfg(test)]
mod tests {
    use super::super::TABLES;
    use super::*;
    use localkube::workspace;

    /// What the runtime's client can send: as HTTP, and what the API server calls that.
    const SENT: [(&str, &[&str]); 4] = [
        ("GET", &["get", "list", "watch"]),
        ("POST", &["create"]),
        ("PATCH", &["patch"]),
        ("DELETE", &["delete"]),
    ];

    /// The sources of the one client that deployables write by.
    fn client() -> String {
        let mut files = vec![workspace::root().join("crates/kruise-runtime/src")];
        let mut found = Vec::new();
        while let Some(path) = files.pop() {
            if path.is_dir() {
                let entries = std::fs::read_dir(path).unwrap();
                files.extend(entries.map(|entry| entry.unwrap().path()));
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(std::fs::read_to_string(path).unwrap());
            }
        }
        found.retain(|text| text.contains("impl ApiClient") && text.contains("Method::PATCH"));
        found.concat()
    }

    // So that the table below is that of the client, and not of what somebody remembers of it.
    #[test]
    fn the_client_sends_these_methods_and_no_other() {
        let client = client();
        let methods: BTreeSet<&str> = client
            .split("Method::")
            .skip(1)
            .map(|rest| {
                rest.split(|c: char| !c.is_ascii_uppercase())
                    .next()
                    .unwrap()
            })
            .collect();
        assert_eq!(methods, BTreeSet::from(SENT.map(|(method, _)| method)));
    }

    #[test]
    fn no_right_is_granted_that_the_client_cannot_use() {
        let sent: Vec<&str> = SENT.iter().flat_map(|(_, verbs)| *verbs).copied().collect();
        let too_much: Vec<String> = TABLES
            .iter()
            .flat_map(|rights| rights.cluster.iter().chain(rights.own_namespace))
            .filter(|rule| !is_asked_about(rule))
            .flat_map(uses)
            .filter(|one| {
                // Subresources are patched: a read gives the whole object.
                let is_subresource = one.resource.contains('/');
                !sent.contains(&one.verb.as_str()) || (is_subresource && one.verb != "patch")
            })
            .map(|one| format!("{} {}", one.verb, in_words(&one)))
            .collect();
        assert!(too_much.is_empty(), "{too_much:?}");
    }

    #[test]
    fn a_right_that_a_run_did_not_use_is_named() {
        let rule = |resources, verbs| Rule {
            why: "",
            group: "apps",
            resources,
            verbs,
            names: &[],
        };
        let cluster = [
            rule(&["things", "things/status"], &["get", "patch"]),
            rule(&["things/finalizers"], &["update"]),
        ];
        let rights = Rights {
            name: "x",
            cluster: Box::leak(Box::new(cluster)),
            own_namespace: &[],
        };
        let line = |verb: &str, subresource: &str| {
            format!(
                r#"{{"stage": "ResponseComplete", "verb": "{verb}", "user": {{"username": "u"}}, "objectRef":
                {{"apiGroup": "apps", "resource": "things", "subresource": "{subresource}"}},
                "requestReceivedTimestamp": "2026-01-01T00:00:15Z"}}"#
            )
        };
        let used = [line("get", ""), line("patch", "status"), line("patch", "")]
            .iter()
            .map(|line| Use::of(&Entry::parse(line).unwrap()))
            .collect();
        assert_eq!(unused(&rights, &used), ["get things/status of apps"]);
    }
}
