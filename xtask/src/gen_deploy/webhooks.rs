//! The configurations of webhooks: what the API server asks about, and whom. Replicas put caBundle in.

use super::{comment, labels, list, scalar};
use crate::deployables::{
    Condition, Deployable, NAMESPACE, PodWebhook, Policy, USUAL_TIMEOUT_SECONDS, Webhook,
};

pub(super) fn configurations(deployable: &Deployable) -> String {
    let kinds = deployable.kinds;
    let webhooks = &deployable.webhooks;
    let mut all = webhooks.mutating.iter().chain(webhooks.validating);
    let only_deletes = webhooks.pods.is_none() && all.all(|one| one.operations == ["DELETE"]);
    let before = if only_deletes {
        "deletes"
    } else {
        "stores or deletes"
    };
    let mut text = format!(
        "# What the API server asks about {kinds} before it {before} them. Replicas put caBundle in.\n"
    );
    if !webhooks.why.is_empty() {
        text += "#\n";
        text += &comment(webhooks.why, 0);
    }
    let both = [
        ("Mutating", "mutating", webhooks.mutating),
        ("Validating", "validating", webhooks.validating),
    ];
    let webhooks_policy = webhooks.policy;
    let mut documents: Vec<String> = both
        .iter()
        .filter(|(_, _, webhooks)| !webhooks.is_empty())
        .map(|(kind, word, webhooks)| {
            let all: String = webhooks
                .iter()
                .map(|one| webhook(deployable.name, one))
                .collect();
            let name = deployable.webhook_configuration(word);
            let policy = webhooks_policy.filter(|_| *word == "validating");
            configuration(deployable, kind, (&name, policy), &all)
        })
        .collect();
    if let (Some(pods), Some(name)) = (&webhooks.pods, deployable.pod_webhook_configuration()) {
        let asked = pod_webhook(deployable.name, pods);
        let named = (name.as_str(), Some(pods.policy));
        let configuration = configuration(deployable, "Mutating", named, &asked);
        documents.push(comment(pods.why, 0) + &configuration);
    }
    text + &documents.join("---\n")
}

fn configuration(
    deployable: &Deployable,
    kind: &str,
    (name, policy): (&str, Option<Policy>),
    webhooks: &str,
) -> String {
    format!(
        "apiVersion: admissionregistration.k8s.io/v1\n\
         kind: {kind}WebhookConfiguration\n\
         metadata:\n  \
           name: {name}\n\
         {annotations}\
         {labels}\
         webhooks:\n\
         {webhooks}",
        annotations = policy.map(annotations).unwrap_or_default(),
        labels = labels(deployable.name, 2),
    )
}

/// The configuration of a pod webhook says by an annotation what its failure policy is to be once somebody answers. Until
/// then, no pod of the cluster could be created.
fn annotations(policy: Policy) -> String {
    let Policy {
        annotation,
        unanswered,
    } = policy;
    format!("  annotations:\n    {annotation}: {unanswered}\n")
}

/// How the API server reaches the deployable.
fn client_config(deployable: &str, path: &str) -> String {
    format!(
        "    admissionReviewVersions: [v1]\n    \
             clientConfig:\n      \
               service:\n        \
                 namespace: {NAMESPACE}\n        \
                 name: kruise-{deployable}-webhook-service\n        \
                 path: {path}\n        \
                 port: 443\n"
    )
}

/// PF-208, PF-209. A namespace with the label of the chart is spared wherever it is.
fn spared_namespaces() -> String {
    format!(
        "    namespaceSelector:\n      \
               matchExpressions:\n        \
                 - key: kubernetes.io/metadata.name\n          \
                   operator: NotIn\n          \
                   values: [kube-system, {NAMESPACE}]\n        \
                 - key: control-plane\n          \
                   operator: NotIn\n          \
                   values: [openkruise]\n"
    )
}

/// PF-201
fn pod_webhook(deployable: &str, webhook: &PodWebhook) -> String {
    let PodWebhook {
        why: _,
        place: _,
        name,
        path,
        opt_out,
        policy: _,
    } = webhook;
    let selector = opt_out.map_or_else(String::new, |label| {
        format!(
            "    objectSelector:\n      \
                   matchExpressions:\n        \
                     - key: {label}\n          \
                       operator: NotIn\n          \
                       values: [\"false\"]\n"
        )
    });
    format!(
        "  \
         - name: {name}\n\
         {client_config}    \
             rules:\n      \
               - apiGroups: [\"\"]\n        \
                 apiVersions: [v1]\n        \
                 operations: [CREATE]\n        \
                 resources: [pods]\n        \
                 scope: Namespaced\n\
         {spared}\
         {selector}    \
             reinvocationPolicy: IfNeeded\n    \
             failurePolicy: Ignore\n    \
             sideEffects: None\n    \
             timeoutSeconds: {USUAL_TIMEOUT_SECONDS}\n",
        client_config = client_config(deployable, path),
        spared = spared_namespaces(),
    )
}

