//! SidecarSet's admission: [`mutate()`] fills in defaults and writes the hashes (SS-10 to SS-16), and [`Validator`]
//! refuses what can't be acted on (SS-40 to SS-64). Deletions are not judged: no SidecarSet is protected (DP-1).
//!
//! Both are functions of the request and of what they are given: [`Known`], which looks other objects up in indexes,
//! and a [`TemplateCheck`](kruise_runtime::webhook::kind::TemplateCheck), the one step that asks the API server.

mod handlers;
mod kind;
mod known;
pub mod pod;
mod template_check;

pub use handlers::{Validator, mutate};
pub use known::{FindSidecarSets, HasRevision, Known, ReadWhitelist};
pub use template_check::JudgedIn;

/// Where defaults are asked for (PF-201).
pub const MUTATE_PATH: &str = "/mutate-apps-kruise-io-sidecarset";
/// Where validation is asked for (PF-201).
pub const VALIDATE_PATH: &str = "/validate-apps-kruise-io-sidecarset";
