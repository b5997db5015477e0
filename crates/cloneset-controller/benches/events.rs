//! What one event of a pod costs in a CloneSet of many pods: decoding it, putting it into the index, observing and
//! planning. In process, without an API server: what is measured is this crate and its index alone.
//!
//! Run by `cargo xtask bench events`, which reads the lines of JSON that this prints.

#![allow(clippy::indexing_slicing)]

use std::{
    error::Error,
    time::{Duration, Instant},
};

use clap::Parser;
use cloneset_controller::{
    gates::Gates,
    memory::Memory,
    observe::Observer,
    plan::{Plan, Step, plan},
    snapshot::{ControllerRevision, Snapshot},
};
use kruise_api::{
    apps::v1beta1::{CLONESETS, CloneSet},
    pod::Pod,
    resource::{CONTROLLER_REVISIONS, ObjectKey, PERSISTENT_VOLUME_CLAIMS, PODS},
};
use kruise_runtime::{Clock, ServerVersion, Store};
use serde_json::{Value, json};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

#[derive(Parser)]
struct Args {
    /// How many pods the CloneSet has; several numbers are measured one after the other
    #[arg(long, value_delimiter = ',', default_values_t = [100, 1_000, 10_000])]
    pods: Vec<usize>,
    /// How many events are measured
    #[arg(long, default_value_t = 300)]
    events: usize,
    /// How many revisions of others are in the namespace, where they are measured
    #[arg(long, default_value_t = 10_000)]
    revisions: usize,
    /// Only the situation of this name
    #[arg(long)]
    only: Option<String>,
    /// What cargo gives to every benchmark
    #[arg(long, hide = true)]
    bench: bool,
}

/// What a CloneSet is at when an event comes.
#[derive(Clone, Copy)]
struct Situation {
    name: &'static str,
    policy: &'static str,
    /// Half of the pods are updated, and as many as may be are unavailable.
    is_rolling: bool,
    /// Whether the namespace is full of revisions of others.
    is_crowded: bool,
    /// Whether pods remember an update in place, as they do for ever after one.
    is_updated: bool,
}

const SITUATIONS: [Situation; 5] = [
    Situation {
        name: "settled",
        policy: "InPlaceIfPossible",
        is_rolling: false,
        is_crowded: false,
        is_updated: false,
    },
    Situation {
        name: "settled-among-others",
        policy: "InPlaceIfPossible",
        is_rolling: false,
        is_crowded: true,
        is_updated: false,
    },
    Situation {
        name: "settled-after-update",
        policy: "InPlaceIfPossible",
        is_rolling: false,
        is_crowded: false,
        is_updated: true,
    },
    Situation {
        name: "rolling",
        policy: "InPlaceIfPossible",
        is_rolling: true,
        is_crowded: false,
        is_updated: false,
    },
    Situation {
        name: "rolling-in-place-only",
        policy: "InPlaceOnly",
        is_rolling: true,
        is_crowded: false,
        is_updated: false,
    },
];
const MAX_UNAVAILABLE: usize = 10;
/// Of an update in place that is complete: the image that runs is another one.
const STATE: &str = r#"{"revision":"web-6b5c4d3f2e","updateTimestamp":"2026-01-10T08:00:30Z","lastContainerStatuses":{"app":{"imageID":"registry.example.com/shop@sha256:old"}},"updateImages":true,"containerBatchesRecord":[{"timestamp":"2026-01-10T08:00:30Z","containers":["app"]}]}"#;

fn main() -> Result<()> {
    let args = Args::parse();
    for situation in SITUATIONS {
        if args
            .only
            .as_ref()
            .is_some_and(|only| only != situation.name)
        {
            continue;
        }
        for n_pods in &args.pods {
            let mut world = World::new(situation, *n_pods, args.revisions)?;
            let figures = world.measure(args.events)?;
            println!("{figures}");
        }
    }
    Ok(())
}

struct World {
    situation: Situation,
    observer: Observer,
    set: Value,
    pods: Vec<Value>,
    version: u64,
    memory: Memory,
}

