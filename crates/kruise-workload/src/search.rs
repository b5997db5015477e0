//! One search by the rules, within a time.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

use crate::{
    error::{Cause, FindError},
    indexed::IndexedKind,
    look_ups::LookUps,
    reference::Reference,
    rules,
    workload::{Replicas, Workload},
};

/// A watch tells of a change within milliseconds.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// The workload that is meant (PB-25).
pub(crate) async fn find(
    look_ups: &dyn LookUps,
    asked: &Reference,
) -> Result<Option<Workload>, FindError> {
    let patience = look_ups.patience();
    let found = timeout(patience, find_what_is_new(look_ups, asked)).await;
    let found = found.unwrap_or(Err(Cause::TooSlow(patience)));
    found.map_err(|cause| FindError::of(asked, cause))
}

/// Looks again for a moment where the indexes show only a part: of a new Deployment, its ReplicaSet and their pod, each is
/// seen by another watch, or is the one that is asked about.
async fn find_what_is_new(
    look_ups: &dyn LookUps,
    asked: &Reference,
) -> Result<Option<Workload>, Cause> {
    let is_indexed = IndexedKind::of(asked.group(), &asked.kind).is_some();
    let until = Instant::now() + look_ups.lag();
    loop {
        let found = rules::find(look_ups, asked).await?;
        let replicas = found.as_ref().map(|workload| workload.replicas);
        let is_whole = matches!(replicas, Some(Replicas::Known(_)));
        if is_whole || !is_indexed || Instant::now() >= until {
            return Ok(found);
        }
        sleep(LOOK_EVERY).await;
    }
}
