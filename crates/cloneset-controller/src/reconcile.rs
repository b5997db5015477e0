//! One reconcile: begin, observe, plan, carry out, remember.

use std::{sync::Arc, time::Duration};

use kruise_api::{apps::v1beta1::CloneSet, budget::Subject, resource::ObjectKey};
use kruise_plan::WaitReason;
use kruise_runtime::{
    ApiClient, Leadership, MIN_PAUSE, Outcome, ProtectionLog, PutOff, Reconciler, Recorder,
    RefusedOperation, StageError, Upkeep,
};

use crate::{
    check,
    execute::Execution,
    memory::{Found, Memory},
    metrics::{BUDGET_USER, Metrics},
    nodes::NodeLabels,
    observe::Observer,
    plan::{self, Plan},
    remember::{self, Ending},
    snapshot::Snapshot,
};

/// Brings one CloneSet a step nearer to what its spec says.
pub(crate) struct CloneSetReconciler {
    pub(crate) observer: Observer,
    pub(crate) upkeep: Upkeep<Memory>,
    pub(crate) client: ApiClient,
    pub(crate) recorder: Recorder,
    pub(crate) leadership: Leadership,
    pub(crate) metrics: Metrics,
    pub(crate) protection_log: ProtectionLog,
    pub(crate) nodes: NodeLabels,
}

impl Reconciler for CloneSetReconciler {
    type Error = StageError;

    async fn reconcile(&self, key: &ObjectKey) -> Result<Outcome, StageError> {
        let Some(set) = self.known(key) else {
            return Ok(Outcome::default());
        };
        let span = tracing::Span::current();
        span.record("uid", &set.metadata.uid);
        span.record("revision", &set.status.update_revision);
        let (uid, stores) = (&set.metadata.uid, self.observer.stores());
        if let Err(put_off) = self.upkeep.begin(key, uid, &stores).await {
            return Ok(self.put_off(key, put_off));
        }
        // What was waited for may have brought a newer state.
        let Some(set) = self.known(key) else {
            return Ok(Outcome::default());
        };
        let snapshot = self.observe(key, set).await;
        let plan = plan::plan(&snapshot);
        debug_assert_eq!(check::violations(&snapshot, &plan), Vec::<String>::new());
        self.tell(key, &snapshot, &plan);
        let (result, found) = self.carry_out(&snapshot, &plan).await;
        let outcome = self.remember(key, &snapshot, &plan, result.as_ref().err(), found);
        result.map(|()| outcome)
    }
}

impl CloneSetReconciler {
    /// The CloneSet, if it is there. Of one that is gone nothing is kept, also if another one has its name.
    fn known(&self, key: &ObjectKey) -> Option<Arc<CloneSet>> {
        let set = self.observer.set(key);
        let uid = set.as_ref().map(|set| set.metadata.uid.as_str());
        if self.upkeep.forget_others(key, uid) {
            self.metrics.forget(key);
        }
        set
    }

    fn put_off(&self, key: &ObjectKey, put_off: PutOff) -> Outcome {
        if put_off.is_overdue {
            self.metrics.write_is_overdue(key);
        }
        put_off.outcome
    }

    async fn observe(&self, key: &ObjectKey, set: Arc<CloneSet>) -> Snapshot {
        let memory = self.upkeep.memory(key, &set.metadata.uid);
        let others_set_readiness = self.leadership.live_lease(POD_READINESS_LEASE).await;
        let mut snapshot = self.observer.snapshot(set, memory, others_set_readiness);
        if plan::needs_nodes(&snapshot) {
            snapshot.nodes = self.nodes.of(&snapshot.pods).await;
        }
        snapshot
    }

    fn tell(&self, key: &ObjectKey, snapshot: &Snapshot, plan: &Plan) {
        let logged = &snapshot.memory.logged;
        self.upkeep.tell(key, logged, &plan.waiting_on);
        if !plan.steps.is_empty() {
            tracing::debug!(phase = ?plan.phase, steps = plan.steps.len(), "acting");
        }
        self.report_refusals(snapshot, plan);
    }

    async fn carry_out(&self, snapshot: &Snapshot, plan: &Plan) -> (Result<(), StageError>, Found) {
        let writer = self.upkeep.writer(snapshot.uid());
        let execution = Execution::new(snapshot, &self.client, writer, &self.recorder);
        execution.carry_out(plan).await
    }

    fn remember(
        &self,
        key: &ObjectKey,
        snapshot: &Snapshot,
        plan: &Plan,
        error: Option<&StageError>,
        found: Found,
    ) -> Outcome {
        Self::report_trim(&snapshot.memory, &found);
        // The next pass leaves these pods alone and goes on with others.
        let is_news = !found.refused_resizes.is_empty() || !found.claims_in_use.is_empty();
        let goes_on = is_news.then_some(MIN_PAUSE);
        let trims_again = found.failed_trim.is_some().then_some(Memory::STANDS_FOR);
        let trims_again = trims_again.and_then(|wait| Duration::try_from(wait).ok());
        let looks = plan.requeue_after.into_iter();
        let memory = remember::after(snapshot, plan, Ending::of(error, found));
        self.upkeep.end(
            key,
            snapshot.uid(),
            memory,
            &plan.waiting_on,
            looks.chain(goes_on).chain(trims_again),
        )
    }

