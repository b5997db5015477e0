//! Sequences that begin with a backslash.

use std::{iter::Peekable, str::Chars};

/// A sequence whose backslash was read, in the other syntax.
pub(super) fn escape(rest: &mut Peekable<Chars<'_>>) -> Option<String> {
    let escaped = rest.next()?;
    let is_octal = |character: &char| ('0'..='7').contains(character);
    match escaped {
        // One digit alone would refer to a group, which there is not in Go either.
        '0'..='7' if escaped == '0' || rest.peek().is_some_and(is_octal) => {
            let mut number = escaped.to_digit(8)?;
            for _ in 0..2 {
                if let Some(digit) = rest.next_if(is_octal) {
                    number = number * 8 + digit.to_digit(8)?;
                }
            }
            Some(format!("\\x{{{number:x}}}"))
        }
        '<' | '>' => Some(escaped.to_string()),
        'u' | 'U' => None,
        'p' | 'P' | 'x' if rest.next_if_eq(&'{').is_some() => {
            let mut name = String::new();
            loop {
                match rest.next()? {
                    '}' => return Some(format!("\\{escaped}{{{name}}}")),
                    character => name.push(character),
                }
            }
        }
        'p' | 'P' => Some(format!("\\{escaped}{}", rest.next()?)),
        'x' => Some(format!("\\x{}{}", rest.next()?, rest.next()?)),
        _ => Some(format!("\\{escaped}")),
    }
}
