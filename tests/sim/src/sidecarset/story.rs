//! What users do with SidecarSets, and with the pods that these have their containers in.

use std::{sync::Arc, time::Duration};

use futures::future::LocalBoxFuture;
use kruise_api::{
    apps::v1beta1::SIDECARSETS,
    resource::{CONTROLLER_REVISIONS, NAMESPACES, ObjectKey, PODS, Resource},
};
use kruise_testkit::{
    fields::{key_of, list, text},
    server::ApiServer,
};
use serde_json::{Value, json};

use super::{
    end,
    sample::{self, Kind, Wanted},
};
use crate::{deployable::Story, stage::Stage};

const CONFIG_MAPS: Resource = Resource {
    group: "",
    version: "v1",
    plural: "configmaps",
    kind: "ConfigMap",
    namespaced: true,
};
/// How often the end of a story looks whether pods have to be made anew, and for how long.
const LOOK_EVERY: Duration = Duration::from_secs(5);
const LOOKS: usize = 60;
/// How often a user tries again who is refused.
const REFUSALS: usize = 30;

/// The story of some SidecarSets.
#[derive(Default)]
pub(super) struct SidecarStory {
    kinds: Vec<Kind>,
    /// SidecarSets that had an image which doesn't run.
    was_broken: Vec<Kind>,
    /// SidecarSets that were deleted, as they were.
    deleted: Vec<(Kind, Value)>,
    pods: Vec<Wanted>,
    images: usize,
}

fn key(kind: Kind) -> ObjectKey {
    ObjectKey::new("", kind.name())
}

async fn patch_spec(stage: &mut Stage, kind: Kind, spec: Value) -> bool {
    let patch = json!({ "spec": spec });
    stage.patch(&SIDECARSETS, &key(kind), &patch).await
}

async fn patch_strategy(stage: &mut Stage, kind: Kind, strategy: Value) {
    patch_spec(stage, kind, json!({ "updateStrategy": strategy })).await;
}

/// Admission refuses while it doesn't know yet what it has to look into.
async fn create_set(stage: &mut Stage, set: &Value) {
    for _ in 0..REFUSALS {
        if stage.create(&SIDECARSETS, set).await {
            return;
        }
        stage.world.run_for(Duration::from_secs(1)).await;
    }
}

/// A merge patch replaces lists, so the containers go whole.
async fn patch_container(stage: &mut Stage, kind: Kind, change: impl Fn(&mut Value)) -> String {
    let Some(set) = stage.world.server.get(SIDECARSETS, &key(kind)) else {
        return format!("there is no {}", kind.name());
    };
    let mut containers = set["spec"]["containers"].clone();
    let place = stage.world.random.below(list(&containers).len().max(1));
    change(&mut containers[place]);
    let what = format!("{}: {}", kind.name(), containers[place]);
    patch_spec(stage, kind, json!({ "containers": containers })).await;
    what
}

fn set_tag(container: &mut Value, tag: &str) {
    let name = text(&container["name"]);
    container["image"] = json!(format!("example/{name}:{tag}"));
}

impl SidecarStory {
    async fn change_image(&mut self, stage: &mut Stage, kind: Kind) -> String {
        let random = &mut stage.world.random;
        if kind.may_roll() && random.chance(200) {
            return self.break_image(stage, kind).await;
        }
        if random.chance(250) {
            return self.roll_back(stage, kind).await;
        }
        self.images += 1;
        let tag = (self.images + 1).to_string();
        patch_container(stage, kind, |it| set_tag(it, &tag)).await
    }

    /// An image that doesn't run.
    async fn break_image(&mut self, stage: &mut Stage, kind: Kind) -> String {
        let how = *stage.world.random.pick(&["bad", "bad", "crash"]);
        let tag = format!("{how}-{}", self.images);
        self.may_be_broken(kind);
        patch_container(stage, kind, |it| set_tag(it, &tag)).await
    }