    /// Each refusal of a budget counts; that the same one goes on is logged once (PB-60, PB-61).
    fn report_refusals(&self, snapshot: &Snapshot, plan: &Plan) {
        for reason in &plan.waiting_on {
            let WaitReason::BudgetRefused { pod, budget, .. } = reason else {
                continue;
            };
            let refused = snapshot.pods.iter().find(|it| it.metadata.name == *pod);
            let Some(subject) = refused.map(|pod| Subject::of(pod)) else {
                continue;
            };
            self.metrics.budget_refused(&subject);
            if !snapshot.memory.logged.contains(reason) {
                let Subject {
                    kind,
                    namespace,
                    name,
                } = &subject;
                let event = "PodUnavailableBudget";
                tracing::info!(event, kind, namespace, name, pod, budget, "update refused");
                self.protection_log.note(RefusedOperation {
                    event,
                    kind,
                    namespace,
                    name,
                    user_agent: BUDGET_USER,
                });
            }
        }
    }

    /// Once a change: it is tried again every minute.
    fn report_trim(memory: &Memory, found: &Found) {
        let before = memory.failed_trim.as_ref().map(|(why, _)| why);
        if found.failed_trim.as_ref() != before
            && let Some(error) = &found.failed_trim
        {
            tracing::warn!(error, "history or podsToDelete can't be trimmed");
        }
    }
}

/// Lease of the deployable that sets the first KruisePodReady, where it is installed (DV-D7).
const POD_READINESS_LEASE: &str = "podreadiness-controller";

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use kruise_api::resource::{CONTROLLER_REVISIONS, PERSISTENT_VOLUME_CLAIMS, PODS};
    use kruise_runtime::{ApiError, Clock, OwnWrites, ServerVersion, Store, WaitReasons, recorder};
    use kruise_testkit::{builders, server::ApiServer};
    use prometheus_client::registry::Registry;
    use serde_json::{Value, json};

    use super::*;
    use crate::{
        gates::Gates,
        plan::Phase,
        test_server::{NAMESPACE, client_of, server_with},
    };
    use kruise_api::apps::v1beta1::CLONESETS;

    fn reconciler(server: &ApiServer) -> (CloneSetReconciler, OwnWrites) {
        let client = client_of(server);
        let metrics = kruise_runtime::Metrics::unregistered();
        let own_writes = OwnWrites::new(client.clone(), Duration::MAX, metrics.clone());
        let reconciler = CloneSetReconciler {
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
            upkeep: Upkeep::new(
                own_writes.clone(),
                client.clone(),
                WaitReasons::new("cloneset", &metrics),
            ),
            recorder: recorder("test", client.clone(), metrics.clone()).0,
            leadership: Leadership::always(),
            metrics: Metrics::new(&mut Registry::default(), metrics),
            protection_log: ProtectionLog::open(tempfile::tempdir().unwrap().path()).unwrap(),
            nodes: NodeLabels::new(client.clone()),
            client,
        };
        (reconciler, own_writes)
    }

    /// The CloneSet is there, and its controller knows.
    fn put_set(server: &ApiServer, reconciler: &CloneSetReconciler, uid: &str) {
        let mut set = builders::cloneset("web", 1, &builders::template("web", &[("app", "app:1")]));
        set["metadata"]["uid"] = json!(uid);
        let stored = server.put("setup", CLONESETS, set);
        let stored = serde_json::from_value(Value::clone(&stored)).unwrap();
        reconciler.observer.sets.apply(stored);
    }

    // Nobody would ever ask for what is noted of the first one.
    #[tokio::test(start_paused = true)]
    async fn a_set_that_was_made_anew_under_its_name_has_no_past() {
        let server = server_with([]);
        let (reconciler, own_writes) = reconciler(&server);
        let key = ObjectKey::new(NAMESPACE, "web");
        put_set(&server, &reconciler, "first");
        reconciler.reconcile(&key).await.unwrap();
        assert!(own_writes.look_again_after("first").is_some());

        server.delete("setup", CLONESETS, &key);
        server.collect_garbage();
        put_set(&server, &reconciler, "second");
        reconciler.reconcile(&key).await.unwrap();
        assert!(own_writes.look_again_after("second").is_some());
        assert_eq!(own_writes.look_again_after("first"), None);
    }

    fn remembered(source: ApiError) -> Memory {
        let error = StageError::Write {
            verb: "patch",
            kind: "Pod",
            object: "ns/web-a".to_owned(),
            source,
        };
        let plan = Plan {
            phase: Phase::Update,
            ..Plan::default()
        };
        let ending = Ending::of(Some(&error), Found::default());
        remember::after(&Snapshot::default(), &plan, ending)
    }

    // IP-23, DV-D10: the condition FailedUpdate is never cleared, so that a lost race may not set it.
    #[test]
    fn a_lost_race_is_no_failure() {
        let call = || "patch pods ns/web-a".to_owned();
        let message = || "changed meanwhile".to_owned();
        let lost = ApiError::Conflict {
            call: call(),
            message: message(),
        };
        assert_eq!(remembered(lost).failed_update, None);
        let refused = ApiError::Forbidden {
            call: call(),
            message: message(),
        };
        let memory = remembered(refused);
        assert!(memory.failed_update.is_some() && !memory.namespace_terminates);
    }

    // Nothing can be created in it any more, and each pod that goes would have another one asked for.
    #[test]
    fn a_namespace_that_is_being_deleted_is_remembered() {
        let refused = ApiError::Forbidden {
            call: "create pods ns/web-a".to_owned(),
            message: "unable to create new content in namespace ns because it is being terminated"
                .to_owned(),
        };
        let memory = remembered(refused);
        assert!(memory.namespace_terminates);
        let snapshot = Snapshot {
            memory,
            ..Snapshot::default()
        };
        let later = remember::after(&snapshot, &Plan::default(), Ending::default());
        assert!(later.namespace_terminates);
    }
}
