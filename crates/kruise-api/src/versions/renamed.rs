//! Fields that have another name in another version, and are the same otherwise.

use serde_json::Value;

use super::{error::ConversionError, raw_object::RawObject};

/// A field that the older version of a kind calls other than the newer one.
pub(crate) struct Renamed {
    /// What the field is in, as `spec.targets`; `[]` stands for the elements of a list.
    parent: &'static str,
    older: &'static str,
    newer: &'static str,
}

impl Renamed {
    pub(crate) const fn new(
        parent: &'static str,
        older: &'static str,
        newer: &'static str,
    ) -> Self {
        Self {
            parent,
            older,
            newer,
        }
    }
}

/// Gives the fields the names that they have in the newer version.
pub(crate) fn to_newer(object: &mut RawObject, fields: &[Renamed]) -> Result<(), ConversionError> {
    for Renamed {
        parent,
        older,
        newer,
    } in fields
    {
        rename(object, parent, older, newer);
    }
    Ok(())
}

/// Gives the fields the names that they have in the older version.
pub(crate) fn to_older(object: &mut RawObject, fields: &[Renamed]) -> Result<(), ConversionError> {
    for Renamed {
        parent,
        older,
        newer,
    } in fields
    {
        rename(object, parent, newer, older);
    }
    Ok(())
}

fn rename(object: &mut RawObject, parent: &str, from: &str, to: &str) {
    let mut steps = parent.split('.');
    let part = steps.next().and_then(|part| object.part(part));
    let mut parents: Vec<&mut Value> = part.into_iter().collect();
    for step in steps {
        let (name, is_list) = match step.strip_suffix("[]") {
            Some(name) => (name, true),
            None => (step, false),
        };
        let members = parents.into_iter().filter_map(|value| value.get_mut(name));
        parents = if is_list {
            members.filter_map(Value::as_array_mut).flatten().collect()
        } else {
            members.collect()
        };
    }
    for members in parents.into_iter().filter_map(Value::as_object_mut) {
        if let Some(value) = members.remove(from) {
            members.insert(to.to_owned(), value);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const FIELDS: [Renamed; 2] = [
        Renamed::new("spec.targets", "old", "new"),
        Renamed::new("status.list[].inner[]", "old", "new"),
    ];

    fn object(name: &str) -> Value {
        json!({
            "apiVersion": "a/v1",
            "kind": "K",
            "spec": { "old": 1, "targets": { name: { "old": 2 }, "other": 3 } },
            "status": { "list": [{ "inner": [{ name: 4 }, {}, 5] }, { "inner": null }] },
        })
    }

    #[test]
    fn fields_are_renamed_where_they_are_and_nothing_else_is() {
        let mut raw = RawObject::of(object("old")).unwrap();
        to_newer(&mut raw, &FIELDS).unwrap();
        assert_eq!(raw.into_version("a/v1"), object("new"));
        let mut raw = RawObject::of(object("new")).unwrap();
        to_older(&mut raw, &FIELDS).unwrap();
        assert_eq!(raw.into_version("a/v1"), object("old"));
    }

    #[test]
    fn what_is_not_there_stays_so() {
        for object in [
            json!({ "apiVersion": "a/v1", "kind": "K" }),
            json!({ "apiVersion": "a/v1", "kind": "K", "spec": null, "status": { "list": 1 } }),
        ] {
            let mut raw = RawObject::of(object.clone()).unwrap();
            to_newer(&mut raw, &FIELDS).unwrap();
            assert_eq!(raw.into_version("a/v1"), object);
        }
    }
}
