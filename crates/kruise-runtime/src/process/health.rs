//! The server of health: whether the process is alive, whether it is ready, and what is missing.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use kruise_api::resource::Resource;
use tokio::time::Instant;

use crate::{
    api::client::ApiClient,
    certificates::Certificates,
    leader::leadership::Leadership,
    process::{
        http_server::{Answer, Handler, text},
        logging::LogLevel,
        pulse::Pulse,
    },
    watch::shared::Watching,
};

const LARGEST_BODY: usize = 1024;
/// How long readiness waits for lists of our own kinds. While a replica that converts is there, they take a second.
const LISTS_WITHIN: Duration = Duration::from_secs(10);

/// `/healthz`, `/readyz`, and `/loglevel` for those who are in the pod.
pub(crate) struct HealthServer {
    pub(crate) readiness: Readiness,
    pub(crate) log_level: LogLevel,
    /// The pulse of the threads that all other tasks share.
    pub(crate) pulse: Pulse,
}

/// Whether this process is ready, and what is missing.
pub(crate) struct Readiness {
    pub(crate) client: ApiClient,
    pub(crate) leadership: Leadership,
    pub(crate) watches: Vec<Watching>,
    /// `Some` in a process that serves webhooks.
    pub(crate) certificates: Option<Certificates>,
    pub(crate) stopping: Arc<AtomicBool>,
    pub(crate) started: Instant,
}

impl Readiness {
    /// Whether the API server may call this process, and a line for each check. Leading is shown, but doesn't count.
    /// Nor, after a while, do watches of our own kinds whose lists don't end.
    pub(crate) fn check(&self) -> (bool, String) {
        let mut ready = true;
        let mut lines = String::new();
        let mut check = |name: &str, good: bool, detail: &str| {
            ready &= good;
            let mark = if good { '+' } else { '-' };
            let detail = if detail.is_empty() { "ok" } else { detail };
            lines.push_str(&format!("[{mark}]{name} {detail}\n"));
        };
        let stopping = self.stopping.load(Ordering::Relaxed);
        check("process", !stopping, if stopping { "stopping" } else { "" });
        let answered = self.client.has_been_answered();
        check(
            "api-server",
            answered,
            if answered { "" } else { "has not answered yet" },
        );
        if let Some(certificates) = &self.certificates {
            let status = certificates.ready().borrow().clone();
            check("webhook-ready", status.is_ready(), &status.to_string());
        }
        let may_need_us = self.started.elapsed() >= LISTS_WITHIN;
        for Watching {
            resource, store, ..
        } in &self.watches
        {
            let (good, detail) = match (store.kind_missing(), store.synced()) {
                (true, _) => (
                    true,
                    "the kind is missing; it is looked for again and again",
                ),
                (false, true) => (true, ""),
                (false, false) => (may_need_us && is_ours(resource), "not yet synced"),
            };
            check(&format!("watch-{resource}"), good, detail);
        }
        check("leader-election", true, &self.leadership.describe());
        (ready, lines)
    }
}

/// Whether a list of the kind may need a conversion by one of our processes. If readiness waited for such a list
/// without end, no process that converts would ever be ready: neither this process, nor another one that waits in
/// turn for a kind that this one converts.
fn is_ours(resource: &Resource) -> bool {
    resource.group.ends_with(".kruise.io")
}

impl Handler for HealthServer {
    async fn answer(&self, request: Request<Incoming>, peer: SocketAddr) -> Answer {
        match (request.method(), request.uri().path()) {
            (&Method::PUT, "/loglevel") if peer.ip().to_canonical().is_loopback() => {
                let body = Limited::new(request.into_body(), LARGEST_BODY)
                    .collect()
                    .await;
                let Ok(body) = body.map(http_body_util::Collected::to_bytes) else {
                    return text(StatusCode::BAD_REQUEST, "unreadable\n");
                };
                match self.log_level.set(String::from_utf8_lossy(&body).trim()) {
                    Ok(()) => text(StatusCode::OK, "ok\n"),
                    Err(error) => text(StatusCode::BAD_REQUEST, format!("{error}\n")),
                }
            }
            (&Method::GET | &Method::HEAD, "/healthz") => match self.pulse.missing_for() {
                None => text(StatusCode::OK, "ok"),
                Some(time) => {
                    let why = format!("no task has got a turn for {} s\n", time.as_secs());
                    text(StatusCode::SERVICE_UNAVAILABLE, why)
                }
            },
            (&Method::GET | &Method::HEAD, "/readyz") => {
                let (ready, lines) = self.readiness.check();
                let verbose = request
                    .uri()
                    .query()
                    .is_some_and(|query| query.contains("verbose"));
                match (ready, verbose) {
                    (true, false) => text(StatusCode::OK, "ok"),
                    (true, true) => text(StatusCode::OK, lines),
                    (false, _) => text(StatusCode::SERVICE_UNAVAILABLE, lines),
                }
            }
            _ => text(StatusCode::NOT_FOUND, "not found\n"),
        }
    }
}

