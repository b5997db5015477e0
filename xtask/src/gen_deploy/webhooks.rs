//! The configurations of webhooks: what the API server asks about, and whom. Replicas put caBundle in.

use super::{comment, labels, list, scalar};
use crate::deployables::{Condition, Deployable, NAMESPACE, Webhook};

/// Of the API server's own limit, ten seconds, people would see more.
const TIMEOUT_SECONDS: u32 = 3;

pub(super) fn configurations(deployable: &Deployable) -> String {
    let kinds = deployable.kinds;
    let webhooks = &deployable.webhooks;
    let mut text = format!(
        "# What the API server asks about {kinds} before it stores or deletes them. Replicas put caBundle in.\n"
    );
    if !webhooks.why.is_empty() {
        text += "#\n";
        text += &comment(webhooks.why, 0);
    }
    let both = [
        ("Mutating", "mutating", webhooks.mutating),
        ("Validating", "validating", webhooks.validating),
    ];
    let documents: Vec<String> = both
        .iter()
        .filter(|(_, _, webhooks)| !webhooks.is_empty())
        .map(|(kind, word, webhooks)| {
            let all: String = webhooks
                .iter()
                .map(|one| webhook(deployable.name, one))
                .collect();
            format!(
                "apiVersion: admissionregistration.k8s.io/v1\n\
                 kind: {kind}WebhookConfiguration\n\
                 metadata:\n  \
                   name: {name}\n\
                 {labels}\
                 webhooks:\n\
                 {all}",
                name = deployable.webhook_configuration(word),
                labels = labels(deployable.name, 2),
            )
        })
        .collect();
    text + &documents.join("---\n")
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
         - name: {name}\n    \
             admissionReviewVersions: [v1]\n    \
             clientConfig:\n      \
               service:\n        \
                 namespace: {NAMESPACE}\n        \
                 name: kruise-{deployable}-webhook-service\n        \
                 path: {path}\n        \
                 port: 443\n    \
             rules:\n      \
               - apiGroups: {groups}\n        \
                 apiVersions: {versions}\n        \
                 operations: {operations}\n        \
                 resources: {resources}\n        \
                 scope: {scope}\n\
         {selector}\
         {conditions}    \
             failurePolicy: {unanswered}\n    \
             sideEffects: None\n    \
             timeoutSeconds: {TIMEOUT_SECONDS}\n",
        why = comment(why, 2),
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
