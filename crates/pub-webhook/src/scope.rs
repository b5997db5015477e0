//! Keeps the webhooks for pods as narrow as the budgets are that there are.
//!
//! The API server calls a webhook for each request that its configuration selects, and such a request fails or waits while
//! nobody answers. So as little as possible is selected.
//!
//! * Nothing is asked about in namespaces without budgets: the leader keeps a requirement in the namespace selectors that names
//!   the others. The API server judges selectors before it looks at the object at all.
//! * A pod that is deleted or changed is in the request. Static conditions, which the installation brings, leave out all that
//!   is free anyway: pods without a link, pods that do not serve, changes that do not count. A new pod has no link yet, and an
//!   eviction does not show its pod: there, the namespace has to do.
//! * What a feature gate switches off is not asked about at all.
//!
//! A budget begins to protect when its first status is written, and only the leader writes that. So [`Coverage`] holds the
//! reconciler back until the API server is told of the namespace, for a second more than that ([`Coverage::wait_for`]).
//! Narrower is never urgent.
//!
//! Each configuration is written under the version that was read, so nobody's change is lost. The installation brings both
//! without these: whoever applies them again gets the broad form, which is safe.

mod configuration;
mod coverage;
mod extent;
mod keeper;
mod metrics;

use std::sync::Mutex;

use kruise_api::resource::{
    MUTATING_WEBHOOK_CONFIGURATIONS, ObjectKey, VALIDATING_WEBHOOK_CONFIGURATIONS,
};
use kruise_runtime::{Setup, Watched};

pub use self::{
    configuration::{
        EVICTIONS, NEW_PODS, PODS, POLICY_ANNOTATION, SCOPE_CONDITION, Wanted, found, revise,
    },
    coverage::Coverage,
    extent::{Extent, MOST_BYTES},
};
use self::{
    keeper::{Keeper, Place},
    metrics::ScopeMetrics,
};
use crate::{admission::PLACE, budget::Budget, gates::Gates};

/// Keeps both configurations on the leader. What is returned holds reconcilers back.
pub(crate) fn wire(
    setup: &mut Setup,
    budgets: &Watched<Budget>,
    gates: Gates,
    narrows: bool,
) -> Coverage {
    let coverage = Coverage::default();
    let queue = setup.queue("pub-scope");
    // Also where there is no budget.
    queue.add(keeper::key());
    budgets.on_change(&queue, |old, new| {
        let is_other = old.is_some() != new.is_some();
        is_other.then(keeper::key).into_iter().collect()
    });
    let validating = format!(
        "kruise-{}-validating-webhook-configuration",
        setup.app_name()
    );
    let places = [
        Place {
            resource: MUTATING_WEBHOOK_CONFIGURATIONS,
            key: ObjectKey::new("", setup.pod_webhook_configuration(PLACE)),
        },
        Place {
            resource: VALIDATING_WEBHOOK_CONFIGURATIONS,
            key: ObjectKey::new("", validating),
        },
    ];
    let keeper = Keeper {
        places,
        client: setup.client(),
        budgets: budgets.store(),
        gates,
        narrows,
        coverage: coverage.clone(),
        metrics: ScopeMetrics::new(setup.registry()),
        narrowed: Mutex::default(),
    };
    setup.controller("pub-scope", 1, queue, keeper);
    coverage
}
