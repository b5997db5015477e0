//! One table for each deployable: what it may do, whom it answers, what it needs to run. Written by hand;
//! `cargo xtask gen-deploy` makes of it what lies in deploy/ for it.
//!
//! What is the same for all of them stands in `gen_deploy`, and what follows from the rest of a table in
//! `rights`: who serves webhooks may maintain its certificates.

use std::fmt;

use crate::crd_choices;

mod broadcastjob_controller;
mod cloneset_controller;
mod deletion_protection_webhook;
mod pub_webhook;
mod rights;
mod sidecarset_controller;
mod sidecarterminator_controller;
mod workload_finder;

pub(crate) use rights::{Rights, Rule, Unused, rule};

/// Everything is installed in one namespace.
pub(crate) const NAMESPACE: &str = "kruise-system";

/// Every deployable there is, by name.
pub(crate) fn all() -> Vec<Deployable> {
    // A line each, so that `cargo xtask new-controller` can add one.
    #[rustfmt::skip]
    let mut all = vec![
        cloneset_controller::table(),
        pub_webhook::table(),
        sidecarset_controller::table(),
        sidecarterminator_controller::table(),
        broadcastjob_controller::table(),
        deletion_protection_webhook::table(),
    ];
    all.sort_by_key(|deployable| deployable.name);
    all
}

/// What runs as a Deployment of two replicas, one of which leads if it reconciles.
pub(crate) struct Deployable {
    /// The package and its binary; and in the cluster nearly all that belongs to it.
    pub(crate) name: &'static str,
    /// What people ask for: the overlay, and the directory with its CRDs, which `crd_choices` names.
    pub(crate) choice: &'static str,
    /// What the overlay installs, in sentences.
    pub(crate) about: &'static str,
    /// What it is about, as in "when it asks about CloneSets".
    pub(crate) kinds: &'static str,
    /// Whether it converts between versions of these.
    pub(crate) converts: bool,
    /// Whether it has controllers. Who has none needs no lease, and tells of nothing by events.
    pub(crate) reconciles: bool,
    /// Controllers that would do the same work, by their leases; OpenKruise's own is always among them.
    pub(crate) rivals: &'static [&'static str],
    /// Flags of the container.
    pub(crate) args: &'static [&'static str],
    pub(crate) ports: Ports,
    pub(crate) probes: Probes,
    pub(crate) resources: Resources,
    /// Besides those that follow from the rest.
    pub(crate) rights: Rights,
    pub(crate) webhooks: Webhooks,
}

impl Deployable {
    /// The CRDs that are its own.
    pub(crate) fn crds(&self) -> &'static [&'static str] {
        crd_choices::crds_of(self.choice)
    }

    /// Whether the API server calls it.
    pub(crate) fn is_called(&self) -> bool {
        self.converts || !self.webhooks.is_empty()
    }

    /// The configuration of its webhooks; `kind` is `mutating` or `validating`.
    pub(crate) fn webhook_configuration(&self, kind: &str) -> String {
        format!("kruise-{}-{kind}-webhook-configuration", self.name)
    }

    /// The configuration of its webhook for new pods, if it has one.
    pub(crate) fn pod_webhook_configuration(&self) -> Option<String> {
        let place = self.webhooks.pods?.place;
        Some(format!(
            "kruise-{place:02}-{}-mutating-webhook-configuration",
            self.name
        ))
    }
}

/// Where the container listens.
pub(crate) struct Ports {
    pub(crate) metrics: u16,
    pub(crate) health: u16,
    /// Only where the API server calls it.
    pub(crate) webhook: u16,
}

impl Ports {
    /// As the flags' defaults are.
    pub(crate) const USUAL: Self = Self {
        metrics: 8080,
        health: 8000,
        webhook: 9876,
    };
}

/// How often a kubelet asks, and when it has heard enough.
pub(crate) struct Probes {
    pub(crate) live: Probe,
    pub(crate) ready: Probe,
}

/// In seconds.
pub(crate) struct Probe {
    /// Why these figures; empty where they need no reason.
    pub(crate) why: &'static str,
    pub(crate) initial_delay: Option<u32>,
    pub(crate) period: u32,
    /// So many in a row.
    pub(crate) failures: u32,
}

impl Probes {
    /// Of whom the API server calls.
    pub(crate) const USUAL: Self = Self {
        live: Probe {
            why: "",
            initial_delay: Some(10),
            period: 10,
            failures: 3,
        },
        ready: Probe {
            why: "Nothing is converted before the first replica is known to be ready. One that is only slow for\n\
                  some seconds stays so: a slow answer is better than none. One that ends is left alone at\n\
                  once, whatever its probes say.",
            initial_delay: None,
            period: 1,
            failures: 10,
        },
    };
}