impl World {
    fn new(situation: Situation, n_pods: usize, n_others: usize) -> Result<Self> {
        let mut world = Self {
            situation,
            observer: Observer {
                sets: Store::new(CLONESETS),
                pods: Store::new(PODS),
                revisions: Store::new(CONTROLLER_REVISIONS),
                image_pull_jobs: None,
                claims: Store::new(PERSISTENT_VOLUME_CLAIMS),
                budgets: None,
                gates: Gates::default(),
                server_version: ServerVersion::default(),
                clock: Clock::system(),
            },
            set: cloneset(situation, n_pods),
            pods: Vec::new(),
            version: 1,
            memory: Memory::default(),
        };
        if situation.is_crowded {
            for idx in 0..n_others {
                let revision = revision_of_another(idx);
                world
                    .observer
                    .revisions
                    .apply(serde_json::from_value(revision)?);
            }
        }
        world.put_set()?;
        world.put_revision()?;
        let old = world.first_pod()?;
        let mut new = old.clone();
        if situation.is_rolling {
            world.set["spec"]["template"] = template("2");
            world.set["metadata"]["generation"] = json!(2);
            world.put_set()?;
            new = world.put_revision()?;
        }
        for idx in 0..n_pods {
            let is_new = situation.is_rolling && idx % 2 == 0;
            let mut pod = old.clone();
            if is_new {
                let hash = new.pointer("/metadata/name").cloned().unwrap_or_default();
                pod["metadata"]["labels"]["controller-revision-hash"] = hash;
            }
            let is_ready = !is_new || idx / 2 >= MAX_UNAVAILABLE;
            name(&mut pod, idx);
            run(&mut pod, is_ready);
            if situation.is_updated {
                pod["metadata"]["annotations"]["apps.kruise.io/inplace-update-state"] =
                    json!(STATE);
            }
            world.put_pod(&mut pod)?;
            world.pods.push(pod);
        }
        world.settle()?;
        Ok(world)
    }

    /// Writes down what plans ask of the status, until they ask for nothing.
    fn settle(&mut self) -> Result<()> {
        for _ in 0..10 {
            let (snapshot, plan) = self.plan()?;
            if !plan.steps.is_empty() {
                return Err(format!("{}: {:?}", self.situation.name, plan.steps.first()).into());
            }
            self.memory = snapshot.memory.clone();
            self.memory.waiting = plan.waiting_on.first().map(|reason| {
                let long_ago = snapshot.now - jiff::SignedDuration::from_mins(1);
                (reason.clone(), long_ago)
            });
            let Some(status) = plan.status else {
                return Ok(());
            };
            self.set["status"] = status.get("status").cloned().unwrap_or_default();
            if let Some(status) = self.set["status"].as_object_mut() {
                status.retain(|_, value| !value.is_null());
            }
            self.put_set()?;
        }
        Err("the status does not settle".into())
    }

    fn measure(&mut self, n_events: usize) -> Result<Value> {
        let mut times: [Vec<Duration>; 4] = Default::default();
        let mut n_bytes = 0;
        for event in 0..n_events {
            // A prime, so that neighbours are far apart.
            let idx = event * 7_919 % self.pods.len();
            let version = self.next_version();
            let Some(pod) = self.pods.get_mut(idx) else {
                continue;
            };
            pod["metadata"]["resourceVersion"] = json!(version);
            pod["status"]["containerStatuses"][0]["restartCount"] = json!(event);
            let line = pod.to_string();
            n_bytes = line.len();
            let start = Instant::now();
            let pod: Pod = serde_json::from_str(&line)?;
            let decoded = Instant::now();
            self.observer.pods.apply(pod);
            let indexed = Instant::now();
            let set = self.observer.set(&key()).ok_or("the set is gone")?;
            let snapshot = self.observer.snapshot(set, self.memory.clone(), false);
            let observed = Instant::now();
            let plan = plan(&snapshot);
            let planned = Instant::now();
            // What is remembered, and what it costs to let go of a snapshot, counts too.
            let is_idle = plan.steps.is_empty() && plan.status.is_none();
            self.memory = snapshot.memory.clone();
            drop((snapshot, plan));
            let over = Instant::now();
            if !is_idle {
                return Err("the event changed something".into());
            }
            let [decode, index, observe, decide] = &mut times;
            decode.push(decoded - start);
            index.push(indexed - decoded);
            observe.push(observed - indexed + (over - planned));
            decide.push(planned - observed);
        }
        let [decode, index, observe, decide] = times.map(median);
        Ok(json!({
            "situation": self.situation.name,
            "pods": self.pods.len(),
            "bytes": n_bytes,
            "decode": decode,
            "index": index,
            "observe": observe,
            "plan": decide,
        }))
    }

