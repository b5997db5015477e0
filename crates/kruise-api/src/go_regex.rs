//! Regular expressions as users of OpenKruise write them: in the syntax of Go's `regexp` (RE2). Texts that they are
//! matched with are ASCII, as names and keys are.

mod class;
mod escape;
mod translation;

use regex::Regex;

/// A regular expression that was read.
#[derive(Debug, Clone)]
pub struct GoRegex(Regex);

/// A text that is no regular expression.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{pattern:?} is no regular expression")]
pub struct GoRegexError {
    /// The text found.
    pub pattern: String,
}

impl GoRegex {
    /// Reads a regular expression.
    ///
    /// # Errors
    ///
    /// When the text is none.
    pub fn parse(pattern: &str) -> Result<Self, GoRegexError> {
        translation::translate(pattern)
            .and_then(|translated| Regex::new(&translated).ok())
            .map(Self)
            .ok_or_else(|| GoRegexError {
                pattern: pattern.to_owned(),
            })
    }

    /// Whether the expression matches some part of the text.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        self.0.is_match(text)
    }
}
