//! What users do with a BroadcastJob.

use futures::future::LocalBoxFuture;
use kruise_api::{
    apps::v1beta1::BROADCASTJOBS,
    resource::{NODES, ObjectKey, PODS},
};
use kruise_testkit::{builders, fields::text, kubelet::EXITS, random::Random, server::ApiServer};
use serde_json::{Value, json};

use super::seen::{Class, PodSeen, Terms, fits};
use crate::{deployable::Story, stage::Stage};

const NAME: &str = "scan";
/// Holds a job that is deleted.
const HOLD: &str = "example.com/hold";
/// A pod of the job fails when it has had more restarts.
const RESTART_LIMITS: [u64; 4] = [0, 0, 1, 4];

/// The story of one BroadcastJob.
#[derive(Default)]
pub(super) struct JobStory {
    images: usize,
    may_restart: bool,
    closed: Vec<String>,
    /// A job with a TTL goes by itself.
    is_to_go: bool,
    /// It has a finalizer, so that it stays for a while when it is deleted.
    is_held: bool,
}

fn key() -> ObjectKey {
    ObjectKey::new("default", NAME)
}

fn parallelism(random: &mut Random) -> Value {
    let one_after_the_other = json!(1);
    let choices = [
        one_after_the_other.clone(),
        one_after_the_other,
        json!(2),
        json!(3),
        json!("50%"),
        json!(null),
        json!(null),
    ];
    random.pick(&choices).clone()
}

fn on_failure(random: &mut Random) -> &'static str {
    let policies: [&str; 4] = ["Continue", "FailFast", "FailFast", "Pause"];
    random.pick::<&str>(&policies)
}

impl JobStory {
    /// How the containers of the next pods end. All pods end at last: one that never does is asked for nowhere.
    fn exits(&self, random: &mut Random) -> &'static str {
        let exits: &[&str] = if self.may_restart {
            &["0@1s", "0@8s", "1@1s,0@2s", "1@1s,1@1s,1@2s,0@3s"]
        } else {
            &["0@1s", "0@8s", "0@8s", "0@40s", "1@3s", "1@12s"]
        };
        random.pick::<&str>(exits)
    }

    fn template(&mut self, random: &mut Random) -> Value {
        self.images += 1;
        let image = format!("example/scan:{}", self.images);
        let mut template = builders::template(NAME, &[("scan", &image)]);
        template["metadata"]["annotations"] = json!({ EXITS: self.exits(random) });
        let policy = if self.may_restart {
            "OnFailure"
        } else {
            "Never"
        };
        template["spec"]["restartPolicy"] = json!(policy);
        template["spec"]["terminationGracePeriodSeconds"] = json!(5);
        template
    }

    async fn patch_spec(stage: &mut Stage, spec: Value) {
        stage
            .patch(&BROADCASTJOBS, &key(), &json!({ "spec": spec }))
            .await;
    }

    async fn close_or_open_a_node(&mut self, stage: &mut Stage) -> String {
        if stage.world.random.chance(400)
            && let Some(node) = self.closed.pop()
        {
            open(stage, &node).await;
            return format!("pods may come to node {node} again");
        }
        let Some(node) = stage.any_node() else {
            return "there is no node to close".to_owned();
        };
        let spec = if stage.world.random.chance(500) {
            json!({ "unschedulable": true })
        } else {
            json!({ "taints": [{ "key": "example.com/closed", "effect": "NoSchedule" }] })
        };
        stage
            .patch(
                &NODES,
                &ObjectKey::new("", &*node),
                &json!({ "spec": spec }),
            )
            .await;
        self.closed.push(node.clone());
        format!("node {node}: {spec}")
    }

    /// What a user does about a job that pauses because of them.
    async fn delete_failed_pods(stage: &mut Stage) -> String {
        let failed: Vec<String> = stage
            .pods()
            .iter()
            .filter(|pod| pod["status"]["phase"] == "Failed")
            .map(|pod| text(&pod["metadata"]["name"]))
            .collect();
        for name in &failed {
            stage.delete(PODS, &ObjectKey::new("default", &**name));
        }
        format!("failed pods are deleted: {failed:?}")
    }
}

