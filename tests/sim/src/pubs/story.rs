//! What users do to pods that budgets protect.

use std::time::Duration;

use futures::future::LocalBoxFuture;
use kruise_api::{
    policy::v1beta1::PODUNAVAILABLEBUDGETS,
    resource::{ObjectKey, PODS},
};
use kruise_testkit::{
    fields::key_of,
    random::Random,
    server::{ApiServer, Webhook},
};
use serde_json::{Value, json};

use super::{
    requests::{Asking, Deed, ask, ask_all},
    seen::{Cluster, PodSeen},
    workloads::{self, Kept},
};
use crate::{deployable::Story, stage::Stage};

/// The application that no budget is about.
pub(super) const FREE: &str = "free";
/// A label that takes a pod out of service.
const MARK: &str = "unavailable-pod.kruise.io/x";
/// How long a request may be refused though pods are available and replicas are up.
const PASSES_WITHIN: Duration = Duration::from_secs(5);
/// Within this time somebody leads again, whoever was killed last: the longest lease, and a look at it.
const LEADS_WITHIN: Duration = Duration::from_secs(75);
/// Until pods serve again whose nodes were lost.
const SERVE_WITHIN: Duration = Duration::from_secs(120);
/// Until no booking is left.
const BOOKED_FOR: Duration = Duration::from_secs(22);
/// Faults that may leave a leader blind until its watches begin anew.
const BLINDING: [&str; 2] = ["event_lost", "watch_silent"];
/// How often a user tries to make a budget.
const CREATIONS_TRIED: usize = 30;

/// An application with a budget of its own.
#[derive(Clone, Debug)]
struct Application {
    name: &'static str,
    kept: Kept,
    is_targeted: bool,
    /// Fixed, if the budget says so itself.
    total: Option<usize>,
}

impl Application {
    fn key(&self) -> ObjectKey {
        ObjectKey::new("default", self.name)
    }
}

/// The story of some pods.
#[derive(Default)]
pub(super) struct PubStory {
    apps: Vec<Application>,
    images: usize,
}

/// A limit for about so many pods, and what a merge patch sets it by.
fn limit(random: &mut Random) -> Value {
    if random.chance(600) {
        let choices = [
            json!(1),
            json!(1),
            json!(2),
            json!("20%"),
            json!("34%"),
            json!("50%"),
            json!(0),
        ];
        let most = random.pick(&choices).clone();
        return json!({ "maxUnavailable": most, "minAvailable": null });
    }
    let choices = [json!(1), json!(2), json!(3), json!("50%"), json!("70%")];
    let least = random.pick(&choices).clone();
    json!({ "minAvailable": least, "maxUnavailable": null })
}

impl PubStory {
    fn budget(app: &Application, random: &mut Random) -> Value {
        let mut spec = limit(random);
        if let Some(fields) = spec.as_object_mut() {
            fields.retain(|_, value| !value.is_null());
        }
        if app.is_targeted {
            let kind = app.kept.resource().kind;
            spec["targetRef"] = json!({ "apiVersion": "apps/v1", "kind": kind, "name": app.name });
        } else {
            spec["selector"] = json!({ "matchLabels": { "app": app.name } });
        }
        if let Some(total) = app.total {
            spec["protectTotalReplicas"] = json!(total);
        }
        json!({
            "apiVersion": "policy.kruise.io/v1beta1", "kind": "PodUnavailableBudget",
            "metadata": { "name": app.name, "namespace": "default" }, "spec": spec,
        })
    }

    fn any_app(&self, stage: &mut Stage) -> Application {
        stage.world.random.pick(&self.apps).clone()
    }

    fn image(&mut self) -> String {
        self.images += 1;
        format!("example/app:{}", self.images + 1)
    }

    /// Several ask at once, some of them about the same pod.
    async fn storm(&mut self, stage: &mut Stage) -> String {
        let pods = names(stage);
        if pods.is_empty() {
            return "there is no pod to ask about".to_owned();
        }
        let mut asked: Vec<Asking> = vec![];
        for _ in 0..1 + stage.world.random.below(6) {
            let image = self.image();
            let random = &mut stage.world.random;
            let again = asked.last().filter(|_| random.chance(300));
            let again = again.map(|last| last.pod.clone());
            let pod = again.unwrap_or_else(|| random.pick(&pods).clone());
            asked.push(Asking::any(&pod, image, random));
        }
        let answers = ask_all(&stage.world.server, &asked).await;
        for answer in answers {
            stage.note(format!("  {}", answer.words));
        }
        format!("{} ask", asked.len())
    }

