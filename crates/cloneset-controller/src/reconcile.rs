//! One reconcile: observe, plan, execute.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use kruise_api::{apps::v1beta1::CloneSet, budget::Subject, resource::ObjectKey};
use kruise_runtime::{
    ApiClient, Leadership, Outcome, OwnWrites, ProtectionLog, Reconciler, Recorder, Refusal,
    Settled, WaitReasons, chain,
};

use kruise_plan::{
    WaitReason,
    lines::{self, Line},
};

use crate::{
    check,
    doubt::Doubts,
    error::Error,
    execute::Executor,
    memory::{Found, Memory},
    metrics::{BUDGET_USER, Metrics},
    nodes::NodeLabels,
    observe::Observer,
    plan::{self, Phase, Plan},
    remember::{self, Ending},
    snapshot::Snapshot,
};

/// Brings one CloneSet a step nearer to what its spec says.
pub(crate) struct CloneSetReconciler {
    pub(crate) observer: Observer,
    pub(crate) client: ApiClient,
    pub(crate) own_writes: OwnWrites,
    pub(crate) recorder: Recorder,
    pub(crate) leadership: Leadership,
    pub(crate) wait_reasons: WaitReasons,
    pub(crate) metrics: Metrics,
    pub(crate) protection_log: ProtectionLog,
    pub(crate) doubts: Doubts,
    pub(crate) nodes: NodeLabels,
    pub(crate) memories: Memories,
}

impl Reconciler for CloneSetReconciler {
    type Error = Error;

    async fn reconcile(&self, key: &ObjectKey) -> Result<Outcome, Error> {
        let Some(set) = self.known(key) else {
            return Ok(Outcome::default());
        };
        let span = tracing::Span::current();
        span.record("uid", &set.metadata.uid);
        span.record("revision", &set.status.update_revision);
        if let Some(outcome) = self.wait_for_own_writes(key, &set).await {
            return Ok(outcome);
        }
        self.doubts
            .look(key, &self.observer, &self.own_writes)
            .await;
        // Both may have brought a newer state.
        let Some(set) = self.known(key) else {
            return Ok(Outcome::default());
        };
        let memory = self.memories.get(key, &set.metadata.uid);
        let mut snapshot = self.observer.snapshot(
            set,
            memory,
            self.leadership.live_lease(POD_READINESS_LEASE).await,
        );
        if plan::needs_nodes(&snapshot) {
            snapshot.nodes = self.nodes.of(&snapshot.pods).await;
        }
        let plan = plan::plan(&snapshot);
        debug_assert_eq!(check::violations(&snapshot, &plan), Vec::<String>::new());
        self.report(key, &snapshot.memory, &plan);
        self.report_refusals(&snapshot, &plan);
        let (result, found) = self.execute(&snapshot, &plan).await;
        Self::report_trim(&snapshot.memory, &found);
        // The next pass leaves these pods alone and goes on with others.
        let is_news = !found.refused_resizes.is_empty() || !found.claims_in_use.is_empty();
        let goes_on = is_news.then_some(MIN_PAUSE);
        let error = result.as_ref().err();
        let trims_again = found.failed_trim.is_some().then_some(Memory::STANDS_FOR);
        let trims_again = trims_again.and_then(|wait| Duration::try_from(wait).ok());
        self.memories.remember(key, &snapshot, &plan, error, found);
        let unseen = self.own_writes.look_again_after(snapshot.uid());
        let doubtful = self.doubts.note(key, plan.waiting_on.first());
        let looks = unseen.into_iter().chain(doubtful);
        result.map(|()| Outcome {
            requeue_after: plan
                .requeue_after
                .into_iter()
                .chain(looks.map(|wait| wait.max(MIN_PAUSE)))
                .chain(goes_on)
                .chain(trims_again)
                .min(),
        })
    }
}

impl CloneSetReconciler {
    /// Nothing is decided on a view older than our last write (design rule: read your own writes).
    async fn wait_for_own_writes(&self, key: &ObjectKey, set: &CloneSet) -> Option<Outcome> {
        let settled = self
            .observer
            .shows_own_writes(&self.own_writes, &set.metadata.uid)
            .await;
        match settled {
            Settled::Yes => None,
            Settled::No {
                waiting_for,
                again_after,
            } => {
                if self.own_writes.overdue(&set.metadata.uid) {
                    self.metrics.write_is_overdue(key);
                }
                let reason = WaitReason::OwnWritesUnseen { what: waiting_for };
                self.wait_reasons.set(key, Some(reason.reason()));
                tracing::debug!(%reason, "waiting");
                Some(Outcome {
                    requeue_after: Some(again_after.max(MIN_PAUSE)),
                })
            }
        }
    }

