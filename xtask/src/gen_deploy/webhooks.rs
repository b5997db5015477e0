//! The configurations of webhooks: what the API server asks about, and whom. Replicas put caBundle in.

use super::{comment, labels, list, scalar};
use crate::deployables::{
    Condition, Deployable, NAMESPACE, PodWebhook, USUAL_TIMEOUT_SECONDS, Webhook,
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
    let mut documents: Vec<String> = both
        .iter()
        .filter(|(_, _, webhooks)| !webhooks.is_empty())
        .map(|(kind, word, webhooks)| {
            let all: String = webhooks
                .iter()
                .map(|one| webhook(deployable.name, one))
                .collect();
            let name = deployable.webhook_configuration(word);
            configuration(deployable, kind, &name, &all)
        })
        .collect();
    if let (Some(pods), Some(name)) = (&webhooks.pods, deployable.pod_webhook_configuration()) {
        let asked = pod_webhook(deployable.name, pods);
        documents.push(comment(pods.why, 0) + &pod_configuration(deployable, &name, pods, &asked));
    }
    text + &documents.join("---\n")
}

fn configuration(deployable: &Deployable, kind: &str, name: &str, webhooks: &str) -> String {
    format!(
        "apiVersion: admissionregistration.k8s.io/v1\n\
         kind: {kind}WebhookConfiguration\n\
         metadata:\n  \
           name: {name}\n\
         {labels}\
         webhooks:\n\
         {webhooks}",
        labels = labels(deployable.name, 2),
    )
}

/// The configuration of a pod webhook says by an annotation what its failure policy is to be once somebody answers. Until
/// then, no pod of the cluster could be created.
fn pod_configuration(
    deployable: &Deployable,
    name: &str,
    webhook: &PodWebhook,
    webhooks: &str,
) -> String {
    let PodWebhook {
        policy_annotation,
        unanswered,
        ..
    } = webhook;
    format!(
        "apiVersion: admissionregistration.k8s.io/v1\n\
         kind: MutatingWebhookConfiguration\n\
         metadata:\n  \
           name: {name}\n  \
           annotations:\n    \
             {policy_annotation}: {unanswered}\n\
         {labels}\
         webhooks:\n\
         {webhooks}",
        labels = labels(deployable.name, 2),
    )
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

/// PF-201, PF-208, PF-209. A namespace with the label of the chart is spared wherever it is.
fn pod_webhook(deployable: &str, webhook: &PodWebhook) -> String {
    let PodWebhook {
        why: _,
        place: _,
        name,
        path,
        opt_out,
        policy_annotation: _,
        unanswered: _,
    } = webhook;
    format!(
        "  \
         - name: {name}\n\
         {client_config}    \
             rules:\n      \
               - apiGroups: [\"\"]\n        \
                 apiVersions: [v1]\n        \
                 operations: [CREATE]\n        \
                 resources: [pods]\n        \
                 scope: Namespaced\n    \
             namespaceSelector:\n      \
               matchExpressions:\n        \
                 - key: kubernetes.io/metadata.name\n          \
                   operator: NotIn\n          \
                   values: [kube-system, {NAMESPACE}]\n        \
                 - key: control-plane\n          \
                   operator: NotIn\n          \
                   values: [openkruise]\n    \
             objectSelector:\n      \
               matchExpressions:\n        \
                 - key: {opt_out}\n          \
                   operator: NotIn\n          \
                   values: [\"false\"]\n    \
             reinvocationPolicy: IfNeeded\n    \
             failurePolicy: Ignore\n    \
             sideEffects: None\n    \
             timeoutSeconds: {USUAL_TIMEOUT_SECONDS}\n",
        client_config = client_config(deployable, path),
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
         {selector}\
         {conditions}    \
             failurePolicy: {unanswered}\n    \
             sideEffects: {side_effects}\n    \
             timeoutSeconds: {timeout_seconds}\n",
        why = comment(why, 2),
        client_config = client_config(deployable, path),
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

    // The component is written by hand: it has to name what is generated.
    #[test]
    fn the_component_lets_pods_pass_while_nobody_answers() {
        let path = "deploy/components/sidecarset-fail-open/kustomization.yaml";
        let component = std::fs::read_to_string(workspace::root().join(path)).unwrap();
        let component = documents(&component).remove(0);
        let patch = &component["patches"][0];
        let target = &patch["target"];
        let documents = of("sidecarset-controller");
        let found = documents
            .iter()
            .find(|it| it["kind"] == target["kind"] && it["metadata"]["name"] == target["name"]);
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
