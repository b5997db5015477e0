//! Amounts of resources, by name, as numbers that can be compared.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::{meta::null_as_default, quantity, text::Text};

/// Amounts of resources in billionths. What is no amount on the wire is left out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ResourceList(BTreeMap<Text, i128>);

impl ResourceList {
    /// The amount of this resource; 0 where none is given.
    #[must_use]
    pub fn get(&self, resource: &str) -> i128 {
        self.0.get(resource).copied().unwrap_or(0)
    }

    /// Each resource that is given, with its amount.
    pub fn iter(&self) -> impl Iterator<Item = (&Text, i128)> {
        self.0.iter().map(|(resource, amount)| (resource, *amount))
    }

    /// These amounts and those of `other` together.
    #[must_use]
    pub fn plus(self, other: &Self) -> Self {
        self.merged(other, i128::saturating_add)
    }

    /// Of each resource the larger amount.
    #[must_use]
    pub fn max(self, other: &Self) -> Self {
        self.merged(other, i128::max)
    }

    /// These amounts, and those of `other` of resources that are not given here.
    #[must_use]
    pub fn or(self, other: &Self) -> Self {
        self.merged(other, |given, _| given)
    }

    fn merged(mut self, other: &Self, merge: impl Fn(i128, i128) -> i128) -> Self {
        for (resource, amount) in &other.0 {
            self.0
                .entry(resource.clone())
                .and_modify(|given| *given = merge(*given, *amount))
                .or_insert(*amount);
        }
        self
    }
}

impl<'de> Deserialize<'de> for ResourceList {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let written: BTreeMap<Text, Value> = null_as_default(deserializer)?;
        let read = written.into_iter().filter_map(|(resource, amount)| {
            let amount = match amount {
                Value::String(text) => quantity::nanos(&text),
                Value::Number(number) => quantity::nanos(&number.to_string()),
                _ => None,
            };
            Some((resource, amount?))
        });
        Ok(Self(read.collect()))
    }
}
