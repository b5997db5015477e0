//! What users and workload controllers ask the API server about pods, several at a time.

use std::time::Duration;

use kruise_testkit::{random::Random, server::ApiServer};
use serde_json::{Value, json};

use crate::stage::USER;

const PODS: &str = "/api/v1/namespaces/default/pods";
/// How long a client waits for an answer.
const PATIENCE: Duration = Duration::from_secs(20);

/// What is asked about one pod.
#[derive(Clone, Debug)]
pub(super) struct Asking {
    pub(super) pod: String,
    pub(super) deed: Deed,
    pub(super) is_dry_run: bool,
    /// After this time.
    pub(super) after: Duration,
}

/// What is to be done with a pod.
#[derive(Clone, Debug)]
pub(super) enum Deed {
    Evict,
    Delete,
    /// Gives its container this image.
    Update(String),
    /// A merge patch.
    Patch(Value),
}

impl Asking {
    pub(super) fn of(pod: &str, deed: Deed) -> Self {
        Self {
            pod: pod.to_owned(),
            deed,
            is_dry_run: false,
            after: Duration::ZERO,
        }
    }

    /// Something, by chance.
    pub(super) fn any(pod: &str, image: String, random: &mut Random) -> Self {
        let deed = match random.below(20) {
            0..=8 => Deed::Evict,
            9..=13 => Deed::Delete,
            14..=17 => Deed::Update(image),
            18 => Deed::Patch(json!({ "metadata": { "annotations": { "seen": image } } })),
            _ => Deed::Patch(
                json!({ "metadata": { "labels": { "unavailable-pod.kruise.io/x": "y" } } }),
            ),
        };
        let longest = *random.pick(&[1, 1, 20, 500]);
        Self {
            pod: pod.to_owned(),
            deed,
            is_dry_run: random.chance(150),
            after: Duration::from_millis(random.below(longest) as u64),
        }
    }

    fn request(&self) -> http::Request<Vec<u8>> {
        let Self { pod, deed, .. } = self;
        let dry_run = if self.is_dry_run { "?dryRun=All" } else { "" };
        let merge = "application/merge-patch+json";
        let strategic = "application/strategic-merge-patch+json";
        let plain = "application/json";
        let path = format!("{PODS}/{pod}");
        let (method, path, content, body) = match deed {
            Deed::Evict => {
                let mut body = json!({
                    "apiVersion": "policy/v1", "kind": "Eviction",
                    "metadata": { "name": pod, "namespace": "default" },
                });
                if self.is_dry_run {
                    body["deleteOptions"] = json!({ "dryRun": ["All"] });
                }
                ("POST", format!("{path}/eviction"), plain, body)
            }
            Deed::Delete => ("DELETE", format!("{path}{dry_run}"), plain, json!({})),
            Deed::Update(image) => {
                let containers = json!([{ "name": "app", "image": image }]);
                let body = json!({ "spec": { "containers": containers } });
                ("PATCH", format!("{path}{dry_run}"), strategic, body)
            }
            Deed::Patch(patch) => ("PATCH", format!("{path}{dry_run}"), merge, patch.clone()),
        };
        let request = http::Request::builder().method(method).uri(path);
        let request = request.header(http::header::CONTENT_TYPE, content);
        request
            .body(body.to_string().into_bytes())
            .expect("a request")
    }

    fn word(&self) -> String {
        let dry = if self.is_dry_run { " (dry run)" } else { "" };
        match &self.deed {
            Deed::Evict => format!("evict {}{dry}", self.pod),
            Deed::Delete => format!("delete {}{dry}", self.pod),
            Deed::Update(image) => format!("{} gets {image}{dry}", self.pod),
            Deed::Patch(patch) => format!("{} {patch}{dry}", self.pod),
        }
    }
}

/// What came of something that was asked.
pub(super) struct Answered {
    pub(super) is_done: bool,
    pub(super) words: String,
}

/// Asks all of it, at once but for their delays.
pub(super) async fn ask_all(server: &ApiServer, asked: &[Asking]) -> Vec<Answered> {
    let all = asked.iter().map(|asking| ask(server, asking));
    futures::future::join_all(all).await
}

/// Asks this.
pub(super) async fn ask(server: &ApiServer, asking: &Asking) -> Answered {
    ask_as(USER, server, asking).await
}

/// The same, as somebody else.
pub(super) async fn ask_as(who: &'static str, server: &ApiServer, asking: &Asking) -> Answered {
    tokio::time::sleep(asking.after).await;
    let client = server.client_of(who);
    let answer = client.request::<Value>(asking.request());
    let answer = tokio::time::timeout(PATIENCE, answer).await;
    let (is_done, said) = match answer {
        Ok(Ok(_)) => (true, "done".to_owned()),
        Ok(Err(error)) => (false, error.to_string()),
        Err(_) => (false, "no answer".to_owned()),
    };
    Answered {
        is_done,
        words: format!("{}: {said}", asking.word()),
    }
}
