//! One search by the rules, within a time.

use crate::{
    error::{Cause, FindError},
    look_ups::LookUps,
    reference::Reference,
    rules,
    workload::Workload,
};

/// The workload that is meant (PB-25).
pub(crate) async fn find(
    look_ups: &dyn LookUps,
    asked: &Reference,
) -> Result<Option<Workload>, FindError> {
    let patience = look_ups.patience();
    let found = tokio::time::timeout(patience, rules::find(look_ups, asked)).await;
    let found = found.unwrap_or(Err(Cause::TooSlow(patience)));
    found.map_err(|cause| FindError::of(asked, cause))
}
