//! Rights that nobody uses: by the audit log of a run, and by what the code can send at all.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Result, bail};
use localkube::audit::{self, Entry};

use crate::deployables::{Deployable, NAMESPACE, Rule, Unused};

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

/// Fails if a right was needed by no request in the log and isn't excused.
pub(crate) fn check_used(deployables: &[Deployable], log: &Path) -> Result<()> {
    let mut findings = Vec::new();
    for deployable in deployables {
        let account = format!("system:serviceaccount:{NAMESPACE}:{}", deployable.name);
        let mut used = BTreeSet::new();
        for entry in audit::entries_of(log, &account)? {
            used.insert(Use::of(&entry?));
        }
        if used.is_empty() {
            bail!("{} tells of no request by {account}", log.display());
        }
        findings.extend(judge(deployable, &used));
        tell(deployable, &used);
    }
    if findings.is_empty() {
        return Ok(());
    }
    bail!(
        "rights that no request needed:\n  {}\nTake them out of xtask/src/deployables, or excuse them there \
         under `unused`",
        findings.join("\n  ")
    )
}

/// What is excused, and whether that was needed: some rights are used only when something is late.
fn tell(deployable: &Deployable, used: &BTreeSet<Use>) {
    println!(
        "{} used every right, but for what is excused:",
        deployable.name
    );
    for unused in deployable.unused() {
        let Unused {
            verb,
            resource,
            why,
        } = unused;
        let was_used = used.iter().any(|one| unused.excuses(one));
        let but = if was_used { " (used this time)" } else { "" };
        println!("  {verb} {resource}: {why}{but}");
    }
}

/// A line for each right that is neither used nor excused, and for each excuse that is for none.
fn judge(deployable: &Deployable, used: &BTreeSet<Use>) -> Vec<String> {
    let name = deployable.name;
    let excuses: Vec<&Unused> = deployable.unused().collect();
    let rules = rules(deployable);
    let granted = rules.iter().filter(|rule| !is_asked_about(rule));
    let granted: BTreeSet<Use> = granted.flat_map(uses).collect();
    let is_excused = |one: &Use| excuses.iter().any(|unused| unused.excuses(one));
    let unused = granted
        .iter()
        .filter(|one| !used.contains(one) && !is_excused(one))
        .map(|one| format!("{name}: nobody used {}", in_words(one)));
    let idle = excuses
        .iter()
        .filter(|unused| !granted.iter().any(|one| unused.excuses(one)))
        .map(|unused| {
            let Unused { verb, resource, .. } = unused;
            format!("{name}: {verb} {resource} is excused, and not granted")
        });
    unused.chain(idle).collect()
}

impl Unused {
    fn excuses(&self, one: &Use) -> bool {
        self.verb == one.verb && self.resource == one.resource
    }
}

fn rules(deployable: &Deployable) -> Vec<Rule> {
    let mut rules = deployable.cluster_rules();
    rules.extend(deployable.own_namespace_rules());
    rules
}

fn uses(rule: &Rule) -> Vec<Use> {
    let of_resource = |resource: &&'static str| {
        let resource = *resource;
        rule.verbs.iter().map(move |verb| Use {
            group: rule.group.to_owned(),
            resource: resource.to_owned(),
            verb: (*verb).to_owned(),
        })
    };
    rule.resources.iter().flat_map(of_resource).collect()
}

fn in_words(one: &Use) -> String {
    let Use {
        group,
        resource,
        verb,
    } = one;
    if group.is_empty() {
        format!("{verb} {resource}")
    } else {
        format!("{verb} {resource} of {group}")
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
    use localkube::workspace;

    use super::*;
    use crate::deployables::{self, Rights, rule};

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
        found.retain(|text| text.contains("impl ApiClient") && text.contains("Method::"));
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
        let too_much: Vec<String> = deployables::all()
            .iter()
            .flat_map(rules)
            .filter(|rule| !is_asked_about(rule))
            .flat_map(|rule| uses(&rule))
            .filter(|one| {
                // Subresources are patched: a read gives the whole object. Of a kind that nobody knows only a scale has
                // a form that can be read (PB-25).
                let is_scale = one.resource.ends_with("/scale");
                let is_subresource = one.resource.contains('/') && !is_scale;
                !sent.contains(&one.verb.as_str()) || (is_subresource && one.verb != "patch")
            })
            .map(|one| in_words(&one))
            .collect();
        assert!(too_much.is_empty(), "{too_much:?}");
    }

    fn used(verb: &str, resource: &str, subresource: &str) -> Use {
        let line = format!(
            r#"{{"stage": "ResponseComplete", "verb": "{verb}", "user": {{"username": "u"}}, "objectRef":
            {{"apiGroup": "apps", "resource": "{resource}", "subresource": "{subresource}"}},
            "requestReceivedTimestamp": "2026-01-01T00:00:15Z"}}"#
        );
        Use::of(&Entry::parse(&line).unwrap())
    }

    #[test]
    fn what_a_run_did_not_use_is_named_unless_it_is_excused() {
        let excuse = |verb, resource| Unused {
            verb,
            resource,
            why: "",
        };
        let mut deployable = deployables::all().swap_remove(0);
        deployable.name = "x";
        deployable.rights = Rights {
            cluster: vec![
                rule("", "apps", ["things", "things/status"], ["get", "patch"]),
                rule("", "apps", ["things/finalizers"], ["update"]),
            ],
            own_namespace: Vec::new(),
            unused: Box::leak(Box::new([
                excuse("get", "things/status"),
                excuse("patch", "things"),
                excuse("list", "things"),
            ])),
        };
        let used = [
            used("patch", "things", "status"),
            used("patch", "things", ""),
        ];
        let findings = judge(&deployable, &used.into());
        let of_apps: Vec<&String> = findings
            .iter()
            .filter(|finding| finding.contains("things"))
            .collect();
        assert_eq!(
            of_apps,
            [
                "x: nobody used get things of apps",
                "x: list things is excused, and not granted",
            ]
        );
    }
}
