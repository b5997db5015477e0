//! Objects of Kubernetes' own kinds, read and written as the server's types do it: without members that it doesn't
//! know, without what is empty, with quantities and times in one form.

use std::{collections::BTreeMap, sync::OnceLock};

use jiff::Timestamp;
use kruise_api::quantity;
use serde_json::{Map, Value, json};

use super::{members, metadata};
use crate::clock::clock_text;

static SHAPES: OnceLock<Shapes> = OnceLock::new();

#[derive(Debug)]
struct Shapes {
    shapes: Vec<Shape>,
    by_name: BTreeMap<&'static str, usize>,
}

/// A type with members.
#[derive(Debug)]
struct Shape {
    name: &'static str,
    members: Vec<Member>,
    /// Places of the members that are written although nobody has set them.
    always: Vec<usize>,
}

#[derive(Debug)]
struct Member {
    name: &'static str,
    type_: Type,
    written: Written,
}

/// When a member is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Written {
    Always,
    UnlessEmpty,
    UnlessZero,
}

#[derive(Debug)]
enum Type {
    Text,
    Flag,
    Int32,
    Int64,
    Float,
    Bytes,
    Quantity,
    Time,
    MicroTime,
    IntOrText,
    Any,
    Metadata,
    Object(usize),
    Optional(Box<Type>),
    List(Box<Type>),
    Map(Box<Type>),
}

impl Shapes {
    fn parse(text: &'static str) -> Self {
        let lines = || text.lines().filter(|line| !line.starts_with('#'));
        let names = lines().filter_map(|line| line.split(' ').next());
        let by_name: BTreeMap<_, _> = names
            .enumerate()
            .map(|(place, name)| (name, place))
            .collect();
        let shapes = lines().map(|line| {
            let mut words = line.split(' ');
            let name = words.next().expect("a name");
            let members: Vec<Member> = words.map(|word| member(word, &by_name)).collect();
            let places = members.iter().enumerate();
            let always = places.filter(|(_, member)| member.is_written_when_unset());
            Shape {
                name,
                always: always.map(|(place, _)| place).collect(),
                members,
            }
        });
        Self {
            shapes: shapes.collect(),
            by_name,
        }
    }
}

fn member(word: &'static str, names: &BTreeMap<&'static str, usize>) -> Member {
    let (name, type_) = word.split_once(':').expect("a name and a type");
    let (type_, written) = match type_.as_bytes().last() {
        Some(b'!') => (&type_[..type_.len() - 1], Written::Always),
        Some(b'?') => (&type_[..type_.len() - 1], Written::UnlessZero),
        _ => (type_, Written::UnlessEmpty),
    };
    Member {
        name,
        type_: type_of(type_, names),
        written,
    }
}

fn type_of(word: &'static str, names: &BTreeMap<&'static str, usize>) -> Type {
    let inner = |rest| Box::new(type_of(rest, names));
    if let Some(rest) = word.strip_prefix('*') {
        return Type::Optional(inner(rest));
    }
    if let Some(rest) = word.strip_prefix("[]") {
        return Type::List(inner(rest));
    }
    if let Some(rest) = word.strip_prefix("{}") {
        return Type::Map(inner(rest));
    }
    match word {
        "s" => Type::Text,
        "b" => Type::Flag,
        "i" => Type::Int32,
        "l" => Type::Int64,
        "f" => Type::Float,
        "B" => Type::Bytes,
        "Q" => Type::Quantity,
        "T" => Type::Time,
        "M" => Type::MicroTime,
        "X" => Type::IntOrText,
        "R" => Type::Any,
        "Meta" => Type::Metadata,
        name => Type::Object(*names.get(name).unwrap_or_else(|| panic!("no type {name}"))),
    }
}

impl Member {
    /// Go writes what has members of its own even where it is empty.
    fn is_written_when_unset(&self) -> bool {
        match self.written {
            Written::Always => true,
            Written::UnlessZero => false,
            Written::UnlessEmpty => self.type_.has_no_empty_form(),
        }
    }
}

