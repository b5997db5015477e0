//! The rules of the kind, in either version (PF-213).

use http::StatusCode;
use kruise_api::{
    apps::{v1alpha1, v1beta1},
    kinds::sidecarset::{
        defaults::{fill_v1alpha1, fill_v1beta1},
        hash::SidecarSetHashes,
        template::judged,
    },
    object::CustomResource,
    template::PodTemplate,
    validation::FieldErrors,
};
use kruise_runtime::webhook::{
    AdmissionRequest, Operation,
    kind::{AdmittedKind, AdmittedVersion, pod_template},
};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::known::Known;
use crate::scope::Reach;

/// Prefix of the names of PodTemplates, which no object ever gets.
const GENERATE_NAME: &str = "kruise-sidecarset-";

/// The kind.
pub(super) struct SidecarSets;

impl AdmittedKind for SidecarSets {
    type Versions = (v1alpha1::SidecarSet, v1beta1::SidecarSet);
    type Gates = ();
    type Known = Known;

    // PF-211
    fn invalid(_: Operation) -> StatusCode {
        StatusCode::INTERNAL_SERVER_ERROR
    }
}

/// Both versions are asked alike. They are judged in the form of v1beta1 (SS-5).
macro_rules! admitted {
    ($version:ident, $fill:ident) => {
        impl AdmittedVersion<SidecarSets> for $version::SidecarSet {
            // SS-10 to SS-15
            fn apply_defaults(&mut self) {
                $fill(&mut self.spec);
            }

            // SS-16
            fn settle(&mut self) {
                let spec = &self.spec;
                let hashes = SidecarSetHashes::of(&spec.containers, &spec.init_containers);
                for (key, hash) in hashes.annotations() {
                    self.metadata.annotations.insert(key, hash);
                }
            }

            fn unreadable(&self) -> Option<String> {
                let set = v1beta1::SidecarSet::from(self.clone());
                let read = PodTemplate::view(&judged(&set.spec));
                read.err()
                    .map(|error| format!("spec can't be read: {error}"))
            }

            fn errors(&self, old: Option<&Self>, _: &str, known: &Known) -> FieldErrors {
                let old = old.map(|old| old.clone().into());
                known.errors(&self.clone().into(), old.as_ref())
            }

            // SS-53
            fn pod_template(&self) -> Option<Value> {
                let set = v1beta1::SidecarSet::from(self.clone());
                Some(pod_template(GENERATE_NAME, judged(&set.spec)))
            }
        }
    };
}

admitted!(v1alpha1, fill_v1alpha1);
admitted!(v1beta1, fill_v1beta1);

/// Which pods the SidecarSet of a request can match: before, where it is there already, and from now on. None where that can't
/// be read, or the SidecarSet is on its way out.
pub(super) fn reaches(request: &AdmissionRequest) -> Option<(Option<Reach>, Reach)> {
    fn of<T: DeserializeOwned>(
        request: &AdmissionRequest,
        reach: impl Fn(&T) -> Reach,
    ) -> Option<(Option<Reach>, Reach)> {
        let old = request.old_object().ok().map(|old: T| reach(&old));
        Some((old, reach(&request.object().ok()?)))
    }
    match request.kind.version.as_str() {
        v1alpha1::SidecarSet::VERSION => {
            of(request, |set: &v1alpha1::SidecarSet| Reach::from(&set.spec))
        }
        _ => of(request, |set: &v1beta1::SidecarSet| Reach::from(&set.spec)),
    }
}