fn webhook(deployable: &str, webhook: &Webhook) -> String {
    let Webhook {
        why,
        name,
        path,
        group,
        versions,
        operations,
        resources,
        scope,
        label,
        spares_system,
        conditions,
        unanswered,
        side_effects,
        timeout_seconds,
    } = webhook;
    let selector = label.map_or_else(String::new, |label| {
        format!(
            "    objectSelector:\n      \
                   matchExpressions:\n        \
                     - key: {label}\n          \
                       operator: Exists\n"
        )
    });
    let conditions = match conditions {
        [] => String::new(),
        conditions => {
            let all: String = conditions.iter().map(condition).collect();
            format!("    matchConditions:\n{all}")
        }
    };
    format!(
        "{why}  \
         - name: {name}\n\
         {client_config}    \
             rules:\n      \
               - apiGroups: {groups}\n        \
                 apiVersions: {versions}\n        \
                 operations: {operations}\n        \
                 resources: {resources}\n        \
                 scope: {scope}\n\
         {spared}\
         {selector}\
         {conditions}    \
             failurePolicy: {unanswered}\n    \
             sideEffects: {side_effects}\n    \
             timeoutSeconds: {timeout_seconds}\n",
        why = comment(why, 2),
        client_config = client_config(deployable, path),
        spared = if *spares_system {
            spared_namespaces()
        } else {
            String::new()
        },
        groups = list([group]),
        versions = list(*versions),
        operations = list(*operations),
        resources = list(*resources),
    )
}

fn condition(condition: &Condition) -> String {
    let Condition { name, expression } = condition;
    format!(
        "      - name: {name}\n        \
                 expression: {}\n",
        scalar(expression)
    )
}

#[cfg(test)]
mod tests {
    use localkube::workspace;
    use serde::Deserialize;
    use serde_json::{Value, json};

    use super::*;
    use crate::deployables;

    fn documents(yaml: &str) -> Vec<Value> {
        serde_yaml_ng::Deserializer::from_str(yaml)
            .map(|document| Value::deserialize(document).unwrap())
            .collect()
    }

    fn of(name: &str) -> Vec<Value> {
        let all = deployables::all();
        let deployable = all.iter().find(|it| it.name == name).unwrap();
        documents(&configurations(deployable))
    }

    // So that the roles name what there is, and nothing else.
    #[test]
    fn every_configuration_is_one_that_the_deployable_may_keep_right() {
        for deployable in deployables::all() {
            let rules = deployable.cluster_rules().into_iter();
            let rules = rules.filter(|rule| rule.group == "admissionregistration.k8s.io");
            let mut granted: Vec<String> = rules.flat_map(|rule| rule.names).collect();
            let mut made: Vec<String> = Vec::new();
            if !deployable.webhooks.is_empty() {
                let documents = documents(&configurations(&deployable)).into_iter();
                made.extend(
                    documents.map(|it| it["metadata"]["name"].as_str().unwrap().to_owned()),
                );
            }
            granted.sort();
            made.sort();
            assert_eq!(granted, made, "{}", deployable.name);
        }
    }