    /// All pods of a node are evicted, and those that stay once more.
    async fn drain(&mut self, stage: &mut Stage) -> String {
        let Some(node) = stage.any_node() else {
            return "there is no node to drain".to_owned();
        };
        let mut left = vec![];
        for _ in 0..1 + stage.world.random.below(3) {
            let pods = Cluster::read(&stage.world.server).pods.into_values();
            let here = pods.filter(|pod| pod.node == node && pod.is_active);
            let asked: Vec<Asking> = here.map(|pod| Asking::of(&pod.name, Deed::Evict)).collect();
            let answers = ask_all(&stage.world.server, &asked).await;
            left = answers
                .into_iter()
                .filter(|it| !it.is_done)
                .map(|it| it.words)
                .collect();
            if left.is_empty() {
                break;
            }
            let pause = 500 + stage.world.random.below(5000) as u64;
            stage.world.run_for(Duration::from_millis(pause)).await;
        }
        for words in &left {
            stage.note(format!("  {words}"));
        }
        format!("node {node} is drained, {} are left", left.len())
    }

    async fn change_limit(&mut self, stage: &mut Stage) -> String {
        let app = self.any_app(stage);
        let spec = limit(&mut stage.world.random);
        stage
            .patch(&PODUNAVAILABLEBUDGETS, &app.key(), &json!({ "spec": spec }))
            .await;
        format!("{}: {spec}", app.name)
    }

    async fn scale(&mut self, stage: &mut Stage) -> String {
        let app = self.any_app(stage);
        let replicas = 2 + stage.world.random.below(5);
        let patch = json!({ "spec": { "replicas": replicas } });
        stage.patch(&app.kept.resource(), &app.key(), &patch).await;
        format!("{} has {replicas} replicas", app.name)
    }

    async fn make_anew(&mut self, stage: &mut Stage) -> String {
        let app = self.any_app(stage);
        stage.delete(PODUNAVAILABLEBUDGETS, &app.key());
        let pause = stage.world.random.below(4000) as u64;
        stage.world.run_for(Duration::from_millis(pause)).await;
        let budget = Self::budget(&app, &mut stage.world.random);
        create(stage, &budget).await;
        format!(
            "budget {} is made anew after {pause} ms: {}",
            app.name, budget["spec"]
        )
    }

    /// That nobody has to wait for long once pods serve and replicas run, before all is settled.
    async fn recovers(&self, stage: &mut Stage) {
        let injected = stage.world.server.faults().injected();
        if BLINDING.iter().any(|class| injected.contains_key(class))
            || !stage.world.random.chance(300)
        {
            return;
        }
        stage.world.run_for(LEADS_WITHIN).await;
        let serve = |server: &ApiServer| self.all_serve(server).is_ok();
        if !stage.world.within(SERVE_WITHIN, serve).await {
            return;
        }
        stage.world.run_for(BOOKED_FOR).await;
        for app in &self.apps {
            if serve(&stage.world.server) {
                passes(stage, app, true, "slow").await;
            }
        }
    }

    /// Whether each workload has its pods, and all of these serve.
    fn all_serve(&self, server: &ApiServer) -> Result<(), String> {
        let cluster = Cluster::read(server);
        for app in &self.apps {
            let replicas = workloads::replicas(server, app.kept, app.name);
            let pods: Vec<&PodSeen> = cluster
                .pods
                .values()
                .filter(|it| it.app == app.name)
                .collect();
            let n_serving = pods.iter().filter(|pod| pod.serves).count();
            if n_serving != replicas || pods.len() != replicas {
                return Err(format!(
                    "{} should have {replicas} pods: {pods:?}",
                    app.name
                ));
            }
            if let Some(pod) = pods
                .iter()
                .find(|pod| pod.link.as_deref() != Some(app.name))
            {
                return Err(format!("{} is not linked to {}", pod.name, app.name));
            }
        }
        Ok(())
    }