/// As Kubernetes writes quantities. There is no limit of the CPU: it would only delay the lease.
pub(crate) struct Resources {
    /// What memory grows with.
    pub(crate) why: &'static str,
    pub(crate) cpu: &'static str,
    pub(crate) memory: &'static str,
    pub(crate) memory_limit: &'static str,
}

/// How long the API server waits for an answer that takes no more than looking things up. Of its own limit, ten seconds,
/// people would see more.
pub(crate) const USUAL_TIMEOUT_SECONDS: u32 = 3;

/// What the API server asks about.
pub(crate) struct Webhooks {
    /// Printed above them.
    pub(crate) why: &'static str,
    pub(crate) mutating: &'static [Webhook],
    pub(crate) validating: &'static [Webhook],
    /// What the process is asked to do about the validating ones that are about pods.
    pub(crate) policy: Option<Policy>,
    /// About new pods, in a configuration of its own.
    pub(crate) pods: Option<PodWebhook>,
}

/// By an annotation of the configuration the process is asked for a failure policy, which it sets once the API server
/// trusts the webhook.
#[derive(Clone, Copy)]
pub(crate) struct Policy {
    pub(crate) annotation: &'static str,
    /// What becomes of the request when nobody answers.
    pub(crate) unanswered: Unanswered,
}

impl Webhooks {
    pub(crate) fn is_empty(&self) -> bool {
        self.mutating.is_empty() && self.validating.is_empty() && self.pods.is_none()
    }
}

/// One question. Each has an answer within three seconds.
#[derive(Clone, Copy)]
pub(crate) struct Webhook {
    /// Printed above it; empty where it needs no reason.
    pub(crate) why: &'static str,
    pub(crate) name: &'static str,
    pub(crate) path: &'static str,
    pub(crate) group: &'static str,
    pub(crate) versions: &'static [&'static str],
    pub(crate) operations: &'static [&'static str],
    pub(crate) resources: &'static [&'static str],
    /// `Namespaced` or `Cluster`.
    pub(crate) scope: &'static str,
    /// Only about objects with this label.
    pub(crate) label: Option<&'static str>,
    /// Whether pods of the cluster's own namespace and of the installation's are spared (PF-209).
    pub(crate) spares_system: bool,
    pub(crate) conditions: &'static [Condition],
    /// What becomes of the request when nobody answers.
    pub(crate) unanswered: Unanswered,
    pub(crate) side_effects: SideEffects,
    /// How long the API server waits for an answer.
    pub(crate) timeout_seconds: u32,
}

/// The question about new pods that mutates them. It is asked again when a later webhook has changed the pod, and has
/// an answer within three seconds and no side effects. Pods of the cluster's own namespace and of the installation's are
/// spared (PF-209).
#[derive(Clone, Copy)]
pub(crate) struct PodWebhook {
    /// Printed above its configuration.
    pub(crate) why: &'static str,
    /// From 10 to 99, in the configuration's name: the API server asks in the order of names (PF-908).
    pub(crate) place: u8,
    pub(crate) name: &'static str,
    pub(crate) path: &'static str,
    /// Pods whose label with this key is `false` are spared, too.
    pub(crate) opt_out: Option<&'static str>,
    pub(crate) policy: Policy,
}

/// A match condition: the API server asks only where the expression is true.
pub(crate) struct Condition {
    pub(crate) name: &'static str,
    pub(crate) expression: &'static str,
}

/// Also while nobody answers, garbage collection can take finalizers off.
pub(crate) const NOT_ON_ITS_WAY_OUT: Condition = Condition {
    name: "is-not-on-its-way-out",
    expression: "!has(object.metadata.deletionTimestamp)",
};
pub(crate) const ASKED_BY_SOMEBODY: Condition = Condition {
    name: "is-asked-by-somebody",
    expression: "request.userInfo.username != 'system:serviceaccount:kube-system:namespace-controller'",
};
pub(crate) const ASKED_BY_THE_NAMESPACE_CONTROLLER: Condition = Condition {
    name: "is-asked-by-the-namespace-controller",
    expression: "request.userInfo.username == 'system:serviceaccount:kube-system:namespace-controller'",
};

/// `sideEffects`: what else changes when the question is answered.
#[derive(Clone, Copy)]
pub(crate) enum SideEffects {
    /// Nothing.
    None,
    /// Nothing where the request itself is a dry run.
    NoneOnDryRun,
}

impl fmt::Display for SideEffects {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::None => "None",
            Self::NoneOnDryRun => "NoneOnDryRun",
        })
    }
}

/// `failurePolicy`.
#[derive(Clone, Copy)]
pub(crate) enum Unanswered {
    Fail,
    Ignore,
}

impl fmt::Display for Unanswered {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Fail => "Fail",
            Self::Ignore => "Ignore",
        })
    }
}
