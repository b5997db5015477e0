//! A cluster for these tests: objects by path, with versions and the patches that are used here; and
//! replicas in it whose certificates are checked after every write.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use http::Method;
use jiff::Timestamp;
use rustls::{
    RootCertStore,
    client::{verify_server_cert_signed_by_trust_anchor, verify_server_name},
    pki_types::{CertificateDer, ServerName, UnixTime},
    server::ParsedCertificate,
};
use serde_json::{Value, json};
use tokio::{task::JoinHandle, time::Instant};

use crate::{
    api::client::ApiClient,
    certificates::{
        Certificates, CertificatesConfig,
        material::{Material, Stored},
        x509::read_chain,
    },
    clock::Clock,
    test_server::{Answer, Call, TestServer},
};

pub(super) const SECRET: &str = "/api/v1/namespaces/ns/secrets/kruise-app-webhook-certs";
pub(super) const CRD: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/apps.x";
pub(super) const MUTATING: &str = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/kruise-app-mutating-webhook-configuration";
pub(super) const VALIDATING: &str = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/kruise-app-validating-webhook-configuration";

/// What becomes of a request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Fault {
    None,
    /// It isn't carried out, and answered with this code.
    Refused(u16),
    /// It is carried out, and the answer is lost.
    AnswerLost,
    /// Never answered, nor carried out.
    Hang,
}

type Faults = Box<dyn FnMut(usize, &Call) -> Fault + Send>;

#[derive(Clone)]
pub(super) struct Cluster {
    state: Arc<Mutex<State>>,
    started: Instant,
    /// Seconds by which the wall clock is ahead of the test's.
    ahead: Arc<AtomicI64>,
}

#[derive(Default)]
struct State {
    objects: BTreeMap<String, Value>,
    version: u64,
    n_writes: usize,
    faults: Option<Faults>,
    replicas: BTreeMap<usize, Certificates>,
    violations: BTreeSet<String>,
    checked: Option<Seen>,
}

/// What the outcome of a check depends on: versions, the day, and what replicas serve.
type Seen = (u64, i64, Vec<(usize, Option<usize>, bool)>);

pub(super) struct Replica {
    pub(super) certificates: Certificates,
    pub(super) task: JoinHandle<()>,
    id: usize,
    cluster: Cluster,
}

impl Replica {
    pub(super) fn served(&self) -> Vec<CertificateDer<'static>> {
        let current = self.certificates.resolver().current();
        current.map(|key| key.cert.clone()).unwrap_or_default()
    }

    pub(super) fn id(&self) -> usize {
        self.id
    }

    pub(super) fn is_ready(&self) -> bool {
        self.certificates.ready().borrow().is_ready()
    }

    pub(super) fn crash(&self) {
        self.task.abort();
        self.cluster.state().replicas.remove(&self.id);
    }
}

pub(super) fn config() -> CertificatesConfig {
    CertificatesConfig {
        crds: vec!["apps.x".to_owned()],
        ..CertificatesConfig::new("app", "ns")
    }
}

pub(super) fn start_time() -> Timestamp {
    "2026-11-01T00:00:00Z".parse().unwrap()
}

impl Cluster {
    pub(super) fn empty() -> Self {
        Self {
            state: Arc::default(),
            started: Instant::now(),
            ahead: Arc::default(),
        }
    }

