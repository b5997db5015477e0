//! What holds for every version of every kind. A kind has a line in [`table`], and nothing more is to be written here.

use std::{collections::BTreeSet, sync::LazyLock};

use kruise_api::{
    conversion::{convert, stored_version},
    crd,
    object::CustomResource,
    validation::FieldErrors,
};
use proptest::{prelude::*, strategy::Union};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::{
    instances::{config, fields_not_reached, objects, schema},
    properties::any_json,
};

/// A version of a kind, as tests ask for it.
pub(crate) struct Version {
    pub(crate) kind: &'static str,
    pub(crate) version: &'static str,
    pub(crate) api_version: &'static str,
    read_value: fn(Value) -> serde_json::Result<Value>,
    read_text: fn(&str) -> serde_json::Result<Value>,
    judge: Judge,
    settle: fn(&mut Value),
    converts: fn(&Value) -> bool,
}

type Judge = Box<dyn Fn(Value, Option<Value>) -> serde_json::Result<FieldErrors> + Send + Sync>;

/// The version whose type is `T`. `judge` fills in the defaults of an object and says what admission refuses in it,
/// given what is stored, if anything is.
pub(crate) fn version<T: CustomResource + Serialize + DeserializeOwned + 'static>(
    judge: impl Fn(T, Option<T>) -> FieldErrors + Send + Sync + 'static,
) -> Version {
    Version {
        kind: T::KIND,
        version: T::VERSION,
        api_version: T::API_VERSION,
        read_value: |object| serde_json::to_value(serde_json::from_value::<T>(object)?),
        read_text: |object| serde_json::to_value(serde_json::from_str::<T>(object)?),
        judge: Box::new(move |object, stored| {
            let stored = stored.map(serde_json::from_value).transpose()?;
            Ok(judge(serde_json::from_value(object)?, stored))
        }),
        settle: |_| {},
        converts: |_| true,
    }
}

fn table() -> Vec<Version> {
    // A line each.
    #[rustfmt::skip]
    let kinds = [
        crate::advancedcronjob::versions(),
        crate::broadcastjob::versions(),
        crate::containerrecreaterequest::versions(),
        crate::conversion::versions(),
        crate::daemonset::versions(),
        crate::ephemeraljob::versions(),
        crate::imagelistpulljob::versions(),
        crate::imagepulljob::versions(),
        crate::nodeimage::versions(),
        crate::nodepodprobe::versions(),
        crate::persistentpodstate::versions(),
        crate::podprobemarker::versions(),
        crate::podunavailablebudget::versions(),
        crate::resourcedistribution::versions(),
        crate::sidecarset::versions(),
        crate::statefulset::versions(),
        crate::uniteddeployment::versions(),
        crate::workloadspread::versions(),
    ];
    kinds.into_iter().flatten().collect()
}

/// The table.
pub(crate) fn versions() -> &'static [Version] {
    static ALL: LazyLock<Vec<Version>> = LazyLock::new(table);
    &ALL
}

impl Version {
    /// The object as the type writes it.
    pub(crate) fn reads(&self, object: &Value, as_text: bool) -> serde_json::Result<Value> {
        if as_text {
            (self.read_text)(&object.to_string())
        } else {
            (self.read_value)(object.clone())
        }
    }

    /// Several forms of an object mean the same, and `settle` makes the one of them that comes back from another
    /// version.
    pub(crate) fn settles(self, settle: fn(&mut Value)) -> Self {
        Self { settle, ..self }
    }

    /// Only such objects have a form in other versions.
    pub(crate) fn converts_if(self, converts: fn(&Value) -> bool) -> Self {
        Self { converts, ..self }
    }

    /// Whether the object has a form in other versions.
    pub(crate) fn converts(&self, object: &Value) -> bool {
        (self.converts)(object)
    }

