//! What users do with a CloneSet.

use futures::future::LocalBoxFuture;
use kruise_api::{
    apps::v1beta1::CLONESETS,
    resource::{ObjectKey, PODS},
};
use kruise_testkit::{builders, fields::text, random::Random, server::ApiServer};
use serde_json::{Value, json};

use super::seen::{APP, PodSeen, SIDECAR, Terms};
use crate::{deployable::Story, stage::Stage};

const NAME: &str = "web";

/// The story of one CloneSet.
#[derive(Default)]
pub(super) struct CloneSetStory {
    images: usize,
    is_bad: bool,
    was_bad: bool,
    is_in_place_only: bool,
}

fn key() -> ObjectKey {
    ObjectKey::new("default", NAME)
}

impl CloneSetStory {
    /// Terms of the update, at least one of which lets it go on.
    fn limits(&self, random: &mut Random) -> Value {
        let with_surge = [(1, 0), (2, 0), (1, 1), (0, 1), (2, 2), (3, 0)];
        let (unavailable, surge) = *random.pick(&with_surge);
        let (unavailable, surge) = if self.is_in_place_only {
            // No pod can be made in place, so admission refuses a surge.
            (unavailable.max(1), 0)
        } else {
            (unavailable, surge)
        };
        json!({ "maxUnavailable": unavailable, "maxSurge": surge })
    }

    fn next_image(&mut self) -> String {
        self.images += 1;
        format!("example/app:{}", self.images)
    }

    async fn patch_spec(stage: &mut Stage, spec: Value) {
        stage
            .patch(&CLONESETS, &key(), &json!({ "spec": spec }))
            .await;
    }

    async fn patch_rolling(stage: &mut Stage, rolling: Value) {
        Self::patch_spec(
            stage,
            json!({ "updateStrategy": { "rollingUpdate": rolling } }),
        )
        .await;
    }

    /// A merge patch replaces lists, so the template goes whole.
    async fn patch_template(stage: &mut Stage, change: impl Fn(&mut Value)) {
        let Some(set) = stage.world.server.get(CLONESETS, &key()) else {
            return;
        };
        let mut containers = set["spec"]["template"]["spec"]["containers"].clone();
        change(&mut containers[0]);
        Self::patch_spec(
            stage,
            json!({ "template": { "spec": { "containers": containers } } }),
        )
        .await;
    }

    async fn change_image(&mut self, stage: &mut Stage) -> String {
        let is_bad = stage.world.random.chance(150);
        let goes_back = self.images > 1 && stage.world.random.chance(150);
        let image = if is_bad {
            format!("example/app:bad-{}", self.images)
        } else if goes_back {
            format!("example/app:{}", self.images - 1)
        } else {
            self.next_image()
        };
        self.is_bad = is_bad;
        self.was_bad |= is_bad;
        let new = json!(image);
        Self::patch_template(stage, |app| app["image"] = new.clone()).await;
        format!("image {image}")
    }

    async fn specify(&mut self, stage: &mut Stage) -> String {
        let Some(pod) = stage.any_pod() else {
            return "there is no pod to specify".to_owned();
        };
        let name = text(&pod["metadata"]["name"]);
        if stage.world.random.chance(500) {
            let label =
                json!({ "metadata": { "labels": { "apps.kruise.io/specified-delete": "true" } } });
            let key = ObjectKey::new("default", name.clone());
            stage.patch(&PODS, &key, &label).await;
            return format!("pod {name} is labelled for deletion");
        }
        let scale = json!({ "scaleStrategy": { "podsToDelete": [name] } });
        Self::patch_spec(stage, scale).await;
        format!("pod {name} is named for deletion")
    }
}

