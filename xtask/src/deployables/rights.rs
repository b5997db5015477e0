//! What a deployable may do: its own rules, and those that follow from the rest of its table.

use super::Deployable;

/// OpenKruise's own manager does the work of all.
const KRUISE_MANAGER: &str = "kruise-manager";

/// What one deployable may do beyond what all of its shape may.
pub(crate) struct Rights {
    /// In every namespace.
    pub(crate) cluster: Vec<Rule>,
    /// In the namespace of the installation.
    pub(crate) own_namespace: Vec<Rule>,
    /// What of these no end-to-end test uses. Reviewed: everything else that is not used fails.
    pub(crate) unused: &'static [Unused],
}

/// Verbs on resources of one group, with what they are for.
#[derive(Clone)]
pub(crate) struct Rule {
    /// Printed above the rule.
    pub(crate) why: String,
    /// The API group; empty for core.
    pub(crate) group: &'static str,
    pub(crate) resources: Vec<&'static str>,
    pub(crate) verbs: Vec<&'static str>,
    /// Objects by name; empty for all.
    pub(crate) names: Vec<String>,
}

/// A right that is needed although no test needs it.
pub(crate) struct Unused {
    pub(crate) verb: &'static str,
    /// As rules name it: `pods/status`.
    pub(crate) resource: &'static str,
    /// Why it is granted, and why no test shows it.
    pub(crate) why: &'static str,
}

/// Of the rules that every deployable has which the API server calls.
const RENEWAL: Unused = Unused {
    verb: "patch",
    resource: "secrets",
    why: "certificates are renewed after months; `cargo xtask soak --rotations` has it done at once",
};

/// A rule for all objects.
pub(crate) fn rule<const R: usize, const V: usize>(
    why: impl Into<String>,
    group: &'static str,
    resources: [&'static str; R],
    verbs: [&'static str; V],
) -> Rule {
    Rule {
        why: why.into(),
        group,
        resources: resources.into(),
        verbs: verbs.into(),
        names: Vec::new(),
    }
}

impl Rule {
    /// For these objects alone.
    pub(crate) fn named(mut self, names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.names = names.into_iter().map(Into::into).collect();
        self
    }
}

impl Deployable {
    /// All that it may do in every namespace, or where there is none.
    pub(crate) fn cluster_rules(&self) -> Vec<Rule> {
        const ADMISSION: &str = "admissionregistration.k8s.io";
        let kinds = self.kinds;
        let mut rules = self.rights.cluster.clone();
        if self.reconciles {
            rules.push(rule(
                "Tell people what happened, in the namespace of the object it happened to.",
                "",
                ["events"],
                ["create", "patch"],
            ));
        }
        if self.converts {
            let why = format!("Tell the API server whom to trust when it has {kinds} converted.");
            let crds = ["customresourcedefinitions"];
            let rule = rule(why, "apiextensions.k8s.io", crds, ["get", "patch"]);
            rules.push(rule.named(self.crds().iter().copied()));
        }
        let asked = format!("Tell the API server whom to trust when it asks about {kinds}.");
        let has_mutating = !self.webhooks.mutating.is_empty();
        if has_mutating {
            let resources = ["mutatingwebhookconfigurations"];
            let rule = rule(asked.clone(), ADMISSION, resources, ["get", "patch"]);
            rules.push(rule.named([self.webhook_configuration("mutating")]));
        }
        if let Some(configuration) = self.pod_webhook_configuration() {
            let why = "The same for what it asks about new pods, and about which of them.";
            let resources = ["mutatingwebhookconfigurations"];
            let rule = rule(why, ADMISSION, resources, ["get", "patch"]);
            rules.push(rule.named([configuration]));
        }
        if !self.webhooks.validating.is_empty() {
            let why = if has_mutating {
                "The same for what it asks before it stores or deletes them.".to_owned()
            } else {
                asked
            };
            let resources = ["validatingwebhookconfigurations"];
            let rule = rule(why, ADMISSION, resources, ["get", "patch"]);
            rules.push(rule.named([self.webhook_configuration("validating")]));
        }
        rules
    }

    /// What of all that no end-to-end test need use.
    pub(crate) fn unused(&self) -> impl Iterator<Item = &Unused> {
        let renewal = self.is_called().then_some(&RENEWAL);
        self.rights.unused.iter().chain(renewal)
    }

    /// All that it may do in the namespace of the installation alone.
    pub(crate) fn own_namespace_rules(&self) -> Vec<Rule> {
        const LEASES: (&str, [&str; 1]) = ("coordination.k8s.io", ["leases"]);
        let (group, leases) = LEASES;
        let mut rules = self.rights.own_namespace.clone();
        if self.is_called() {
            let why = "Share the webhook server's certificates.";
            let creation = format!("{why} Creation can't be restricted to a name.");
            rules.push(rule(creation, "", ["secrets"], ["create"]));
            let rule = rule(why, "", ["secrets"], ["get", "patch"]);
            rules.push(rule.named([format!("kruise-{}-webhook-certs", self.name)]));
        }
        if !self.reconciles {
            return rules;
        }
        let creation = "Leader election. Creation can't be restricted to a name.";
        let see = "See whether a controller that would do the same work is alive.";
        let rivals = std::iter::once(KRUISE_MANAGER).chain(self.rivals.iter().copied());
        rules.extend([
            rule(creation, group, leases, ["create"]),
            rule("Leader election.", group, leases, ["get", "patch"]).named([self.name]),
            rule(see, group, leases, ["get"]).named(rivals),
        ]);
        rules
    }
}