async fn open(stage: &mut Stage, node: &str) {
    let spec = json!({ "spec": { "unschedulable": null, "taints": null } });
    stage.patch(&NODES, &ObjectKey::new("", node), &spec).await;
}

impl Story for JobStory {
    fn begin<'a>(&'a mut self, stage: &'a mut Stage) -> LocalBoxFuture<'a, ()> {
        Box::pin(async move {
            let random = &mut stage.world.random;
            self.may_restart = random.chance(400);
            let mut completion = json!({ "type": "Always" });
            if random.chance(250) {
                completion["type"] = json!("Never");
            } else {
                if random.chance(250) {
                    let seconds = *random.pick(&[2, 10, 45]);
                    completion["activeDeadlineSeconds"] = json!(seconds);
                }
                if random.chance(250) {
                    self.is_to_go = true;
                    completion["ttlSecondsAfterFinished"] = json!(*random.pick(&[0, 5, 30]));
                }
            }
            let mut failure = json!({ "type": on_failure(random) });
            if self.may_restart {
                failure["restartLimit"] = json!(*random.pick(&RESTART_LIMITS));
            }
            let mut job = json!({
                "apiVersion": "apps.kruise.io/v1beta1", "kind": "BroadcastJob",
                "metadata": { "name": NAME, "namespace": "default" },
                "spec": { "completionPolicy": completion, "failurePolicy": failure },
            });
            job["spec"]["parallelism"] = parallelism(random);
            if random.chance(150) {
                self.is_held = true;
                job["metadata"]["finalizers"] = json!([HOLD]);
            }
            job["spec"]["template"] = self.template(random);
            stage.note(format!("a BroadcastJob: {}", job["spec"]));
            stage.create(&BROADCASTJOBS, &job).await;
        })
    }

    fn act<'a>(&'a mut self, stage: &'a mut Stage) -> LocalBoxFuture<'a, String> {
        Box::pin(async move {
            match stage.world.random.below(20) {
                0..=3 => {
                    let parallelism = parallelism(&mut stage.world.random);
                    Self::patch_spec(stage, json!({ "parallelism": parallelism })).await;
                    format!("parallelism {parallelism}")
                }
                4..=7 => {
                    let paused = stage.world.random.chance(600);
                    Self::patch_spec(stage, json!({ "paused": paused })).await;
                    format!("paused {paused}")
                }
                8..=13 => self.close_or_open_a_node(stage).await,
                14 => {
                    let policy = on_failure(&mut stage.world.random);
                    Self::patch_spec(stage, json!({ "failurePolicy": { "type": policy } })).await;
                    format!("failure policy {policy}")
                }
                15 => {
                    let template = self.template(&mut stage.world.random);
                    Self::patch_spec(stage, json!({ "template": template })).await;
                    format!("template {template}")
                }
                16 => Self::delete_failed_pods(stage).await,
                17 if self.is_held => {
                    self.is_to_go = true;
                    stage.delete(BROADCASTJOBS, &key());
                    "the job is deleted, and held".to_owned()
                }
                17 if self.is_to_go => {
                    let policy = json!({ "ttlSecondsAfterFinished": null });
                    let spec = json!({ "spec": { "completionPolicy": policy } });
                    // Or it is gone already.
                    self.is_to_go = !stage.patch(&BROADCASTJOBS, &key(), &spec).await;
                    "its time to live is taken away".to_owned()
                }
                _ => {
                    stage.add_node();
                    "a node comes".to_owned()
                }
            }
        })
    }