#[cfg(test)]
mod tests {
    use kruise_api::{pod::Pod, resource::PODS};

    use super::*;
    use crate::{
        certificates::CertificatesConfig,
        clock::Clock,
        leader::election::{Election, ElectionConfig},
        tell::metrics::Metrics,
        test_server::{Answer as ServerAnswer, TestServer},
        watch::{store::Store, watcher::WatchOptions},
    };

    const CLONESETS: Resource = Resource {
        group: "apps.kruise.io",
        version: "v1beta1",
        plural: "clonesets",
        kind: "CloneSet",
        namespaced: true,
    };

    /// A process whose API server takes every write, and has neither a Secret nor our CRD.
    fn starting(pods: &Store<Pod>) -> (Readiness, impl Future<Output = ()> + Send + 'static) {
        let mut secret = None;
        let server = TestServer::new(move |call| {
            if call.method == Method::POST {
                secret = Some(call.body.clone());
            }
            match &secret {
                Some(secret) if call.path.contains("/secrets") => {
                    ServerAnswer::Json(200, secret.clone())
                }
                _ => ServerAnswer::status(404, "NotFound"),
            }
        });
        let client = server.client();
        let config = CertificatesConfig::new("app", "ns");
        let (certificates, keeper) = Certificates::new(config, client.clone(), Clock::system());
        let election = ElectionConfig {
            enabled: true,
            namespace: "ns".to_owned(),
            name: "app".to_owned(),
            lease_duration: Duration::from_secs(15),
            renew_deadline: Duration::from_secs(10),
            retry_period: Duration::from_secs(2),
            allow_kruise_manager: false,
        };
        let election = Election::new(election, client.clone(), Metrics::unregistered());
        let readiness = Readiness {
            leadership: election.leadership(),
            client,
            watches: [(PODS, pods), (CLONESETS, &Store::new(CLONESETS))]
                .map(|(resource, store)| Watching {
                    resource,
                    namespace: String::new(),
                    options: WatchOptions::default(),
                    store: Arc::new(store.clone()),
                })
                .into(),
            certificates: Some(certificates),
            stopping: Arc::default(),
            started: Instant::now(),
        };
        (readiness, keeper)
    }

    /// If readiness waited for ever, a cluster in which every object is stored in a version that we convert would
    /// never start: no list without a conversion, no conversion without a ready replica.
    #[tokio::test(start_paused = true)]
    async fn readiness_waits_for_lists_that_may_need_our_conversion_but_not_for_ever() {
        let pods = Store::<Pod>::new(PODS);
        let (readiness, keeper) = starting(&pods);
        let (ready, lines) = readiness.check();
        assert!(!ready);
        assert!(
            lines.contains("[-]webhook-ready no certificate yet"),
            "{lines}"
        );

        let keeper = tokio::spawn(keeper);
        tokio::time::sleep(Duration::from_secs(1)).await;
        let (ready, lines) = readiness.check();
        assert!(!ready);
        assert!(lines.contains("[+]webhook-ready"), "{lines}");
        assert!(lines.contains("[-]watch-pods not yet synced"), "{lines}");

        pods.replace(vec![], &[], "7");
        let (ready, lines) = readiness.check();
        assert!(!ready);
        let early = "[-]watch-clonesets.apps.kruise.io not yet synced";
        assert!(lines.contains(early), "{lines}");

        tokio::time::sleep(LISTS_WITHIN).await;
        let (ready, lines) = readiness.check();
        assert!(ready, "{lines}");
        let ours = "[+]watch-clonesets.apps.kruise.io not yet synced";
        assert!(lines.contains(ours), "{lines}");
        keeper.abort();

        readiness.stopping.store(true, Ordering::Relaxed);
        assert!(!readiness.check().0);
    }
}
