//! Objects as they are written to clients. Many are told of the same object, so its text is kept.

use std::{collections::BTreeMap, sync::Arc};

use hyper::body::Bytes;
use serde_json::Value;

use super::metadata;

/// More than any watch is behind, usually.
const KEPT: usize = 4096;

/// The texts of the newest objects that were written, by version.
#[derive(Debug, Default)]
pub(crate) struct Texts(BTreeMap<u64, (Arc<Value>, Bytes)>);

impl Texts {
    /// The object as text.
    pub(crate) fn of(&mut self, object: &Arc<Value>) -> Bytes {
        let version = metadata::text(object, "resourceVersion").parse::<u64>();
        let Ok(version) = version else {
            return object.to_string().into();
        };
        // What isn't stored may have the version of what is: an object in another form, or of a dry run.
        if let Some((own, text)) = self.0.get(&version)
            && Arc::ptr_eq(own, object)
        {
            return text.clone();
        }
        let text: Bytes = object.to_string().into();
        self.0.insert(version, (Arc::clone(object), text.clone()));
        if self.0.len() > KEPT {
            self.0.pop_first();
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_object_has_its_own_text() {
        let object =
            |data: i64| Arc::new(json!({ "metadata": { "resourceVersion": "7" }, "data": data }));
        let (a, b) = (object(1), object(2));
        let mut texts = Texts::default();
        let first = texts.of(&a);
        assert_eq!(first.as_ptr(), texts.of(&a).as_ptr());
        assert_eq!(texts.of(&b), b.to_string());
        assert_eq!(texts.of(&a), a.to_string());
    }
}
