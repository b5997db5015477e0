//! What a process remembers of a CloneSet. Losing it loses nothing but time.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use jiff::SignedDuration;
use kruise_api::meta::Time;
use kruise_plan::{
    WaitReason,
    refused::{Refusal, RefusedResizes, RefusedWrites},
    workload::TemplateForms,
};

use crate::known_pods::KnownPods;

/// What a process remembers of a CloneSet between two reconciles.
#[derive(Debug, Clone, Default)]
pub struct Memory {
    /// The reason that held last time, and since when.
    pub waiting: Option<(WaitReason, Time)>,
    /// Whether the last attempt to scale failed.
    pub scaling_failed: bool,
    /// Message of the last failure while scaling, for condition FailedScale (CS-25); like the
    /// condition it stays (CS-119).
    pub failed_scale: Option<String>,
    /// Message of the last failure while updating, for condition FailedUpdate (CS-25).
    pub failed_update: Option<String>,
    /// The API server has refused to create anything since the namespace is being deleted, which is never
    /// taken back.
    pub namespace_terminates: bool,
    /// Resizes that the API server refused, by the pod's UID.
    pub refused_resizes: RefusedResizes,
    /// Other writes to pods that it refused.
    pub refused_writes: RefusedWrites,
    /// The revision that the API server has let a pod have, and the generation of the CloneSet then. Before
    /// that it is asked by a dry run, so that no pod is taken out of service in vain (DV-IP15).
    pub update_taken: Option<(String, Option<i64>)>,
    /// Ids of pods whose last creation failed. Their claims may be there already, and are theirs.
    pub refused_ids: BTreeSet<String>,
    /// Claims, by UID, whose pod was found to live although the index doesn't show it: its name, and when.
    pub claims_in_use: BTreeMap<String, (String, Time)>,
    /// The revision that could not be marked as pulled ahead, and when (CS-105).
    pub unmarked: Option<(String, Time)>,
    /// The present template as revisions would store it.
    pub forms: Option<Arc<TemplateForms>>,
    /// What is to be known of the pods.
    pub pods: Option<Arc<KnownPods>>,
    /// Why the last attempt to tidy up failed, and when (CS-22, 12 and 13).
    pub failed_trim: Option<(String, Time)>,
    /// What was logged of what holds back: one reason of a kind.
    pub logged: Vec<WaitReason>,
}

/// What executing a plan has found out, which no watch tells.
#[derive(Debug, Clone, Default)]
pub struct Found {
    /// Resizes that were refused: UID of the pod, and the server's words.
    pub refused_resizes: Vec<(String, String)>,
    /// Other writes to pods that were refused.
    pub refused_writes: Vec<Refusal>,
    /// Claims that are no orphans: UID, and name of the pod.
    pub claims_in_use: Vec<(String, String)>,
    /// A revision that could not be marked.
    pub unmarked: Option<String>,
    /// Why it could not be tidied up.
    pub failed_trim: Option<String>,
}

impl Memory {
    /// How long what was found stands before it is looked at again.
    pub const STANDS_FOR: SignedDuration = SignedDuration::from_mins(1);

    /// Whether the API server is known to let pods of the CloneSet in this generation have this revision.
    #[must_use]
    pub fn is_taken(&self, generation: Option<i64>, revision: &str) -> bool {
        self.update_taken
            .as_ref()
            .is_some_and(|(taken, of)| taken == revision && *of == generation)
    }

    /// How long nothing is tidied up, since the last attempt failed.
    #[must_use]
    pub fn trims_wait(&self, now: Time) -> Option<Duration> {
        let (_, failed) = self.failed_trim.as_ref()?;
        let left = Self::STANDS_FOR - now.duration_since(*failed);
        Duration::try_from(left).ok().filter(|left| !left.is_zero())
    }
}
