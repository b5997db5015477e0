//! The present template in each form in which a revision may have stored it (CS-31, DV-CS20).

use std::{
    hash::{DefaultHasher, Hasher},
    sync::OnceLock,
};

use kruise_api::{defaults, revision, template::means_the_same};
use serde_json::Value;

/// How much is filled in of what a template leaves open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Filled {
    /// Nothing: the template as it is stored.
    Nothing,
    /// The defaults of CS-9.
    Defaults,
    /// The defaults, and the host ports of templates that use the host's network.
    DefaultsAndHostPorts,
}

impl Filled {
    /// All forms. Which of them a revision stores depends on the release, and on the gates, that stored it.
    pub const ALL: [Self; 3] = [Self::Nothing, Self::Defaults, Self::DefaultsAndHostPorts];

    /// How much gates say is filled in: `TemplateNoDefaults`, and `DefaultHostNetworkHostPortsInPodTemplates`.
    #[must_use]
    pub fn by_gates(no_defaults: bool, host_ports: bool) -> Self {
        match (no_defaults, host_ports) {
            (true, _) => Self::Nothing,
            (false, false) => Self::Defaults,
            (false, true) => Self::DefaultsAndHostPorts,
        }
    }

    /// Fills this much in, as admission does: a template that is stored already stays as it is, and one that says the
    /// same in other words becomes the stored one (CS-9, DV-CS15). Returns whether it is another than the stored one.
    pub fn fill_new(self, template: &mut Value, stored: Option<&Value>) -> bool {
        let is_new = stored.is_none_or(|stored| stored != template);
        if is_new && self != Self::Nothing {
            self.fill(template);
            if let Some(stored) = stored.filter(|stored| means_the_same(template, stored)) {
                *template = stored.clone();
            }
        }
        is_new
    }

    /// Fills this much of the template in.
    pub fn fill(self, template: &mut Value) {
        if self == Self::Nothing {
            return;
        }
        defaults::pod_template(template);
        if self == Self::DefaultsAndHostPorts {
            defaults::host_ports(template);
        }
    }
}

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

    /// Whether these are the forms of this template.
    #[must_use]
    pub fn are_of(&self, template: &Value) -> bool {
        self.of == digest_of(template)
    }

    /// What a revision stores of the template, with so much of it filled in.
    #[must_use]
    pub fn data(&self, template: &Value, filled: Filled) -> &str {
        let form = match filled {
            Filled::Nothing => &self.nothing,
            Filled::Defaults => &self.defaults,
            Filled::DefaultsAndHostPorts => &self.host_ports,
        };
        form.get_or_init(|| revision::data(&with(template, filled)).into())
    }
}

/// A copy of the template with so much of it filled in.
pub(super) fn with(template: &Value, filled: Filled) -> Value {
    let mut template = template.clone();
    filled.fill(&mut template);
    template
}

fn digest_of(template: &Value) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(template.to_string().as_bytes());
    hasher.finish()
}