    /// The object as it comes back from another version.
    pub(crate) fn settled(&self, object: &Value) -> Value {
        let mut object = object.clone();
        (self.settle)(&mut object);
        object
    }

    /// What admission refuses in the object, which is to be created, or to replace what is stored.
    pub(crate) fn judge(
        &self,
        object: &Value,
        stored: Option<&Value>,
    ) -> serde_json::Result<FieldErrors> {
        (self.judge)(object.clone(), stored.cloned())
    }

    /// The other versions of the kind.
    pub(crate) fn others(&self) -> impl Iterator<Item = &'static str> {
        let others = versions().iter();
        others
            .filter(|it| it.kind == self.kind && it.version != self.version)
            .map(|it| it.api_version)
    }
}

/// An object of any version, with the version's place in the table.
pub(crate) fn any_object() -> impl Strategy<Value = (usize, Value)> {
    Union::new(versions().iter().enumerate().map(|(index, it)| {
        objects(it.kind, it.version, true)
            .prop_map(move |object| (index, object))
            .boxed()
    }))
}

/// Each version is met often enough.
fn many() -> ProptestConfig {
    let config = config();
    ProptestConfig {
        cases: config.cases.saturating_mul(4),
        ..config
    }
}

/// Where `after` has lost or gained something. Empty values may be left out or written where nothing was, as Go's types
/// do; but an object with declared fields is there or not, since its absence may mean something.
pub(crate) fn differences(schema: &Value, before: &Value, after: &Value) -> Vec<String> {
    let mut found = Vec::new();
    compare(
        "",
        Some(schema),
        false,
        Some(before),
        Some(after),
        &mut found,
    );
    found
}

fn compare(
    path: &str,
    schema: Option<&Value>,
    required: bool,
    before: Option<&Value>,
    after: Option<&Value>,
    found: &mut Vec<String>,
) {
    let of = |schema: Option<&Value>, keyword: &str| schema.and_then(|it| it.get(keyword)).cloned();
    match (before, after) {
        (Some(Value::Object(a)), Some(Value::Object(b))) => {
            let properties = of(schema, "properties").unwrap_or_default();
            let values = of(schema, "additionalProperties");
            let needed = of(schema, "required").unwrap_or_default();
            let names: BTreeSet<&String> = a.keys().chain(b.keys()).collect();
            for name in names {
                let schema = properties.get(name).or(values.as_ref());
                let path = format!("{path}.{name}");
                let required = needed
                    .as_array()
                    .is_some_and(|needed| needed.iter().any(|it| it == name));
                compare(&path, schema, required, a.get(name), b.get(name), found);
            }
        }
        (Some(Value::Array(a)), Some(Value::Array(b))) if a.len() == b.len() => {
            let items = of(schema, "items");
            for (index, (a, b)) in a.iter().zip(b).enumerate() {
                let path = format!("{path}[{index}]");
                compare(&path, items.as_ref(), false, Some(a), Some(b), found);
            }
        }
        (Some(a), Some(b)) if a == b => {}
        (Some(value), None) if is_empty(schema, value) => {}
        (None, Some(value)) if is_empty(schema, value) => {}
        (None, Some(Value::Object(members))) if required && members.is_empty() => {}
        _ => found.push(format!("{path}: {before:?} is {after:?}")),
    }
}

fn is_empty(schema: Option<&Value>, value: &Value) -> bool {
    let has_fields = schema.is_some_and(|schema| schema.get("properties").is_some());
    match value {
        Value::Object(members) => members.is_empty() && !has_fields,
        Value::Array(items) => items.is_empty(),
        Value::String(text) => text.is_empty(),
        Value::Number(number) => number.as_i64() == Some(0),
        Value::Bool(flag) => !flag,
        Value::Null => false,
    }
}

