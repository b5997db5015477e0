//! New pods are linked to their budgets (PB-15 to PB-17). What is missed here, the reconciler links later (PB-18).

use futures::future::{BoxFuture, FutureExt};
use kruise_api::{
    meta::{ObjectMeta, OwnerReference},
    policy::v1beta1::TargetReference,
    selector::Selector,
    well_known::annotations::{RELATED_PUB, RELATED_PUB_LEGACY},
};
use kruise_runtime::{
    Store, chain,
    webhook::{Admission, AdmissionRequest, AdmissionResponse, Operation},
};
use kruise_workload::{Finder, IndexedKind, Reference, Target, Workload};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::{budget::Budget, gates::Gates};

/// Links new pods.
pub struct PodMutator {
    /// Feature gates.
    pub gates: Gates,
    /// Budgets of all namespaces.
    pub budgets: Store<Budget>,
    /// Finds the workloads that pods belong to.
    pub finder: Finder,
}

/// What is read of a new pod.
#[derive(Default, Deserialize)]
#[serde(default)]
struct NewPod {
    metadata: ObjectMeta,
}

impl Admission for PodMutator {
    fn admit<'a>(&'a self, request: &'a AdmissionRequest) -> BoxFuture<'a, AdmissionResponse> {
        self.answer(request).boxed()
    }
}

impl PodMutator {
    async fn answer(&self, request: &AdmissionRequest) -> AdmissionResponse {
        let is_new_pod = request.operation == Operation::Create
            && request.sub_resource.is_empty()
            && request.resource.resource == "pods";
        if !is_new_pod || !self.gates.any() {
            return AdmissionResponse::allow();
        }
        let NewPod { mut metadata } = match request.object() {
            Ok(pod) => pod,
            Err(error) => return error.into(),
        };
        // PB-16
        if metadata.namespace.is_empty() {
            metadata.namespace.clone_from(&request.namespace);
        }
        match self.budget_of(&metadata).await {
            Some(name) => linked(request, &name),
            None => AdmissionResponse::allow(),
        }
    }

    /// The first by name that the pod matches (PB-17).
    async fn budget_of(&self, pod: &ObjectMeta) -> Option<String> {
        let budgets = self.budgets.in_namespace(&pod.namespace);
        let mut targets = budgets.iter().filter_map(|it| it.spec.target_ref.as_ref());
        let workload = match pod.controller() {
            Some(owner) if targets.any(|target| may_lead_to(owner, target)) => {
                self.workload_of(&pod.namespace, owner).await
            }
            _ => None,
        };
        let mut budgets = budgets.iter();
        let found = budgets.find(|budget| matches(budget, pod, workload.as_ref()));
        found.map(|budget| budget.name().to_owned())
    }

    /// The workload that is, or is behind, the owner of this name, whatever its UID is. An error counts as none.
    async fn workload_of(&self, namespace: &str, owner: &OwnerReference) -> Option<Workload> {
        let owner = Reference::to_owner(namespace, owner);
        match self.finder.find(&owner).await {
            Ok(found) => found,
            Err(error) => {
                let error = chain(&error);
                tracing::warn!(%owner, error, "a new pod is linked by its labels alone");
                None
            }
        }
    }
}

/// Whether the search for this owner may end at the target. Of kinds that are watched that costs nothing; of others the API
/// server has to be asked, which is not worth it for every pod of a Job, say.
fn may_lead_to(owner: &OwnerReference, target: &TargetReference) -> bool {
    let owner_is = Target {
        api_version: owner.api_version.as_str(),
        kind: owner.kind.as_str(),
        name: owner.name.as_str(),
    };
    let target = Target::from(target);
    IndexedKind::of(owner_is.group(), owner_is.kind).is_some()
        || (owner_is.group(), owner_is.kind, owner_is.name)
            == (target.group(), target.kind, target.name)
}

fn matches(budget: &Budget, pod: &ObjectMeta, workload: Option<&Workload>) -> bool {
    match (&budget.spec.target_ref, workload) {
        (Some(target), Some(workload)) => workload.is_target(target),
        _ => {
            let selector = budget.spec.selector.as_ref().map(Selector::parse);
            matches!(selector, Some(Ok(selector)) if !selector.is_empty() && selector.matches(&pod.labels))
        }
    }
}

/// Go on with both annotations, whatever the pod brought along.
fn linked(request: &AdmissionRequest, budget: &str) -> AdmissionResponse {
    let mut pod: Value = match request.object() {
        Ok(pod) => pod,
        Err(error) => return error.into(),
    };
    if let Some(annotations) = annotations(&mut pod) {
        for key in [RELATED_PUB, RELATED_PUB_LEGACY] {
            annotations.insert(key.to_owned(), budget.into());
        }
    }
    AdmissionResponse::change(request, &pod)
}

/// The annotations; an empty object where there is none.
fn annotations(pod: &mut Value) -> Option<&mut Map<String, Value>> {
    let mut at = pod;
    for name in ["metadata", "annotations"] {
        at = at.as_object_mut()?.entry(name).or_insert(Value::Null);
        if at.is_null() {
            *at = Value::Object(Map::new());
        }
    }
    at.as_object_mut()
}
