//! The rules of the kind, in either version (PF-213).

use std::sync::Arc;

use http::StatusCode;
use kruise_api::{
    apps::{v1alpha1, v1beta1},
    conversion, defaults, deletion_protection,
    pod::Pod,
    resource::ObjectKey,
    validation::{FieldErrors, cloneset},
};
use kruise_runtime::webhook::{
    Operation,
    kind::{AdmittedKind, AdmittedVersion},
};
use serde_json::Value;

use super::{defaults::default_raw, object::AnyCloneSet, template_check::pod_template};
use crate::snapshot::Gates;

/// Looks a pod up.
pub type FindPod = dyn Fn(&ObjectKey) -> Option<Arc<Pod>> + Send + Sync;

/// The kind.
pub(super) struct CloneSets;

impl AdmittedKind for CloneSets {
    type Versions = (v1alpha1::CloneSet, v1beta1::CloneSet);
    type Gates = Gates;
    type Known = FindPod;

    // PF-211
    fn invalid(_: Operation) -> StatusCode {
        StatusCode::UNPROCESSABLE_ENTITY
    }
}

/// What both versions are asked alike.
macro_rules! alike {
    () => {
        fn default_raw(&mut self, old: Option<&Self>, gates: &Gates) {
            default_raw(self, old, gates);
        }

        fn take_raw(&mut self) -> Vec<(&'static str, Value)> {
            let claims = self.spec.volume_claim_templates.take();
            vec![
                ("template", self.spec.template.take()),
                (
                    "volumeClaimTemplates",
                    claims.map_or(Value::Null, Value::from),
                ),
            ]
        }

        fn unreadable(&self) -> Option<String> {
            let read = cloneset::template(self.template());
            read.err().map(|error| error.to_string())
        }

        fn pod_template(&self) -> Option<Value> {
            Some(pod_template(self.template(), self.claims()))
        }

        // CS-21
        fn protected(&self) -> Option<String> {
            deletion_protection::of_workload(&self.metadata, self.spec.replicas)
        }
    };
}

impl AdmittedVersion<CloneSets> for v1alpha1::CloneSet {
    alike!();

    fn apply_defaults(&mut self) {
        defaults::cloneset_v1alpha1(&mut self.spec);
    }

    fn settle(&mut self) {
        conversion::settle_v1alpha1(&mut self.spec, &self.metadata);
    }

    fn errors(&self, old: Option<&Self>, namespace: &str, find_pod: &FindPod) -> FieldErrors {
        cloneset::v1alpha1(self, old, &|name| {
            find_pod(&ObjectKey::new(namespace, name))
        })
    }
}

impl AdmittedVersion<CloneSets> for v1beta1::CloneSet {
    alike!();

    fn apply_defaults(&mut self) {
        defaults::cloneset(&mut self.spec);
    }

    fn settle(&mut self) {
        conversion::settle_v1beta1(&mut self.spec);
    }

    // CS-20: pods are not looked for.
    fn errors(&self, old: Option<&Self>, _: &str, _: &FindPod) -> FieldErrors {
        cloneset::v1beta1(self, old)
    }
}