    /// A cluster with a CRD that converts by webhook, and two webhook configurations.
    pub(super) fn new() -> Self {
        let cluster = Self::empty();
        cluster.put(
            CRD,
            json!({ "spec": { "conversion": { "strategy": "Webhook", "webhook": {
            "clientConfig": { "service": { "namespace": "system", "name": "webhook-service" } },
            "conversionReviewVersions": ["v1"] } } } }),
        );
        let entry = |name: &str| {
            json!({ "name": name, "clientConfig": { "service": { "namespace": "system",
                "name": "webhook-service", "path": format!("/{name}") } }, "sideEffects": "None" })
        };
        cluster.put(MUTATING, json!({ "webhooks": [entry("mx"), entry("my")] }));
        cluster.put(VALIDATING, json!({ "webhooks": [entry("vx")] }));
        cluster
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    pub(super) fn now(&self) -> Timestamp {
        let ahead = self.ahead.load(Ordering::Relaxed).unsigned_abs();
        start_time() + self.started.elapsed() + Duration::from_secs(ahead)
    }

    /// Moves the wall clock of everyone.
    pub(super) fn jump_to(&self, time: Timestamp) {
        let seconds = time.as_second() - self.now().as_second();
        self.ahead.fetch_add(seconds, Ordering::Relaxed);
    }

    pub(super) fn put(&self, path: &str, mut object: Value) {
        let mut state = self.state();
        state.version += 1;
        let name = path.rsplit('/').next().unwrap();
        object["metadata"] = json!({ "name": name, "resourceVersion": state.version.to_string() });
        state.objects.insert(path.to_owned(), object);
    }

    pub(super) fn edit(&self, path: &str, edit: impl FnOnce(&mut Value)) {
        let mut object = self.object(path).unwrap();
        edit(&mut object);
        self.put(path, object);
    }

    pub(super) fn delete(&self, path: &str) {
        self.state().objects.remove(path);
    }

    pub(super) fn object(&self, path: &str) -> Option<Value> {
        self.state().objects.get(path).cloned()
    }

    pub(super) fn material(&self) -> Option<Material> {
        match Stored::read(self.object(SECRET).as_ref()) {
            Stored::Material(material) => Some(*material),
            _ => None,
        }
    }

    /// The bundle of each client configuration.
    pub(super) fn bundles(&self) -> Vec<Vec<CertificateDer<'static>>> {
        self.state().bundles()
    }

    pub(super) fn n_writes(&self) -> usize {
        self.state().n_writes
    }

    pub(super) fn on_request(&self, faults: impl FnMut(usize, &Call) -> Fault + Send + 'static) {
        self.state().faults = Some(Box::new(faults));
    }

    /// The client of a replica.
    pub(super) fn client(&self, id: usize) -> ApiClient {
        let cluster = self.clone();
        TestServer::new(move |call| cluster.answer(id, call)).client()
    }

    pub(super) fn start(&self, id: usize, config: CertificatesConfig) -> Replica {
        let cluster = self.clone();
        let clock = Clock::of(move || cluster.now());
        let (certificates, task) = Certificates::new(config, self.client(id), clock);
        let mut state = self.state();
        state.replicas.insert(id, certificates.clone());
        Replica {
            certificates,
            task: tokio::spawn(task),
            id,
            cluster: self.clone(),
        }
    }

    /// Lets time pass, checking every second.
    pub(super) async fn pass(&self, seconds: u64) {
        for _ in 0..seconds {
            tokio::time::sleep(Duration::from_secs(1)).await;
            self.check();
        }
    }

    fn check(&self) {
        let now = self.now();
        self.state().check(now);
    }

    /// Times at which a replica that was ready served what some place didn't trust.
    pub(super) fn violations(&self) -> Vec<String> {
        self.state().violations.iter().cloned().collect()
    }

    fn answer(&self, id: usize, call: &Call) -> Answer {
        let now = self.now();
        let mut state = self.state();
        let mut faults = state.faults.take();
        let fault = faults
            .as_mut()
            .map_or(Fault::None, |faults| faults(id, call));
        state.faults = faults;
        let answer = match fault {
            Fault::Hang => Answer::Hang,
            Fault::Refused(409) => Answer::status(409, "Conflict"),
            Fault::Refused(403) => Answer::status(403, "Forbidden"),
            Fault::Refused(code) => Answer::status(code, "InternalError"),
            Fault::None => state.carry_out(call),
            Fault::AnswerLost => {
                let _ = state.carry_out(call);
                Answer::Break
            }
        };
        state.check(now);
        answer
    }
}

impl State {
    fn carry_out(&mut self, call: &Call) -> Answer {
        match call.method {
            Method::GET => match self.objects.get(&call.path) {
                Some(object) => Answer::Json(200, object.clone()),
                None => Answer::status(404, "NotFound"),
            },
            Method::POST => {
                let name = call.body["metadata"]["name"].as_str().unwrap();
                let path = format!("{}/{name}", call.path);
                if self.objects.contains_key(&path) {
                    return Answer::status(409, "AlreadyExists");
                }
                self.store(&path, call.body.clone())
            }
            Method::PATCH => {
                let Some(mut object) = self.objects.get(&call.path).cloned() else {
                    return Answer::status(404, "NotFound");
                };
                let version = &call.body["metadata"]["resourceVersion"];
                assert!(version.is_string(), "unguarded: {}", call.body);
                if *version != object["metadata"]["resourceVersion"] {
                    return Answer::status(409, "Conflict");
                }
                merge(&mut object, &call.body);
                self.store(&call.path.clone(), object)
            }
            _ => Answer::status(405, "MethodNotAllowed"),
        }
    }

