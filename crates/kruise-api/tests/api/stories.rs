//! Whole lives of a pod: updates that begin at any time, one over the other, with kubelet and node
//! daemon that act when it suits them. In the end the pod is what its revision label says.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use kruise_api::{
    hash::go_bytes_hash,
    inplace::{
        Completion, InPlaceUpdateState, Options, Refresh, RefreshInput, Start, StartWrites, Update,
        Workload, calculate, completion, must_become_unready, not_ready_patch, refresh, start,
    },
    pod::Pod,
    revision,
};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use crate::support::{GRACE, STATE, annotation, condition, merged, now, pod};

const NAMES: [&str; 3] = ["a", "b", "c"];
const META: &str = "apps.kruise.io/runtime-containers-meta";

/// What stays the same over a pod's life.
#[derive(Debug, Clone)]
struct Setting {
    /// Launch priority of each container.
    priorities: [Option<u8>; 3],
    /// Whether each container reads label `l`, and annotation `cfg`.
    reads: [(bool, bool); 3],
    /// Whether a change of CPU restarts the first container.
    cpu_restarts: bool,
    options: Options,
}

/// What changes from template to template.
#[derive(Debug, Clone)]
struct Wish {
    images: [u8; 3],
    cpus: [u8; 3],
    label: u8,
    annotation: u8,
    /// A label that nobody reads.
    plain: Option<u8>,
    finalizer: bool,
}

#[derive(Debug, Clone)]
enum Act {
    Start {
        wish: Wish,
        grace_seconds: i32,
    },
    Refresh,
    /// Kubelet and daemon bring one container up to date.
    Kubelet(usize),
    Wait(i64),
}

fn setting() -> impl Strategy<Value = Setting> {
    let priority = prop::option::of(0..3u8);
    (
        [priority.clone(), priority.clone(), priority],
        any::<[(bool, bool); 3]>(),
        any::<bool>(),
        any::<bool>(),
    )
        .prop_map(
            |(priorities, reads, cpu_restarts, resize_subresource)| Setting {
                priorities,
                reads,
                cpu_restarts,
                options: Options {
                    vertical_scaling: true,
                    env_from_metadata: true,
                    resize_subresource,
                },
            },
        )
}

prop_compose! {
    fn wish()(
        images in [1..3u8, 1..3u8, 1..3u8],
        cpus in [1..3u8, 1..3u8, 1..3u8],
        label in 1..3u8,
        annotation in 1..3u8,
        plain in prop::option::of(1..3u8),
        finalizer in any::<bool>(),
    ) -> Wish {
        Wish { images, cpus, label, annotation, plain, finalizer }
    }
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        2 => (wish(), prop::sample::select(vec![0, 30]))
            .prop_map(|(wish, grace_seconds)| Act::Start { wish, grace_seconds }),
        3 => Just(Act::Refresh),
        3 => (0..NAMES.len()).prop_map(Act::Kubelet),
        1 => (1..40i64).prop_map(Act::Wait),
    ]
}

fn template(setting: &Setting, wish: &Wish) -> Value {
    let field = |name: &str, path: &str| json!({ "name": name, "valueFrom": { "fieldRef": { "fieldPath": path } } });
    let containers: Vec<Value> = (0..NAMES.len())
        .map(|index| {
            let mut env = Vec::new();
            if setting.reads[index].0 {
                env.push(field("L", "metadata.labels['l']"));
            }
            if setting.reads[index].1 {
                env.push(field("CFG", "metadata.annotations['cfg']"));
            }
            json!({
                "name": NAMES[index],
                "image": format!("x:{}", wish.images[index]),
                "resources": { "limits": { "cpu": wish.cpus[index].to_string() } },
                "env": env,
            })
        })
        .collect();
    let mut template = json!({
        "metadata": {
            "labels": { "app": "web", "l": wish.label.to_string() },
            "annotations": { "cfg": wish.annotation.to_string() },
        },
        "spec": { "containers": containers },
    });
    if let Some(plain) = wish.plain {
        template["metadata"]["labels"]["plain"] = json!(plain.to_string());
    }
    if wish.finalizer {
        template["metadata"]["finalizers"] = json!(["f"]);
    }
    template
}