    /// Steps, then status: the status is written even when a step failed, since it tells of what
    /// was seen. The step's error wins. What was found out on the way comes with it.
    async fn execute(&self, snapshot: &Snapshot, plan: &Plan) -> (Result<(), Error>, Found) {
        let executor = Executor {
            set: &snapshot.set,
            client: &self.client,
            writer: self.own_writes.writer(snapshot.uid(), self.client.clone()),
            recorder: &self.recorder,
            memory: &snapshot.memory,
            found: Mutex::default(),
        };
        executor.events(plan);
        executor.images_ahead(&plan.images_ahead).await;
        let steps = match plan.phase {
            Phase::Trim => {
                executor.trim(plan).await;
                Ok(())
            }
            Phase::Prepare | Phase::Scale | Phase::Update => executor.steps(plan).await,
        };
        let status = executor.status(plan).await;
        let found = executor.found.into_inner();
        (
            steps.and(status),
            found.unwrap_or_else(PoisonError::into_inner),
        )
    }

    /// The same reason is told once: what holds for an hour, or for each pod, is one line, not thousands.
    fn report(&self, key: &ObjectKey, memory: &Memory, plan: &Plan) {
        self.wait_reasons
            .set(key, plan.waiting_on.first().map(WaitReason::reason));
        for Line { reason, count } in lines::news(&memory.logged, &plan.waiting_on) {
            tracing::info!(reason = reason.reason(), count, "held back: {reason}");
        }
        if !plan.steps.is_empty() {
            tracing::debug!(phase = ?plan.phase, steps = plan.steps.len(), "acting");
        }
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
                self.protection_log.note(Refusal {
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

    /// The CloneSet, if it is there. Of one that is gone nothing is kept, also if another one has its name.
    fn known(&self, key: &ObjectKey) -> Option<Arc<CloneSet>> {
        let set = self.observer.set(key);
        let uid = set.as_ref().map(|set| set.metadata.uid.as_str());
        if uid.is_none() || self.memories.are_of_another(key, uid) {
            self.forget(key);
        }
        set
    }

    fn forget(&self, key: &ObjectKey) {
        if let Some(uid) = self.memories.forget(key) {
            self.own_writes.forget(&uid);
        }
        self.wait_reasons.set(key, None);
        self.metrics.forget(key);
        self.doubts.note(key, None);
    }
}

/// Lease of the deployable that sets the first KruisePodReady, where it is installed (DV-D7).
const POD_READINESS_LEASE: &str = "podreadiness-controller";
/// Never spin, however short a wait is asked for.
const MIN_PAUSE: Duration = Duration::from_millis(5);

/// What is remembered of each CloneSet, with the UID it was remembered of.
#[derive(Default)]
pub(crate) struct Memories {
    by_key: Mutex<HashMap<ObjectKey, (String, Memory)>>,
}

impl Memories {
    /// What is remembered of the CloneSet with this UID: one that was made anew under its name has no past.
    fn get(&self, key: &ObjectKey, uid: &str) -> Memory {
        self.lock()
            .get(key)
            .filter(|(of, _)| of == uid)
            .map(|(_, memory)| memory.clone())
            .unwrap_or_default()
    }

    fn are_of_another(&self, key: &ObjectKey, uid: Option<&str>) -> bool {
        let by_key = self.lock();
        let of = by_key.get(key).map(|(of, _)| of.as_str());
        of.is_some() && of != uid
    }

    fn forget(&self, key: &ObjectKey) -> Option<String> {
        self.lock().remove(key).map(|(uid, _)| uid)
    }

    fn remember(
        &self,
        key: &ObjectKey,
        snapshot: &Snapshot,
        plan: &Plan,
        error: Option<&Error>,
        found: Found,
    ) {
        let message = error.filter(|error| !error.is_lost_race());
        let ending = Ending {
            found,
            failed: error.is_some(),
            message: message.map(|error| chain(error)),
            namespace_terminates: error.is_some_and(Error::namespace_is_terminating),
        };
        let memory = remember::after(snapshot, plan, ending);
        self.lock()
            .insert(key.clone(), (snapshot.uid().to_owned(), memory));
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<ObjectKey, (String, Memory)>> {
        self.by_key.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use kruise_api::resource::{CONTROLLER_REVISIONS, PERSISTENT_VOLUME_CLAIMS, PODS};
    use kruise_runtime::{ApiError, ServerVersion, Store, recorder};
    use prometheus_client::registry::Registry;
    use serde_json::{Value, json};

    use super::*;
    use crate::{
        CLONESETS,
        fake_api::{Call, FakeApi, written},
        gates::Gates,
        snapshot::StoredSet,
    };

    fn reconciler(server: &FakeApi) -> CloneSetReconciler {
        let client = server.client();
        let metrics = kruise_runtime::Metrics::unregistered();
        let own_writes = OwnWrites::new(client.clone(), Duration::MAX, metrics.clone());
        CloneSetReconciler {
            observer: Observer {
                sets: Store::new(CLONESETS),
                pods: Store::new(PODS),
                revisions: Store::new(CONTROLLER_REVISIONS),
                image_pull_jobs: None,
                claims: Store::new(PERSISTENT_VOLUME_CLAIMS),
                budgets: None,
                gates: Gates::default(),
                server_version: ServerVersion::default(),
            },
            own_writes,
            recorder: recorder("test", client.clone(), metrics.clone()).0,
            leadership: Leadership::always(),
            wait_reasons: WaitReasons::new("cloneset", &metrics),
            metrics: Metrics::new(&mut Registry::default(), metrics),
            protection_log: ProtectionLog::open(tempfile::tempdir().unwrap().path()).unwrap(),
            doubts: Doubts::default(),
            nodes: NodeLabels::new(client.clone()),
            memories: Memories::default(),
            client,
        }
    }

    fn set(uid: &str, version: &str, spec: &Value) -> StoredSet {
        let metadata = json!({ "name": "web", "namespace": "ns", "uid": uid, "generation": 1,
            "resourceVersion": version });
        serde_json::from_value(json!({ "metadata": metadata, "spec": spec })).unwrap()
    }

    // Nobody would ever ask for what is noted of the first one.
    #[tokio::test(start_paused = true)]
    async fn a_set_that_was_made_anew_under_its_name_has_no_past() {
        let server = FakeApi::new(|call: Call| async move { written(&call.name, 2) });
        let reconciler = reconciler(&server);
        let key = ObjectKey::new("ns", "web");
        let labels = json!({ "app": "web" });
        let containers = json!([{ "name": "app", "image": "acme/app:1" }]);
        let spec = json!({
            "replicas": 1, "selector": { "matchLabels": labels },
            "template": { "metadata": { "labels": labels }, "spec": { "containers": containers } },
        });
        reconciler.observer.sets.apply(set("first", "1", &spec));
        reconciler.reconcile(&key).await.unwrap();
        assert!(reconciler.own_writes.look_again_after("first").is_some());

        reconciler.observer.sets.apply(set("second", "9", &spec));
        reconciler.reconcile(&key).await.unwrap();
        assert!(reconciler.own_writes.look_again_after("second").is_some());
        assert_eq!(reconciler.own_writes.look_again_after("first"), None);
    }

    fn remembered(source: ApiError) -> Memory {
        let error = Error::Write {
            verb: "patch",
            kind: "Pod",
            object: "ns/web-a".to_owned(),
            source,
        };
        let plan = Plan {
            phase: Phase::Update,
            ..Plan::default()
        };
        let memories = Memories::default();
        let key = ObjectKey::new("ns", "web");
        memories.remember(
            &key,
            &Snapshot::default(),
            &plan,
            Some(&error),
            Found::default(),
        );
        memories.get(&key, "")
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
    fn a_namespace_that_is_being_deleted_is_remembered_of_that_set_alone() {
        let refused = ApiError::Forbidden {
            call: "create pods ns/web-a".to_owned(),
            message: "unable to create new content in namespace ns because it is being terminated"
                .to_owned(),
        };
        assert!(remembered(refused).namespace_terminates);
        let memories = Memories::default();
        let key = ObjectKey::new("ns", "web");
        let snapshot = Snapshot {
            memory: Memory {
                namespace_terminates: true,
                ..Memory::default()
            },
            ..Snapshot::default()
        };
        memories.remember(&key, &snapshot, &Plan::default(), None, Found::default());
        assert!(memories.get(&key, snapshot.uid()).namespace_terminates);
        assert!(!memories.get(&key, "made-anew").namespace_terminates);
    }
}
