//! A cluster in a value: objects on the test kit's server, a clock that the test moves, kubelets that act when they are
//! told to, and the controller's own executor, which carries plans out one by one. Each is checked before with
//! `check::violations`.

use std::{collections::BTreeMap, sync::Arc};

use cloneset_controller::{
    check,
    gates::Gates,
    memory::{Found, Memory},
    plan::{Plan, Step, needs_nodes, plan},
    remember::{self, Ending},
    snapshot::Snapshot,
};
use jiff::{SignedDuration, Timestamp};
use kruise_api::{
    apps::v1beta1::CLONESETS,
    meta::StringMap,
    pod::Pod,
    read::POD_UNAVAILABLE_BUDGETS,
    resource::{CONTROLLER_REVISIONS, PERSISTENT_VOLUME_CLAIMS, PODS},
};
use kruise_plan::{WaitReason, workload::IMAGE_PULL_JOBS};
use kruise_runtime::{StageError, chain};
use kruise_testkit::server::Recorded;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

pub(crate) use self::{
    cluster::Edit,
    specs::{in_place, sized, spec, template, vertical_scaling},
};
use self::{
    cluster::{Cluster, Objects, pass},
    nodes::Nodes,
    policy::Policy,
    process::Process,
    watches::Watches,
};
use crate::merge;

mod checks;
pub(crate) mod claims;
mod cluster;
mod nodes;
mod policy;
mod process;
mod specs;
mod watches;

/// Name of the CloneSet.
const NAME: &str = "web";
/// How the API server answers what a policy is against.
const REFUSED: u16 = 403;

pub(crate) struct World {
    /// One of them is `web`.
    pub(crate) sets: Objects,
    pub(crate) pods: Objects,
    pub(crate) revisions: Objects,
    pub(crate) claims: Objects,
    pub(crate) budgets: Objects,
    /// None: not installed.
    pub(crate) image_pull_jobs: Option<Objects>,
    /// Labels of nodes, by name, as far as they can be read.
    pub(crate) nodes: BTreeMap<String, StringMap>,
    pub(crate) gates: Gates,
    pub(crate) memory: Memory,
    /// What the API server refuses.
    pub(crate) policy: Policy,
    policy_in_force: Policy,
    /// Every tag names the image that the last one named, for what starts from now on.
    pub(crate) same_image_behind_every_tag: bool,
    cluster: Cluster,
    watches: Watches,
    process: Process,
    kubelets: Nodes,
    /// What the controller has asked for so far.
    asked: Vec<Recorded>,
    /// How much of that was before counting began.
    counted: usize,
    runtime: Runtime,
}

/// A CloneSet that has all its pods.
pub(crate) fn settled(replicas: i32, rolling_update: Value) -> World {
    let mut world = World::new(spec(replicas, rolling_update));
    world.settle();
    world
}

impl World {
    pub(crate) fn new(spec: Value) -> Self {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.enable_time().start_paused(true).build().unwrap();
        let cluster = Cluster::new(runtime.handle());
        let mut sets = cluster.objects(CLONESETS);
        sets.insert(json!({
            "metadata": { "name": NAME, "uid": "set-uid", "generation": 1 },
            "spec": spec,
        }));
        Self {
            sets,
            pods: cluster.objects(PODS),
            revisions: cluster.objects(CONTROLLER_REVISIONS),
            claims: cluster.objects(PERSISTENT_VOLUME_CLAIMS),
            budgets: cluster.objects(POD_UNAVAILABLE_BUDGETS),
            image_pull_jobs: None,
            nodes: BTreeMap::new(),
            gates: Gates::default(),
            memory: Memory::default(),
            policy: Policy::default(),
            policy_in_force: Policy::default(),
            same_image_behind_every_tag: false,
            watches: Watches::new(&cluster),
            process: Process::new(&cluster),
            kubelets: Nodes::new(&cluster),
            asked: vec![],
            counted: 0,
            cluster,
            runtime,
        }
    }

    // What the controller does

    pub(crate) fn snapshot(&self) -> Snapshot {
        let pulls_ahead = self.image_pull_jobs.is_some();
        let memory = self.memory.clone();
        let mut snapshot = self.watches.snapshot(memory, self.gates, pulls_ahead);
        if needs_nodes(&snapshot) {
            snapshot.nodes = self.nodes.clone();
        }
        snapshot
    }

