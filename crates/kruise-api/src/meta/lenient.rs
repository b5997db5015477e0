//! Reading JSON as Go's decoder does. A value that is absent or `null` is its type's empty value, in lists
//! and maps too. Only a value of another type is an error.
//!
//! Exports, charts and tools write objects in which parts are empty that a server would have filled in.
//! What is wrong with such an object is for validation to say, with the field's path.

use std::{collections::BTreeMap, fmt, marker::PhantomData};

use serde::{Deserialize, Deserializer, de};

/// Reads `null` as the type's empty value.
pub(crate) fn null_as_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(Option::<T>::deserialize(deserializer)?.unwrap_or_default())
}

/// A list, empty for `null`. It takes no more memory than its elements need.
pub(crate) fn list<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    let mut list = optional_list(deserializer)?.unwrap_or_default();
    list.shrink_to_fit();
    Ok(list)
}

/// A list, none for `null`.
pub(crate) fn optional_list<'de, D, T>(deserializer: D) -> Result<Option<Vec<T>>, D::Error>
where
    D: Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    deserializer.deserialize_any(Parts(PhantomData))
}

/// A map, empty for `null`.
pub(crate) fn map<'de, D, T>(deserializer: D) -> Result<BTreeMap<String, T>, D::Error>
where
    D: Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(optional_map(deserializer)?.unwrap_or_default())
}

/// A map, none for `null`.
pub(crate) fn optional_map<'de, D, T>(
    deserializer: D,
) -> Result<Option<BTreeMap<String, T>>, D::Error>
where
    D: Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    deserializer.deserialize_any(Members(PhantomData))
}

/// A map of lists, empty for `null`, as each of the lists is.
pub(crate) fn lists<'de, D, T>(deserializer: D) -> Result<BTreeMap<String, Vec<T>>, D::Error>
where
    D: Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    let lists: BTreeMap<String, List<T>> = map(deserializer)?;
    Ok(lists.into_iter().map(|(name, it)| (name, it.0)).collect())
}

/// Whether a value is its type's empty value, which Go's encoder leaves out where a field says so.
pub(crate) fn is_zero<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

#[derive(Deserialize)]
#[serde(transparent, bound(deserialize = "T: Default + Deserialize<'de>"))]
struct List<T>(#[serde(deserialize_with = "list")] Vec<T>);

impl<T> Default for List<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

struct Parts<T>(PhantomData<T>);

impl<'de, T: Default + Deserialize<'de>> de::Visitor<'de> for Parts<T> {
    type Value = Option<Vec<T>>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a list")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_seq<A: de::SeqAccess<'de>>(self, mut elements: A) -> Result<Self::Value, A::Error> {
        let mut list = Vec::new();
        while let Some(element) = elements.next_element::<Option<T>>()? {
            list.push(element.unwrap_or_default());
        }
        Ok(Some(list))
    }
}

struct Members<T>(PhantomData<T>);

impl<'de, T: Default + Deserialize<'de>> de::Visitor<'de> for Members<T> {
    type Value = Option<BTreeMap<String, T>>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a map")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_map<A: de::MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        let mut map = BTreeMap::new();
        while let Some((name, value)) = members.next_entry::<String, Option<T>>()? {
            map.insert(name, value.unwrap_or_default());
        }
        Ok(Some(map))
    }
}
