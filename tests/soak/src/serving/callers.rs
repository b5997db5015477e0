//! The two loads: webhooks called as the API server calls them, and v1alpha1 writes that make the API
//! server itself call them.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use rustls::ClientConfig;
use serde_json::json;

use super::api::Api;
use super::https::{self, Connection};
use super::load::{Caller, Load};
use super::view::{View, Way};
use super::webhooks::{self, Question, Webhook};

/// Where the CloneSets of the load are.
const NAMESPACE: &str = "soak-certs";
/// Enough that a few slow calls hold nothing up.
const WEBHOOK_THREADS: usize = 12;
/// At once, so that the API server needs several connections, and dials often.
const WRITERS: usize = 8;

/// How webhooks are called.
#[derive(Clone, Copy)]
pub(super) struct Requests {
    /// A second, in all.
    pub(super) rate: u32,
    pub(super) way: Way,
}

/// Calls every webhook in turn, first on a new connection, then on a kept one.
struct WebhookCaller {
    view: Arc<View>,
    trusted: BTreeMap<Vec<u8>, Arc<ClientConfig>>,
    kept: Vec<(Webhook, Connection)>,
}

/// Calls the live webhooks at `rate` a second in all.
pub(super) fn call_webhooks(view: &Arc<View>, rate: u32) -> Load {
    let callers = (0..WEBHOOK_THREADS)
        .map(|_| WebhookCaller {
            view: Arc::clone(view),
            trusted: BTreeMap::new(),
            kept: vec![],
        })
        .collect();
    Load::start(rate, callers)
}

impl Caller for WebhookCaller {
    fn call(&mut self, number: u64) -> Result<&'static str> {
        let targets = self.view.targets();
        let n_targets = targets.len().max(1) as u64;
        let chosen = usize::try_from(number % n_targets)?;
        let (webhook, addresses) = targets.get(chosen).context("no webhook is configured")?;
        let is_kept = number / n_targets % 2 == 1;
        let address = pick(addresses, number)
            .with_context(|| format!("no address of {} is ready", webhook.service));
        let connection = match self.take_kept(webhook).filter(|_| is_kept) {
            Some(connection) => connection,
            None => Connection::open(address?, &webhook.host(), &self.trust(webhook)?)?,
        };
        self.ask(webhook, connection, number)
            .with_context(|| format!("{} {}", webhook.service, webhook.path))?;
        Ok(match (webhook.question, is_kept) {
            (Question::Conversion, false) => "conversions on new connections",
            (Question::Conversion, true) => "conversions on kept connections",
            (Question::Admission, false) => "admissions on new connections",
            (Question::Admission, true) => "admissions on kept connections",
        })
    }
}

impl WebhookCaller {
    fn ask(&mut self, webhook: &Webhook, mut connection: Connection, number: u64) -> Result<()> {
        let uid = format!("soak-{number}");
        let review = webhook.question.review(&uid).to_string();
        let path = format!("{}?timeout=10s", webhook.path);
        let (answer, may_go_on) = connection.post(&path, review.as_bytes())?;
        webhook.question.check(&uid, &answer)?;
        if may_go_on {
            // As the API server's clients: another bundle is another client, and so another connection.
            self.kept.retain(|(other, _)| other.path != webhook.path);
            self.kept.push((webhook.clone(), connection));
        }
        Ok(())
    }

    fn take_kept(&mut self, webhook: &Webhook) -> Option<Connection> {
        let found = self.kept.iter().position(|(other, _)| other == webhook)?;
        let (_, connection) = self.kept.swap_remove(found);
        connection.is_open().then_some(connection)
    }

    fn trust(&mut self, webhook: &Webhook) -> Result<Arc<ClientConfig>> {
        if let Some(trusted) = self.trusted.get(&webhook.bundle) {
            return Ok(Arc::clone(trusted));
        }
        let trusted = https::trusting(&https::certificates(&webhook.bundle)?)?;
        self.trusted
            .insert(webhook.bundle.clone(), Arc::clone(&trusted));
        Ok(trusted)
    }
}

/// Each address in turn; which one a number gets is as good as chance.
fn pick(addresses: &[SocketAddr], number: u64) -> Option<SocketAddr> {
    let count = u64::try_from(addresses.len())
        .ok()
        .filter(|count| *count > 0)?;
    // Not the number alone: its parity says already whether the connection is new.
    let chosen = number.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 33;
    addresses
        .get(usize::try_from(chosen % count).ok()?)
        .copied()
}

/// Writes a CloneSet of its own in v1alpha1, so that the API server converts it there and back.
pub(super) struct Writer {
    api: Api,
    path: String,
}

/// Makes the CloneSets, and writes them at `rate` a second in all.
pub(super) fn write_clonesets(api: &Api, rate: u32) -> Result<Load> {
    ensure_namespace(api)?;
    let writers: Result<Vec<Writer>> = (0..WRITERS)
        .map(|number| Writer::new(api, number))
        .collect();
    Ok(Load::start(rate, writers?))
}

/// Makes the namespace of the CloneSets, unless it is there.
pub(super) fn ensure_namespace(api: &Api) -> Result<()> {
    let namespace =
        json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": NAMESPACE } });
    if api
        .find(&format!("/api/v1/namespaces/{NAMESPACE}"))?
        .is_none()
    {
        api.create("/api/v1/namespaces", &namespace)?;
    }
    Ok(())
}

/// Ends both loads and tells what came of them; whether no request failed.
pub(super) fn finish(calls: Load, writes: Load) -> Result<bool> {
    let (calls, writes) = (calls.finish()?, writes.finish()?);
    for line in calls
        .describe("webhooks called as the API server does")
        .into_iter()
        .chain(writes.describe("v1alpha1 writes"))
    {
        println!("{line}");
    }
    Ok(!calls.has_failures() && !writes.has_failures())
}

impl Writer {
    pub(super) fn new(api: &Api, number: usize) -> Result<Self> {
        let list = format!("/apis/apps.kruise.io/v1alpha1/namespaces/{NAMESPACE}/clonesets");
        let name = format!("soak-{number}");
        let path = format!("{list}/{name}");
        if api.find(&path)?.is_none() {
            let metadata = json!({ "name": name });
            let cloneset = webhooks::cloneset("apps.kruise.io/v1alpha1", &metadata);
            api.create(&list, &cloneset)?;
        }
        Ok(Self {
            api: api.clone(),
            path,
        })
    }
}

impl Caller for Writer {
    fn call(&mut self, number: u64) -> Result<&'static str> {
        let text = number.to_string();
        let patch = json!({ "metadata": { "annotations": { "soak/number": text } } });
        let written = self.api.patch(&self.path, &patch)?;
        if written.get("apiVersion") != Some(&json!("apps.kruise.io/v1alpha1")) {
            bail!("answered in another version: {written}");
        }
        if written.pointer("/metadata/annotations/soak~1number") != Some(&json!(text)) {
            bail!("not as it was written: {written}");
        }
        Ok("writes")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_address_is_called_on_new_and_on_kept_connections() {
        let addresses: Vec<SocketAddr> = ["10.0.0.1:1", "10.0.0.2:1"]
            .map(|text| text.parse().unwrap())
            .into();
        for parity in [0, 1] {
            let numbers = (0..100).filter(|number| number % 2 == parity);
            let first =
                numbers.filter(|number| pick(&addresses, *number) == addresses.first().copied());
            let first = first.count();
            assert!((10..=40).contains(&first), "{first} of 50");
        }
        assert_eq!(pick(&[], 1), None);
    }
}