    /// Plans once, checks the plan, and carries it out. Nothing may go wrong but what a policy refuses, and that a name
    /// is taken.
    pub(crate) fn reconcile(&mut self) -> Plan {
        let snapshot = self.snapshot();
        let plan = checked_plan(&snapshot);
        let n_asked = self.asked.len();
        let error = self.carry_out(&snapshot, &plan);
        let failed = self.asked[n_asked..].iter().filter(|it| is_failure(it));
        let failed: Vec<_> = failed.collect();
        assert!(failed.is_empty(), "{failed:#?}\n{plan:#?}");
        let mut refusals = self.process.take_refusals();
        refusals.retain(|words| !policy::has_said(words));
        assert!(refusals.is_empty(), "{refusals:#?}\n{plan:#?}");
        if let Some(error) = error {
            let is_taken = matches!(error, StageError::NameTaken { .. });
            let is_meant = is_taken || policy::has_said(error.api_message());
            assert!(is_meant, "{}\n{plan:#?}", chain(&error));
        }
        plan
    }

    /// Carries out a plan that was made from this snapshot, perhaps before others did something. The error that this
    /// ends with, if any.
    pub(crate) fn carry_out(&mut self, snapshot: &Snapshot, plan: &Plan) -> Option<StageError> {
        self.enforce_policy();
        let carried_out = self.process.carry_out(snapshot, plan);
        let ended = self.runtime.block_on(carried_out);
        let asked = self.cluster.requests_since(self.asked.len());
        self.asked.extend(asked);
        let Some((result, found)) = ended else {
            // The process was killed. The next one knows nothing.
            self.memory = Memory::default();
            return None;
        };
        let error = result.err();
        let ending = Ending::of(error.as_ref(), found);
        self.memory = remember::after(snapshot, plan, ending);
        error
    }

    /// The plan, which is checked and not carried out.
    pub(crate) fn reconcile_without_executing(&self) -> Plan {
        checked_plan(&self.snapshot())
    }

    /// Reconciles, and lets kubelets work, until neither has anything to do.
    pub(crate) fn settle(&mut self) -> Plan {
        for _ in 0..2000 {
            let plan = self.reconcile();
            let idle = plan.steps.is_empty() && plan.status.is_none();
            let worked = self.kubelets();
            if idle && !worked {
                return plan;
            }
            self.pass(SignedDuration::from_millis(200));
        }
        let story = self.story();
        let last = &story[story.len().saturating_sub(20)..];
        panic!("does not settle; the last writes:\n{}", last.join("\n"));
    }

    /// The process will be killed when it has written so often; the one that comes after it knows nothing.
    pub(crate) fn set_writes_left(&mut self, writes: Option<usize>) {
        self.process.set_writes_left(writes);
    }

    fn enforce_policy(&mut self) {
        if self.policy != self.policy_in_force {
            self.cluster.on(|server| policy::set(server, &self.policy));
            self.policy_in_force = self.policy.clone();
        }
    }

    // What others do

    /// Schedules, starts and restarts what can be, and collects garbage. Whether anything changed. An image whose tag
    /// is `bad` can't be pulled.
    pub(crate) fn kubelets(&mut self) -> bool {
        let before = self.version();
        self.kubelets.work(self.same_image_behind_every_tag);
        self.version() > before
    }

    pub(crate) fn pass(&mut self, time: SignedDuration) {
        self.runtime.block_on(pass(time));
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.cluster.now()
    }

    /// What `kubectl patch` does to the CloneSet where no webhook is installed.
    pub(crate) fn change(&mut self, patch: Value) {
        merge::merge(&mut self.edit_set(), &patch);
    }

    pub(crate) fn set_image(&mut self, image: &str) {
        self.change(json!({ "spec": { "template": template(image) } }));
    }