    fn plan(&self) -> Result<(Snapshot, Plan)> {
        let set = self.observer.set(&key()).ok_or("there is no set")?;
        let snapshot = self.observer.snapshot(set, self.memory.clone(), false);
        let plan = plan(&snapshot);
        Ok((snapshot, plan))
    }

    fn put_set(&mut self) -> Result<()> {
        let version = self.next_version();
        self.set["metadata"]["resourceVersion"] = json!(version);
        let text = self.set.to_string();
        self.observer.sets.apply(serde_json::from_str(&text)?);
        Ok(())
    }

    /// Stores the revision that the plan creates.
    fn put_revision(&mut self) -> Result<Value> {
        let (_, plan) = self.plan()?;
        let Some(Step::CreateRevision { body }) = plan.steps.first() else {
            return Err("no revision is created".into());
        };
        let mut body = body.clone();
        let version = self.next_version();
        body["metadata"]["resourceVersion"] = json!(version);
        body["metadata"]["uid"] = json!(format!("revision-{version}"));
        body["metadata"]["creationTimestamp"] = json!("2026-01-10T08:00:00Z");
        let text = body.to_string();
        let revision: ControllerRevision = serde_json::from_str(&text)?;
        self.observer.revisions.apply(revision);
        Ok(body)
    }

    /// The first pod that the plan creates.
    fn first_pod(&self) -> Result<Value> {
        let (_, plan) = self.plan()?;
        let Some(Step::CreatePods { batches }) = plan.steps.first() else {
            return Err("no pod is created".into());
        };
        let pod = batches.iter().flatten().next().ok_or("no pod is created")?;
        Ok(pod.body().whole().into_owned())
    }

    fn put_pod(&mut self, pod: &mut Value) -> Result<()> {
        let version = self.next_version();
        pod["metadata"]["resourceVersion"] = json!(version);
        let text = pod.to_string();
        self.observer.pods.apply(serde_json::from_str(&text)?);
        Ok(())
    }

    fn next_version(&mut self) -> String {
        self.version += 1;
        self.version.to_string()
    }
}

/// In microseconds.
fn median(mut times: Vec<Duration>) -> f64 {
    times.sort();
    let middle = times.get(times.len() / 2).copied().unwrap_or_default();
    middle.as_secs_f64() * 1e6
}

fn key() -> ObjectKey {
    ObjectKey::new("ns", "web")
}

fn cloneset(situation: Situation, n_pods: usize) -> Value {
    let set = json!({
        "apiVersion": "apps.kruise.io/v1beta1",
        "kind": "CloneSet",
        "metadata": {
            "name": "web", "namespace": "ns", "uid": "8d7f2c1e-1111-4222-8333-944455566677",
            "generation": 1, "creationTimestamp": "2026-01-10T08:00:00Z",
            "managedFields": managed_fields(),
        },
        "spec": {
            "replicas": n_pods,
            "selector": { "matchLabels": { "app": "web" } },
            "template": template("1"),
            "minReadySeconds": 5,
            "updateStrategy": { "type": "RollingUpdate", "rollingUpdate": {
                "podUpdatePolicy": situation.policy,
                "maxUnavailable": MAX_UNAVAILABLE.min(n_pods / 4),
            } },
        },
    });
    // It is one, or the benchmark would measure something else.
    debug_assert!(serde_json::from_value::<CloneSet>(set.clone()).is_ok());
    set
}

/// A template of three containers, with what templates are full of and controllers don't read.
fn template(tag: &str) -> Value {
    json!({
        "metadata": {
            "labels": { "app": "web", "team": "checkout", "app.kubernetes.io/part-of": "shop" },
            "annotations": { "prometheus.io/scrape": "true", "prometheus.io/port": "9090" },
        },
        "spec": {
            "containers": [container("app", tag), container("proxy", "1"), container("log-agent", "1")],
            "volumes": [
                { "name": "config", "configMap": { "name": "app-config" } },
                { "name": "cache", "emptyDir": { "sizeLimit": "1Gi" } },
            ],
        },
    })
}

