//! Which CRDs are installed together: those of one deployable, whether it exists already or not. So somebody who moves
//! over installs the CRDs of exactly the kinds that are in use (docs/spec/platform.md, section 11.2).

/// The CRDs of a deployable.
pub(crate) struct CrdChoice {
    /// The directory in deploy/crds.
    pub(crate) name: &'static str,
    /// Who owns them.
    pub(crate) deployable: &'static str,
    /// Their names.
    pub(crate) crds: &'static [&'static str],
}

/// The choice with all of them.
pub(crate) const ALL: &str = "all";

/// Every choice, by name. Each CRD is in one of them.
pub(crate) const CHOICES: &[CrdChoice] = &[
    choice(
        "advancedcronjob",
        "advancedcronjob-controller",
        &["advancedcronjobs.apps.kruise.io"],
    ),
    choice(
        "broadcastjob",
        "broadcastjob-controller",
        &["broadcastjobs.apps.kruise.io"],
    ),
    choice(
        "cloneset",
        "cloneset-controller",
        &["clonesets.apps.kruise.io"],
    ),
    choice(
        "crr",
        "containerrecreaterequest-controller",
        &["containerrecreaterequests.apps.kruise.io"],
    ),
    choice(
        "daemonset",
        "daemonset-controller",
        &["daemonsets.apps.kruise.io"],
    ),
    choice(
        "ephemeraljob",
        "ephemeraljob-controller",
        &["ephemeraljobs.apps.kruise.io"],
    ),
    choice(
        "imagepull",
        "imagepulljob-controller",
        &[
            "imagelistpulljobs.apps.kruise.io",
            "imagepulljobs.apps.kruise.io",
            "nodeimages.apps.kruise.io",
        ],
    ),
    choice(
        "persistentpodstate",
        "persistentpodstate-controller",
        &["persistentpodstates.apps.kruise.io"],
    ),
    choice(
        "podprobemarker",
        "podprobemarker-controller",
        &[
            "nodepodprobes.apps.kruise.io",
            "podprobemarkers.apps.kruise.io",
        ],
    ),
    choice(
        "pub",
        "pub-webhook",
        &["podunavailablebudgets.policy.kruise.io"],
    ),
    choice(
        "resourcedistribution",
        "resourcedistribution-controller",
        &["resourcedistributions.apps.kruise.io"],
    ),
    choice(
        "sidecarset",
        "sidecarset-controller",
        &["sidecarsets.apps.kruise.io"],
    ),
    choice(
        "statefulset",
        "statefulset-controller",
        &["statefulsets.apps.kruise.io"],
    ),
    choice(
        "uniteddeployment",
        "uniteddeployment-controller",
        &["uniteddeployments.apps.kruise.io"],
    ),
    choice(
        "workloadspread",
        "workloadspread-controller",
        &["workloadspreads.apps.kruise.io"],
    ),
];

const fn choice(
    name: &'static str,
    deployable: &'static str,
    crds: &'static [&'static str],
) -> CrdChoice {
    CrdChoice {
        name,
        deployable,
        crds,
    }
}

/// The CRDs of a choice. A deployable of no kind has none.
pub(crate) fn crds_of(choice: &str) -> &'static [&'static str] {
    let mut choices = CHOICES.iter();
    let found = choices.find(|it| it.name == choice);
    found.map_or(&[], |choice| choice.crds)
}

/// The choice with the CRDs of this deployable.
pub(crate) fn of_deployable(name: &str) -> Option<&'static str> {
    let mut choices = CHOICES.iter();
    choices
        .find(|it| it.deployable == name)
        .map(|choice| choice.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_crd_is_in_one_choice() {
        let crds = kruise_api::crd::all();
        let mut all: Vec<&str> = crds
            .iter()
            .map(|crd| crd["metadata"]["name"].as_str().unwrap())
            .collect();
        let mut chosen: Vec<&str> = CHOICES.iter().flat_map(|it| it.crds).copied().collect();
        all.sort_unstable();
        chosen.sort_unstable();
        assert_eq!(chosen, all);
    }

    #[test]
    fn choices_are_told_apart_and_in_order() {
        assert!(CHOICES.is_sorted_by_key(|choice| choice.name));
        assert_eq!(crds_of("cloneset"), ["clonesets.apps.kruise.io"]);
        assert_eq!(crds_of("podreadiness"), [""; 0]);
        assert_eq!(
            of_deployable("containerrecreaterequest-controller"),
            Some("crr")
        );
        assert_eq!(of_deployable("podreadiness-controller"), None);
    }
}