    /// An image that doesn't run, and what was there before again.
    async fn break_image_for_a_while(&mut self, stage: &mut Stage, kind: Kind) -> String {
        let Some(set) = stage.world.server.get(SIDECARSETS, &key(kind)) else {
            return format!("there is no {}", kind.name());
        };
        let what = self.break_image(stage, kind).await;
        let pause = stage.world.random.below(20_000) as u64;
        stage.world.run_for(Duration::from_millis(pause)).await;
        let containers = set["spec"]["containers"].clone();
        patch_spec(stage, kind, json!({ "containers": containers })).await;
        format!("{what}, for {pause} ms")
    }

    /// What there was once, as its history has it.
    async fn roll_back(&mut self, stage: &mut Stage, kind: Kind) -> String {
        let mut revisions = stage.world.server.list(CONTROLLER_REVISIONS);
        revisions.retain(|it| it["metadata"]["labels"]["kruise.io/sidecarset-name"] == kind.name());
        if revisions.is_empty() {
            return format!("{} has no history", kind.name());
        }
        let revision = stage.world.random.pick(&revisions).clone();
        let containers = revision["data"]["spec"]["containers"].clone();
        let images: Vec<String> = list(&containers)
            .iter()
            .map(|it| text(&it["image"]))
            .collect();
        if images.iter().any(|image| super::seen::is_broken(image)) {
            self.may_be_broken(kind);
        }
        patch_spec(stage, kind, json!({ "containers": containers })).await;
        format!("{} as it was: {images:?}", kind.name())
    }

    fn may_be_broken(&mut self, kind: Kind) {
        if !self.was_broken.contains(&kind) {
            self.was_broken.push(kind);
        }
    }

    /// Something that can't be updated in place.
    async fn change_env(stage: &mut Stage, kind: Kind) -> String {
        let value = stage.world.random.below(3).to_string();
        let env = json!([{ "name": "MODE", "value": value }]);
        patch_container(stage, kind, |it| it["env"] = env.clone()).await
    }

    async fn delete_or_make_a_set(&mut self, stage: &mut Stage, kind: Kind) -> String {
        if let Some((kind, set)) = self.deleted.pop() {
            create_set(stage, &set).await;
            return format!("{} is made again", kind.name());
        }
        let Some(set) = stage.world.server.get(SIDECARSETS, &key(kind)) else {
            return format!("there is no {}", kind.name());
        };
        let mut again = json!({
            "apiVersion": set["apiVersion"], "kind": set["kind"], "spec": set["spec"],
            "metadata": { "name": kind.name() },
        });
        if kind == Kind::Canary {
            again["metadata"]["annotations"] = set["metadata"]["annotations"].clone();
        }
        self.deleted.push((kind, again));
        stage.delete(SIDECARSETS, &key(kind));
        format!("{} is deleted", kind.name())
    }

    /// Users and their workloads make pods again that are gone.
    async fn make_missing_pods(&self, stage: &mut Stage) -> Vec<String> {
        let mut made = vec![];
        for wanted in &self.pods {
            let key = ObjectKey::new(wanted.namespace, wanted.name.clone());
            if stage.world.server.get(PODS, &key).is_none() {
                stage.create(&PODS, &wanted.object()).await;
                made.push(wanted.name.clone());
            }
        }
        made
    }

    async fn add_pod(&mut self, stage: &mut Stage) -> String {
        let wanted = Wanted::new(self.pods.len(), &mut stage.world.random);
        stage.create(&PODS, &wanted.object()).await;
        let what = format!("pod {} comes: {}", wanted.name, wanted.object()["metadata"]);
        self.pods.push(wanted);
        what
    }

    async fn label_pod(stage: &mut Stage) -> String {
        let Some(pod) = stage.any_pod() else {
            return "there is no pod to label".to_owned();
        };
        let random = &mut stage.world.random;
        let labels = match random.below(5) {
            0 | 1 => json!({ "app": *random.pick(&["web", "other", "other"]) }),
            2 => json!({ "tier": *random.pick(&["front", "beta"]) }),
            _ => json!({ "canary": *random.pick(&[Some("true"), None]) }),
        };
        let patch = json!({ "metadata": { "labels": labels } });
        stage.patch(&PODS, &key_of(&pod), &patch).await;
        format!("pod {} has labels {labels}", key_of(&pod))
    }

