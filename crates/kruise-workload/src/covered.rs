//! Which pods a budget covers, and how many there should be (PB-20).

use std::collections::BTreeMap;

use futures::{StreamExt, TryStreamExt, stream};
use kruise_api::{
    meta::{LabelSelector, ObjectMeta, OwnerReference},
    selector::Selector,
};

use crate::{
    error::FindError,
    look_ups::LookUps,
    pods::{self, PodIndex},
    reference::{Reference, Target},
    search,
    workload::Workload,
};

/// What a budget says of that.
#[derive(Clone, Copy, Debug, Default)]
pub struct Claim<'a> {
    /// `spec.targetRef`; it wins over the selector.
    pub target_ref: Option<Target<'a>>,
    /// `spec.selector`.
    pub selector: Option<&'a LabelSelector>,
    /// `spec.protectTotalReplicas`.
    pub protect_total_replicas: Option<i32>,
}

/// What follows.
#[derive(Clone, PartialEq, Debug)]
pub struct Covered<P> {
    /// The pods.
    pub pods: Vec<P>,
    /// How many there should be; -1 where that is unknown (PB-23), and less where several are (PB-24).
    pub expected: i32,
}

/// How many workloads are searched for at a time.
const AT_ONCE: usize = 8;

pub(crate) async fn covered<I: PodIndex>(
    look_ups: &dyn LookUps,
    namespace: &str,
    claim: Claim<'_>,
    pods: &I,
) -> Result<Covered<I::Pod>, FindError> {
    if let Some(target) = claim.target_ref {
        let asked = Reference::to_target(namespace, target);
        let found = pods::of_target(look_ups, &asked, pods).await?;
        let replicas = found.replicas().count();
        return Ok(Covered {
            expected: claim.protect_total_replicas.unwrap_or(replicas),
            pods: found.pods,
        });
    }
    let selector = claim.selector.map(Selector::parse);
    let Some(Ok(selector)) = selector else {
        return Ok(Covered {
            pods: vec![],
            expected: 0,
        });
    };
    let pods = pods::selected(pods, namespace, &selector);
    let expected = match claim.protect_total_replicas {
        Some(total) => total,
        None => wanted(look_ups, namespace, pods.iter().map(I::meta)).await?,
    };
    Ok(Covered { pods, expected })
}

/// How many pods the workloads behind these pods want together (PB-24).
async fn wanted(
    look_ups: &dyn LookUps,
    namespace: &str,
    pods: impl Iterator<Item = &ObjectMeta>,
) -> Result<i32, FindError> {
    let controllers = pods.filter_map(ObjectMeta::controller);
    let controllers: BTreeMap<&str, &OwnerReference> =
        controllers.map(|it| (it.uid.as_str(), it)).collect();
    // Owned, or the compiler could not tell that a caller's future is Send.
    let searches: Vec<Reference> = controllers
        .into_values()
        .map(|it| Reference::to_very_owner(namespace, it))
        .collect();
    let searches = searches.into_iter();
    let searches = searches.map(|asked| async move { search::find(look_ups, &asked).await });
    let found = stream::iter(searches).buffered(AT_ONCE);
    let found: Vec<Option<Workload>> = found.try_collect().await?;
    // Two ReplicaSets of a Deployment stand for the same one.
    let workloads = found.iter().flatten().filter(|workload| !workload.deleting);
    let wanted: BTreeMap<&str, i32> = workloads
        .map(|workload| (workload.uid.as_str(), workload.replicas.count()))
        .collect();
    Ok(wanted.values().copied().fold(0, i32::saturating_add))
}
