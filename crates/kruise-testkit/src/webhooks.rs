//! Webhooks as they are deployed: the configurations of `deploy/`, answered by processes of the world.

use std::sync::Arc;

use futures::{FutureExt, future::BoxFuture};
use kruise_api::{
    resource::{NAMESPACES, ObjectKey},
    well_known::{CONVERT_PATH, labels::NAMESPACE_NAME},
};
use kruise_runtime::webhook::InProcessWebhooks;
use serde_json::{Value, json};

use crate::{
    fields::{list, text},
    manifests,
    server::{ApiServer, WeakApiServer, Webhook},
};

/// What a server says of a webhook that nobody answers.
const REFUSED: &str = "connect: connection refused";

/// What a review that was sent to a path is answered; `None`: nobody listens.
pub type Reviewed = Option<Result<Vec<u8>, String>>;

/// Who answers the reviews that this server sends to a path.
pub(crate) type Ask =
    Arc<dyn Fn(&ApiServer, String, String) -> BoxFuture<'static, Reviewed> + Send + Sync>;

/// The first of these processes that runs answers.
pub(crate) fn first_of(processes: Vec<InProcessWebhooks>) -> Ask {
    let processes = Arc::new(processes);
    Arc::new(move |_, path, review| {
        let processes = Arc::clone(&processes);
        Box::pin(async move {
            for process in processes.iter() {
                if let Some(answer) = process.call(&path, review.as_bytes()).await {
                    return Some(answer);
                }
            }
            None
        })
    })
}

/// Registers the webhooks of a deployable, and its conversions.
pub(crate) fn serve(server: &ApiServer, directory: &str, ask: &Ask) {
    for configuration in manifests::read(&format!("deploy/base/{directory}/webhooks.yaml")) {
        let mutates = configuration["kind"] == "MutatingWebhookConfiguration";
        let annotations = &configuration["metadata"]["annotations"];
        let policy = text(&annotations["pub.kruise.io/failure-policy"]);
        for described in list(&configuration["webhooks"]) {
            for rule in list(&described["rules"]) {
                let mut webhook = webhook(described, rule);
                if webhook.plural == "pods" && !policy.is_empty() {
                    // What the leader makes of it.
                    webhook.fails = policy == "Fail";
                }
                let described = described.clone();
                let ask = Arc::clone(ask);
                // The server keeps the webhook, so the webhook can't keep the server.
                let cluster = server.downgrade();
                let answer = move |review: Value| {
                    let (described, ask) = (described.clone(), Arc::clone(&ask));
                    admit(cluster.clone(), described, ask, review)
                };
                if mutates {
                    server.set_mutating(webhook, answer);
                } else {
                    server.set_validating(webhook, answer);
                }
            }
        }
    }
}

/// Has the kind of a definition converted by these processes.
pub(crate) fn convert(server: &ApiServer, definition: &str, processes: Vec<InProcessWebhooks>) {
    server.set_converter(definition, move |object, to| {
        let request = json!({ "uid": "u", "desiredAPIVersion": to, "objects": [object] });
        let review = json!({
            "apiVersion": "apiextensions.k8s.io/v1", "kind": "ConversionReview", "request": request,
        });
        let review = review.to_string();
        let answers = processes.iter().filter_map(|process| {
            // A conversion asks nobody, so it is ready at once.
            process
                .call(CONVERT_PATH, review.as_bytes())
                .now_or_never()
                .flatten()
        });
        let answer = answers.into_iter().next().ok_or(REFUSED)??;
        let mut answer: Value =
            serde_json::from_slice(&answer).map_err(|error| error.to_string())?;
        let response = &mut answer["response"];
        if response["result"]["status"] == "Success" {
            Ok(response["convertedObjects"][0].take())
        } else {
            Err(text(&response["result"]["message"]))
        }
    });
}

