//! Which pods a `targetRef` has (PB-21, PB-22, WS-24).

use std::sync::Arc;

use kruise_api::{meta::ObjectMeta, object::Object, pod::Pod, selector::Selector};
use kruise_runtime::Store;

use crate::{
    error::{Cause, FindError},
    indexed::{IndexedKind, IndexedReplicaSet},
    look_ups::LookUps,
    reference::Reference,
    rules, search,
    workload::{Replicas, Workload},
};

/// The pods among which those of a workload are. Which pods count is for the index to say: PodUnavailableBudget asks for
/// active pods alone ([`ActivePods`]), WorkloadSpread for all.
pub trait PodIndex: Sync {
    /// A pod, as cheap to copy as a pointer.
    type Pod: Send;

    /// The pods of this namespace that name this UID among their owners, managing or not (PB-21).
    fn owned_by(&self, namespace: &str, uid: &str) -> Vec<Self::Pod>;

    /// The pods of this namespace.
    fn in_namespace(&self, namespace: &str) -> Vec<Self::Pod>;

    /// Metadata of a pod.
    fn meta(pod: &Self::Pod) -> &ObjectMeta;
}

/// The active pods of a store (PB-20).
pub struct ActivePods<'a, K>(pub &'a Store<K>);

impl<K: Object + AsRef<Pod>> PodIndex for ActivePods<'_, K> {
    type Pod = Arc<K>;

    fn owned_by(&self, namespace: &str, uid: &str) -> Vec<Arc<K>> {
        let mut pods = self.0.by_owner(uid);
        pods.retain(|pod| pod.meta().namespace == namespace && (**pod).as_ref().is_active());
        pods
    }

    fn in_namespace(&self, namespace: &str) -> Vec<Arc<K>> {
        let mut pods = self.0.in_namespace(namespace);
        pods.retain(|pod| (**pod).as_ref().is_active());
        pods
    }

    fn meta(pod: &Arc<K>) -> &ObjectMeta {
        pod.meta()
    }
}

/// What a `targetRef` comes to.
#[derive(Clone, PartialEq, Debug)]
pub struct TargetPods<P> {
    /// The workload, if there is one.
    pub workload: Option<Workload>,
    /// Its pods. None are looked for where there is no workload, or it is being deleted, or wants no pods (PB-22).
    pub pods: Vec<P>,
}

impl<P> TargetPods<P> {
    /// How many pods there should be: none where there is no workload, or it is being deleted (PB-22).
    #[must_use]
    pub fn replicas(&self) -> Replicas {
        let workload = self.workload.as_ref();
        let workload = workload.filter(|workload| !workload.deleting);
        workload.map_or(Replicas::Known(0), |workload| workload.replicas)
    }
}

/// The workload that is targeted, and its pods.
pub(crate) async fn of_target<I: PodIndex>(
    look_ups: &dyn LookUps,
    asked: &Reference,
    pods: &I,
) -> Result<TargetPods<I::Pod>, FindError> {
    let workload = target(look_ups, asked).await?;
    let pods = match &workload {
        Some(workload) if !workload.deleting && workload.replicas != Replicas::Known(0) => {
            let pods = pods_of(look_ups, workload, pods);
            pods.map_err(|cause| FindError::of(asked, cause))?
        }
        _ => vec![],
    };
    Ok(TargetPods { workload, pods })
}

async fn target(look_ups: &dyn LookUps, asked: &Reference) -> Result<Option<Workload>, FindError> {
    match (asked.group(), asked.kind.as_str()) {
        ("apps", "ReplicaSet") => {
            let found = rules::replica_set(look_ups, asked);
            found.map_err(|cause| FindError::of(asked, cause))
        }
        // No other group has workloads of that kind (PB-22).
        (_, "ReplicaSet") => Ok(None),
        _ => search::find(look_ups, asked).await,
    }
}

fn pods_of<I: PodIndex>(
    look_ups: &dyn LookUps,
    workload: &Workload,
    pods: &I,
) -> Result<Vec<I::Pod>, Cause> {
    let Workload { namespace, uid, .. } = workload;
    match IndexedKind::of(&workload.group, &workload.kind) {
        Some(IndexedKind::Deployment) => {
            let replica_sets = replica_sets_of(look_ups, workload)?;
            if replica_sets.is_empty() {
                return Ok(pods.owned_by(namespace, uid));
            }
            let uids = replica_sets.iter().map(|it| it.metadata.uid.as_str());
            Ok(uids.flat_map(|uid| pods.owned_by(namespace, uid)).collect())
        }
        Some(_) => Ok(pods.owned_by(namespace, uid)),
        None => {
            let owned = pods.owned_by(namespace, uid);
            match selector_of(workload) {
                Some(selector) if owned.is_empty() => Ok(selected(pods, namespace, selector)),
                _ => Ok(owned),
            }
        }
    }
}

/// Those that make pods for this Deployment: also those without replicas, not those that are being deleted.
fn replica_sets_of(
    look_ups: &dyn LookUps,
    deployment: &Workload,
) -> Result<Vec<Arc<IndexedReplicaSet>>, Cause> {
    let Some(selector) = selector_of(deployment) else {
        return Ok(vec![]);
    };
    let mut replica_sets = look_ups.replica_sets_of(&deployment.uid)?;
    replica_sets.retain(|replica_set| {
        let metadata = &replica_set.metadata;
        metadata.namespace == deployment.namespace
            && !metadata.is_terminating()
            && selector.matches(&metadata.labels)
    });
    Ok(replica_sets)
}

/// The workload's selector, if it selects something in particular (DV-PB4, DV-WS8).
fn selector_of(workload: &Workload) -> Option<&Selector> {
    let selector = workload.selector.as_deref();
    selector.filter(|selector| !selector.is_empty())
}

/// The pods of a namespace that are selected.
pub(crate) fn selected<I: PodIndex>(pods: &I, namespace: &str, selector: &Selector) -> Vec<I::Pod> {
    let mut pods = pods.in_namespace(namespace);
    pods.retain(|pod| selector.matches(&I::meta(pod).labels));
    pods
}