    fn store(&mut self, path: &str, mut object: Value) -> Answer {
        self.version += 1;
        self.n_writes += 1;
        object["metadata"]["resourceVersion"] = json!(self.version.to_string());
        self.objects.insert(path.to_owned(), object.clone());
        Answer::Json(200, object)
    }

    fn bundles(&self) -> Vec<Vec<CertificateDer<'static>>> {
        let of = |path: &str| self.objects.get(path).cloned().unwrap_or_default();
        let mut configs = vec![];
        if of(CRD)["spec"]["conversion"]["strategy"] == "Webhook" {
            configs.push(of(CRD)["spec"]["conversion"]["webhook"]["clientConfig"].clone());
        }
        for path in [MUTATING, VALIDATING] {
            let entries = of(path)["webhooks"].as_array().cloned().unwrap_or_default();
            configs.extend(entries.iter().map(|entry| entry["clientConfig"].clone()));
        }
        let read =
            |config: &Value| read_chain(&BASE64.decode(config["caBundle"].as_str()?).ok()?).ok();
        let read = |config: &Value| read(config).unwrap_or_default();
        configs.iter().map(read).collect()
    }

    fn check(&mut self, now: Timestamp) {
        let served = self.replicas.iter().map(|(id, certificates)| {
            let current = certificates.resolver().current();
            let is_ready = certificates.ready().borrow().is_ready();
            (*id, current.map(|key| Arc::as_ptr(&key) as usize), is_ready)
        });
        let seen = (self.version, now.as_second() / 86_400, served.collect());
        if self.checked.replace(seen.clone()) == Some(seen) {
            return;
        }
        let bundles = self.bundles();
        for (id, certificates) in &self.replicas {
            if !certificates.ready().borrow().is_ready() {
                continue;
            }
            let served = certificates.resolver().current().unwrap().cert.clone();
            for bundle in &bundles {
                if let Err(error) = client_accepts(&served, bundle, now) {
                    self.violations
                        .insert(format!("replica {id} at {now}: {error}"));
                }
            }
        }
    }
}

/// What a client does that trusts `bundle`.
pub(super) fn client_accepts(
    served: &[CertificateDer<'static>],
    bundle: &[CertificateDer<'static>],
    now: Timestamp,
) -> Result<(), rustls::Error> {
    let mut roots = RootCertStore::empty();
    for authority in bundle {
        roots.add(authority.clone())?;
    }
    let parsed = ParsedCertificate::try_from(&served[0])?;
    let time = UnixTime::since_unix_epoch(Duration::from_secs(now.as_second().unsigned_abs()));
    let algorithms = rustls::crypto::ring::default_provider().signature_verification_algorithms;
    verify_server_cert_signed_by_trust_anchor(&parsed, &roots, &[], time, algorithms.all)?;
    let name = ServerName::try_from("kruise-app-webhook-service.ns.svc").unwrap();
    verify_server_name(&parsed, &name)
}

/// A merge patch, and lists of webhooks by name as a strategic one merges them.
fn merge(object: &mut Value, patch: &Value) {
    let Some(patch) = patch.as_object() else {
        *object = patch.clone();
        return;
    };
    if !object.is_object() {
        *object = json!({});
    }
    for (key, value) in patch {
        match value {
            Value::Null => {
                object.as_object_mut().unwrap().remove(key);
            }
            Value::Array(entries) if key == "webhooks" => {
                for entry in entries {
                    let list = object[key].as_array_mut().unwrap();
                    let found = list.iter_mut().find(|found| found["name"] == entry["name"]);
                    merge(found.unwrap(), entry);
                }
            }
            _ => merge(&mut object[key], value),
        }
    }
}
