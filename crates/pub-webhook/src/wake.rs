//! What wakes which budget (PB-51).

use std::time::Duration;

use kruise_api::{
    meta::ObjectMeta, policy::v1beta1::TargetReference, resource::ObjectKey, selector::Selector,
    text_map::TextMap,
};
use kruise_runtime::Store;
use kruise_workload::{IndexedKind, IndexedReplicaSet, IndexedWorkload, Target};

use crate::{budget::Budget, pod::BudgetPod};

/// How long after a pod begins to end its budget is looked at.
pub const TERMINATING_AFTER: Duration = Duration::from_secs(5);

/// How long after a change of a pod a budget is looked at that may have any pod of its namespace. Such changes are many, and
/// hardly any is about it.
pub const ANY_POD_AFTER: Duration = Duration::from_secs(1);

/// Who is woken by a change of a pod.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Woken {
    /// At once.
    pub now: Vec<ObjectKey>,
    /// After [`ANY_POD_AFTER`].
    pub soon: Vec<ObjectKey>,
    /// After [`TERMINATING_AFTER`].
    pub later: Vec<ObjectKey>,
}

/// Who is woken by a change of a pod.
#[must_use]
pub fn by_pod(
    budgets: &Store<Budget>,
    vertical_scaling: bool,
    old: Option<&BudgetPod>,
    new: Option<&BudgetPod>,
) -> Woken {
    let is_in_service = |pod: &BudgetPod| pod.is_in_service(vertical_scaling);
    let is_terminating = |pod: &BudgetPod| pod.metadata.is_terminating();
    let Some(new) = new else {
        // One that was not seen to end was counted until now, and nobody else may wake its budget (DV-PB10).
        let counted = old.filter(|old| is_in_service(old) && !is_terminating(old));
        return counted
            .map(|old| counted_by(budgets, old))
            .unwrap_or_default();
    };
    // Of two pods of one name that is the other's end, and this one's beginning.
    let old = old.filter(|old| old.metadata.uid == new.metadata.uid);
    match old {
        Some(old) if is_terminating(old) => Woken::default(),
        Some(old) if is_terminating(new) => {
            let name = &new.metadata.name;
            let is_counted = |key: &ObjectKey| {
                let budget = budgets.get(key);
                is_in_service(old) && !budget.is_some_and(|it| it.asked.has_recorded(name))
            };
            let Woken { now, soon, .. } = counted_by(budgets, new);
            // One that was paid for is counted out already.
            let (now, paid): (Vec<_>, Vec<_>) = now.into_iter().partition(is_counted);
            let (soon, also_paid): (Vec<_>, Vec<_>) = soon.into_iter().partition(is_counted);
            Woken {
                now,
                soon,
                later: [paid, also_paid].concat(),
            }
        }
        Some(old) if is_in_service(old) == is_in_service(new) => Woken::default(),
        _ => counted_by(budgets, new),
    }
}

/// The budgets that count the pod, or may count it: the one that it is linked to, if that exists. Otherwise the webhook was
/// not asked, or did not know the workload yet, or the budget has gone since (DV-PB10).
fn counted_by(budgets: &Store<Budget>, pod: &BudgetPod) -> Woken {
    let namespace = &pod.metadata.namespace;
    let linked = pod
        .budget()
        .map(|name| ObjectKey::new(namespace.clone(), name));
    if let Some(linked) = linked.filter(|key| budgets.get(key).is_some()) {
        return Woken {
            now: vec![linked],
            ..Woken::default()
        };
    }
    let mut woken = Woken::default();
    for budget in budgets.in_namespace(namespace) {
        let key = || ObjectKey::of(budget.metadata());
        match &budget.spec.target_ref {
            Some(target) if !is_watched(target) => woken.soon.push(key()),
            Some(target) if may_be_of(&pod.metadata, target) => woken.now.push(key()),
            Some(_) => {}
            None if selects(&budget, &pod.metadata.labels) => woken.now.push(key()),
            None => {}
        }
    }
    woken
}

fn is_watched(target: &TargetReference) -> bool {
    IndexedKind::of(Target::from(target).group(), &target.kind).is_some()
}

/// Whether a pod may be one of the workload's, by names alone.
fn may_be_of(pod: &ObjectMeta, target: &TargetReference) -> bool {
    let kind = IndexedKind::of(Target::from(target).group(), &target.kind);
    let mut owners = pod.owner_references.iter();
    owners.any(|owner| {
        let is_target = owner.kind == target.kind && owner.name == target.name;
        let may_be_between = kind == Some(IndexedKind::Deployment) && owner.kind == "ReplicaSet";
        is_target || may_be_between && owner.name.starts_with(&target.name)
    })
}

/// Who is woken by a change of a workload of this kind: the first by name that is about it.
#[must_use]
pub fn by_workload(
    budgets: &Store<Budget>,
    kind: IndexedKind,
    old: Option<&IndexedWorkload>,
    new: Option<&IndexedWorkload>,
) -> Vec<ObjectKey> {
    let state =
        |workload: &IndexedWorkload| (workload.replicas(), workload.metadata.is_terminating());
    if old.map(state) == new.map(state) {
        return vec![];
    }
    let Some(workload) = new.or(old) else {
        return vec![];
    };
    first(budgets, kind, &workload.metadata, &workload.template_labels)
}

/// The same for ReplicaSets, which only a `targetRef` names.
#[must_use]
pub fn by_replica_set(
    budgets: &Store<Budget>,
    old: Option<&IndexedReplicaSet>,
    new: Option<&IndexedReplicaSet>,
) -> Vec<ObjectKey> {
    let state = |replica_set: &IndexedReplicaSet| {
        let metadata = &replica_set.metadata;
        (replica_set.replicas(), metadata.is_terminating())
    };
    if old.map(state) == new.map(state) {
        return vec![];
    }
    let Some(replica_set) = new.or(old) else {
        return vec![];
    };
    let labels = TextMap::default();
    first(
        budgets,
        IndexedKind::ReplicaSet,
        &replica_set.metadata,
        &labels,
    )
}

fn first(
    budgets: &Store<Budget>,
    kind: IndexedKind,
    workload: &ObjectMeta,
    template_labels: &TextMap,
) -> Vec<ObjectKey> {
    let resource = kind.resource();
    let budgets = budgets.in_namespace(&workload.namespace);
    let first = budgets.iter().find(|budget| match &budget.spec.target_ref {
        Some(target) => {
            Target::from(target).group() == resource.group
                && target.kind == resource.kind
                && target.name == workload.name
        }
        None => selects(budget, template_labels),
    });
    let first = first.map(|budget| ObjectKey::of(budget.metadata()));
    first.into_iter().collect()
}

/// Whether the budget's selector is one, is not empty, and selects these labels.
fn selects(budget: &Budget, labels: &TextMap) -> bool {
    let selector = budget.spec.selector.as_ref().map(Selector::parse);
    matches!(selector, Some(Ok(selector)) if !selector.is_empty() && selector.matches(labels))
}