struct Story {
    setting: Setting,
    object: Value,
    now: Timestamp,
    wish: Wish,
    n_revisions: usize,
    data: Value,
    /// Containers that the last start ordered.
    ordered: BTreeSet<String>,
}

impl Story {
    fn begin(setting: Setting, wish: Wish) -> Self {
        let template = template(&setting, &wish);
        let mut object = json!({
            "metadata": {
                "name": "p", "namespace": "ns", "uid": "u1", "resourceVersion": "7",
                "labels": template["metadata"]["labels"],
                "annotations": template["metadata"]["annotations"],
            },
            "spec": template["spec"],
            "status": { "phase": "Running", "conditions": [
                { "type": "ContainersReady", "status": "True" },
                { "type": "Ready", "status": "True" },
                { "type": "InPlaceUpdateReady", "status": "True" },
            ] },
        });
        object["metadata"]["labels"]["controller-revision-hash"] = json!("web-r0");
        object["metadata"]["labels"]["lifecycle.apps.kruise.io/state"] = json!("Normal");
        if wish.finalizer {
            object["metadata"]["finalizers"] = json!(["f"]);
        }
        object["spec"]["nodeName"] = json!("n1");
        object["spec"]["readinessGates"] = json!([{ "conditionType": "InPlaceUpdateReady" }]);
        for (index, priority) in setting.priorities.iter().enumerate() {
            if let Some(priority) = priority {
                let key = json!({ "name": "x", "key": format!("p_{priority}") });
                object["spec"]["containers"][index]["env"]
                    .as_array_mut()
                    .unwrap()
                    .push(json!({
                        "name": "KRUISE_CONTAINER_BARRIER",
                        "valueFrom": { "configMapKeyRef": key },
                    }));
            }
        }
        if setting.cpu_restarts {
            object["spec"]["containers"][0]["resizePolicy"] =
                json!([{ "resourceName": "cpu", "restartPolicy": "RestartContainer" }]);
        }
        let data = data_of(&template);
        let mut story = Self {
            setting,
            object,
            now: now(),
            wish,
            n_revisions: 0,
            data,
            ordered: BTreeSet::new(),
        };
        (0..NAMES.len()).for_each(|index| story.kubelet(index));
        story
    }

    fn pod(&self) -> Pod {
        pod(&self.object)
    }

    fn act(&mut self, act: &Act) {
        match act {
            Act::Start {
                wish,
                grace_seconds,
            } => self.start(wish, *grace_seconds),
            Act::Refresh => {
                self.refresh();
            }
            Act::Kubelet(index) => {
                let options = self.setting.options;
                let was_complete = completion(&self.pod(), &options) == Completion::Complete;
                self.kubelet(*index);
                // Progress never undoes completion.
                assert!(
                    !was_complete || completion(&self.pod(), &options) == Completion::Complete,
                    "{:#}",
                    self.object
                );
            }
            Act::Wait(seconds) => self.now += SignedDuration::from_secs(*seconds),
        }
        self.check_batches();
    }

    fn start(&mut self, wish: &Wish, grace_seconds: i32) {
        let target = data_of(&template(&self.setting, wish));
        let options = self.setting.options;
        let update = calculate(&self.data, &target, &options).unwrap();
        self.n_revisions += 1;
        let revision = format!("web-r{}", self.n_revisions);
        if must_become_unready(&self.pod(), &update, &options) {
            let patch = not_ready_patch(&self.pod(), self.now);
            self.object = merged(&self.object, &patch);
        }
        let terms = Start {
            revision: &revision,
            target: &target,
            workload: Workload::CloneSet { short_label: false },
            grace_seconds,
            options,
            now: self.now,
        };
        let writes = start(&self.pod(), &update, &terms);
        let first = changed(&writes);
        self.write(&writes);

        let (batch, waiting) = self.batches();
        self.ordered = if grace_seconds > 0 {
            assert!(first.is_empty());
            in_grace(&self.object)
        } else {
            assert!(first.is_subset(&batch));
            assert!(waiting.is_disjoint(&batch));
            // What is planned again is not ordered again.
            let again = start(&self.pod(), &Update::default(), &terms);
            assert!(changed(&again).is_disjoint(&batch));
            &batch | &waiting
        };
        self.wish = wish.clone();
        self.data = target;
    }

