//! The present template as a revision stores it, in each way that one may have been stored (CS-31, DV-CS20).

use std::{
    hash::{DefaultHasher, Hasher},
    sync::OnceLock,
};

use kruise_api::revision;
use serde_json::Value;

use crate::gates::Filled;

/// One template in the forms that revisions store. Each is made when it is first asked for, and kept: the template
/// changes rarely, and is looked at in every pass.
#[derive(Debug, Default)]
pub struct TemplateForms {
    /// Digest of the template.
    of: u64,
    nothing: OnceLock<Box<str>>,
    defaults: OnceLock<Box<str>>,
    host_ports: OnceLock<Box<str>>,
}

impl TemplateForms {
    /// The forms of this template.
    #[must_use]
    pub fn of(template: &Value) -> Self {
        Self {
            of: digest_of(template),
            ..Self::default()
        }
    }

    /// Whether it was this template.
    #[must_use]
    pub fn are_of(&self, template: &Value) -> bool {
        self.of == digest_of(template)
    }

    /// What a revision stores of the template, with so much of it filled in.
    pub(crate) fn data(&self, template: &Value, filled: Filled) -> &str {
        let form = match filled {
            Filled::Nothing => &self.nothing,
            Filled::Defaults => &self.defaults,
            Filled::DefaultsAndHostPorts => &self.host_ports,
        };
        form.get_or_init(|| revision::data(&with(template, filled)).into())
    }
}

/// A copy of the template with so much of it filled in.
pub(crate) fn with(template: &Value, filled: Filled) -> Value {
    let mut template = template.clone();
    filled.fill(&mut template);
    template
}

fn digest_of(template: &Value) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(template.to_string().as_bytes());
    hasher.finish()
}
