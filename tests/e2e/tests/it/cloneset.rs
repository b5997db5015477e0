//! CloneSets: what only a real cluster shows of them. What planner and executor decide is proved in process, by
//! crates/cloneset-controller/tests.

use e2e::{Deployable, Namespace, names::CLONESET_CONTROLLER};

mod admission;
mod autoscaling;
mod conversion;
#[cfg(feature = "full")]
mod full;
mod gates;
mod kept;
mod lifecycle;
mod mistakes;
mod rollout;
mod same_image;
mod unchanged;
mod volumes;

fn controller(test: &Namespace) -> Deployable {
    Deployable::of(&test.client, CLONESET_CONTROLLER)
}