fn webhook(described: &Value, rule: &Value) -> Webhook {
    let words = |field: &str| list(&rule[field]).iter().map(text).collect::<Vec<_>>();
    let resource = words("resources").remove(0);
    let (plural, subresource) = resource.split_once('/').unwrap_or((&resource, ""));
    Webhook {
        name: text(&described["name"]),
        group: words("apiGroups").remove(0),
        versions: words("apiVersions"),
        plural: plural.to_owned(),
        subresource: subresource.to_owned(),
        operations: words("operations"),
        fails: described["failurePolicy"] == "Fail",
    }
}

async fn admit(
    server: WeakApiServer,
    described: Value,
    ask: Ask,
    mut review: Value,
) -> Result<Value, String> {
    let Some(server) = server.upgrade() else {
        return Err(REFUSED.to_owned());
    };
    let request = &review["request"];
    let namespace = namespace_labels(&server, &text(&request["namespace"]));
    let is_asked = is_selected(&described, request, namespace.as_ref());
    if !is_asked || !meets_conditions(&described, request) {
        review["response"] = json!({ "uid": request["uid"], "allowed": true });
        return Ok(review);
    }
    let path = text(&described["clientConfig"]["service"]["path"]);
    match ask(&server, path, review.to_string()).await {
        Some(answer) => serde_json::from_slice(&answer?).map_err(|error| error.to_string()),
        None => Err(REFUSED.to_owned()),
    }
}

/// Labels of a namespace, with the one that Kubernetes gives it itself; none of what is in no namespace.
fn namespace_labels(server: &ApiServer, name: &str) -> Option<Value> {
    if name.is_empty() {
        return None;
    }
    let namespace = server.get(NAMESPACES, &ObjectKey::new("", name));
    let mut labels = namespace.map_or(Value::Null, |it| it["metadata"]["labels"].clone());
    labels[NAMESPACE_NAME] = json!(name);
    Some(labels)
}

fn is_selected(described: &Value, request: &Value, namespace: Option<&Value>) -> bool {
    let selects = |selector: &str, labels: &Value| {
        let mut wanted = list(&described[selector]["matchExpressions"]).iter();
        wanted.all(|wanted| is_met(wanted, labels))
    };
    let mut objects = [&request["object"], &request["oldObject"]].into_iter();
    let is_object_selected = objects.any(|object| {
        object.is_object() && selects("objectSelector", &object["metadata"]["labels"])
    });
    is_object_selected && namespace.is_none_or(|labels| selects("namespaceSelector", labels))
}

fn is_met(wanted: &Value, labels: &Value) -> bool {
    let value = labels.get(text(&wanted["key"]));
    match text(&wanted["operator"]).as_str() {
        "Exists" => value.is_some(),
        "In" => value.is_some_and(|value| list(&wanted["values"]).contains(value)),
        "NotIn" => value.is_none_or(|value| !list(&wanted["values"]).contains(value)),
        other => panic!("{other}: no deployable selects by it"),
    }
}

/// There is no CEL here: the conditions that are deployed are known by what they speak of.
fn meets_conditions(described: &Value, request: &Value) -> bool {
    list(&described["matchConditions"]).iter().all(|condition| {
        let name = text(&condition["name"]);
        if let Some(is_met) = of_linked_pods(&name, request) {
            return is_met;
        }
        let expression = text(&condition["expression"]);
        if expression == "!has(object.metadata.deletionTimestamp)" {
            return request["object"]["metadata"]
                .get("deletionTimestamp")
                .is_none();
        }
        let (is, user) = match expression
            .split_once(" == ")
            .or(expression.split_once(" != "))
        {
            Some(("request.userInfo.username", user)) => (expression.contains(" == "), user),
            _ => panic!("{expression}: not known here"),
        };
        let asked = text(&request["userInfo"]["username"]);
        (user.trim_matches('\'') == asked) == is
    })
}

