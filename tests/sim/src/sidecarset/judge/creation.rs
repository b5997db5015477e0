//! What a new pod has of SidecarSets: all of a SidecarSet or nothing (SS-118 to SS-136), of those that take it (SS-103,
//! SS-104, SS-110), and of those alone.

use jiff::Timestamp;

use super::{
    super::seen::{Labels, PodSeen, Terms},
    known::{Found, Known},
};

/// Keeps every SidecarSet away from a pod.
const INJECT: &str = "sidecarset.kruise.io/inject";

/// Judges a pod that was created in this version; its creation was asked for at this time.
pub(super) fn check(known: &Known<'_>, asked: (Timestamp, u64), pod: &PodSeen) -> Vec<Found> {
    let namespaces = known.answering_labels(asked, &pod.namespace);
    let names: Vec<&String> = known.sets.keys().collect();
    let answers: Vec<Answer<'_>> = names
        .iter()
        .map(|set| Answer::of(&known.answering_terms(asked, set), &namespaces, pod))
        .collect();
    let mut found = vec![];
    let mut tell = |rule, what: String| found.push((rule, format!("{}: {what}", pod.name)));
    for (set, answer) in names.iter().zip(&answers) {
        let displaces = |it: &&Answer<'_>| it.bases.iter().any(|base| base == set);
        let canaries = || answers.iter().filter(displaces);
        let may_be_displaced = canaries().any(|it| it.may);
        let is_displaced = canaries().any(|it| it.must && it.is_always_canary);
        let is_injected = pod.injected.contains(*set);
        if answer.must && !may_be_displaced && !is_injected {
            tell("not-injected", format!("nothing of {set}"));
        } else if is_injected && (!answer.may || is_displaced) {
            tell("injected-unasked", format!("has {set}"));
        } else if is_injected {
            let lacking: Option<Vec<String>> =
                answer.takers.iter().map(|terms| terms.lacks(pod)).collect();
            if let Some(lacking) = lacking {
                tell("half-injected", format!("of {set} it lacks {lacking:?}"));
            }
        }
    }
    for container in pod.containers.iter().chain(&pod.init_containers) {
        let brings = |terms: &&&Terms| {
            terms.sidecar_of(&container.name).is_some()
                || terms.init_sidecars.contains(&container.name)
        };
        let listed = names
            .iter()
            .zip(&answers)
            .filter(|(set, _)| pod.injected.contains(**set));
        let mut takers = listed.flat_map(|(_, answer)| &answer.takers);
        if container.is_injected && !takers.any(|terms| brings(&terms)) {
            tell(
                "half-injected",
                format!("{} of no SidecarSet", container.name),
            );
        }
    }
    let names_of = |hashes: &std::collections::BTreeMap<String, _>| {
        hashes
            .keys()
            .cloned()
            .collect::<std::collections::BTreeSet<String>>()
    };
    let is_equal = names_of(&pod.hashes) == pod.injected
        && names_of(&pod.hashes_without_image) == pod.injected;
    if !is_equal || (pod.injected.is_empty() && pod.has_twins()) {
        let what = format!(
            "lists {:?}, has hashes of {:?}",
            pod.injected,
            pod.hashes.keys()
        );
        tell("half-injected", what);
    }
    found
}

/// What a SidecarSet may have answered.
struct Answer<'a> {
    /// It takes the pod, whichever of its terms was gone by.
    must: bool,
    may: bool,
    /// Terms that take the pod.
    takers: Vec<&'a Terms>,
    /// Whose place it may take.
    bases: Vec<&'a String>,
    is_always_canary: bool,
}

impl<'a> Answer<'a> {
    fn of(states: &[Option<&'a Terms>], namespaces: &[Option<&Labels>], pod: &PodSeen) -> Self {
        let has_opted_out = pod.labels.get(INJECT).is_some_and(|it| it == "false");
        let takes = |terms: &Terms, labels: &Option<&Labels>| {
            !has_opted_out && terms.injects && terms.selects(&pod.labels, *labels)
        };
        let is_taker = |terms: &&Terms| namespaces.iter().any(|labels| takes(terms, labels));
        let always = |terms: &Option<&Terms>| {
            terms.is_some_and(|terms| namespaces.iter().all(|labels| takes(terms, labels)))
        };
        let takers: Vec<&Terms> = states.iter().flatten().copied().filter(is_taker).collect();
        Self {
            must: !states.is_empty() && states.iter().all(always),
            may: !takers.is_empty(),
            bases: takers
                .iter()
                .filter_map(|terms| terms.base.as_ref())
                .collect(),
            is_always_canary: takers.iter().all(|terms| terms.base.is_some()),
            takers,
        }
    }
}
