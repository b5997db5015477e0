//! Files of this repository that are installed in a cluster.

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{Mutex, OnceLock},
};

use serde::Deserialize;
use serde_json::Value;

/// The documents of a YAML file, by its path in the repository. Each file is read once.
///
/// # Panics
/// When there is no such file.
#[must_use]
pub fn read(path: &str) -> Vec<Value> {
    static READ: OnceLock<Mutex<BTreeMap<String, Vec<Value>>>> = OnceLock::new();
    let mut read = READ
        .get_or_init(Mutex::default)
        .lock()
        .expect("nobody panics while reading");
    if let Some(documents) = read.get(path) {
        return documents.clone();
    }
    let file = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .join(path);
    let text = std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{path}: {error}"));
    let documents = serde_yaml_ng::Deserializer::from_str(&text).map(|document| {
        Value::deserialize(document).unwrap_or_else(|error| panic!("{path}: {error}"))
    });
    let documents: Vec<Value> = documents.collect();
    read.insert(path.to_owned(), documents.clone());
    documents
}