impl Type {
    fn has_no_empty_form(&self) -> bool {
        matches!(
            self,
            Self::Object(_)
                | Self::Metadata
                | Self::Time
                | Self::MicroTime
                | Self::Quantity
                | Self::IntOrText
        )
    }

    /// What stands where nothing was set.
    fn unset(&self, shapes: &Shapes) -> Value {
        match self {
            Self::Text => "".into(),
            Self::Flag => false.into(),
            Self::Int32 | Self::Int64 | Self::Float | Self::IntOrText => 0.into(),
            Self::Quantity => "0".into(),
            Self::Metadata => json!({}),
            Self::Object(place) => {
                let mut empty = Map::new();
                shapes.fill_up(*place, &mut empty);
                empty.into()
            }
            Self::Bytes
            | Self::Time
            | Self::MicroTime
            | Self::Any
            | Self::Optional(_)
            | Self::List(_)
            | Self::Map(_) => Value::Null,
        }
    }

    fn is_empty(&self, value: &Value) -> bool {
        match value {
            Value::Null => true,
            Value::String(text) => text.is_empty() && matches!(self, Self::Text | Self::Bytes),
            Value::Bool(flag) => !flag && matches!(self, Self::Flag),
            Value::Number(number) => {
                number.as_f64() == Some(0.0)
                    && matches!(self, Self::Int32 | Self::Int64 | Self::Float)
            }
            Value::Array(items) => items.is_empty() && matches!(self, Self::List(_)),
            Value::Object(members) => members.is_empty() && matches!(self, Self::Map(_)),
        }
    }

    fn go_name(&self, shapes: &Shapes) -> String {
        match self {
            Self::Text | Self::Bytes => "string".to_owned(),
            Self::Flag => "bool".to_owned(),
            Self::Int32 => "int32".to_owned(),
            Self::Int64 => "int64".to_owned(),
            Self::Float => "float64".to_owned(),
            Self::Object(place) => format!("v1.{}", shapes.shapes[*place].name),
            Self::Optional(inner) => inner.go_name(shapes),
            Self::List(inner) => format!("[]{}", inner.go_name(shapes)),
            Self::Map(inner) => format!("map[string]{}", inner.go_name(shapes)),
            other => format!("{other:?}"),
        }
    }
}

/// Where in an object something is read, for messages.
#[derive(Clone, Copy)]
struct Path<'a> {
    shape: &'a str,
    name: &'a str,
    outer: Option<&'a Path<'a>>,
}

impl Path<'_> {
    fn text(&self) -> String {
        match self.outer {
            Some(outer) if !outer.name.is_empty() => format!("{}.{}", outer.text(), self.name),
            _ => self.name.to_owned(),
        }
    }
}

impl Shapes {
    fn read_object(
        &self,
        place: usize,
        given: &mut Map<String, Value>,
        path: &Path<'_>,
    ) -> Result<(), String> {
        let shape = &self.shapes[place];
        let mut error = None;
        given.retain(|name, value| {
            let Some(member) = shape.members.iter().find(|member| member.name == name) else {
                return false;
            };
            let path = Path {
                shape: shape.name,
                name: member.name,
                outer: Some(path),
            };
            if let Err(why) = self.read(&member.type_, value, &path) {
                error.get_or_insert(why);
            }
            if value.is_null() {
                // Set again below where it is written all the same.
                return false;
            }
            member.written == Written::Always || !member.type_.is_empty(value)
        });
        self.fill_up(place, given);
        error.map_or(Ok(()), Err)
    }

    /// Adds what is written although nobody has set it.
    fn fill_up(&self, place: usize, given: &mut Map<String, Value>) {
        let shape = &self.shapes[place];
        for member in shape.always.iter().map(|place| &shape.members[*place]) {
            if !given.contains_key(member.name) {
                given.insert(member.name.to_owned(), member.type_.unset(self));
            }
        }
    }

