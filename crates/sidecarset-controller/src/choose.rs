//! Which SidecarSets a pod gets, each in which revision (SS-103 to SS-110). Pure: what has to be looked up, and chance, are
//! arguments.

use std::{collections::BTreeSet, sync::Arc};

use kruise_api::{
    int_or_string::{IntOrString, NumberError, Rounding, kruise_percent},
    selector::Labels,
};

use crate::{
    index::{Candidate, Specific, WantedRevision},
    prepared::PreparedSidecarSet,
    record::HashRecord,
    revisions::Revision,
};

/// Percentages are told apart to the hundredth.
const SHARES: i32 = 10_000;

/// Why it can't be said what a pod gets (SS-105).
#[derive(Debug, thiserror::Error)]
pub enum ChooseError {
    /// The revision that is to be injected is not there.
    #[error("SidecarSet {sidecar_set} can't be injected: ControllerRevision {wanted} not found")]
    NotFound {
        /// Name of the SidecarSet.
        sidecar_set: String,
        /// Name, or custom version.
        wanted: String,
    },
    /// A revision is not one of a SidecarSet.
    #[error(
        "SidecarSet {sidecar_set} can't be injected: ControllerRevision {revision} can't be read"
    )]
    Unreadable {
        /// Name of the SidecarSet.
        sidecar_set: String,
        /// Name of the ControllerRevision.
        revision: String,
        /// What is wrong.
        #[source]
        source: serde_json::Error,
    },
    /// The partition is neither a number nor a percentage.
    #[error("SidecarSet {sidecar_set} can't be injected: updateStrategy.partition")]
    Partition {
        /// Name of the SidecarSet.
        sidecar_set: String,
        /// What is wrong.
        #[source]
        source: NumberError,
    },
}

/// What the choice depends on besides the SidecarSets.
pub struct Choice<'a, L> {
    /// The pod's labels.
    pub labels: &'a L,
    /// Labels of the pod's namespace, if they are known.
    pub of_namespace: Option<&'a L>,
    /// What the pod says already of SidecarSets: it may be asked for again (PF-909).
    pub recorded: &'a HashRecord,
    /// Decides which pods get an older revision.
    pub random: u64,
    /// Looks up a ControllerRevision for the SidecarSet of this name.
    pub revision: &'a dyn Fn(&str, &WantedRevision) -> Option<Arc<Revision>>,
}

/// What the pod gets of these candidates, in their order.
///
/// # Errors
///
/// When a SidecarSet that matches has no revision to inject. Then the pod is not to be created.
pub fn chosen<L: Labels>(
    candidates: &[Arc<Candidate>],
    choice: &Choice<'_, L>,
) -> Result<Vec<Arc<PreparedSidecarSet>>, ChooseError> {
    let matches =
        |candidate: &&Arc<Candidate>| candidate.matches(choice.labels, choice.of_namespace);
    let matching: Vec<&Arc<Candidate>> = candidates.iter().filter(matches).collect();
    let all = matching
        .iter()
        .map(|candidate| version(candidate, choice))
        .collect::<Result<Vec<_>, _>>()?;
    // SS-110
    let bases = matching.iter().filter_map(|it| it.base.as_deref());
    let bases: BTreeSet<&str> = bases.collect();
    let stays = |set: &Arc<PreparedSidecarSet>| !bases.contains(set.name.as_str());
    Ok(all.into_iter().filter(stays).collect())
}

/// The SidecarSet as it is, or in the older revision that it asks for (SS-106, SS-107).
fn version<L: Labels>(
    candidate: &Candidate,
    choice: &Choice<'_, L>,
) -> Result<Arc<PreparedSidecarSet>, ChooseError> {
    let latest = &candidate.latest;
    let Some(specific) = &candidate.specific else {
        return Ok(Arc::clone(latest));
    };
    // It has to be there also if this pod doesn't get it.
    let older = restored(candidate, specific, choice)?;
    let Some(partial) = &specific.partial else {
        return Ok(older);
    };
    let selector = partial.selector.as_ref();
    if selector.is_some_and(|selector| !selector.matches(choice.labels)) {
        return Ok(older);
    }
    let Some(partition @ IntOrString::String(_)) = &partial.partition else {
        return Ok(Arc::clone(latest));
    };
    let share = kruise_percent(partition, SHARES, Rounding::Down);
    let share = share.map_err(|source| ChooseError::Partition {
        sidecar_set: latest.name.clone(),
        source,
    })?;
    // A pod keeps what it has: chance decides once.
    let recorded = choice.recorded.hash_of(&latest.name);
    let is_older = if recorded == Some(&latest.hash) {
        false
    } else if recorded == Some(&older.hash) {
        true
    } else {
        let drawn = choice.random % u64::from(SHARES.unsigned_abs());
        drawn < u64::try_from(share).unwrap_or(0)
    };
    Ok(if is_older { older } else { Arc::clone(latest) })
}

/// SS-108, SS-109
fn restored<L>(
    candidate: &Candidate,
    specific: &Specific,
    choice: &Choice<'_, L>,
) -> Result<Arc<PreparedSidecarSet>, ChooseError> {
    let name = &candidate.latest.name;
    let revision = (choice.revision)(name, &specific.wanted);
    let revision = revision.ok_or_else(|| {
        let (WantedRevision::Name(wanted) | WantedRevision::CustomVersion(wanted)) =
            &specific.wanted;
        ChooseError::NotFound {
            sidecar_set: name.clone(),
            wanted: wanted.clone(),
        }
    })?;
    candidate.restored(&revision.state(), || {
        let spec = revision.spec().map_err(|source| ChooseError::Unreadable {
            sidecar_set: name.clone(),
            revision: revision.metadata.name.clone(),
            source,
        })?;
        Ok(PreparedSidecarSet::restored(name, spec, &revision.metadata))
    })
}
