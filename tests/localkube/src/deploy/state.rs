//! What an installation still waits for, read from objects: pure, so that every case is a test.

use serde_json::Value;

use super::{items, text};

/// From here on a container that isn't ready is taken to end again and again.
const MANY_RESTARTS: i64 = 2;

/// A deployed workload that isn't there yet, in words; `None` once it is rolled out.
///
/// As `kubectl rollout status` judges: a controller must have seen the newest spec before its
/// counts mean anything.
pub(super) fn workload(object: &Value) -> Option<String> {
    let kind = text(object, "/kind");
    let what = format!("{kind} {}", text(object, "/metadata/name"));
    if number(object, "/status/observedGeneration") < number(object, "/metadata/generation") {
        return Some(format!("{what}: its controller hasn't seen the change yet"));
    }
    let wanted = wanted_pods(object);
    let (all, updated, available) = if kind == "DaemonSet" {
        (
            wanted,
            number(object, "/status/updatedNumberScheduled"),
            number(object, "/status/numberAvailable"),
        )
    } else {
        (
            number(object, "/status/replicas"),
            number(object, "/status/updatedReplicas"),
            number(object, "/status/availableReplicas"),
        )
    };
    if updated >= wanted && all <= updated && available >= wanted {
        return None;
    }
    let mut line = format!("{what}: {updated} of {wanted} updated, {available} available");
    if all > updated {
        line.push_str(&format!(", {} of before still there", all - updated));
    }
    // Pods that can't even be created: a quota, an admission webhook, pod security.
    let refused = items(object, "/status/conditions")
        .iter()
        .find(|condition| {
            text(condition, "/type") == "ReplicaFailure" && text(condition, "/status") == "True"
        });
    if let Some(condition) = refused {
        line.push_str(&format!("; {}", text(condition, "/message")));
    }
    Some(line)
}

/// How many pods a workload should have.
pub(super) fn wanted(object: &Value) -> usize {
    usize::try_from(wanted_pods(object)).unwrap_or(0)
}

fn wanted_pods(object: &Value) -> i64 {
    if text(object, "/kind") == "DaemonSet" {
        return number(object, "/status/desiredNumberScheduled");
    }
    object
        .pointer("/spec/replicas")
        .map_or(1, |_| number(object, "/spec/replicas"))
}

/// Whether somebody has deleted it: why it isn't as it was needs no more words.
pub(super) fn is_going(object: &Value) -> bool {
    object.pointer("/metadata/deletionTimestamp").is_some()
}

/// Why a pod isn't ready, in words; `None` if it is.
pub(super) fn pod(pod: &Value) -> Option<String> {
    let name = text(pod, "/metadata/name");
    if is_going(pod) {
        return Some(format!("{name}: is shutting down"));
    }
    if condition(pod, "Ready").is_some_and(|ready| text(ready, "/status") == "True") {
        return None;
    }
    if let Some(scheduled) = condition(pod, "PodScheduled")
        && text(scheduled, "/status") == "False"
    {
        return Some(format!(
            "{name}: not scheduled: {}",
            text(scheduled, "/message")
        ));
    }
    let reasons: Vec<String> = container_statuses(pod).filter_map(container).collect();
    let reason = if reasons.is_empty() {
        "not started yet".to_owned()
    } else {
        reasons.join("; ")
    };
    Some(format!("{name}: {reason}"))
}

/// Whether a container of the pod runs and isn't ready: then its own checks know more.
pub(super) fn runs_unready(pod: &Value) -> bool {
    items(pod, "/status/containerStatuses")
        .iter()
        .any(|status| {
            status.get("ready").and_then(Value::as_bool) != Some(true)
                && status.pointer("/state/running").is_some()
        })
}

