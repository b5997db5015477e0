//! Label selectors that match (IP-165).
//!
//! What admission checks is not checked again here. A requirement that makes no sense matches what its
//! words say.

mod text;

use std::{collections::BTreeSet, fmt};

pub use text::SelectorTextError;

use crate::{
    meta::{LabelSelector, StringMap},
    text::Text,
    text_map::TextMap,
};

/// A label selector ready to match. All its requirements must hold. A selector without requirements matches
/// all objects.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selector {
    requirements: Vec<Requirement>,
}

/// A selector that can't be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SelectorError {
    /// The operator of a requirement is none of the four that exist.
    #[error("label selector has unknown operator {operator:?} for key {key:?}")]
    UnknownOperator {
        /// Key of the requirement.
        key: String,
        /// The operator found.
        operator: String,
    },
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Requirement {
    key: String,
    test: Test,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Test {
    Equals(String),
    In(BTreeSet<String>),
    NotIn(BTreeSet<String>),
    Exists,
    DoesNotExist,
}

/// The labels of an object, in whatever form they are kept.
pub trait Labels {
    /// The value of this label.
    fn value(&self, key: &str) -> Option<&str>;
}

impl Labels for StringMap {
    fn value(&self, key: &str) -> Option<&str> {
        self.get(key).map(String::as_str)
    }
}

impl Labels for TextMap {
    fn value(&self, key: &str) -> Option<&str> {
        self.get(key).map(Text::as_str)
    }
}

impl Selector {
    /// Reads a selector as it is written in objects.
    ///
    /// # Errors
    ///
    /// When an operator is unknown.
    pub fn parse(selector: &LabelSelector) -> Result<Self, SelectorError> {
        let labels = selector.match_labels.iter().flatten().map(|(key, value)| {
            Ok(Requirement {
                key: key.clone(),
                test: Test::Equals(value.clone()),
            })
        });
        let expressions = selector
            .match_expressions
            .iter()
            .flatten()
            .map(|expression| {
                let values = || expression.values.iter().flatten().cloned().collect();
                let test = match expression.operator.as_str() {
                    "In" => Test::In(values()),
                    "NotIn" => Test::NotIn(values()),
                    "Exists" => Test::Exists,
                    "DoesNotExist" => Test::DoesNotExist,
                    unknown => {
                        return Err(SelectorError::UnknownOperator {
                            key: expression.key.clone(),
                            operator: unknown.to_owned(),
                        });
                    }
                };
                Ok(Requirement {
                    key: expression.key.clone(),
                    test,
                })
            });
        let mut requirements = labels.chain(expressions).collect::<Result<Vec<_>, _>>()?;
        requirements.sort_by(|a, b| a.key.cmp(&b.key));
        Ok(Self { requirements })
    }

    /// Whether an object with these labels is selected.
    #[must_use]
    pub fn matches(&self, labels: &impl Labels) -> bool {
        self.requirements.iter().all(|requirement| {
            let value = labels.value(&requirement.key);
            match &requirement.test {
                Test::Equals(wanted) => value == Some(wanted.as_str()),
                Test::In(values) => value.is_some_and(|value| values.contains(value)),
                Test::NotIn(values) => value.is_none_or(|value| !values.contains(value)),
                Test::Exists => value.is_some(),
                Test::DoesNotExist => value.is_none(),
            }
        })
    }

    /// Whether the selector has no requirement, and so selects everything.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.requirements.is_empty()
    }
}

/// The text that the API server's list parameter and `status.labelSelector` take (CS-116).
impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, Requirement { key, test }) in self.requirements.iter().enumerate() {
            if index > 0 {
                f.write_str(",")?;
            }
            match test {
                Test::Equals(value) => write!(f, "{key}={value}")?,
                Test::In(values) => write!(f, "{key} in ({})", joined(values))?,
                Test::NotIn(values) => write!(f, "{key} notin ({})", joined(values))?,
                Test::Exists => f.write_str(key)?,
                Test::DoesNotExist => write!(f, "!{key}")?,
            }
        }
        Ok(())
    }
}

fn joined(values: &BTreeSet<String>) -> String {
    values
        .iter()
        .map(String::as_str)
        .collect::<Vec<_>>()
        .join(",")
}
