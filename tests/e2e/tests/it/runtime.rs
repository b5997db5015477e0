//! What every deployable gets from the runtime and its manifests: that a leader is succeeded, that an outage of its
//! webhooks holds up little, how it is deployed and undeployed. Shown by `cloneset-controller`.

use e2e::{Deployable, Namespace, names::CLONESET_CONTROLLER};

mod commands;
mod faults;
#[cfg(feature = "full")]
mod full;
mod move_over;
mod operations;
mod outage;
mod webhook_later;

fn controller(test: &Namespace) -> Deployable {
    Deployable::of(&test.client, CLONESET_CONTROLLER)
}