    async fn restore_budgets(&mut self, stage: &mut Stage) {
        for app in self.apps.clone() {
            // One of these may always go.
            let replicas = workloads::replicas(&stage.world.server, app.kept, app.name);
            let total = app.total.map(|_| replicas);
            let limit =
                json!({ "maxUnavailable": 1, "minAvailable": null, "protectTotalReplicas": total });
            let spec = json!({ "spec": limit });
            if !change(stage, &app, &spec).await {
                let mut budget = Self::budget(&app, &mut stage.world.random);
                if let Some(spec) = budget["spec"].as_object_mut() {
                    spec.remove("minAvailable");
                    spec.insert("maxUnavailable".to_owned(), json!(1));
                    if let Some(total) = total {
                        spec.insert("protectTotalReplicas".to_owned(), json!(total));
                    }
                }
                create(stage, &budget).await;
            }
        }
    }
}

/// Changes a budget, and tries again where admission refuses. Whether it is there.
async fn change(stage: &mut Stage, app: &Application, patch: &Value) -> bool {
    for _ in 0..CREATIONS_TRIED {
        let found = stage.world.server.get(PODUNAVAILABLEBUDGETS, &app.key());
        if found.is_none() {
            return false;
        }
        if stage.patch(&PODUNAVAILABLEBUDGETS, &app.key(), patch).await {
            return true;
        }
        stage.world.run_for(Duration::from_secs(1)).await;
    }
    true
}

/// Admission refuses while a replica doesn't know yet what others there are.
async fn create(stage: &mut Stage, budget: &Value) {
    for _ in 0..CREATIONS_TRIED {
        let key = key_of(budget);
        let found = stage.world.server.get(PODUNAVAILABLEBUDGETS, &key);
        if found.is_some() || stage.create(&PODUNAVAILABLEBUDGETS, budget).await {
            return;
        }
        stage.world.run_for(Duration::from_secs(1)).await;
    }
}

/// Names of all pods that are not on their way out.
fn names(stage: &Stage) -> Vec<String> {
    let pods = Cluster::read(&stage.world.server).pods.into_values();
    pods.filter(|pod| pod.is_active)
        .map(|pod| pod.name)
        .collect()
}

/// All pods of an application are evicted at once, and one of them must pass soon.
async fn passes(stage: &mut Stage, app: &Application, is_dry_run: bool, rule: &'static str) {
    let pods = Cluster::read(&stage.world.server).pods.into_values();
    let own = pods.filter(|pod| pod.app == app.name);
    let asked = own.map(|pod| Asking {
        is_dry_run,
        ..Asking::of(&pod.name, Deed::Evict)
    });
    let asked: Vec<Asking> = asked.collect();
    let begin = stage.world.clock.now();
    loop {
        let answers = ask_all(&stage.world.server, &asked).await;
        let took = stage.world.clock.now().duration_since(begin).unsigned_abs();
        let has_passed = answers.iter().any(|it| it.is_done);
        if took > PASSES_WITHIN {
            let words: Vec<String> = answers.into_iter().map(|it| it.words).collect();
            stage.tell(rule, format!("since {begin}: {words:?}"));
        }
        if has_passed || took > PASSES_WITHIN {
            return;
        }
        stage.world.run_for(Duration::from_millis(500)).await;
    }
}

/// Another webhook that refuses some of what ours has let pass: what was consented to is never done.
fn others_refuse(stage: &mut Stage) {
    let per_mille = *stage.world.random.pick(&[0, 0, 100, 400]);
    for (operations, subresource) in [(["DELETE", "UPDATE"], ""), (["CREATE", ""], "eviction")] {
        let webhook = Webhook {
            name: format!("zz{subresource}.example.com"),
            group: String::new(),
            versions: vec!["v1".to_owned()],
            plural: PODS.plural.to_owned(),
            subresource: subresource.to_owned(),
            operations: operations.iter().map(|it| (*it).to_owned()).collect(),
            fails: true,
        };
        let random = std::sync::Mutex::new(stage.world.random.fork());
        stage.world.server.set_validating(webhook, move |mut review| {
            let is_allowed = match random.lock() {
                Ok(mut random) => !random.chance(per_mille),
                Err(_) => true,
            };
            async move {
                let uid = review["request"]["uid"].clone();
                review["response"] = json!({
                    "uid": uid, "allowed": is_allowed, "status": { "code": 403, "message": "another one refuses" },
                });
                Ok(review)
            }
        });
    }
}

