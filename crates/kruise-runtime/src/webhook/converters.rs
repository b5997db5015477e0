//! The kinds that a process converts. All apps of a process share one path, so that here the kind decides
//! whose converter is asked.

use std::{collections::BTreeMap, sync::Arc};

use serde_json::Value;

type AnyError = Box<dyn std::error::Error + Send + Sync>;
type Converter = Arc<dyn Fn(Value, &str) -> Result<Value, AnyError> + Send + Sync>;

/// The kinds that a process converts.
#[derive(Clone, Default)]
pub(crate) struct Conversions {
    crds: Vec<&'static str>,
    by_kind: BTreeMap<&'static str, Converter>,
}

/// Why an object can't be converted.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConvertError {
    #[error("{kind} is not converted here")]
    ForeignKind { kind: String },
    #[error("{0}")]
    Converter(AnyError),
}

impl Conversions {
    pub(crate) fn add<C, E>(&mut self, crd: &'static str, kind: &'static str, converter: C)
    where
        C: Fn(Value, &str) -> Result<Value, E> + Send + Sync + 'static,
        E: std::error::Error + Send + Sync + 'static,
    {
        self.crds.push(crd);
        let converter: Converter = Arc::new(move |object, to| Ok(converter(object, to)?));
        self.by_kind.insert(kind, converter);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.crds.is_empty()
    }

    /// Names of the CRDs whose kinds are converted.
    pub(crate) fn crds(&self) -> Vec<String> {
        self.crds.iter().map(ToString::to_string).collect()
    }

    pub(crate) fn convert(&self, object: Value, to: &str) -> Result<Value, ConvertError> {
        let kind = object
            .get("kind")
            .and_then(Value::as_str)
            .unwrap_or_default();
        let Some(converter) = self.by_kind.get(kind) else {
            return Err(ConvertError::ForeignKind {
                kind: kind.to_owned(),
            });
        };
        converter(object, to).map_err(ConvertError::Converter)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_kind_decides_who_converts() {
        let mut conversions = Conversions::default();
        for kind in ["A", "B"] {
            conversions.add("x.example.com", kind, move |_, to| {
                Ok::<_, std::convert::Infallible>(json!({ "by": kind, "to": to }))
            });
        }
        let convert = |kind: &str| conversions.convert(json!({ "kind": kind }), "v2");
        assert_eq!(convert("B").unwrap(), json!({ "by": "B", "to": "v2" }));
        assert_eq!(
            convert("C").unwrap_err().to_string(),
            "C is not converted here"
        );
    }
}
