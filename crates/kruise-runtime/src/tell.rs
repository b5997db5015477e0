//! What a process tells people: events, metrics, and the log of refusals that protect something.

pub(crate) mod events;
pub(crate) mod metrics;
pub(crate) mod plain_counter;
pub(crate) mod protection_counters;
pub(crate) mod protection_log;
#[cfg(test)]
mod tests;
