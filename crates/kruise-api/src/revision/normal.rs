//! The normal form of objects inside a pod template: what Kubernetes 1.32 writes after it has read them
//! (IP-133). A table of Kubernetes' fields drives it.

use std::{collections::HashMap, sync::LazyLock};

use serde_json::{Map, Number, Value};

use crate::{
    meta::{Time, timestamp},
    quantity,
};

/// Which fields each type of Kubernetes 1.32 has, in the order in which it writes them.
static TYPES: LazyLock<HashMap<&'static str, Vec<Field>>> =
    LazyLock::new(|| parse(include_str!("podtemplate-1.32.tsv")));

#[derive(Debug)]
struct Field {
    name: &'static str,
    type_: Type,
    /// Whether an absent field and an empty one are told apart.
    is_pointer: bool,
    /// Whether the field is written even when it is empty.
    always: bool,
}

#[derive(Debug)]
enum Type {
    Text,
    Integer,
    Bool,
    Time,
    Quantity,
    IntOrString,
    /// A value that is kept as it is.
    Raw,
    List(Box<Type>),
    Map(Box<Type>),
    Struct(&'static str),
}

/// Normal form of a value of this type, its fields in the type's order. Fields that the type doesn't have
/// are left out. A value that isn't of the type stays as it is.
pub(crate) fn form(type_name: &'static str, value: &Value) -> Value {
    normal(&Type::Struct(type_name), value, Unknown::LeftOut)
}

/// As [`form`], but fields that the type doesn't have are kept, behind the others.
pub(crate) fn whole_form(type_name: &'static str, value: &Value) -> Value {
    normal(&Type::Struct(type_name), value, Unknown::Kept)
}

/// What becomes of fields that a type doesn't have.
#[derive(Clone, Copy, PartialEq)]
enum Unknown {
    LeftOut,
    Kept,
}

fn normal(type_: &Type, value: &Value, unknown: Unknown) -> Value {
    match (type_, value) {
        (_, Value::Null) => zero(type_),
        (Type::Struct(type_name), Value::Object(map)) => structure(type_name, map, unknown),
        (Type::List(item), Value::Array(items)) => {
            let items = items.iter();
            Value::Array(items.map(|value| normal(item, value, unknown)).collect())
        }
        (Type::Map(item), Value::Object(map)) => {
            let mut entries: Vec<_> = map
                .iter()
                .map(|(key, value)| (key.clone(), normal(item, value, unknown)))
                .collect();
            entries.sort_by(|(a, _), (b, _)| a.cmp(b));
            Value::Object(entries.into_iter().collect())
        }
        (Type::Quantity, Value::String(text)) => {
            quantity::canonical(text.trim()).map_or_else(|| value.clone(), Value::String)
        }
        (Type::Quantity, Value::Number(number)) => {
            quantity::canonical(&number.to_string()).map_or_else(|| value.clone(), Value::String)
        }
        (Type::Integer, Value::Number(number)) => Value::Number(whole(number)),
        (Type::Time, Value::String(text)) => match text.parse::<Time>() {
            Ok(time) => Value::String(timestamp(time)),
            Err(_) => value.clone(),
        },
        _ => value.clone(),
    }
}

fn structure(type_name: &str, map: &Map<String, Value>, unknown: Unknown) -> Value {
    let fields = TYPES.get(type_name).map(Vec::as_slice).unwrap_or_default();
    let mut written = Map::new();
    for field in fields {
        match map.get(field.name).filter(|value| !value.is_null()) {
            Some(value) => {
                let value = normal(&field.type_, value, unknown);
                if field.always || field.is_pointer || !is_empty(&value) {
                    written.insert(field.name.to_owned(), value);
                }
            }
            None if field.always && field.is_pointer => {
                written.insert(field.name.to_owned(), Value::Null);
            }
            None if field.always => {
                written.insert(field.name.to_owned(), zero(&field.type_));
            }
            None => {}
        }
    }
    if unknown == Unknown::Kept {
        let is_known = |name: &str| fields.iter().any(|field| field.name == name);
        let others = map.iter().filter(|(name, _)| !is_known(name));
        written.extend(others.map(|(name, value)| (name.clone(), value.clone())));
    }
    Value::Object(written)
}

/// What Go writes for a value that was never set.
fn zero(type_: &Type) -> Value {
    match type_ {
        Type::Text => Value::from(""),
        Type::Integer | Type::IntOrString => Value::from(0),
        Type::Bool => Value::from(false),
        Type::Quantity => Value::from("0"),
        Type::Time | Type::Raw | Type::List(_) | Type::Map(_) => Value::Null,
        Type::Struct(type_name) => structure(type_name, &Map::new(), Unknown::LeftOut),
    }
}

/// Whether Go's `omitempty` leaves the value out. It never leaves a struct out.
fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(flag) => !flag,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(map) => map.is_empty(),
    }
}

/// The number as an integer, if it is whole: `30.0` is 30.
fn whole(number: &Number) -> Number {
    const EXACT: f64 = 9_007_199_254_740_992.0; // 2^53
    match number.as_f64() {
        Some(float) if number.is_f64() && float.fract() == 0.0 && float.abs() < EXACT => {
            Number::from(float as i64)
        }
        _ => number.clone(),
    }
}

fn parse(table: &'static str) -> HashMap<&'static str, Vec<Field>> {
    let mut types: HashMap<&'static str, Vec<Field>> = HashMap::new();
    for line in table.lines().skip(1) {
        let mut columns = line.split('\t');
        let (Some(owner), Some(name), Some(type_), Some(empty)) = (
            columns.next(),
            columns.next(),
            columns.next(),
            columns.next(),
        ) else {
            continue;
        };
        types.entry(owner).or_default().push(Field {
            name,
            type_: Type::parse(type_),
            is_pointer: type_.starts_with('*'),
            always: empty == "always",
        });
    }
    types
}

impl Type {
    fn parse(type_: &'static str) -> Self {
        if let Some(item) = type_.strip_prefix("[]") {
            return Self::List(Box::new(Self::parse(item)));
        }
        if let Some(item) = type_.strip_prefix("map[string]") {
            return Self::Map(Box::new(Self::parse(item)));
        }
        match type_.strip_prefix('*').unwrap_or(type_) {
            "string" => Self::Text,
            "int32" | "int64" => Self::Integer,
            "bool" => Self::Bool,
            "time" => Self::Time,
            "quantity" => Self::Quantity,
            "int-or-string" => Self::IntOrString,
            "FieldsV1" => Self::Raw,
            type_name => Self::Struct(type_name),
        }
    }
}