impl Story for PubStory {
    fn begin<'a>(&'a mut self, stage: &'a mut Stage) -> LocalBoxFuture<'a, ()> {
        Box::pin(async move {
            let n_apps = 1 + stage.world.random.below(2);
            for name in ["web", "db"].into_iter().take(n_apps) {
                let random = &mut stage.world.random;
                let kept = *random.pick(&[Kept::ReplicaSet, Kept::StatefulSet]);
                let replicas = 2 + random.below(5);
                let is_targeted = random.chance(500);
                let has_total = random.chance(150);
                let app = Application {
                    name,
                    kept,
                    is_targeted,
                    total: has_total.then_some(replicas),
                };
                let budget = Self::budget(&app, random);
                stage.note(format!("{app:?} of {replicas}: {}", budget["spec"]));
                let workload = kept.workload(name, replicas);
                stage.world.server.put("setup", kept.resource(), workload);
                self.apps.push(app);
                create(stage, &budget).await;
            }
            let server = stage.world.server.clone();
            let random = stage.world.random.fork();
            tokio::spawn(workloads::control(server, random));
            let free = workloads::pod("free-0", FREE, None);
            stage.create(&PODS, &free).await;
            stage.world.run_for(Duration::from_secs(15)).await;
            others_refuse(stage);
        })
    }

    fn act<'a>(&'a mut self, stage: &'a mut Stage) -> LocalBoxFuture<'a, String> {
        Box::pin(async move {
            match stage.world.random.below(20) {
                0..=10 => self.storm(stage).await,
                11 | 12 => self.drain(stage).await,
                13 | 14 => self.change_limit(stage).await,
                15 | 16 => self.scale(stage).await,
                17 => self.make_anew(stage).await,
                18 => {
                    let free = workloads::pod("free-0", FREE, None);
                    let is_there = names(stage).iter().any(|name| name == "free-0");
                    if !is_there {
                        stage.create(&PODS, &free).await;
                    }
                    "there is a pod without budget".to_owned()
                }
                _ => {
                    let asking = Asking::of("free-0", Deed::Evict);
                    let answer = ask(&stage.world.server, &asking).await;
                    answer.words
                }
            }
        })
    }

    fn end<'a>(&'a mut self, stage: &'a mut Stage) -> LocalBoxFuture<'a, ()> {
        Box::pin(async move {
            for name in ["zz.example.com", "zzeviction.example.com"] {
                stage.world.server.remove_webhook(name);
            }
            self.restore_budgets(stage).await;
            for name in names(stage) {
                let patch = json!({ "metadata": { "labels": { MARK: null } } });
                ask(&stage.world.server, &Asking::of(&name, Deed::Patch(patch))).await;
            }
            self.recovers(stage).await;
        })
    }

    fn prove<'a>(&'a mut self, stage: &'a mut Stage) -> LocalBoxFuture<'a, ()> {
        Box::pin(async move {
            for app in &self.apps {
                passes(stage, app, false, "stuck").await;
                stage.note(format!("all pods of {} are evicted", app.name));
            }
        })
    }

    fn reached(&self, server: &ApiServer) -> Result<(), String> {
        self.all_serve(server)?;
        let cluster = Cluster::read(server);
        for budget in cluster.budgets.values() {
            let is = budget.status.counted;
            let serving = i64::try_from(cluster.serving(budget).count()).unwrap_or_default();
            let (desired, expected) = (cluster.desired(budget), cluster.expected(budget));
            let left = (serving - desired).max(0);
            if is[1..] != [serving, desired, expected] || budget.status.allowed != left {
                return Err(format!(
                    "{}: {serving} serve, {desired} must, of {expected}; its status says {:?}",
                    budget.name, budget.status
                ));
            }
            if !budget.status.booked.is_empty() {
                return Err(format!(
                    "{}: booked are {:?}",
                    budget.name, budget.status.booked
                ));
            }
        }
        Ok(())
    }

    fn untruths(&self, stage: &Stage) -> Vec<String> {
        let cluster = Cluster::read(&stage.world.server);
        let budgets = cluster.budgets.values();
        let lost = self.apps.len() - budgets.count().min(self.apps.len());
        match lost {
            0 => vec![],
            lost => vec![format!("{lost} budgets are gone")],
        }
    }
}
