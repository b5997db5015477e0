//! Names that are narrower than the API server's own rules.

/// A label's value has at most so many characters.
const MAX_NAME: usize = 63;

/// Whether a name consists of letters, digits and dashes, and fits in a label.
pub(crate) fn is_plain_name(name: &str) -> bool {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    !name.is_empty() && name.len() <= MAX_NAME && name.bytes().all(is_word)
}
