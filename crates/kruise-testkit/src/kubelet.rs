//! Kubelets as they are seen through the API: what they report of pods, and that deleted pods go. No container runs.
//!
//! What one kubelet does about one pod is decided without a server ([`PodOnNode`]): the rest of this module brings it
//! the changes, waits until something is due, and writes what it reports.

mod container;
mod driver;
mod pod;
mod rules;
#[cfg(test)]
mod tests;

pub use driver::{KUBELET, Kubelets};
pub use pod::{Next, PodOnNode};
pub(crate) use pod::{is_true, set_condition};
pub use rules::{Delay, EXITS, EXITS_OF, Exit, Rules, exit, is_bad};