fn container(status: &Value) -> Option<String> {
    let name = text(status, "/name");
    if status.get("ready").and_then(Value::as_bool) == Some(true) {
        return None;
    }
    let waiting = status.pointer("/state/waiting");
    // The same words whether it just starts, just ended, or is held back, so that a loop of these
    // isn't news every second.
    if let Some(end) = last_end(status)
        && (number(status, "/restartCount") >= MANY_RESTARTS
            || waiting.is_some_and(|waiting| text(waiting, "/reason") == "CrashLoopBackOff"))
    {
        return Some(format!("{name} keeps ending ({})", ended(end)));
    }
    if let Some(waiting) = waiting {
        let (reason, message) = (text(waiting, "/reason"), text(waiting, "/message"));
        let message = if message.is_empty() {
            String::new()
        } else {
            format!(" ({message})")
        };
        return Some(format!("{name} {reason}{message}"));
    }
    if let Some(terminated) = status.pointer("/state/terminated") {
        return Some(format!("{name} ended ({})", ended(terminated)));
    }
    Some(format!("{name} runs, not ready"))
}

fn last_end(status: &Value) -> Option<&Value> {
    status
        .pointer("/state/terminated")
        .or_else(|| status.pointer("/lastState/terminated"))
}

fn ended(terminated: &Value) -> String {
    let code = number(terminated, "/exitCode");
    match text(terminated, "/reason") {
        "" | "Error" | "Completed" => format!("exit code {code}"),
        reason => format!("exit code {code}, {reason}"),
    }
}

/// Containers whose last run ended by itself: their log says why.
pub(super) fn crashed_containers(pod: &Value) -> Vec<String> {
    container_statuses(pod)
        .filter(|status| status.get("ready").and_then(Value::as_bool) != Some(true))
        .filter(|status| last_end(status).is_some())
        .map(|status| text(status, "/name").to_owned())
        .collect()
}

fn container_statuses(pod: &Value) -> impl Iterator<Item = &Value> {
    items(pod, "/status/initContainerStatuses")
        .iter()
        .chain(items(pod, "/status/containerStatuses"))
}

fn condition<'a>(object: &'a Value, kind: &str) -> Option<&'a Value> {
    items(object, "/status/conditions")
        .iter()
        .find(|condition| text(condition, "/type") == kind)
}

/// An object that is being deleted and still there, and what keeps it.
pub(super) fn going(object: &Value) -> String {
    let what = format!(
        "{} {}",
        text(object, "/kind"),
        text(object, "/metadata/name")
    );
    if !is_going(object) {
        return what;
    }
    // Of a CRD: how many objects are still there.
    if let Some(terminating) = condition(object, "Terminating")
        && text(terminating, "/status") == "True"
    {
        return format!("{what} ({})", text(terminating, "/message"));
    }
    let finalizers: Vec<&str> = items(object, "/metadata/finalizers")
        .iter()
        .filter_map(Value::as_str)
        .collect();
    match finalizers.as_slice() {
        [] => what,
        ["foregroundDeletion"] => format!("{what} (until its pods have ended)"),
        finalizers => format!("{what} (finalizers: {})", finalizers.join(", ")),
    }
}

/// The label selector of a workload, as kubectl's `--selector` takes it.
pub(super) fn selector(object: &Value) -> String {
    let labels = object
        .pointer("/spec/selector/matchLabels")
        .and_then(Value::as_object);
    let pairs = labels.into_iter().flatten();
    let pairs: Vec<String> = pairs
        .map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default()))
        .collect();
    pairs.join(",")
}

/// The services that a webhook configuration or a converted CRD calls, as (namespace, name).
pub(super) fn services(object: &Value) -> Vec<(String, String)> {
    let mut services: Vec<(String, String)> = client_configs(object)
        .filter_map(|(_, config)| config.get("service"))
        .map(|service| {
            (
                text(service, "/namespace").into(),
                text(service, "/name").into(),
            )
        })
        .collect();
    services.sort();
    services.dedup();
    services
}

