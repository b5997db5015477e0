//! Rules that all kinds share whose pods are made from a template, in revisions, and are updated in place.

mod explain;
mod history;
mod images_ahead;
mod in_place;
mod ownership;
mod refresh;
mod template;

pub use explain::{why_not_running, why_unavailable};
pub use history::{History, RevisionStep, Revisions, is_at};
pub use images_ahead::{IMAGE_PULL_JOBS, Job, NewJob};
pub use in_place::{Differences, InPlace, may_be_updated};
pub use ownership::Ownership;
pub use refresh::resize_pending;
pub use template::{Filled, TemplateForms};
