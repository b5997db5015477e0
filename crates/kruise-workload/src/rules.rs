//! How a workload is found (PB-25), over whatever answers the look-ups.

use std::sync::Arc;

use crate::{
    error::Cause,
    indexed::{IndexedKind, IndexedReplicaSet, IndexedWorkload},
    look_ups::{Existing, LookUps, Scale},
    reference::Reference,
    workload::{Replicas, Workload},
};

/// The workload that is meant (PB-25). A ReplicaSet of a Deployment stands for the Deployment.
pub(crate) async fn find(
    look_ups: &dyn LookUps,
    asked: &Reference,
) -> Result<Option<Workload>, Cause> {
    match IndexedKind::of(asked.group(), &asked.kind) {
        Some(IndexedKind::ReplicaSet) => by_replica_set(look_ups, asked),
        Some(kind) => indexed(look_ups, kind, asked),
        None => of_others(look_ups, asked).await,
    }
}

/// The ReplicaSet that is meant, even if a Deployment owns it (PB-21).
pub(crate) fn replica_set(
    look_ups: &dyn LookUps,
    asked: &Reference,
) -> Result<Option<Workload>, Cause> {
    let found = look_ups.replica_set(&asked.key())?;
    let found = found.filter(|found| asked.admits(&found.metadata.uid));
    Ok(found.map(|found| of_replica_set(asked, &found)))
}

/// Steps 1, 2, 4, 5 and 6, and step 9 for these kinds.
fn indexed(
    look_ups: &dyn LookUps,
    kind: IndexedKind,
    asked: &Reference,
) -> Result<Option<Workload>, Cause> {
    let Some(found) = look_ups.indexed(kind, &asked.key())? else {
        return Ok(None);
    };
    let uid = found.metadata.uid.as_str();
    if asked.admits(uid) {
        return Ok(Some(of_indexed(kind, asked, &found)));
    }
    Ok(Some(of_unknown_scale(asked, uid)))
}

/// Step 3, and step 9 for ReplicaSets.
fn by_replica_set(look_ups: &dyn LookUps, asked: &Reference) -> Result<Option<Workload>, Cause> {
    let Some(found) = look_ups.replica_set(&asked.key())? else {
        return Ok(None);
    };
    if asked.admits(&found.metadata.uid) {
        let controller = found.metadata.controller();
        let deployment = controller.filter(|controller| controller.kind == "Deployment");
        let Some(deployment) = deployment else {
            return Ok(Some(of_replica_set(asked, &found)));
        };
        let deployment = Reference::to_very_owner(&asked.namespace, deployment);
        if let Some(deployment) = deployment_of(look_ups, &deployment)? {
            return Ok(Some(deployment));
        }
    }
    Ok(Some(of_unknown_scale(asked, &found.metadata.uid)))
}

fn deployment_of(look_ups: &dyn LookUps, asked: &Reference) -> Result<Option<Workload>, Cause> {
    const KIND: IndexedKind = IndexedKind::Deployment;
    if IndexedKind::of(asked.group(), &asked.kind) != Some(KIND) {
        return Ok(None);
    }
    let found = look_ups.indexed(KIND, &asked.key())?;
    let found = found.filter(|found| asked.admits(&found.metadata.uid));
    Ok(found.map(|found| of_indexed(KIND, asked, &found)))
}

/// Steps 7 to 9.
async fn of_others(look_ups: &dyn LookUps, asked: &Reference) -> Result<Option<Workload>, Cause> {
    if let Some(listed) = look_ups.listed(asked.group(), &asked.kind)? {
        let found = look_ups.replicas(asked, &listed).await?;
        if let Some(Existing { uid, replicas }) = found.filter(|it| asked.admits(&it.uid)) {
            // Unlike the API's own kinds: absent means none.
            let replicas = Replicas::Known(replicas.unwrap_or_default());
            return Ok(Some(workload(asked, &uid, replicas)));
        }
    }
    let scale = look_ups.scale(asked).await?;
    if let Some(scale) = scale.filter(|scale| asked.admits(&scale.uid)) {
        let Scale {
            uid,
            replicas,
            selector,
        } = scale;
        return Ok(Some(Workload {
            selector,
            ..workload(asked, &uid, Replicas::Known(replicas))
        }));
    }
    match look_ups.object(asked).await {
        Ok(found) => Ok(found.map(|found| of_unknown_scale(asked, &found.uid))),
        Err(cause) => match &asked.uid {
            // Nothing but its UID would be learned from the object (DV-PB8).
            Some(uid) if cause.is_forbidden() => Ok(Some(of_unknown_scale(asked, uid))),
            _ => Err(cause),
        },
    }
}

fn of_indexed(kind: IndexedKind, asked: &Reference, found: &Arc<IndexedWorkload>) -> Workload {
    let selector = (kind != IndexedKind::ReplicationController).then(|| found.selector.clone());
    Workload {
        selector: selector.flatten(),
        deleting: found.metadata.is_terminating(),
        template_labels: found.template_labels.clone(),
        ..workload(
            asked,
            &found.metadata.uid,
            Replicas::Known(found.replicas()),
        )
    }
}

fn of_replica_set(asked: &Reference, found: &IndexedReplicaSet) -> Workload {
    Workload {
        deleting: found.metadata.is_terminating(),
        ..workload(
            asked,
            &found.metadata.uid,
            Replicas::Known(found.replicas()),
        )
    }
}

/// Step 9. Whether it is being deleted is not looked at, nor whether it has the UID that is meant.
fn of_unknown_scale(asked: &Reference, uid: &str) -> Workload {
    workload(asked, uid, Replicas::Unknown)
}

fn workload(asked: &Reference, uid: &str, replicas: Replicas) -> Workload {
    Workload {
        group: asked.group().to_owned(),
        kind: asked.kind.clone(),
        namespace: asked.namespace.clone(),
        name: asked.name.clone(),
        uid: uid.to_owned(),
        replicas,
        selector: None,
        deleting: false,
        template_labels: Default::default(),
    }
}
