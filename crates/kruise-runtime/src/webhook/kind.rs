//! Admission by kind: what is the same for all kinds that a deployable owns. The deployable says what its kind's
//! rules are, by an [`AdmittedKind`] and an [`AdmittedVersion`] for each version. Here a request finds its version
//! (PF-213), defaults become a patch (PF-212), and what is wrong becomes an answer (PF-211).

mod defaults;
mod rules;
mod template_check;
mod validation;

pub use defaults::mutate;
pub use rules::{AdmittedKind, AdmittedVersion, Versions, Visitor};
pub use template_check::{
    NoTemplateCheck, ServerTemplateCheck, TemplateCheck, is_tolerated_in_workloads, pod_template,
    refusals,
};
pub use validation::Guard;
