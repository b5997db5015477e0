//! CloneSet's admission: [`mutate()`] fills in defaults (CS-6 to CS-10), and [`Validator`] refuses what can't
//! be acted on and deletions that the object's label forbids (CS-11 to CS-21).
//!
//! Both are functions of the request and of what they are given: the gates, the pods of the index, and a
//! [`TemplateCheck`](kruise_runtime::webhook::kind::TemplateCheck), the one step that asks the API server. Neither has
//! to have run for the controller to work: it applies the same defaults and holds back what it can't act on by the
//! same checks (PF-907).

mod defaults;
mod handlers;
mod kind;
mod object;
mod template_check;

pub use handlers::{Validator, mutate};
pub use kind::FindPod;
pub use template_check::refusals;

/// Where defaults are asked for (PF-201).
pub const MUTATE_PATH: &str = "/mutate-apps-kruise-io-cloneset";
/// Where validation is asked for (PF-201).
pub const VALIDATE_PATH: &str = "/validate-apps-kruise-io-cloneset";
