//! The table of rights as YAML, with the reasons as comments (which no serialiser keeps).

use std::fmt::Write;

use super::{NAMESPACE, Rights, Rule};

pub(super) fn manifests(rights: &Rights) -> String {
    let mut yaml = String::new();
    role(&mut yaml, "ClusterRole", rights.name, rights.cluster);
    binding(&mut yaml, "ClusterRoleBinding", "ClusterRole", rights.name);
    role(&mut yaml, "Role", rights.name, rights.own_namespace);
    binding(&mut yaml, "RoleBinding", "Role", rights.name);
    yaml
}

// Writing to a String can't fail, so the results below are of no interest.

fn head(yaml: &mut String, kind: &str, name: &str) {
    let namespace = match kind {
        "Role" | "RoleBinding" => format!("  namespace: {NAMESPACE}\n"),
        _ => String::new(),
    };
    let _ = write!(
        yaml,
        "---\n\
         apiVersion: rbac.authorization.k8s.io/v1\n\
         kind: {kind}\n\
         metadata:\n  \
           name: kruise-{name}\n\
         {namespace}  \
           labels:\n    \
             app.kubernetes.io/name: {name}\n    \
             app.kubernetes.io/part-of: kruise\n"
    );
}

fn role(yaml: &mut String, kind: &str, name: &str, rules: &[Rule]) {
    head(yaml, kind, name);
    yaml.push_str("rules:\n");
    for Rule {
        why,
        group,
        resources,
        verbs,
        names,
    } in rules
    {
        let _ = write!(
            yaml,
            "  # {why}\n  \
               - apiGroups: [{}]\n    \
                 resources: [{}]\n    \
                 verbs: [{}]\n",
            if group.is_empty() { "\"\"" } else { group },
            resources.join(", "),
            verbs.join(", "),
        );
        if !names.is_empty() {
            let _ = writeln!(yaml, "    resourceNames: [{}]", names.join(", "));
        }
    }
}

fn binding(yaml: &mut String, kind: &str, role_kind: &str, name: &str) {
    head(yaml, kind, name);
    let _ = write!(
        yaml,
        "roleRef:\n  \
           apiGroup: rbac.authorization.k8s.io\n  \
           kind: {role_kind}\n  \
           name: kruise-{name}\n\
         subjects:\n  \
           - kind: ServiceAccount\n    \
             name: {name}\n    \
             namespace: {NAMESPACE}\n"
    );
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::Value;

    use super::super::cloneset;
    use super::*;

    #[test]
    fn roles_are_yaml_and_each_is_bound_to_the_service_account() {
        let yaml = manifests(&cloneset::RIGHTS);
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
            assert_eq!(pair[1]["subjects"][0]["name"], "cloneset-controller");
        }
    }

    #[test]
    fn core_is_the_empty_group_and_names_restrict() {
        let mut yaml = String::new();
        let rule = Rule {
            why: "w",
            group: "",
            resources: &["a"],
            verbs: &["get"],
            names: &["n", "m"],
        };
        role(&mut yaml, "ClusterRole", "x", &[rule]);
        assert!(
            yaml.ends_with(
                "rules:\n  # w\n  - apiGroups: [\"\"]\n    resources: [a]\n    verbs: [get]\n    resourceNames: [n, m]\n"
            ),
            "{yaml}"
        );
    }
}