    fn write(&mut self, writes: &StartWrites) {
        if let Some(resize) = &writes.resize {
            self.object = merged(&self.object, resize);
        }
        self.object = merged(&self.object, &writes.pod);
    }

    /// Whether anything was due.
    fn refresh(&mut self) -> bool {
        let due = refresh(&RefreshInput {
            pod: &self.pod(),
            update_revision: &format!("web-r{}", self.n_revisions),
            pod_readiness_controller_live: false,
            lifecycle: None,
            options: self.setting.options,
            now: self.now,
        });
        let Refresh::Patch { resize, patch, .. } = due else {
            assert!(!matches!(due, Refresh::Broken { .. }), "{due:?}");
            return false;
        };
        let (batch, _) = self.batches();
        let writes = StartWrites { resize, pod: patch };
        assert!(changed(&writes).is_disjoint(&batch), "{writes:?}");
        let before = self.object.clone();
        self.write(&writes);
        assert_ne!(self.object, before, "a write that changes nothing");
        true
    }

    /// Kubelet and daemon bring one container up to date.
    fn kubelet(&mut self, index: usize) {
        let container = &self.object["spec"]["containers"][index];
        let (name, image) = (NAMES[index], container["image"].as_str().unwrap());
        let metadata = &self.object["metadata"];
        let mut env = Vec::new();
        if self.setting.reads[index].1 {
            env.push(json!({ "name": "CFG", "value": metadata["annotations"]["cfg"] }));
        }
        if self.setting.reads[index].0 {
            env.push(json!({ "name": "L", "value": metadata["labels"]["l"] }));
        }
        let env = if env.is_empty() {
            Value::Null
        } else {
            Value::from(env)
        };
        let env_hash = go_bytes_hash(&env.to_string());
        let container_id = format!("c://{name}-{image}-{env_hash}");
        let status = json!({
            "name": name, "image": image, "imageID": format!("id-of-{image}"),
            "containerID": container_id, "ready": true, "resources": container["resources"],
        });
        let plain = json!({ "image": image, "name": name }).to_string();
        let entry = json!({
            "name": name, "containerID": container_id, "restartCount": 0,
            "hashes": {
                "plainHash": go_bytes_hash(&plain), "extractedEnvFromMetadataHash": env_hash,
            },
        });
        let mut entries: Map<String, Value> = match metadata["annotations"].get(META) {
            Some(text) => {
                let meta: Value = serde_json::from_str(text.as_str().unwrap()).unwrap();
                let entries = meta["containers"].as_array().unwrap().iter();
                entries
                    .map(|entry| (entry["name"].as_str().unwrap().to_owned(), entry.clone()))
                    .collect()
            }
            None => Map::new(),
        };
        entries.insert(name.to_owned(), entry);
        let entries: Vec<Value> = entries.into_iter().map(|(_, entry)| entry).collect();
        let meta = json!({ "containers": entries }).to_string();
        let mut statuses = self.object["status"]["containerStatuses"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        statuses.retain(|status| status["name"] != name);
        statuses.push(status);
        self.object["status"]["containerStatuses"] = Value::from(statuses);
        self.object["metadata"]["annotations"][META] = json!(meta);
    }

    /// Containers in the batches so far, and those that wait for a later one.
    fn batches(&self) -> (BTreeSet<String>, BTreeSet<String>) {
        let Ok(Some(state)) = InPlaceUpdateState::of(&self.pod()) else {
            return Default::default();
        };
        let done = state.container_batches_record.iter();
        let done = done.flat_map(|batch| batch.containers.iter().cloned());
        let waiting = state
            .next_container_images
            .into_keys()
            .chain(state.next_container_resources.into_keys())
            .chain(state.next_container_ref_metadata.into_keys());
        (done.collect(), waiting.collect())
    }

    /// No container is in two batches of one update.
    fn check_batches(&self) {
        let Ok(Some(state)) = InPlaceUpdateState::of(&self.pod()) else {
            return;
        };
        let (done, waiting) = self.batches();
        let recorded = state.container_batches_record.iter();
        let n_recorded: usize = recorded.map(|batch| batch.containers.len()).sum();
        assert_eq!(n_recorded, done.len(), "a container in two batches");
        assert!(done.is_disjoint(&waiting));
    }

    fn end(&mut self) {
        for _ in 0..20 {
            (0..NAMES.len()).for_each(|index| self.kubelet(index));
            self.now += SignedDuration::from_secs(60);
            if !self.refresh() {
                return;
            }
            self.check_batches();
        }
        panic!("no end at {:#}", self.object);
    }

    fn check_end(&self) {
        let wanted = template(&self.setting, &self.wish);
        for index in 0..NAMES.len() {
            for member in ["image", "resources"] {
                assert_eq!(
                    self.object["spec"]["containers"][index][member],
                    wanted["spec"]["containers"][index][member]
                );
            }
        }
        let labels = &self.object["metadata"]["labels"];
        let template = &wanted["metadata"];
        for label in ["app", "l", "plain"] {
            assert_eq!(labels[label], template["labels"][label], "{label}");
        }
        let cfg = &self.object["metadata"]["annotations"]["cfg"];
        assert_eq!(cfg, &template["annotations"]["cfg"]);
        assert_eq!(
            pod(&self.object).metadata.finalizers.len(),
            usize::from(self.wish.finalizer)
        );
        assert_eq!(labels["lifecycle.apps.kruise.io/state"], "Normal");
        let ready = condition(&self.object, "InPlaceUpdateReady").unwrap();
        assert_eq!(ready["status"], "True");
        assert_eq!(self.object["metadata"]["annotations"].get(GRACE), None);
        if self.n_revisions > 0 {
            assert_eq!(
                completion(&self.pod(), &self.setting.options),
                Completion::Complete
            );
            // Every container that was ordered is in exactly one batch.
            let (done, waiting) = self.batches();
            assert_eq!((done, waiting), (self.ordered.clone(), BTreeSet::new()));
            assert_eq!(
                annotation(&self.object, STATE)["revision"],
                format!("web-r{}", self.n_revisions)
            );
        }
    }
}

fn data_of(template: &Value) -> Value {
    serde_json::from_str(&revision::data(template)).unwrap()
}

/// Names of the containers of which these writes change the spec.
fn changed(writes: &StartWrites) -> BTreeSet<String> {
    [writes.resize.as_ref(), Some(&writes.pod)]
        .into_iter()
        .flatten()
        .filter_map(|patch| patch.pointer("/spec/containers")?.as_array())
        .flatten()
        .map(|container| container["name"].as_str().unwrap().to_owned())
        .collect()
}

fn in_grace(object: &Value) -> BTreeSet<String> {
    let stored = annotation(object, GRACE);
    [
        "containerImages",
        "containerRefMetadata",
        "containerResources",
    ]
    .into_iter()
    .filter_map(|field| stored[field].as_object())
    .flat_map(|containers| containers.keys().cloned())
    .collect()
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        // Each is a long story.
        cases: ProptestConfig::default().cases / 2,
        ..ProptestConfig::default()
    })]

    // IP-22, IP-32, IP-40, DV-IP2, DV-IP4
    #[test]
    fn a_pod_ends_as_its_label_says(
        setting in setting(),
        first in wish(),
        acts in prop::collection::vec(act(), 0..14),
    ) {
        let mut story = Story::begin(setting, first);
        for act in &acts {
            story.act(act);
        }
        story.end();
        story.check_end();
    }
}