    /// Brings a value into the form of its type.
    fn read(&self, type_: &Type, value: &mut Value, path: &Path<'_>) -> Result<(), String> {
        if value.is_null() {
            return Ok(());
        }
        match (type_, &mut *value) {
            (Type::Optional(inner), _) => return self.read(inner, value, path),
            (Type::Text | Type::Bytes, Value::String(_))
            | (Type::Flag, Value::Bool(_))
            | (Type::Float, Value::Number(_))
            | (Type::IntOrText, Value::String(_))
            | (Type::Any, _) => return Ok(()),
            (Type::Int64, Value::Number(number)) if number.is_i64() => return Ok(()),
            (Type::Int32 | Type::IntOrText, Value::Number(number))
                if number
                    .as_i64()
                    .is_some_and(|number| i32::try_from(number).is_ok()) =>
            {
                return Ok(());
            }
            (Type::Quantity, Value::String(_) | Value::Number(_)) => {
                let written = match &*value {
                    Value::String(text) => text.clone(),
                    number => number.to_string(),
                };
                let canonical = quantity::canonical(&written).ok_or(
                    "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
                )?;
                *value = canonical.into();
                return Ok(());
            }
            (Type::Time, Value::String(text)) => {
                let time: Timestamp = text.parse().map_err(|_| {
                    format!("parsing time {text:?} as \"2006-01-02T15:04:05Z07:00\": cannot parse {text:?} as \"2006\"")
                })?;
                *text = clock_text(time);
                return Ok(());
            }
            (Type::MicroTime, Value::String(text)) => {
                *text = micro_time(text)?;
                return Ok(());
            }
            (Type::Metadata, Value::Object(members)) => {
                *value = metadata::read_members(std::mem::take(members))?.into();
                return Ok(());
            }
            (Type::Object(place), Value::Object(members)) => {
                return self.read_object(*place, members, path);
            }
            (Type::List(inner), Value::Array(items)) => {
                for item in items {
                    self.read_item(inner, item, path)?;
                }
                return Ok(());
            }
            (Type::Map(inner), Value::Object(members)) => {
                for item in members.values_mut() {
                    self.read_item(inner, item, path)?;
                }
                return Ok(());
            }
            _ => {}
        }
        let kind = match value {
            Value::Bool(_) => "bool".to_owned(),
            Value::Number(number) if matches!(type_, Type::Int32 | Type::Int64) => {
                format!("number {number}")
            }
            Value::Number(_) => "number".to_owned(),
            Value::String(_) => "string".to_owned(),
            Value::Array(_) => "array".to_owned(),
            Value::Object(_) | Value::Null => "object".to_owned(),
        };
        let (shape, field) = (path.shape, path.text());
        let wanted = type_.go_name(self);
        Err(format!(
            "json: cannot unmarshal {kind} into Go struct field {shape}.{field} of type {wanted}"
        ))
    }

    fn read_item(&self, type_: &Type, item: &mut Value, path: &Path<'_>) -> Result<(), String> {
        if item.is_null() {
            *item = type_.unset(self);
            return Ok(());
        }
        self.read(type_, item, path)
    }
}

/// Such a time must have six digits of the second.
fn micro_time(text: &str) -> Result<String, String> {
    let from = text.find(['.', 'Z']).unwrap_or(text.len());
    let digits = text[from..]
        .trim_start_matches('.')
        .bytes()
        .take_while(u8::is_ascii_digit)
        .count();
    let time = text.parse::<Timestamp>().ok().filter(|_| digits == 6);
    let time = time.ok_or_else(|| {
        let rest = &text[from..];
        format!("parsing time {text:?} as \"2006-01-02T15:04:05.000000Z07:00\": cannot parse {rest:?} as \".000000\"")
    })?;
    Ok(time.strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string())
}