fn container(name: &str, tag: &str) -> Value {
    let variables: Vec<Value> = (0..4)
        .map(|n| json!({ "name": format!("SETTING_{n}"), "value": format!("value-{n}-of-{name}") }))
        .collect();
    json!({
        "name": name,
        "image": format!("registry.example.com/shop/{name}:{tag}"),
        "args": ["--config=/etc/app/config.yaml", "--listen=0.0.0.0:8080"],
        "env": variables,
        "ports": [{ "name": "http", "containerPort": 8080 }],
        "resources": {
            "requests": { "cpu": "100m", "memory": "128Mi" },
            "limits": { "cpu": "1", "memory": "512Mi" },
        },
        "readinessProbe": { "httpGet": { "path": "/ready", "port": "http" }, "periodSeconds": 5 },
        "volumeMounts": [{ "name": "config", "mountPath": "/etc/app" }],
    })
}

/// Gives a pod its own name and identity.
fn name(pod: &mut Value, idx: usize) {
    let id = format!("{idx:05}");
    let metadata = &mut pod["metadata"];
    metadata["name"] = json!(format!("web-{id}"));
    metadata["uid"] = json!(format!("{idx:08x}-1111-4222-8333-944455566677"));
    metadata["creationTimestamp"] = json!("2026-01-10T08:00:00Z");
    metadata["labels"]["apps.kruise.io/cloneset-instance-id"] = json!(id);
    metadata["labels"]["lifecycle.apps.kruise.io/state"] = json!("Normal");
    metadata["managedFields"] = managed_fields();
}

/// What kubelet and controller write to it.
fn run(pod: &mut Value, is_ready: bool) {
    let since = "2026-01-10T08:01:00Z";
    let ready = if is_ready { "True" } else { "False" };
    let condition = |type_: &str, status: &str| json!({ "type": type_, "status": status, "lastTransitionTime": since });
    pod["spec"]["nodeName"] = json!("node-7");
    let statuses: Vec<Value> = pod["spec"]["containers"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|container| {
            json!({
                "name": container["name"],
                "image": container["image"],
                "imageID": "registry.example.com/shop@sha256:0d9a8e6b5c4d3f2e1a0b9c8d7e6f5a4b3c7b1c2f0d9a8e6b5c4d3f2e1a0b9c8d",
                "containerID": "containerd://6b5c4d3f2e1a0b9c8d7e6f5a4b3c7b1c2f0d9a8e6b5c4d3f2e1a0b9c8d7e6f5a",
                "ready": is_ready,
                "restartCount": 0,
                "started": true,
                "state": { "running": { "startedAt": since } },
            })
        })
        .collect();
    pod["status"] = json!({
        "phase": "Running",
        "podIP": "10.0.0.1",
        "conditions": [
            condition("PodScheduled", "True"),
            condition("Initialized", "True"),
            condition("ContainersReady", ready),
            condition("Ready", ready),
            condition("InPlaceUpdateReady", "True"),
            condition("KruisePodReady", "True"),
        ],
        "containerStatuses": statuses,
    });
}

/// Nobody reads them, and they are half of what comes over the wire.
fn managed_fields() -> Value {
    let fields: serde_json::Map<String, Value> = (0..60)
        .map(|n| {
            (
                format!("f:some-field-{n}"),
                json!({ ".": {}, "f:value": {} }),
            )
        })
        .collect();
    json!([{ "manager": "kubelet", "operation": "Update", "fieldsV1": { "f:status": fields } }])
}

fn revision_of_another(idx: usize) -> Value {
    let owner = idx / 10;
    json!({
        "metadata": {
            "name": format!("db-{owner}-{idx}"), "namespace": "ns", "resourceVersion": "1",
            "uid": format!("{idx:08x}-2222-4222-8333-944455566677"),
            "labels": { "app": format!("db-{owner}"), "controller.kubernetes.io/hash": idx.to_string() },
            "ownerReferences": [{
                "apiVersion": "apps/v1", "kind": "StatefulSet", "name": format!("db-{owner}"),
                "uid": format!("{owner:08x}-3333-4222-8333-944455566677"), "controller": true,
            }],
        },
        "data": { "spec": { "template": template("1") } },
        "revision": idx,
    })
}