/// Puts other values in the place of some parts.
fn broken(value: &mut Value, places: &mut impl Iterator<Item = u8>, junk: &[Value]) {
    match value {
        Value::Object(members) => {
            for value in members.values_mut() {
                broken(value, places, junk);
            }
        }
        Value::Array(elements) => {
            for element in elements {
                broken(element, places, junk);
            }
        }
        _ => {}
    }
    let place = places.next().map(usize::from);
    if let Some(junk) = place.and_then(|place| junk.get(place)) {
        *value = junk.clone();
    }
}

proptest! {
    #![proptest_config(many())]

    #[test]
    fn every_version_writes_what_it_read((index, object) in any_object()) {
        let version = &versions()[index];
        let schema = schema(version.kind, version.version);
        for as_text in [true, false] {
            let written = version.reads(&object, as_text).unwrap();
            prop_assert_eq!(differences(schema, &object, &written), Vec::<String>::new());
            prop_assert_eq!(&version.reads(&written, as_text).unwrap(), &written);
        }
    }

    // PF-401, PF-402. CloneSets, of which several forms mean the same, have properties of their own.
    #[test]
    fn every_version_loses_nothing_on_the_way_through_another((index, object) in any_object()) {
        let version = &versions()[index];
        let schema = schema(version.kind, version.version);
        for to in version.others().filter(|_| version.kind != "CloneSet") {
            if !version.converts(&object) {
                prop_assert!(convert(object.clone(), to).is_err());
                continue;
            }
            let there = convert(object.clone(), to).unwrap();
            prop_assert_eq!(&there["apiVersion"], to);
            let back = convert(there, version.api_version).unwrap();
            let expected = version.settled(&object);
            prop_assert_eq!(differences(schema, &expected, &back), Vec::<String>::new());
        }
    }

    #[test]
    fn no_json_breaks_a_kind(
        (index, mut object) in any_object(),
        places in prop::collection::vec(0..12_u8, 0..300),
        junk in prop::collection::vec(any_json(), 1..4),
    ) {
        let version = &versions()[index];
        let _ = version.judge(&object, Some(&object));
        let whole = object.clone();
        broken(&mut object, &mut places.into_iter(), &junk);
        let _ = version.reads(&object, false);
        let _ = version.judge(&object, None);
        let _ = version.judge(&object, Some(&whole));
        for to in version.others() {
            let _ = convert(object.clone(), to);
        }
    }
}

#[test]
fn every_version_has_a_line_here_and_generated_objects_reach_its_fields() {
    for crd in crd::all() {
        let kind = crd["spec"]["names"]["kind"].as_str().unwrap();
        for of_crd in crd["spec"]["versions"].as_array().unwrap() {
            let name = of_crd["name"].as_str().unwrap();
            let lines = versions().iter();
            let n_lines = lines
                .filter(|it| it.kind == kind && it.version == name)
                .count();
            assert_eq!(n_lines, 1, "{kind} {name}");
            let missed = fields_not_reached(kind, name, 10_000);
            assert!(missed.is_empty(), "{kind} {name}: {missed:?}");
        }
    }
}

// PF-405
#[test]
fn every_version_tells_which_is_stored() {
    let stored_by = |kind: &str| {
        let crds = crd::all();
        let crd = crds
            .iter()
            .find(|crd| crd["spec"]["names"]["kind"] == kind)?;
        let mut versions = crd["spec"]["versions"].as_array()?.iter();
        let stored = versions.find(|version| version["storage"] == true)?;
        let group = crd["spec"]["group"].as_str()?;
        Some(format!("{group}/{}", stored["name"].as_str()?))
    };
    for version in versions() {
        let stored = stored_version(version.api_version, version.kind);
        assert!(stored.is_some(), "{}", version.kind);
        assert_eq!(stored, stored_by(version.kind).as_deref());
    }
    for (api_version, kind) in [
        ("apps/v1", "CloneSet"),
        ("v1", "Pod"),
        ("apps.kruise.io/v1beta1", "Pod"),
    ] {
        assert_eq!(stored_version(api_version, kind), None);
    }
}
