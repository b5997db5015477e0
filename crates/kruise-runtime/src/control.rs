//! When an object is reconciled, when its reconciler may write, and what is done around and after its plan: the queue and
//! its delays, the workers, upkeep with its doubts and memories, the executor, and the notes of own writes that the watch
//! has not shown yet.

pub(crate) mod backoff;
mod doubts;
pub(crate) mod execute;
mod memories;
pub(crate) mod own_writes;
pub(crate) mod permission;
pub(crate) mod queue;
pub(crate) mod reconcile;
#[cfg(test)]
mod tests;
pub(crate) mod token_bucket;
pub(crate) mod upkeep;
pub(crate) mod work_gate;
mod write_notes;
