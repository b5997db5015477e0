//! The identity of a running container. Each pod has several, and no two are the same. So an identity is
//! kept as the bytes that its text stands for.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::text::Text;

/// Length of the hash that every runtime of today writes.
const BYTES: usize = 32;

/// Identity of a running container, `<runtime>://<id>`; empty while there is no container. Any text is read
/// and written as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContainerId(Form);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Form {
    /// The text before the hash, and the hash, which is written in lower case.
    Hash(Text, [u8; BYTES]),
    Other(Text),
}

impl ContainerId {
    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        matches!(&self.0, Form::Other(text) if text.is_empty())
    }
}

impl Default for ContainerId {
    fn default() -> Self {
        Self(Form::Other(Text::default()))
    }
}

impl From<&str> for ContainerId {
    fn from(text: &str) -> Self {
        let hash = text
            .len()
            .checked_sub(2 * BYTES)
            .and_then(|at| text.split_at_checked(at))
            .and_then(|(before, id)| Some(Form::Hash(before.into(), bytes(id)?)));
        Self(hash.unwrap_or_else(|| Form::Other(text.into())))
    }
}

fn bytes(id: &str) -> Option<[u8; BYTES]> {
    let digit = |byte: &u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let mut bytes = [0; BYTES];
    for (byte, pair) in bytes.iter_mut().zip(id.as_bytes().chunks_exact(2)) {
        let [high, low] = pair else { return None };
        *byte = digit(high)? << 4 | digit(low)?;
    }
    Some(bytes)
}

impl fmt::Display for ContainerId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Form::Hash(before, bytes) => {
                formatter.write_str(before)?;
                bytes
                    .iter()
                    .try_for_each(|byte| write!(formatter, "{byte:02x}"))
            }
            Form::Other(text) => formatter.write_str(text),
        }
    }
}

impl Serialize for ContainerId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ContainerId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Id;

        impl de::Visitor<'_> for Id {
            type Value = ContainerId;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a text")
            }

            fn visit_unit<E>(self) -> Result<ContainerId, E> {
                Ok(ContainerId::default())
            }

            fn visit_str<E>(self, text: &str) -> Result<ContainerId, E> {
                Ok(ContainerId::from(text))
            }
        }

        deserializer.deserialize_any(Id)
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    const HASH: &str = "832f3949f3c9d4c82cc1aee57ad735e474436b144082361f330c71d4ade3ff79";

    #[rstest]
    #[case::usual(&format!("containerd://{HASH}"), true)]
    #[case::bare(HASH, true)]
    #[case::upper_case(&format!("x://{}", HASH.to_uppercase()), false)]
    #[case::too_short("docker://832f", false)]
    #[case::no_ascii(&format!("{}é", &HASH[..63]), false)]
    #[case::none("", false)]
    fn any_text_is_kept(#[case] text: &str, #[case] is_hash: bool) {
        let id = ContainerId::from(text);
        assert_eq!(id.to_string(), text);
        assert_eq!(matches!(id.0, Form::Hash(..)), is_hash);
        assert_eq!(id.is_empty(), text.is_empty());
        let json = serde_json::to_string(&id).unwrap();
        assert_eq!(serde_json::from_str::<ContainerId>(&json).unwrap(), id);
    }
}