/// Brings an object of one of Kubernetes' own kinds into its form. Its metadata was read before. Kinds without a shape
/// lose but their nulls.
pub(crate) fn read(kind: &str, object: &mut Value) -> Result<(), String> {
    let shapes = SHAPES.get_or_init(|| Shapes::parse(include_str!("shapes.txt")));
    let (Some(&place), Some(members)) = (shapes.by_name.get(kind), object.as_object_mut()) else {
        members::drop_nulls(object);
        return Ok(());
    };
    let mut kept = Map::new();
    for name in ["apiVersion", "kind", "metadata"] {
        if let Some(value) = members.swap_remove(name) {
            kept.insert(name.to_owned(), value);
        }
    }
    let mut rest = std::mem::take(members);
    let root = Path {
        shape: kind,
        name: "",
        outer: None,
    };
    let read = shapes.read_object(place, &mut rest, &root);
    rest.shift_remove("metadata");
    kept.append(&mut rest);
    *members = kept;
    read
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_take_the_form_of_their_types() {
        let mut pod = json!({
            "metadata": { "name": "a" },
            "other": 1,
            "spec": {
                "hostNetwork": false, "nodeName": "", "volumes": [], "terminationGracePeriodSeconds": 0,
                "unknown": {}, "automountServiceAccountToken": false, "securityContext": {}, "hostname": null,
                "containers": [{
                    "name": "main", "image": "",
                    "resources": { "requests": { "cpu": "1000m", "memory": 1024 } },
                    "ports": [{ "containerPort": 80 }],
                }],
            },
            "status": { "conditions": [{ "type": "Ready", "status": "True", "lastTransitionTime": "2026-01-10T09:00:00.5+01:00" }] },
        });
        read("Pod", &mut pod).unwrap();
        let expected = json!({
            "metadata": { "name": "a" },
            "spec": {
                "terminationGracePeriodSeconds": 0, "automountServiceAccountToken": false, "securityContext": {},
                "containers": [{
                    "name": "main", "resources": { "requests": { "cpu": "1", "memory": "1024" } },
                    "ports": [{ "containerPort": 80 }],
                }],
            },
            "status": { "conditions": [{
                "type": "Ready", "status": "True", "lastTransitionTime": "2026-01-10T08:00:00Z", "lastProbeTime": null,
            }] },
        });
        assert_eq!(pod, expected);
        let mut again = pod.clone();
        read("Pod", &mut again).unwrap();
        assert_eq!(again, pod);
    }

    #[test]
    fn what_is_not_set_is_written_where_go_writes_it() {
        let mut pod = json!({ "metadata": {} });
        read("Pod", &mut pod).unwrap();
        assert_eq!(
            pod,
            json!({ "metadata": {}, "spec": { "containers": null }, "status": {} })
        );
        let mut lease = json!({ "spec": { "renewTime": "2026-01-10T09:00:00.100000+01:00", "holderIdentity": "" } });
        read("Lease", &mut lease).unwrap();
        assert_eq!(
            lease,
            json!({ "spec": { "renewTime": "2026-01-10T08:00:00.100000Z", "holderIdentity": "" } })
        );
    }

    #[test]
    fn a_time_in_microseconds_has_six_digits() {
        let mut lease = json!({ "spec": { "renewTime": "2026-01-10T08:00:00.1Z" } });
        let error = read("Lease", &mut lease).unwrap_err();
        let expected = "parsing time \"2026-01-10T08:00:00.1Z\" as \"2006-01-02T15:04:05.000000Z07:00\": cannot parse \
                        \".1Z\" as \".000000\"";
        assert_eq!(error, expected);
    }

    #[test]
    fn what_has_another_type_is_refused() {
        let mut pod = json!({ "spec": { "containers": [{ "name": 1 }] } });
        let error = read("Pod", &mut pod).unwrap_err();
        let expected = "json: cannot unmarshal number into Go struct field Container.spec.containers.name of type string";
        assert_eq!(error, expected);
        let mut pod = json!({ "spec": { "terminationGracePeriodSeconds": "x" } });
        let error = read("Pod", &mut pod).unwrap_err();
        let expected = "json: cannot unmarshal string into Go struct field \
                        PodSpec.spec.terminationGracePeriodSeconds of type int64";
        assert_eq!(error, expected);
    }
}