/// The callers' entries that have no CA bundle yet, without which no call can succeed.
pub(super) fn without_ca_bundle(object: &Value) -> Option<String> {
    let missing: Vec<&str> = client_configs(object)
        .filter(|(_, config)| text(config, "/caBundle").is_empty())
        .map(|(name, _)| name)
        .collect();
    if missing.is_empty() {
        return None;
    }
    let (kind, name) = (text(object, "/kind"), text(object, "/metadata/name"));
    Some(format!(
        "{kind} {name}: no CA bundle yet for {}",
        missing.join(", ")
    ))
}

fn client_configs(object: &Value) -> impl Iterator<Item = (&str, &Value)> {
    let webhooks = items(object, "/webhooks")
        .iter()
        .filter_map(|webhook| Some((text(webhook, "/name"), webhook.get("clientConfig")?)));
    let conversion = object
        .pointer("/spec/conversion/webhook/clientConfig")
        .map(|config| ("conversion", config));
    webhooks.chain(conversion)
}

/// Whether any endpoint of a service's slices takes requests.
pub(super) fn has_ready_endpoint(slices: &Value) -> bool {
    items(slices, "/items")
        .iter()
        .flat_map(|slice| items(slice, "/endpoints"))
        .any(|endpoint| {
            endpoint
                .pointer("/conditions/ready")
                .and_then(Value::as_bool)
                .unwrap_or(false)
        })
}

