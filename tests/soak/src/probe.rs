//! Asks the controller's webhook server of each replica to convert a CloneSet, ten times a second, as the API
//! server would: at the pod's address, under the Service's name, trusting the CRD's caBundle only. From
//! the machine itself, whose routes to the pods are the API server's too.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use jiff::Timestamp;
use serde_json::{Value, json};
use ureq::Agent;
use ureq::config::Config;
use ureq::http::Uri;
use ureq::tls::{Certificate, RootCerts, TlsConfig};
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{DefaultConnector, NextTimeout};

use super::ground::Ground;

const CRD: &str = "clonesets.apps.kruise.io";
/// Where the server listens in its pod.
const PORT: u16 = 9876;
const PERIOD: Duration = Duration::from_millis(100);
/// Longer than any conversion takes, and short enough to be noticed: the API server would wait 30 s.
const PATIENCE: Duration = Duration::from_secs(2);
/// Failures that are worth telling one by one.
const SHOWN: usize = 5;

/// Probes that run. They end with their owner.
pub(super) struct Probe {
    stop: Arc<AtomicBool>,
    replicas: Vec<(String, JoinHandle<Vec<Answer>>)>,
}

/// How one question was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) at: Timestamp,
    pub(super) result: Result<Duration, String>,
}

/// All answers of one replica.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Answers {
    pub(super) pod: String,
    pub(super) answers: Vec<Answer>,
}

impl Probe {
    /// Begins to ask the controller's pods.
    pub(super) fn start(ground: &Ground<'_>, pods: &[(String, IpAddr)]) -> Result<Self> {
        let crd = ground.get(&["crd", CRD])?;
        let server = Server::of(&crd)?;
        let stop = Arc::new(AtomicBool::new(false));
        let replicas = pods
            .iter()
            .map(|(pod, address)| {
                let agent = server.agent(SocketAddr::new(*address, PORT));
                let (url, stop) = (server.url.clone(), Arc::clone(&stop));
                (pod.clone(), thread::spawn(move || ask(&agent, &url, &stop)))
            })
            .collect();
        Ok(Self { stop, replicas })
    }

    /// Stops asking.
    pub(super) fn finish(mut self) -> Result<Vec<Answers>> {
        self.stop.store(true, Ordering::SeqCst);
        std::mem::take(&mut self.replicas)
            .into_iter()
            .map(|(pod, thread)| {
                let answers = thread.join().map_err(|_| anyhow!("a probe panicked"))?;
                Ok(Answers { pod, answers })
            })
            .collect()
    }
}

impl Drop for Probe {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
    }
}

impl Answers {
    /// One line, and one for each of the first failures.
    pub(super) fn describe(&self) -> Vec<String> {
        let slowest = self
            .answers
            .iter()
            .filter_map(|one| one.result.as_ref().ok());
        let slowest = slowest.max().copied().unwrap_or_default();
        let mut lines = vec![format!(
            "{}: {} of {} conversions answered, the slowest after {} ms, the longest time without an answer {:.2} s",
            self.pod,
            self.answers.len() - self.failures().count(),
            self.answers.len(),
            slowest.as_millis(),
            self.longest_silence().as_secs_f64(),
        )];
        lines.extend(
            self.failures()
                .take(SHOWN)
                .map(|(at, why)| format!("  {at}: {why}")),
        );
        lines
    }

    /// When and why there was no answer.
    pub(super) fn failures(&self) -> impl Iterator<Item = (Timestamp, &str)> {
        self.answers
            .iter()
            .filter_map(|one| Some((one.at, one.result.as_ref().err()?.as_str())))
    }

    /// Between two answers.
    fn longest_silence(&self) -> Duration {
        let answered: Vec<Timestamp> = self
            .answers
            .iter()
            .filter(|one| one.result.is_ok())
            .map(|one| one.at)
            .collect();
        answered
            .iter()
            .zip(answered.iter().skip(1))
            .map(|(one, next)| next.duration_since(*one).unsigned_abs())
            .max()
            .unwrap_or_default()
    }
}

/// What the CRD says of the server.
struct Server {
    url: String,
    authorities: RootCerts,
}

