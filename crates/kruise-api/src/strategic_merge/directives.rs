//! Directives: members of a patch that are no part of the result.

use std::collections::{HashMap, HashSet};

use serde_json::{Map, Value};

use super::{
    error::{MergeError, Reason},
    place::Place,
};

pub(super) const PATCH: &str = "$patch";
const RETAIN_KEYS: &str = "$retainKeys";
const SET_ELEMENT_ORDER: &str = "$setElementOrder";
const DELETE_FROM_PRIMITIVE_LIST: &str = "$deleteFromPrimitiveList";

/// Whether a member of a patch is a directive.
pub(super) fn is_directive(name: &str) -> bool {
    name == PATCH
        || name == RETAIN_KEYS
        || name.starts_with(SET_ELEMENT_ORDER)
        || name.starts_with(DELETE_FROM_PRIMITIVE_LIST)
}

/// `$patch` of an object or of an element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Whole {
    Replace,
    Delete,
}

impl Whole {
    /// The directive of these members, if they have one.
    // The server knows a third word, `merge`, and refuses it wherever it looks for one.
    pub(super) fn of(
        members: &Map<String, Value>,
        place: &Place<'_>,
    ) -> Result<Option<Self>, MergeError> {
        let Some(word) = members.get(PATCH) else {
            return Ok(None);
        };
        match word.as_str() {
            Some("replace") => Ok(Some(Self::Replace)),
            Some("delete") => Ok(Some(Self::Delete)),
            text => {
                let word = text.map_or_else(|| word.to_string(), str::to_owned);
                Err(place.error(Reason::UnknownDirective(word)))
            }
        }
    }
}

/// Members of a patch, apart from `$patch`, told apart.
#[derive(Debug, Default)]
pub(super) struct Members<'a> {
    pub(super) retain_keys: Option<&'a Value>,
    /// Names of lists, each with the order of its elements.
    pub(super) orders: Vec<(&'a str, &'a Value)>,
    /// Names of lists, each with the elements to delete.
    pub(super) deletions: Vec<(&'a str, &'a Value)>,
    pub(super) ordinary: Vec<(&'a str, &'a Value)>,
}

impl<'a> Members<'a> {
    pub(super) fn of(patch: &'a Map<String, Value>, place: &Place<'_>) -> Result<Self, MergeError> {
        let mut members = Self::default();
        for (name, value) in patch {
            let name = name.as_str();
            // A directive's prefix must be followed by the name of a list. Anything else is a mistake, not
            // an ordinary member.
            let list = |rest: &'a str| {
                rest.strip_prefix('/')
                    .ok_or_else(|| place.member(name).error(Reason::NoListNamed))
            };
            if name == RETAIN_KEYS {
                members.retain_keys = Some(value);
            } else if let Some(rest) = name.strip_prefix(SET_ELEMENT_ORDER) {
                members.orders.push((list(rest)?, value));
            } else if let Some(rest) = name.strip_prefix(DELETE_FROM_PRIMITIVE_LIST) {
                members.deletions.push((list(rest)?, value));
            } else {
                members.ordinary.push((name, value));
            }
        }
        Ok(members)
    }

    /// Takes out the ordinary members that are lists for which there is an order.
    pub(super) fn take_ordered(&mut self) -> HashMap<&'a str, &'a Value> {
        let names: HashSet<&str> = self.orders.iter().map(|(name, _)| *name).collect();
        let (ordered, ordinary): (Vec<_>, Vec<_>) = std::mem::take(&mut self.ordinary)
            .into_iter()
            .partition(|(name, _)| names.contains(name));
        self.ordinary = ordinary;
        ordered.into_iter().collect()
    }

    /// The directive that orders this list, for errors.
    pub(super) fn order_name(list: &str) -> String {
        format!("{SET_ELEMENT_ORDER}/{list}")
    }

    /// The directive `$retainKeys`, for errors.
    pub(super) fn retain_keys_name() -> &'static str {
        RETAIN_KEYS
    }
}
