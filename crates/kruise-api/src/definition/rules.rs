//! Validation rules in CEL, which the API server applies by itself.
//!
//! A rule refuses only what OpenKruise's admission refuses as well, and only while the field is being
//! changed. So an object that is stored already stays writable. Nor do writes of scale and status meet
//! rules about other fields: admission does not review such writes.
//!
//! For a rule on one field the API server sees to that (CRDValidationRatcheting). A rule across fields has
//! to look at the old object itself.
//!
//! Messages are those of the kind's validation. For CloneSet, `tests/cloneset-rules` holds rules and
//! validation to the same cases.

use serde_json::{Map, Value, json};

/// One rule.
pub(crate) struct Rule {
    rule: String,
    message: String,
    reason: Reason,
    /// Path of the field that the error names, relative to the field that has the rule.
    field: Option<&'static str>,
    /// `oldSelf` is an optional in the rule, so that the rule is asked at creation, too.
    old_is_optional: bool,
}

#[derive(Clone, Copy)]
enum Reason {
    Invalid,
    Forbidden,
}

impl Rule {
    /// A rule whose error says that the value is wrong.
    pub(crate) fn new(rule: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            rule: rule.into(),
            message: message.into(),
            reason: Reason::Invalid,
            field: None,
            old_is_optional: false,
        }
    }

    /// A rule across fields. `holds` writes it about an object of this name. It is not asked where the old object
    /// broke it already, so that such an object stays writable.
    pub(crate) fn unless_broken_before(
        holds: impl Fn(&str) -> String,
        message: impl Into<String>,
    ) -> Self {
        let (now, before) = (holds("self"), holds("oldSelf.value()"));
        let rule = format!("({now}) || (oldSelf.hasValue() && !({before}))");
        Self::new(rule, message).with_optional_old()
    }

    /// The error says instead that the field, or a change of it, isn't allowed.
    pub(crate) fn forbidden(self) -> Self {
        Self {
            reason: Reason::Forbidden,
            ..self
        }
    }

    /// The error names this field instead of the one that has the rule.
    pub(crate) fn at(self, field: &'static str) -> Self {
        Self {
            field: Some(field),
            ..self
        }
    }

    /// `oldSelf` becomes an optional, which has no value at creation.
    pub(crate) fn with_optional_old(self) -> Self {
        Self {
            old_is_optional: true,
            ..self
        }
    }

    fn manifest(&self) -> Value {
        let mut rule = Map::from_iter([
            ("rule".to_owned(), json!(&self.rule)),
            ("message".to_owned(), json!(&self.message)),
        ]);
        if let Reason::Forbidden = self.reason {
            rule.insert("reason".to_owned(), json!("FieldValueForbidden"));
        }
        if let Some(field) = self.field {
            rule.insert("fieldPath".to_owned(), json!(field));
        }
        if self.old_is_optional {
            rule.insert("optionalOldSelf".to_owned(), json!(true));
        }
        Value::Object(rule)
    }
}

/// Holds of a label selector that has a requirement.
pub(crate) const NOT_EMPTY_SELECTOR: &str = "(has(self.matchLabels) && size(self.matchLabels) > 0) \
                                             || (has(self.matchExpressions) && size(self.matchExpressions) > 0)";

/// Holds of a reference to a workload that leaves nothing open.
pub(crate) const COMPLETE_TARGET: &str =
    "self.apiVersion != '' && self.kind != '' && self.name != ''";

/// The rule that a text is empty or one of these words.
pub(crate) fn empty_or_one_of(words: &[&str], message: &str) -> Rule {
    let words: Vec<_> = [""]
        .iter()
        .chain(words)
        .map(|word| format!("'{word}'"))
        .collect();
    Rule::new(format!("self in [{}]", words.join(", ")), message)
}

/// Adds rules to the field at this path of a schema.
pub(super) fn add(schema: &mut Value, path: &str, rules: &[Rule]) {
    with_field(schema, path, |field| {
        let list = field
            .entry("x-kubernetes-validations")
            .or_insert_with(|| json!([]));
        if let Some(list) = list.as_array_mut() {
            list.extend(rules.iter().map(Rule::manifest));
        }
    });
}

/// Changes the schema of the field at this path. `[]` stands for the elements of a list, `{}` for the values of a map.
pub(super) fn with_field(
    schema: &mut Value,
    path: &str,
    change: impl FnOnce(&mut Map<String, Value>),
) {
    let mut node = Some(schema);
    for step in path.split('.') {
        let name = step.trim_end_matches(['[', ']', '{', '}']);
        node = node.and_then(|node| node.pointer_mut(&format!("/properties/{name}")));
        let mut below = step.strip_prefix(name).unwrap_or_default();
        while !below.is_empty() {
            let (child, rest) = match below.strip_prefix("[]") {
                Some(rest) => ("items", rest),
                None => (
                    "additionalProperties",
                    below.strip_prefix("{}").unwrap_or_default(),
                ),
            };
            node = node.and_then(|node| node.get_mut(child));
            below = rest;
        }
    }
    let node = node.and_then(Value::as_object_mut);
    debug_assert!(node.is_some(), "{path} is no field");
    if let Some(node) = node {
        change(node);
    }
}
