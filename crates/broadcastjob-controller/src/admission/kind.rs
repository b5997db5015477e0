//! The rules of the kind, in either version (PF-213).

use http::StatusCode;
use kruise_api::{
    apps::{v1alpha1, v1beta1},
    kinds::broadcastjob::{defaults, validation},
    validation::FieldErrors,
};
use kruise_runtime::webhook::{
    Operation,
    kind::{AdmittedKind, AdmittedVersion, pod_template},
};
use serde_json::Value;

use crate::gates::Gates;

/// Prefix of the names of PodTemplates, which no object ever gets.
const GENERATE_NAME: &str = "kruise-broadcastjob-";

/// The kind.
pub(super) struct BroadcastJobs;

impl AdmittedKind for BroadcastJobs {
    type Versions = (v1alpha1::BroadcastJob, v1beta1::BroadcastJob);
    type Gates = Gates;
    type Known = ();

    // PF-211
    fn invalid(_: Operation) -> StatusCode {
        StatusCode::INTERNAL_SERVER_ERROR
    }
}

/// Both versions are asked alike, and answer alike.
macro_rules! admitted {
    ($version:ident) => {
        impl AdmittedVersion<BroadcastJobs> for $version::BroadcastJob {
            // BJ-2
            fn default_raw(&mut self, old: Option<&Self>, gates: &Gates) {
                let stored = old.map(|old| &old.spec.template);
                gates.filled.fill_new(&mut self.spec.template, stored);
            }

            fn take_raw(&mut self) -> Vec<(&'static str, Value)> {
                vec![("template", self.spec.template.take())]
            }

            // BJ-1
            fn apply_defaults(&mut self) {
                defaults::fill(&mut self.spec);
            }

            fn unreadable(&self) -> Option<String> {
                let read = validation::template(&self.spec.template);
                read.err().map(|error| error.to_string())
            }

            // BJ-3: the stored object plays no role.
            fn errors(&self, _: Option<&Self>, _: &str, (): &()) -> FieldErrors {
                validation::validate(&self.metadata, &self.spec)
            }

            // BJ-7
            fn pod_template(&self) -> Option<Value> {
                Some(pod_template(GENERATE_NAME, self.spec.template.clone()))
            }
        }
    };
}

admitted!(v1alpha1);
admitted!(v1beta1);
