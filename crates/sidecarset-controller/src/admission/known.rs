//! What admission looks up of other objects. Indexes lag behind the API server, so of two SidecarSets that are made
//! within milliseconds of each other none may be seen by the other's admission (SS-56).

use std::sync::Arc;

use kruise_api::{
    apps::v1beta1::SidecarSet,
    kinds::sidecarset::validation::{
        AnnotationWhitelist, Surroundings, WantedRevision, validate, wanted_revision,
    },
    validation::FieldErrors,
};

/// Finds every SidecarSet. They are decoded already: this is called for every request.
pub type FindSidecarSets = dyn Fn() -> Vec<Arc<SidecarSet>> + Send + Sync;
/// Says whether the ControllerRevision exists that the SidecarSet of this name wants. One that is named need not be a
/// revision of this SidecarSet (SS-108).
pub type HasRevision = dyn Fn(&str, WantedRevision<'_>) -> bool + Send + Sync;
/// Reads which annotations pods may get, as JSON, if anything is said about that (SS-60); or why that can't be known.
pub type ReadWhitelist = dyn Fn() -> Result<Option<String>, String> + Send + Sync;

/// Looks other objects up.
pub struct Known {
    /// SidecarSets.
    pub sidecar_sets: Box<FindSidecarSets>,
    /// Revisions.
    pub has_revision: Box<HasRevision>,
    /// The cluster's configuration.
    pub whitelist: Box<ReadWhitelist>,
    /// Gate `SidecarSetPatchPodMetadataDefaultsAllowed`.
    pub allows_by_default: bool,
}

impl Known {
    /// What is wrong with a SidecarSet that has its defaults, and with the change that made it of `old`.
    pub(super) fn errors(&self, set: &SidecarSet, old: Option<&SidecarSet>) -> FieldErrors {
        let sidecar_sets = (self.sidecar_sets)();
        let sidecar_sets: Vec<&SidecarSet> = sidecar_sets.iter().map(|it| &**it).collect();
        let wanted = wanted_revision(&set.spec);
        let has_revision =
            wanted.is_some_and(|wanted| (self.has_revision)(&set.metadata.name, wanted));
        // Nobody looks at the whitelist otherwise.
        let patches = !set.spec.patch_pod_metadata.is_empty();
        let whitelist = patches.then(|| (self.whitelist)());
        let whitelist = match &whitelist {
            None | Some(Ok(None)) => AnnotationWhitelist::Absent,
            Some(Ok(Some(json))) => AnnotationWhitelist::Json(json),
            Some(Err(why)) => AnnotationWhitelist::Unreadable(why),
        };
        let surroundings = Surroundings {
            sidecar_sets: &sidecar_sets,
            has_revision,
            whitelist,
            allows_by_default: self.allows_by_default,
        };
        validate(set, old, surroundings)
    }
}
