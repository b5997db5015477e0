//! Which replica works: the election by Lease, and what the rest of the process knows of it.

pub(crate) mod election;
pub(crate) mod fence;
pub(crate) mod leadership;
mod lease;
#[cfg(test)]
pub(crate) mod tests;