    async fn label_namespace(stage: &mut Stage) -> String {
        let random = &mut stage.world.random;
        let name = *random.pick(&sample::NAMESPACES);
        let env = *random.pick(&["prod", "prod", "test"]);
        let patch = json!({ "metadata": { "labels": { "env": env } } });
        stage
            .patch(&NAMESPACES, &ObjectKey::new("", name), &patch)
            .await;
        format!("namespace {name} is {env}")
    }

    /// All that there is can be reached: nothing is held back, and no image is broken.
    async fn release(&mut self, stage: &mut Stage) {
        while let Some((_, set)) = self.deleted.pop() {
            if stage.world.random.chance(500) {
                create_set(stage, &set).await;
            }
        }
        for kind in self.kinds.clone() {
            let Some(set) = stage.world.server.get(SIDECARSETS, &key(kind)) else {
                continue;
            };
            let mut containers = set["spec"]["containers"].clone();
            self.images += 1;
            let is_updated = stage.world.random.chance(400);
            for container in containers.as_array_mut().into_iter().flatten() {
                if is_updated || super::seen::is_broken(&text(&container["image"])) {
                    set_tag(container, &(self.images + 1).to_string());
                }
            }
            let mut strategy = json!({ "paused": false });
            if set["spec"]["updateStrategy"]["maxUnavailable"] == 0 {
                strategy["maxUnavailable"] = json!(1);
            }
            if self.was_broken.contains(&kind) {
                // Or pods that can't run would stay so.
                strategy["type"] = json!("RollingUpdate");
                strategy["partition"] = json!(0);
                strategy["selector"] = Value::Null;
            }
            // So that what wakes nobody (SS-200 to SS-202) is looked at.
            let limit = set["spec"]["revisionHistoryLimit"]
                .as_u64()
                .unwrap_or_default();
            let spec = json!({
                "containers": containers, "updateStrategy": strategy, "revisionHistoryLimit": limit % 3 + 1,
            });
            for _ in 0..REFUSALS {
                if patch_spec(stage, kind, spec.clone()).await {
                    break;
                }
                stage.world.run_for(Duration::from_secs(1)).await;
            }
        }
    }
}

impl Story for SidecarStory {
    fn begin<'a>(&'a mut self, stage: &'a mut Stage) -> LocalBoxFuture<'a, ()> {
        Box::pin(async move {
            let env = |name: &str, env: &str| {
                let labels = json!({ "kubernetes.io/metadata.name": name, "env": env });
                json!({ "metadata": { "name": name, "labels": labels } })
            };
            let mut shop = env("shop", "prod");
            (shop["apiVersion"], shop["kind"]) = (json!("v1"), json!("Namespace"));
            stage.world.server.put("setup", NAMESPACES, shop);
            let default = ObjectKey::new("", "default");
            stage
                .patch(&NAMESPACES, &default, &env("default", "test"))
                .await;
            let rules = json!({ "rules": [{ "allowedAnnotationKeyExprs": ["^example.com/"] }] });
            let configuration = json!({
                "apiVersion": "v1", "kind": "ConfigMap",
                "metadata": { "name": "kruise-configuration", "namespace": "kruise-system" },
                "data": { "SidecarSet_PatchPodMetadata_WhiteList": rules.to_string() },
            });
            stage.world.server.put("setup", CONFIG_MAPS, configuration);
            if stage.world.random.chance(200) {
                // It never has a sidecar (SS-205).
                self.add_pod(stage).await;
            }
            let random = &mut stage.world.random;
            self.kinds = match random.below(8) {
                0 | 1 => vec![Kind::Cold],
                2 | 3 => vec![Kind::Hot],
                4 | 5 => vec![Kind::Cold, Kind::Hot],
                6 => vec![Kind::Cold, Kind::Canary],
                _ => vec![Kind::Cold, Kind::Hot, Kind::Canary, Kind::Still],
            };
            for kind in self.kinds.clone() {
                let set = kind.object(&mut stage.world.random);
                stage.note(format!("a SidecarSet {}: {}", kind.name(), set["spec"]));
                create_set(stage, &set).await;
            }
            for _ in 0..4 + stage.world.random.below(6) {
                let what = self.add_pod(stage).await;
                stage.note(what);
            }
        })
    }