    fn end<'a>(&'a mut self, stage: &'a mut Stage) -> LocalBoxFuture<'a, ()> {
        Box::pin(async move {
            for node in std::mem::take(&mut self.closed) {
                open(stage, &node).await;
            }
            // A pod that waits for a node that is gone uses parallelism for ever, and a failed one holds up a job that
            // pauses for it.
            let mut spec = json!({ "paused": false, "parallelism": null });
            let job = stage.world.server.get(BROADCASTJOBS, &key());
            if job.is_some_and(|job| job["spec"]["failurePolicy"]["type"] == "Pause") {
                spec["failurePolicy"] = json!({ "type": "Continue" });
            }
            Self::patch_spec(stage, spec).await;
            if self.is_held {
                let patch = json!({ "metadata": { "finalizers": null } });
                stage.patch(&BROADCASTJOBS, &key(), &patch).await;
            }
        })
    }

    fn reached(&self, server: &ApiServer) -> Result<(), String> {
        let job = server.get(BROADCASTJOBS, &key());
        let pods: Vec<PodSeen> = pods(server);
        let Some(job) = job else {
            return if !self.is_to_go {
                Err("there is no BroadcastJob".to_owned())
            } else if pods.is_empty() {
                Ok(())
            } else {
                Err(format!("the job is gone, and has pods: {pods:?}"))
            };
        };
        let terms = Terms::read(&job);
        let active = || pods.iter().filter(|pod| pod.class(&terms) == Class::Active);
        match terms.ending.as_deref() {
            Some(_) if self.is_to_go => Err("the job has ended, and stays".to_owned()),
            Some("Failed") if active().count() > 0 => {
                let active: Vec<_> = active().collect();
                Err(format!("the job has failed, and has pods: {active:?}"))
            }
            // Its pods are counted even then (BJ-30), and one with too many restarts goes on (BJ-35).
            Some(_) if terms.is_never && !pods.iter().all(PodSeen::has_ended) => {
                Err(format!("pods of a job that has failed go on: {pods:?}"))
            }
            Some(_) => Ok(()),
            None if terms.is_never => served(server, &pods),
            None => Err(format!("the job goes on: {}, pods {pods:?}", job["status"])),
        }
    }

    fn untruths(&self, stage: &Stage) -> Vec<String> {
        let server = &stage.world.server;
        let Some(job) = server.get(BROADCASTJOBS, &key()) else {
            return vec![];
        };
        let (terms, status) = (Terms::read(&job), &job["status"]);
        let pods = pods(server);
        let phase = match terms.ending.as_deref() {
            Some("Complete") => "completed",
            Some(_) => "failed",
            None => "running",
        };
        let mut untruths = vec![];
        if terms.phase != phase {
            untruths.push(format!(
                "status.phase is {}, and should be {phase}",
                terms.phase
            ));
        }
        if terms.completion.is_some() != terms.has_ended() || terms.start.is_none() {
            untruths.push(format!("times of {status}"));
        }
        if terms.has_ended() && !terms.is_never {
            // Nobody counts any more, whatever becomes of the pods.
            return untruths;
        }
        let n = |class: Class| pods.iter().filter(|pod| pod.class(&terms) == class).count();
        let expected = [
            ("desired", server.list(NODES).len()),
            ("active", n(Class::Active)),
            ("succeeded", n(Class::Succeeded)),
            ("failed", n(Class::Failed)),
        ];
        for (field, expected) in expected {
            if status[field] != json!(expected) {
                let is = &status[field];
                untruths.push(format!("status.{field} is {is}, and should be {expected}"));
            }
        }
        untruths
    }
}

fn pods(server: &ApiServer) -> Vec<PodSeen> {
    let pods = server.list(PODS);
    pods.iter().filter_map(|pod| PodSeen::read(pod)).collect()
}

/// Whether each node has a pod that has ended.
fn served(server: &ApiServer, pods: &[PodSeen]) -> Result<(), String> {
    for node in server.list(NODES) {
        let name = text(&node["metadata"]["name"]);
        let has_ended = |pod: &&PodSeen| pod.node == name && pod.has_ended();
        if fits(&node) && !pods.iter().any(|pod| has_ended(&pod)) {
            return Err(format!("node {name} is not served: {pods:?}"));
        }
    }
    Ok(())
}