impl Server {
    fn of(crd: &Value) -> Result<Self> {
        let config = "/spec/conversion/webhook/clientConfig";
        let text = |rest: &str| {
            let text = crd.pointer(&format!("{config}{rest}"));
            text.and_then(Value::as_str)
                .with_context(|| format!("{CRD} has no {config}{rest}"))
        };
        let bundle = BASE64
            .decode(text("/caBundle")?)
            .context("decode a caBundle")?;
        let authorities = ureq::tls::parse_pem(&bundle)
            .filter_map(|item| match item {
                Ok(ureq::tls::PemItem::Certificate(certificate)) => Some(certificate),
                _ => None,
            })
            .collect::<Vec<Certificate<'static>>>();
        Ok(Self {
            url: format!(
                "https://{}.{}.svc:443{}",
                text("/service/name")?,
                text("/service/namespace")?,
                text("/service/path")?
            ),
            authorities: RootCerts::new_with_certs(&authorities),
        })
    }

    fn agent(&self, address: SocketAddr) -> Agent {
        let tls = TlsConfig::builder()
            .root_certs(self.authorities.clone())
            .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .build();
        let config = Agent::config_builder()
            .tls_config(tls)
            .timeout_global(Some(PATIENCE))
            // Each question on a connection of its own: that it is accepted is a part of the answer.
            .max_idle_connections(0)
            .proxy(None)
            .build();
        Agent::with_parts(config, DefaultConnector::default(), Always(address))
    }
}

/// Whatever the name, this is the address.
#[derive(Debug)]
struct Always(SocketAddr);

impl Resolver for Always {
    fn resolve(
        &self,
        _: &Uri,
        _: &Config,
        _: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let mut addresses = self.empty();
        addresses.push(self.0);
        Ok(addresses)
    }
}

fn ask(agent: &Agent, url: &str, stop: &AtomicBool) -> Vec<Answer> {
    let question = question().to_string();
    let mut answers = Vec::new();
    while !stop.load(Ordering::SeqCst) {
        let (start, at) = (Instant::now(), Timestamp::now());
        let result = convert(agent, url, &question)
            .map(|()| start.elapsed())
            .map_err(|error| format!("{error:#}"));
        answers.push(Answer { at, result });
        thread::sleep(PERIOD.saturating_sub(start.elapsed()));
    }
    answers
}

fn convert(agent: &Agent, url: &str, question: &str) -> Result<()> {
    let answer = agent
        .post(url)
        .header("content-type", "application/json")
        .send(question)?
        .into_body()
        .read_to_string()?;
    let answer: Value = serde_json::from_str(&answer).context("the answer is no JSON")?;
    let version = answer.pointer("/response/convertedObjects/0/apiVersion");
    if version.and_then(Value::as_str) != Some(CONVERTED) {
        bail!("not converted: {answer}");
    }
    Ok(())
}

const CONVERTED: &str = "apps.kruise.io/v1alpha1";

fn question() -> Value {
    json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "ConversionReview",
        "request": {
            "uid": "soak",
            "desiredAPIVersion": CONVERTED,
            "objects": [{
                "apiVersion": "apps.kruise.io/v1beta1",
                "kind": "CloneSet",
                "metadata": {"name": "probe", "namespace": "default"},
                "spec": {
                    "replicas": 1,
                    "selector": {"matchLabels": {"app": "probe"}},
                    "template": {
                        "metadata": {"labels": {"app": "probe"}},
                        "spec": {"containers": [{"name": "app", "image": "demo:1"}]},
                    },
                },
            }],
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(at: &str, result: Result<u64, &str>) -> Answer {
        Answer {
            at: format!("2026-01-01T00:00:{at}Z").parse().unwrap(),
            result: result.map(Duration::from_millis).map_err(str::to_owned),
        }
    }

    #[test]
    fn answers_are_summed_up_and_failures_told() {
        let answers = Answers {
            pod: "c-1".to_owned(),
            answers: vec![
                answer("01.0", Ok(4)),
                answer("01.1", Err("refused")),
                answer("01.2", Ok(7)),
                answer("01.3", Ok(5)),
            ],
        };
        let lines = answers.describe();
        assert_eq!(
            lines,
            [
                "c-1: 3 of 4 conversions answered, the slowest after 7 ms, the longest time without an \
                 answer 0.20 s",
                "  2026-01-01T00:00:01.1Z: refused",
            ]
        );
        assert_eq!(answers.failures().count(), 1);
    }

    #[test]
    fn the_server_is_read_from_the_crd() {
        let crd = json!({"spec": {"conversion": {"webhook": {"clientConfig": {
            "caBundle": "", "service": {"name": "s", "namespace": "n", "path": "/convert"}}}}}});
        assert_eq!(Server::of(&crd).unwrap().url, "https://s.n.svc:443/convert");
        assert!(Server::of(&json!({})).is_err());
    }
}