    fn act<'a>(&'a mut self, stage: &'a mut Stage) -> LocalBoxFuture<'a, String> {
        Box::pin(async move {
            let random = &mut stage.world.random;
            let mut kind = *random.pick(&self.kinds);
            if !kind.may_roll() && random.chance(600) {
                // More happens to others.
                kind = *random.pick(&self.kinds);
            }
            match random.below(40) {
                0..=10 => self.change_image(stage, kind).await,
                11..=14 => {
                    let first = self.change_image(stage, kind).await;
                    let pause = stage.world.random.below(3_000) as u64;
                    stage.world.run_for(Duration::from_millis(pause)).await;
                    let second = self.change_image(stage, kind).await;
                    format!("{first}, and {pause} ms later {second}")
                }
                15..=18 if kind.may_roll() => self.break_image_for_a_while(stage, kind).await,
                19 if kind.may_roll() => {
                    let paused = random.chance(400);
                    patch_strategy(stage, kind, json!({ "paused": paused })).await;
                    format!("{} paused {paused}", kind.name())
                }
                20 | 21 if kind.may_roll() => {
                    let limits = sample::limits(random);
                    patch_strategy(stage, kind, limits.clone()).await;
                    format!("{}: {limits}", kind.name())
                }
                22 if kind.may_roll() => {
                    let type_ = *random.pick(&["NotUpdate", "RollingUpdate", "RollingUpdate"]);
                    patch_strategy(stage, kind, json!({ "type": type_ })).await;
                    format!("{}: {type_}", kind.name())
                }
                23 => {
                    let paused = random.chance(500);
                    let strategy = json!({ "injectionStrategy": { "paused": paused } });
                    patch_spec(stage, kind, strategy).await;
                    format!("{} injects {}", kind.name(), !paused)
                }
                24 => {
                    let number = random.below(4);
                    let volume = json!({ "name": format!("scratch-{number}"), "emptyDir": {} });
                    let mut spec = json!({ "volumes": [volume] });
                    if kind == Kind::Cold {
                        spec["patchPodMetadata"] = sample::patched(number);
                    }
                    patch_spec(stage, kind, spec.clone()).await;
                    format!("{}: {spec}", kind.name())
                }
                25 => Self::change_env(stage, kind).await,
                26 | 27 => self.delete_or_make_a_set(stage, kind).await,
                28 | 29 => Self::label_pod(stage).await,
                30 => Self::label_namespace(stage).await,
                31 | 32 => self.add_pod(stage).await,
                _ => {
                    let made = self.make_missing_pods(stage).await;
                    format!("pods are made again: {made:?}")
                }
            }
        })
    }

    fn end<'a>(&'a mut self, stage: &'a mut Stage) -> LocalBoxFuture<'a, ()> {
        Box::pin(async move {
            self.release(stage).await;
            for _ in 0..LOOKS {
                let stuck: Vec<Arc<Value>> = end::stuck(&stage.world.server);
                for pod in &stuck {
                    stage.note(format!(
                        "pod {} can't be helped, and is deleted",
                        key_of(pod)
                    ));
                    stage.delete(PODS, &key_of(pod));
                }
                let made = self.make_missing_pods(stage).await;
                if stuck.is_empty() && made.is_empty() && end::all_stay(&stage.world.server) {
                    break;
                }
                stage.world.run_for(LOOK_EVERY).await;
            }
        })
    }

    fn reached(&self, server: &ApiServer) -> Result<(), String> {
        end::reached(server)
    }

    fn untruths(&self, stage: &Stage) -> Vec<String> {
        end::untruths(&stage.world.server)
    }
}