fn number(value: &Value, pointer: &str) -> i64 {
    value.pointer(pointer).and_then(Value::as_i64).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn deployment(status: &Value) -> Value {
        json!({
            "kind": "Deployment",
            "metadata": { "name": "d", "generation": 2 },
            "spec": { "replicas": 2, "selector": { "matchLabels": { "a": "1", "b": "2" } } },
            "status": status,
        })
    }

    #[test]
    fn a_deployment_is_done_when_all_replicas_are_new_and_available() {
        let done = json!({
            "observedGeneration": 2, "replicas": 2, "updatedReplicas": 2, "availableReplicas": 2
        });
        assert_eq!(workload(&deployment(&done)), None);
    }

    #[test]
    fn a_deployment_that_rolls_says_how_far_it_is() {
        let rolling = json!({
            "observedGeneration": 2, "replicas": 3, "updatedReplicas": 1, "availableReplicas": 2
        });
        assert_eq!(
            workload(&deployment(&rolling)).unwrap(),
            "Deployment d: 1 of 2 updated, 2 available, 2 of before still there"
        );
        let unseen = json!({ "observedGeneration": 1 });
        assert!(
            workload(&deployment(&unseen))
                .unwrap()
                .contains("hasn't seen")
        );
    }

    #[test]
    fn refused_pods_are_told() {
        let refused = json!({
            "observedGeneration": 2,
            "conditions": [{ "type": "ReplicaFailure", "status": "True", "message": "quota" }],
        });
        assert!(
            workload(&deployment(&refused))
                .unwrap()
                .ends_with("; quota")
        );
    }

    #[test]
    fn a_daemon_set_counts_nodes() {
        let set = |available: i64| {
            json!({
                "kind": "DaemonSet", "metadata": { "name": "s" },
                "status": {
                    "desiredNumberScheduled": 3, "updatedNumberScheduled": 3,
                    "numberAvailable": available
                },
            })
        };
        assert_eq!(workload(&set(3)), None);
        assert_eq!(
            workload(&set(1)).unwrap(),
            "DaemonSet s: 3 of 3 updated, 1 available"
        );
    }

    fn pod_with(status: &Value) -> Value {
        json!({ "metadata": { "name": "p" }, "status": { "containerStatuses": [status] } })
    }

    #[test]
    fn a_crashed_container_is_told_with_its_exit_code() {
        let crashed = pod_with(&json!({
            "name": "c", "ready": false,
            "state": { "waiting": { "reason": "CrashLoopBackOff", "message": "back-off 10s" } },
            "lastState": { "terminated": { "exitCode": 1, "reason": "Error" } },
        }));
        assert_eq!(pod(&crashed).unwrap(), "p: c keeps ending (exit code 1)");
        assert_eq!(crashed_containers(&crashed), ["c"]);
    }

    #[test]
    fn a_crash_loop_reads_the_same_at_every_moment() {
        let end = json!({ "exitCode": 137, "reason": "OOMKilled" });
        let states = [
            json!({ "running": {} }),
            json!({ "terminated": end }),
            json!({ "waiting": { "reason": "CrashLoopBackOff" } }),
        ];
        for state in states {
            let status = json!({
                "name": "c", "ready": false, "restartCount": 2, "state": state,
                "lastState": { "terminated": end },
            });
            assert_eq!(
                pod(&pod_with(&status)).unwrap(),
                "p: c keeps ending (exit code 137, OOMKilled)"
            );
        }
    }

    #[test]
    fn an_image_that_cannot_be_pulled_is_told_with_the_message() {
        let waiting = pod_with(&json!({
            "name": "c", "ready": false,
            "state": { "waiting": { "reason": "ImagePullBackOff", "message": "not found" } },
        }));
        assert_eq!(pod(&waiting).unwrap(), "p: c ImagePullBackOff (not found)");
        assert!(crashed_containers(&waiting).is_empty());
    }

    #[test]
    fn a_ready_pod_needs_no_words_and_an_unscheduled_one_says_why() {
        let ready = json!({ "status": { "conditions": [{ "type": "Ready", "status": "True" }] } });
        assert_eq!(pod(&ready), None);
        let unscheduled = json!({
            "metadata": { "name": "p" },
            "status": { "conditions": [
                { "type": "PodScheduled", "status": "False", "message": "no nodes" }
            ] },
        });
        assert_eq!(pod(&unscheduled).unwrap(), "p: not scheduled: no nodes");
    }

    #[test]
    fn webhooks_need_a_ca_bundle_and_an_endpoint() {
        let config = |bundle: &str| {
            json!({
                "kind": "ValidatingWebhookConfiguration",
                "metadata": { "name": "v" },
                "webhooks": [{
                    "name": "w",
                    "clientConfig": {
                        "caBundle": bundle, "service": { "namespace": "n", "name": "s" }
                    },
                }],
            })
        };
        assert!(without_ca_bundle(&config("")).unwrap().ends_with("for w"));
        assert_eq!(without_ca_bundle(&config("eA==")), None);
        assert_eq!(services(&config("")), [("n".to_owned(), "s".to_owned())]);
        let slices = |ready: bool| json!({ "items": [{ "endpoints": [{ "conditions": { "ready": ready } }] }] });
        assert!(has_ready_endpoint(&slices(true)) && !has_ready_endpoint(&slices(false)));
    }

    #[test]
    fn what_still_goes_says_what_keeps_it() {
        let object = |finalizers: Value| {
            json!({
                "kind": "CloneSet",
                "metadata": { "name": "a", "deletionTimestamp": "t", "finalizers": finalizers },
            })
        };
        assert_eq!(going(&object(json!([]))), "CloneSet a");
        assert_eq!(
            going(&object(json!(["foregroundDeletion"]))),
            "CloneSet a (until its pods have ended)"
        );
        assert_eq!(
            going(&object(json!(["example.com/x"]))),
            "CloneSet a (finalizers: example.com/x)"
        );
        let mut crd = object(json!(["customresourcecleanup.apiextensions.k8s.io"]));
        crd["status"] = json!({ "conditions": [
            { "type": "Terminating", "status": "True", "message": "3 are left" }
        ] });
        assert_eq!(going(&crd), "CloneSet a (3 are left)");
    }

    #[test]
    fn selector_joins_labels() {
        assert_eq!(selector(&deployment(&json!({}))), "a=1,b=2");
    }
}
