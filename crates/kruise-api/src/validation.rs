//! What validation is made of: errors with field paths, and checks of parts that several kinds share. What
//! admission refuses in a kind stands in the kind's room in [`crate::kinds`].
//!
//! Objects are validated with their defaults. The API server has judged their metadata before, and the
//! rules of the CRD ([`crate::crd`]) may have judged more. Words that rules and validation both use are
//! written once, so that they can't drift apart. What only the API server can judge, as pod templates,
//! isn't judged here.

mod field;
pub(crate) mod image_pull;
mod labels;
mod names;
pub(crate) mod node_affinity;
pub(crate) mod numbers;
pub(crate) mod target_reference;
pub(crate) mod update_order;
pub mod workload;

pub use field::{FieldError, FieldErrorKind, FieldErrors, FieldPath, MAX_TOLD};
pub(crate) use labels::{EMPTY_SELECTOR, annotations, labels, not_empty_selector};
pub use labels::{
    dns_label, dns_label_problems, is_dns_subdomain, label_key, label_selector, label_value,
};
pub(crate) use names::is_plain_name;
