//! Two sides of a comparison in one form: paths, each with facts, each fact a word with a value.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde_json::Value;

/// Stands for the path where facts are about the whole CRD, as its scope.
pub(super) const CRD: &str = "(crd)";
/// Stands for the path where facts are about a version, as whether it is served.
pub(super) const VERSION: &str = "(version)";
/// Stands for the path of the object as a whole in a schema.
pub(super) const OBJECT: &str = "(object)";

/// What a difference is about if the whole path is only on one side.
const MISSING: &str = "missing";
const SURPLUS: &str = "surplus";

/// Word to value. What is the default is absent: an optional field has no `required`.
pub(super) type Facts = BTreeMap<String, Value>;
/// Path to facts.
pub(super) type Shape = BTreeMap<String, Facts>;

/// A CRD, ours or the reference's.
pub(super) struct Crd {
    pub(super) kind: String,
    /// Facts of the CRD, at the one path [`CRD`].
    pub(super) shape: Shape,
    pub(super) versions: BTreeMap<String, Shape>,
}

/// A path at which two sides differ in one fact.
#[derive(Debug)]
pub(super) struct Difference {
    /// None: of the CRD as a whole.
    pub(super) version: Option<String>,
    pub(super) path: String,
    /// The fact's word, or that the path is missing or surplus.
    pub(super) what: String,
    ours: String,
    theirs: String,
}

/// Every difference, in the order of paths.
pub(super) fn shapes(ours: &Shape, theirs: &Shape) -> Vec<Difference> {
    let paths: BTreeSet<&String> = ours.keys().chain(theirs.keys()).collect();
    let mut differences = Vec::new();
    for path in paths {
        let mut differ = |what: &str, ours: String, theirs: String| {
            differences.push(Difference {
                version: None,
                path: path.clone(),
                what: what.to_owned(),
                ours,
                theirs,
            });
        };
        match (ours.get(path), theirs.get(path)) {
            (Some(ours), Some(theirs)) => {
                let words: BTreeSet<&String> = ours.keys().chain(theirs.keys()).collect();
                for word in words {
                    let (ours, theirs) = (ours.get(word), theirs.get(word));
                    if ours.map(|value| normal(word, value))
                        != theirs.map(|value| normal(word, value))
                    {
                        differ(word, show(ours), show(theirs));
                    }
                }
            }
            (Some(ours), None) => differ(SURPLUS, show_all(ours), show(None)),
            (None, Some(theirs)) => differ(MISSING, show(None), show_all(theirs)),
            (None, None) => {}
        }
    }
    differences
}

impl Difference {
    pub(super) fn in_version(mut self, version: &str) -> Self {
        self.version = Some(version.to_owned());
        self
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            version,
            path,
            what,
            ours,
            theirs,
        } = self;
        let version = version.as_deref().unwrap_or("all");
        write!(
            f,
            "{version} {path} {what}: ours {ours}, the reference's {theirs}"
        )
    }
}

/// Values that mean the same are equal: sets have no order, and 0.0 is 0.
fn normal(word: &str, value: &Value) -> Value {
    match value {
        Value::Array(items) if ["enum", "list-map-keys", "shortNames"].contains(&word) => {
            let mut items = items.clone();
            items.sort_by_key(Value::to_string);
            Value::Array(items)
        }
        Value::Number(number) => match number.as_f64() {
            Some(float) if number.is_f64() && float.fract() == 0.0 => (float as i64).into(),
            _ => value.clone(),
        },
        _ => value.clone(),
    }
}

fn show(value: Option<&Value>) -> String {
    value.map_or_else(|| "none".to_owned(), Value::to_string)
}

/// A field with all that is known of it.
fn show_all(facts: &Facts) -> String {
    let facts: Vec<_> = facts
        .iter()
        .map(|(word, value)| format!("{word}={value}"))
        .collect();
    format!("[{}]", facts.join(" "))
}