    pub(crate) fn edit_set(&mut self) -> Edit<'_> {
        self.sets.get_mut(NAME).unwrap()
    }

    /// The CloneSet is deleted, and something holds it yet.
    pub(crate) fn terminate(&mut self) {
        self.edit_set()["metadata"]["finalizers"] = json!(["example.com/held"]);
        self.sets.delete(NAME);
    }

    pub(crate) fn install_image_pull_jobs(&mut self) -> &mut Objects {
        self.cluster
            .on(|server| server.install_open(IMAGE_PULL_JOBS));
        let jobs = self.cluster.objects(IMAGE_PULL_JOBS);
        self.image_pull_jobs.insert(jobs)
    }

    /// What `kubectl delete pod` does.
    pub(crate) fn delete_pod(&mut self, name: &str) {
        self.pods.delete(name);
    }

    // What is there

    pub(crate) fn set(&self) -> Arc<Value> {
        self.sets.at(NAME)
    }

    pub(crate) fn status(&self, field: &str) -> Value {
        self.set()["status"][field].clone()
    }

    pub(crate) fn condition(&self, type_: &str) -> Option<Value> {
        self.set()["status"]["conditions"]
            .as_array()?
            .iter()
            .find(|condition| condition["type"] == type_)
            .cloned()
    }

    pub(crate) fn pod(&self, name: &str) -> Pod {
        serde_json::from_value(Value::clone(&self.pods.at(name))).unwrap()
    }

    pub(crate) fn uids(&self) -> Vec<String> {
        let pods = self.pods.values();
        let uids = pods.map(|pod| pod["metadata"]["uid"].as_str().unwrap().to_owned());
        uids.collect()
    }

    pub(crate) fn images(&self) -> Vec<String> {
        let pods = self.pods.values();
        let images = pods.map(|pod| {
            pod["spec"]["containers"][0]["image"]
                .as_str()
                .unwrap()
                .to_owned()
        });
        images.collect()
    }

    /// Grows with each write.
    pub(crate) fn version(&self) -> u64 {
        self.cluster.on(|server| server.version())
    }

    // What was asked

    /// The controller's writes, and what it tried, for a look at the story.
    pub(crate) fn story(&self) -> Vec<String> {
        let writes = self.asked.iter().filter(|it| it.verb != "get");
        writes.map(in_words).collect()
    }

    /// Counts writes from now on.
    pub(crate) fn count_anew(&mut self) {
        self.counted = self.asked.len();
    }

    /// Writes to pods so far.
    pub(crate) fn pod_writes(&self) -> usize {
        self.count(|it| it.plural == PODS.plural && was_written(it))
    }

    /// Writes of the status so far.
    pub(crate) fn status_writes(&self) -> usize {
        self.count(|it| it.plural == "clonesets" && it.subresource == "status" && was_written(it))
    }

    /// How often a resize was refused, or a dry run of one.
    pub(crate) fn refused_resizes(&self) -> usize {
        self.count(|it| it.subresource == "resize" && it.code == Some(REFUSED))
    }

    /// How often another write was refused, or a dry run of one.
    pub(crate) fn refused_writes(&self) -> usize {
        self.count(|it| it.subresource != "resize" && it.code == Some(REFUSED))
    }

    fn count(&self, counts: impl Fn(&Recorded) -> bool) -> usize {
        let asked = &self.asked[self.counted..];
        asked.iter().filter(|it| counts(it)).count()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        // The policy looks at its own server, which would keep both for ever.
        self.policy = Policy::default();
        self.enforce_policy();
    }
}

fn checked_plan(snapshot: &Snapshot) -> Plan {
    let plan = plan(snapshot);
    let violations = check::violations(snapshot, &plan);
    assert_eq!(violations, Vec::<String>::new(), "{plan:#?}");
    plan
}

fn was_written(request: &Recorded) -> bool {
    request.verb != "get" && !request.dry_run && request.code.is_some_and(|code| code < 300)
}

/// Whether the server took something amiss; what it forbids is judged by its words. A claim that has a name already is
/// one to look at, and no failure; an answer that nobody waits for any more is none.
fn is_failure(request: &Recorded) -> bool {
    let is_claim = request.plural == PERSISTENT_VOLUME_CLAIMS.plural;
    let is_taken = is_claim && request.verb == "create" && request.code == Some(409);
    let is_error = |code| code >= 400 && code != REFUSED;
    request.verb != "get" && request.code.is_some_and(is_error) && !is_taken
}

fn in_words(request: &Recorded) -> String {
    let Recorded {
        verb,
        plural,
        key,
        subresource,
        dry_run,
        body,
        code,
        ..
    } = request;
    let code = code.unwrap_or_default();
    let call = format!("{code} {verb} {plural} {} {subresource}", key.name);
    if *dry_run {
        return format!("{call} tried");
    }
    format!("{call} {body}")
}

/// The words of the reasons of a plan.
pub(crate) fn reasons(plan: &Plan) -> Vec<&'static str> {
    plan.waiting_on.iter().map(WaitReason::reason).collect()
}

/// The steps of a plan, but for the question whether an update would be let.
pub(crate) fn steps(plan: &Plan) -> Vec<&Step> {
    let is_trial = |step: &&Step| matches!(step, Step::TryUpdate { .. });
    plan.steps.iter().filter(|step| !is_trial(step)).collect()
}

/// What is remembered after a pass that found this out.
pub(crate) fn remembered(snapshot: &Snapshot, plan: &Plan, found: Found) -> Memory {
    let ending = Ending {
        found,
        ..Ending::default()
    };
    remember::after(snapshot, plan, ending)
}