    // PF-201, PF-208, PF-209, PF-908
    #[test]
    fn new_pods_are_asked_about_in_a_configuration_with_a_place_in_its_name() {
        let documents = of("sidecarset-controller");
        let name = "kruise-20-sidecarset-controller-mutating-webhook-configuration";
        let found = documents.iter().find(|it| it["metadata"]["name"] == name);
        let configuration = found.unwrap();
        assert_eq!(configuration["kind"], "MutatingWebhookConfiguration");
        let webhooks = configuration["webhooks"].as_array().unwrap();
        let expected = json!({
            "name": "mpod.kb.io",
            "admissionReviewVersions": ["v1"],
            "clientConfig": { "service": {
                "namespace": "kruise-system", "name": "kruise-sidecarset-controller-webhook-service",
                "path": "/mutate-pod", "port": 443,
            } },
            "rules": [{
                "apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"],
                "scope": "Namespaced",
            }],
            "namespaceSelector": { "matchExpressions": [
                {
                    "key": "kubernetes.io/metadata.name", "operator": "NotIn",
                    "values": ["kube-system", "kruise-system"],
                },
                { "key": "control-plane", "operator": "NotIn", "values": ["openkruise"] },
            ] },
            "objectSelector": { "matchExpressions": [
                { "key": "sidecarset.kruise.io/inject", "operator": "NotIn", "values": ["false"] },
            ] },
            "reinvocationPolicy": "IfNeeded",
            "failurePolicy": "Ignore",
            "sideEffects": "None",
            "timeoutSeconds": 3,
        });
        assert_eq!(*webhooks, [expected]);
        // An installation is no outage; afterwards, the process sets this policy.
        let asked = &configuration["metadata"]["annotations"];
        assert_eq!(asked["sidecarset.kruise.io/failure-policy"], "Fail");
    }

    // PF-201
    #[test]
    fn sidecar_sets_are_asked_about_in_both_versions() {
        let documents = of("sidecarset-controller");
        let webhook = |name: &str| {
            let webhooks = documents
                .iter()
                .flat_map(|it| it["webhooks"].as_array().unwrap());
            let mut found = webhooks.filter(|it| it["name"] == name);
            found.next().unwrap().clone()
        };
        for (name, path, side_effects) in [
            (
                "msidecarset.kb.io",
                "/mutate-apps-kruise-io-sidecarset",
                "None",
            ),
            (
                "vsidecarset.kb.io",
                "/validate-apps-kruise-io-sidecarset",
                "NoneOnDryRun",
            ),
        ] {
            let webhook = webhook(name);
            assert_eq!(webhook["clientConfig"]["service"]["path"], path);
            assert_eq!(webhook["sideEffects"], side_effects);
            assert_eq!(webhook["failurePolicy"], "Fail");
            let rule = json!({
                "apiGroups": ["apps.kruise.io"], "apiVersions": ["v1alpha1", "v1beta1"],
                "operations": ["CREATE", "UPDATE"], "resources": ["sidecarsets"], "scope": "Cluster",
            });
            assert_eq!(webhook["rules"], json!([rule]));
        }
    }

    // PF-201, PF-208, PF-209, PB-14
    #[test]
    fn pods_are_asked_about_by_pub_webhook_as_the_table_says() {
        let documents = of("pub-webhook");
        let entry = |name: &str| {
            let entries = documents
                .iter()
                .flat_map(|it| it["webhooks"].as_array().unwrap());
            let mut found = entries.filter(|it| it["name"] == name);
            found.next().unwrap().clone()
        };
        for (name, path, operations, resource) in [
            ("mpod.kb.io", "/mutate-pod", json!(["CREATE"]), "pods"),
            (
                "vpod.kb.io",
                "/validate-pod",
                json!(["UPDATE", "DELETE"]),
                "pods",
            ),
            (
                "vpodeviction.kb.io",
                "/validate-pod",
                json!(["CREATE"]),
                "pods/eviction",
            ),
        ] {
            let entry = entry(name);
            assert_eq!(entry["clientConfig"]["service"]["path"], path);
            let rule = json!({
                "apiGroups": [""], "apiVersions": ["v1"], "operations": operations, "resources": [resource],
                "scope": "Namespaced",
            });
            assert_eq!(entry["rules"], json!([rule]));
            let spared = &entry["namespaceSelector"]["matchExpressions"][0];
            assert_eq!(spared["values"], json!(["kube-system", "kruise-system"]));
            // Until somebody answers.
            assert_eq!(
                (&entry["failurePolicy"], &entry["timeoutSeconds"]),
                (&json!("Ignore"), &json!(3))
            );
        }
        let named = documents
            .iter()
            .map(|it| it["metadata"]["name"].as_str().unwrap());
        assert!(
            named.into_iter().any(|it| it.starts_with("kruise-40-pub")),
            "PF-908"
        );
    }

    // The components are written by hand: they have to name what is generated.
    #[test]
    fn components_let_pods_pass_while_nobody_answers() {
        for (component, deployable) in [
            ("sidecarset-fail-open", "sidecarset-controller"),
            ("pub-fail-open", "pub-webhook"),
        ] {
            let path = format!("deploy/components/{component}/kustomization.yaml");
            let component = std::fs::read_to_string(workspace::root().join(path)).unwrap();
            let component = documents(&component).remove(0);
            let patch = &component["patches"][0];
            let target = &patch["target"];
            let documents = of(deployable);
            let found = documents.iter().find(|it| {
                it["kind"] == target["kind"] && it["metadata"]["name"] == target["name"]
            });
            let configuration = found.unwrap();
            let operations: Vec<Value> =
                serde_yaml_ng::from_str(patch["patch"].as_str().unwrap()).unwrap();
            let [replace] = operations.as_slice() else {
                panic!("{operations:?}");
            };
            let at = configuration.pointer(replace["path"].as_str().unwrap());
            assert_eq!(
                (&replace["op"], at),
                (&json!("replace"), Some(&json!("Fail")))
            );
            assert_eq!(replace["value"], "Ignore");
        }
    }
}
