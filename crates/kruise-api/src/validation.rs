//! What admission refuses, as pure functions from objects to errors with field paths.
//!
//! Objects come here with their defaults ([`crate::defaults`]), and as the API server left them: it has
//! judged the metadata of every object already, and the CRD's own rules ([`crate::crd`]) may have been
//! there first. Words that both use are written once, so that they can't drift apart. What only the API
//! server can judge, as pod templates, isn't here.

mod field;
mod labels;
pub(crate) mod update_order;

pub use field::{FieldError, FieldErrorKind, FieldErrors, FieldPath, MAX_TOLD};
pub use labels::{label_key, label_selector, label_value};