impl Story for CloneSetStory {
    fn begin<'a>(&'a mut self, stage: &'a mut Stage) -> LocalBoxFuture<'a, ()> {
        Box::pin(async move {
            let random = &mut stage.world.random;
            let policy = *random.pick(&[
                "InPlaceIfPossible",
                "InPlaceIfPossible",
                "InPlaceOnly",
                "ReCreate",
            ]);
            self.is_in_place_only = policy == "InPlaceOnly";
            let image = self.next_image();
            let template =
                builders::template(NAME, &[(APP, &image), (SIDECAR, "example/sidecar:1")]);
            let mut set = builders::cloneset(NAME, 1 + random.below(7) as u64, &template);
            let mut rolling = self.limits(random);
            rolling["podUpdatePolicy"] = json!(policy);
            set["spec"]["updateStrategy"] = json!({ "rollingUpdate": rolling });
            set["spec"]["minReadySeconds"] = json!(*random.pick(&[0, 0, 0, 3]));
            set["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] = json!(5);
            stage.note(format!("a CloneSet: {}", set["spec"]));
            stage.create(&CLONESETS, &set).await;
        })
    }

    fn act<'a>(&'a mut self, stage: &'a mut Stage) -> LocalBoxFuture<'a, String> {
        Box::pin(async move {
            let replicas = 1 + stage.world.random.below(8);
            match stage.world.random.below(22) {
                0..=6 => self.change_image(stage).await,
                7..=10 => {
                    Self::patch_spec(stage, json!({ "replicas": replicas })).await;
                    format!("replicas {replicas}")
                }
                11 | 12 => {
                    let partition = stage.world.random.below(5);
                    Self::patch_rolling(stage, json!({ "partition": partition })).await;
                    format!("partition {partition}")
                }
                13 | 14 => {
                    let limits = self.limits(&mut stage.world.random);
                    Self::patch_rolling(stage, limits.clone()).await;
                    format!("limits {limits}")
                }
                15..=17 => {
                    let paused = stage.world.random.chance(600);
                    Self::patch_rolling(stage, json!({ "paused": paused })).await;
                    format!("paused {paused}")
                }
                18 if !self.is_in_place_only => {
                    let value = stage.world.random.below(100).to_string();
                    let env = json!([{ "name": "MODE", "value": value }]);
                    Self::patch_template(stage, |app| app["env"] = env.clone()).await;
                    format!("environment {value}")
                }
                _ => self.specify(stage).await,
            }
        })
    }

    fn end<'a>(&'a mut self, stage: &'a mut Stage) -> LocalBoxFuture<'a, ()> {
        Box::pin(async move {
            Self::patch_rolling(stage, json!({ "paused": false })).await;
            if self.was_bad {
                // Or the partition would keep pods that can't run.
                Self::patch_rolling(stage, json!({ "partition": 0 })).await;
            }
            if std::mem::take(&mut self.is_bad) {
                let image = json!(self.next_image());
                Self::patch_template(stage, |app| app["image"] = image.clone()).await;
            }
        })
    }

    fn reached(&self, server: &ApiServer) -> Result<(), String> {
        let set = server
            .get(CLONESETS, &key())
            .ok_or("there is no CloneSet")?;
        let terms = Terms::read(&set);
        let pods: Vec<PodSeen> = server
            .list(PODS)
            .iter()
            .map(|pod| PodSeen::read(pod))
            .collect();
        let n = |of: &dyn Fn(&PodSeen) -> bool| pods.iter().filter(|pod| of(pod)).count();
        let missing = |what: String| Err(what);
        let names = || {
            pods.iter()
                .map(|pod| (&pod.name, &pod.template.image, &pod.state))
                .collect::<Vec<_>>()
        };
        if pods.len() != terms.replicas {
            return missing(format!(
                "{} pods for {} replicas: {:?}",
                pods.len(),
                terms.replicas,
                names()
            ));
        }
        let n_active = n(&|pod| pod.is_active() && !pod.is_specified);
        if n_active != terms.replicas {
            return missing(format!(
                "{n_active} pods that stay, for {} replicas",
                terms.replicas
            ));
        }
        let n_serving = n(&PodSeen::is_serving);
        if n_serving != terms.replicas {
            return missing(format!(
                "{n_serving} pods in service, for {} replicas: {:?}",
                terms.replicas,
                names()
            ));
        }
        let n_old = n(&|pod| pod.template != terms.template);
        let kept = terms.partition.min(terms.replicas);
        if n_old > kept {
            return missing(format!(
                "{n_old} old pods, for partition {kept}: {:?}",
                names()
            ));
        }
        if !terms.pods_to_delete.is_empty() {
            return missing(format!("podsToDelete {:?}", terms.pods_to_delete));
        }
        Ok(())
    }

    fn untruths(&self, stage: &Stage) -> Vec<String> {
        let server = &stage.world.server;
        let Some(set) = server.get(CLONESETS, &key()) else {
            return vec!["there is no CloneSet".to_owned()];
        };
        let (status, now) = (&set["status"], stage.world.clock.now());
        let terms = Terms::read(&set);
        let pods: Vec<PodSeen> = server
            .list(PODS)
            .iter()
            .map(|pod| PodSeen::read(pod))
            .collect();
        let n = |of: &dyn Fn(&PodSeen) -> bool| pods.iter().filter(|pod| of(pod)).count() as u64;
        let update_revision = text(&status["updateRevision"]);
        let is_updated = |pod: &PodSeen| pod.revision == update_revision;
        let is_available = |pod: &PodSeen| pod.is_available(terms.min_ready_seconds, now);
        let expected = [
            (
                "observedGeneration",
                set["metadata"]["generation"].as_u64().unwrap_or_default(),
            ),
            ("replicas", n(&PodSeen::is_active)),
            ("readyReplicas", n(&PodSeen::is_update_ready)),
            ("availableReplicas", n(&is_available)),
            ("updatedReplicas", n(&is_updated)),
            (
                "updatedReadyReplicas",
                n(&|pod| is_updated(pod) && pod.is_update_ready()),
            ),
            (
                "updatedAvailableReplicas",
                n(&|pod| is_updated(pod) && is_available(pod)),
            ),
        ];
        let mut untruths: Vec<String> = expected
            .iter()
            .filter(|(field, expected)| status[*field].as_u64().unwrap_or_default() != *expected)
            .map(|(field, expected)| {
                format!(
                    "status.{field} is {}, and should be {expected}",
                    status[*field]
                )
            })
            .collect();
        let newest = pods.iter().find(|pod| is_updated(pod));
        if newest.is_some_and(|pod| pod.template != terms.template) {
            untruths.push(format!(
                "updateRevision {update_revision} isn't the template's"
            ));
        }
        untruths
    }
}