/// The conditions of pub-webhook about a pod that is deleted or changed, by their names.
fn of_linked_pods(condition: &str, request: &Value) -> Option<bool> {
    let (old, new) = (&request["oldObject"], &request["object"]);
    let is_deletion = request["operation"] == "DELETE";
    let annotations = |pod: &Value| pod["metadata"]["annotations"].clone();
    let is_linked = |pod: &Value| {
        let keys = ["pub.kruise.io/related-pub", "kruise.io/related-pub"];
        keys.iter().any(|key| annotations(pod).get(key).is_some())
    };
    let is_unavailable = |pod: &Value| {
        let labels = pod["metadata"]["labels"].as_object().cloned();
        let mut keys = labels.into_iter().flatten();
        keys.any(|(key, _)| key.starts_with("unavailable-pod.kruise.io/"))
    };
    let is_ready = |pod: &Value| {
        let mut conditions = list(&pod["status"]["conditions"]).iter();
        conditions.any(|it| it["type"] == "Ready" && it["status"] == "True")
    };
    Some(match condition {
        "is-linked" => is_linked(old) && (is_deletion || is_linked(new)),
        "may-be-protected" => {
            let says = annotations(old)["pub.kruise.io/no-protect"].clone();
            !["1", "t", "T", "true", "TRUE", "True"].contains(&says.as_str().unwrap_or_default())
        }
        "serves" => {
            old["metadata"].get("deletionTimestamp").is_none()
                && old["status"]["phase"] == "Running"
                && is_ready(old)
                && !is_unavailable(old)
        }
        "changes-what-counts" => is_deletion || old["spec"] != new["spec"] || is_unavailable(new),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use http::{Method, Request};
    use http_body_util::BodyExt;
    use kube::client::Body;

    use super::*;
    use crate::clock::VirtualClock;

    const SETS: &str = "namespaces/default/clonesets";

    /// What this request is answered with.
    async fn said(server: &ApiServer, method: Method, path: &str, body: Value) -> String {
        let request = Request::builder()
            .method(method)
            .uri(format!("/apis/apps.kruise.io/{path}"))
            .header("content-type", "application/json")
            .body(Body::from(body.to_string().into_bytes()))
            .unwrap();
        let response = server.client_of("user").send(request).await.unwrap();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        String::from_utf8_lossy(&body).into_owned()
    }

    fn cloneset(name: &str) -> Value {
        let template = json!({
            "metadata": { "labels": { "app": "web" } },
            "spec": { "containers": [{ "name": "main", "image": "nginx:1" }] },
        });
        let selector = json!({ "matchLabels": { "app": "web" } });
        json!({
            "apiVersion": "apps.kruise.io/v1beta1", "kind": "CloneSet",
            "metadata": { "name": name, "namespace": "default" },
            "spec": { "selector": selector, "template": template },
        })
    }

    // Each simulated seed once left its server behind: what answered for a webhook kept it, and it kept the webhook.
    #[tokio::test(start_paused = true)]
    async fn webhooks_do_not_keep_their_server() {
        let server = ApiServer::new(VirtualClock::new(), 1);
        for definition in manifests::read("crds/apps.kruise.io_clonesets.yaml") {
            let name = text(&definition["metadata"]["name"]);
            server.install(definition);
            convert(&server, &name, vec![InProcessWebhooks::default()]);
        }
        let nobody = first_of(vec![InProcessWebhooks::default()]);
        serve(&server, "cloneset-controller", &nobody);
        let path = format!("v1beta1/{SETS}");
        let created = said(&server, Method::POST, &path, cloneset("a")).await;
        assert!(created.contains(REFUSED), "{created}");
        let sets = kruise_api::apps::v1beta1::CLONESETS;
        server.put("setup", sets, cloneset("b"));
        let path = format!("v1alpha1/{SETS}/b");
        let read = said(&server, Method::GET, &path, Value::Null).await;
        assert!(
            read.contains("conversion webhook") && read.contains(REFUSED),
            "{read}"
        );

        let weak = server.downgrade();
        assert!(weak.upgrade().is_some());
        drop(server);
        // A task of each client has it until it is looked at again.
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
        assert!(weak.upgrade().is_none());
    }
}
