//! The account and its roles, with the reason of every rule as a comment.

use super::{comment, labels, list};
use crate::deployables::{Deployable, NAMESPACE, Rule};

pub(super) fn service_account(deployable: &Deployable) -> String {
    let name = deployable.name;
    format!(
        "apiVersion: v1\n\
         kind: ServiceAccount\n\
         metadata:\n  \
           name: {name}\n\
         {}",
        labels(name, 2)
    )
}

pub(super) fn roles(deployable: &Deployable) -> String {
    let name = deployable.name;
    [
        role("ClusterRole", name, &deployable.cluster_rules()),
        binding("ClusterRoleBinding", "ClusterRole", name),
        role("Role", name, &deployable.own_namespace_rules()),
        binding("RoleBinding", "Role", name),
    ]
    .concat()
}

fn head(kind: &str, name: &str) -> String {
    let namespace = match kind {
        "Role" | "RoleBinding" => format!("  namespace: {NAMESPACE}\n"),
        _ => String::new(),
    };
    format!(
        "---\n\
         apiVersion: rbac.authorization.k8s.io/v1\n\
         kind: {kind}\n\
         metadata:\n  \
           name: kruise-{name}\n\
         {namespace}\
         {}",
        labels(name, 2)
    )
}

fn role(kind: &str, name: &str, rules: &[Rule]) -> String {
    let rules: String = rules.iter().map(one).collect();
    format!("{}rules:\n{rules}", head(kind, name))
}

fn one(rule: &Rule) -> String {
    let Rule {
        why,
        group,
        resources,
        verbs,
        names,
    } = rule;
    let names = match names.as_slice() {
        [] => String::new(),
        names => format!("    resourceNames: {}\n", list(names)),
    };
    format!(
        "{}  \
         - apiGroups: {}\n    \
             resources: {}\n    \
             verbs: {}\n\
         {names}",
        comment(why, 2),
        list([group]),
        list(resources),
        list(verbs),
    )
}

fn binding(kind: &str, role_kind: &str, name: &str) -> String {
    format!(
        "{}\
         roleRef:\n  \
           apiGroup: rbac.authorization.k8s.io\n  \
           kind: {role_kind}\n  \
           name: kruise-{name}\n\
         subjects:\n  \
           - kind: ServiceAccount\n    \
             name: {name}\n    \
             namespace: {NAMESPACE}\n",
        head(kind, name)
    )
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::Value;

    use super::*;
    use crate::deployables::{self, rule};

    #[test]
    fn roles_are_yaml_and_each_is_bound_to_the_service_account() {
        for deployable in deployables::all() {
            let yaml = roles(&deployable);
            let documents: Vec<Value> = serde_yaml_ng::Deserializer::from_str(&yaml)
                .map(|document| Value::deserialize(document).unwrap())
                .collect();
            let kinds: Vec<&str> = documents
                .iter()
                .map(|document| document["kind"].as_str().unwrap())
                .collect();
            assert_eq!(
                kinds,
                ["ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding"]
            );
            for pair in documents.chunks(2) {
                assert_eq!(pair[0]["metadata"]["name"], pair[1]["roleRef"]["name"]);
                assert_eq!(pair[1]["subjects"][0]["name"], deployable.name);
            }
        }
    }

    #[test]
    fn core_is_the_empty_group_and_names_restrict() {
        let rule = rule("w", "", ["aa"], ["get"]).named(["nn", "mm"]);
        assert_eq!(
            one(&rule),
            "  # w\n  - apiGroups: [\"\"]\n    resources: [aa]\n    verbs: [get]\n    resourceNames: [nn, mm]\n"
        );
    }
}
