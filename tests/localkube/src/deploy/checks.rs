//! What a process that runs and isn't ready says of itself: its readiness probe's own words, read through
//! the API server, since nobody else keeps them.

use serde_json::Value;

use super::proxy::{Answer, ApiServer};
use super::{items, text};

/// Of an answer that isn't a list of checks.
const SHOWN: usize = 200;

/// The failing checks of a pod's containers that run and aren't ready, a line each.
pub(super) fn of(pod: &Value, server: &impl ApiServer) -> Vec<String> {
    let mut lines = Vec::new();
    for path in paths(pod) {
        match server.get(&path) {
            Ok(answer) => lines.extend(failing(&answer)),
            Err(error) => lines.push(format!("its checks can't be read: {error:#}")),
        }
    }
    lines
}

/// Where the API server passes on what these containers' readiness probes are answered.
fn paths(pod: &Value) -> Vec<String> {
    let statuses = items(pod, "/status/containerStatuses");
    let runs_unready = |name: &str| {
        statuses.iter().any(|status| {
            text(status, "/name") == name
                && status.get("ready").and_then(Value::as_bool) != Some(true)
                && status.pointer("/state/running").is_some()
        })
    };
    items(pod, "/spec/containers")
        .iter()
        .filter(|container| runs_unready(text(container, "/name")))
        .filter_map(|container| path(pod, container))
        .collect()
}

fn path(pod: &Value, container: &Value) -> Option<String> {
    let probe = container.pointer("/readinessProbe/httpGet")?;
    let port = match probe.get("port")? {
        Value::Number(number) => number.as_u64()?,
        named => items(container, "/ports")
            .iter()
            .find(|port| port.get("name") == Some(named))?
            .get("containerPort")?
            .as_u64()?,
    };
    let scheme = match text(probe, "/scheme") {
        "HTTPS" => "https:",
        _ => "",
    };
    let (namespace, name) = (
        text(pod, "/metadata/namespace"),
        text(pod, "/metadata/name"),
    );
    let path = text(probe, "/path");
    let separator = if path.contains('?') { '&' } else { '?' };
    Some(format!(
        "/api/v1/namespaces/{namespace}/pods/{scheme}{name}:{port}/proxy/{}{separator}verbose",
        path.trim_start_matches('/')
    ))
}

/// The words of what fails. `[-]name why` is how Kubernetes' programs tell of a check, and ours do too.
fn failing(answer: &Answer) -> Vec<String> {
    if answer.status == 200 {
        return vec!["every check is good now; the kubelet asks again soon".to_owned()];
    }
    let failing: Vec<String> = answer
        .body
        .lines()
        .filter_map(|line| line.trim().strip_prefix("[-]"))
        .map(ToOwned::to_owned)
        .collect();
    if !failing.is_empty() {
        return failing;
    }
    let status: Option<Value> = serde_json::from_str(&answer.body).ok();
    let said = status
        .as_ref()
        .map(|status| text(status, "/message"))
        .filter(|message| !message.is_empty())
        .unwrap_or_else(|| answer.body.trim());
    let said: String = said.chars().take(SHOWN).collect();
    vec![format!(
        "its checks can't be read ({}): {said}",
        answer.status
    )]
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Answers one path.
    struct Server(&'static str, u16, &'static str);

    impl ApiServer for Server {
        fn get(&self, path: &str) -> anyhow::Result<Answer> {
            assert_eq!(path, self.0);
            Ok(Answer {
                status: self.1,
                body: self.2.to_owned(),
            })
        }

        fn merge_patch(&self, path: &str, _: &Value) -> anyhow::Result<Answer> {
            anyhow::bail!("nothing is written to {path}")
        }
    }

    const READYZ: &str = "/api/v1/namespaces/ns/pods/p:8000/proxy/readyz?verbose";

    fn pod(ready: bool) -> Value {
        json!({
            "metadata": { "namespace": "ns", "name": "p" },
            "spec": { "containers": [
                {
                    "name": "c",
                    "ports": [{ "name": "metrics", "containerPort": 8080 }, { "name": "health", "containerPort": 8000 }],
                    "readinessProbe": { "httpGet": { "path": "/readyz", "port": "health" } },
                },
                { "name": "no-probe" },
            ] },
            "status": { "containerStatuses": [
                { "name": "c", "ready": ready, "state": { "running": {} } },
                { "name": "no-probe", "ready": true, "state": { "running": {} } },
            ] },
        })
    }

    #[test]
    fn the_checks_that_fail_are_told_in_their_own_words() {
        let body = "[+]process ok\n[-]webhook-ready the certificates' Secret a/b is missing; no caBundle yet\n\
                    [-]watch-pods not yet synced\n";
        assert_eq!(
            of(&pod(false), &Server(READYZ, 503, body)),
            [
                "webhook-ready the certificates' Secret a/b is missing; no caBundle yet",
                "watch-pods not yet synced"
            ]
        );
    }

    #[test]
    fn a_container_that_is_ready_is_not_asked() {
        assert!(of(&pod(true), &Server("", 500, "")).is_empty());
    }

    #[test]
    fn that_checks_cannot_be_read_is_told_too() {
        let forbidden = r#"{"kind":"Status","message":"pods \"p\" is forbidden: no pods/proxy"}"#;
        assert_eq!(
            of(&pod(false), &Server(READYZ, 403, forbidden)),
            ["its checks can't be read (403): pods \"p\" is forbidden: no pods/proxy"]
        );
        let plain =
            "error trying to reach service: dial tcp 10.0.0.1:8000: connect: connection refused";
        assert!(of(&pod(false), &Server(READYZ, 503, plain))[0].ends_with("connection refused"));
    }
}
