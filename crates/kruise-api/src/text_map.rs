//! Labels and annotations of objects that are kept in memory: a sorted list without room to spare.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::text::Text;

/// Text to text, as labels and annotations are, in the order of the keys. There are many such maps, which
/// are read far more often than changed: so a change costs a copy.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct TextMap(Box<[(Text, Text)]>);

impl TextMap {
    /// The value of this key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Text> {
        let idx = self.find(key).ok()?;
        self.0.get(idx).map(|(_, value)| value)
    }

    /// Whether the map has this key.
    #[must_use]
    pub fn contains_key(&self, key: &str) -> bool {
        self.find(key).is_ok()
    }

    /// Number of entries.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether the map has no entry.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All entries, by key.
    pub fn iter(&self) -> impl Iterator<Item = (&Text, &Text)> {
        self.0.iter().map(|(key, value)| (key, value))
    }

    /// All keys, in order.
    pub fn keys(&self) -> impl Iterator<Item = &Text> {
        self.0.iter().map(|(key, _)| key)
    }

    /// Sets a value.
    pub fn insert(&mut self, key: impl Into<Text>, value: impl Into<Text>) {
        let entry = (key.into(), value.into());
        match self.find(&entry.0) {
            Ok(idx) => {
                if let Some(old) = self.0.get_mut(idx) {
                    *old = entry;
                }
            }
            Err(idx) => self.change(|entries| entries.insert(idx, entry)),
        }
    }

    /// Takes a key out and returns its value.
    pub fn remove(&mut self, key: &str) -> Option<Text> {
        let idx = self.find(key).ok()?;
        Some(self.change(|entries| entries.remove(idx)).1)
    }

    fn find(&self, key: &str) -> Result<usize, usize> {
        self.0
            .binary_search_by(|(other, _)| other.as_str().cmp(key))
    }

    fn change<T>(&mut self, change: impl FnOnce(&mut Vec<(Text, Text)>) -> T) -> T {
        let mut entries = std::mem::take(&mut self.0).into_vec();
        let result = change(&mut entries);
        self.0 = entries.into_boxed_slice();
        result
    }
}

impl<K: Into<Text>, V: Into<Text>> FromIterator<(K, V)> for TextMap {
    /// Of entries with the same key, the last counts.
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Self {
        let entries = entries.into_iter();
        let mut entries: Vec<(Text, Text)> = entries
            .map(|(key, value)| (key.into(), value.into()))
            .collect();
        // The sort is stable, and duplicates are dropped backwards, so that the last of equal keys stays.
        entries.sort_by(|(a, _), (b, _)| a.cmp(b));
        entries.reverse();
        entries.dedup_by(|(a, _), (b, _)| a == b);
        entries.reverse();
        Self(entries.into_boxed_slice())
    }
}

impl From<BTreeMap<String, String>> for TextMap {
    fn from(map: BTreeMap<String, String>) -> Self {
        map.into_iter().collect()
    }
}

impl From<&TextMap> for BTreeMap<String, String> {
    fn from(map: &TextMap) -> Self {
        let entries = map.iter();
        entries
            .map(|(key, value)| (key.into(), value.into()))
            .collect()
    }
}

impl fmt::Debug for TextMap {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_map().entries(self.iter()).finish()
    }
}

impl Serialize for TextMap {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

impl<'de> Deserialize<'de> for TextMap {
    /// `null` stands for the empty text or map, as in Go's decoder.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries;

        impl<'de> de::Visitor<'de> for Entries {
            type Value = TextMap;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a map of texts")
            }

            fn visit_unit<E>(self) -> Result<TextMap, E> {
                Ok(TextMap::default())
            }

            fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> Result<TextMap, A::Error> {
                let mut entries = Vec::with_capacity(16);
                while let Some((key, value)) = map.next_entry::<Text, Option<Text>>()? {
                    entries.push((key, value.unwrap_or_default()));
                }
                Ok(entries.into_iter().collect())
            }
        }

        deserializer.deserialize_any(Entries)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn it_behaves_as_a_sorted_map() {
        let mut map: TextMap = [("b", "1"), ("a", "2"), ("b", "3")].into_iter().collect();
        assert_eq!(serde_json::to_string(&map).unwrap(), r#"{"a":"2","b":"3"}"#);
        map.insert("c", "4");
        map.insert("a", "5");
        assert_eq!(map.remove("b"), Some(Text::from("3")));
        assert_eq!(map.remove("b"), None);
        assert_eq!(serde_json::to_string(&map).unwrap(), r#"{"a":"5","c":"4"}"#);
        assert!(map.get("c").is_some_and(|value| value == "4") && !map.contains_key("b"));
    }

    #[test]
    fn null_is_empty() {
        let map: TextMap = serde_json::from_value(json!({"a": null})).unwrap();
        assert!(map.get("a").is_some_and(|value| value.is_empty()));
        let map: TextMap = serde_json::from_value(json!(null)).unwrap();
        assert!(map.is_empty());
    }
}
