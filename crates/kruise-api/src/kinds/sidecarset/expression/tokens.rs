//! The words of an expression (SS-156, SS-157).

use super::error::ExpressionError;
use crate::quantity::Quantity;

/// What makes a number an amount with a unit. Exa units are none.
const UNITS: [&str; 11] = ["m", "k", "M", "G", "T", "P", "Ki", "Mi", "Gi", "Ti", "Pi"];

#[derive(Debug)]
pub(super) enum Token {
    Number(f64),
    Quantity(Quantity),
    /// In lower case.
    Word(String),
    /// One of `+-*/(),`.
    Symbol(u8),
}

/// The words of a text, each with its place in bytes from 1.
pub(super) fn tokens(text: &str) -> Result<Vec<(usize, Token)>, ExpressionError> {
    let bytes = text.as_bytes();
    let mut tokens = Vec::new();
    let mut start = 0;
    while let Some(byte) = bytes.get(start).copied() {
        let length = match byte {
            // The last two are spaces of Latin-1.
            b' ' | b'\t'..=b'\r' | 0x85 | 0xa0 => {
                start += 1;
                continue;
            }
            b'+' | b'-' | b'*' | b'/' | b'(' | b')' | b',' => 1,
            b'0'..=b'9' | b'.' => number_length(bytes.get(start..).unwrap_or_default()),
            _ if byte.is_ascii_alphabetic() => {
                let rest = bytes.get(start..).unwrap_or_default().iter();
                rest.take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_')
                    .count()
            }
            _ => return Err(ExpressionError::Syntax { at: start + 1 }),
        };
        let word = text.get(start..start + length).unwrap_or_default();
        let token = match byte {
            b'0'..=b'9' | b'.' => number(word)?,
            _ if byte.is_ascii_alphabetic() => Token::Word(word.to_ascii_lowercase()),
            symbol => Token::Symbol(symbol),
        };
        tokens.push((start + 1, token));
        start += length;
    }
    Ok(tokens)
}

/// How many of these bytes, the first of which begins a number, belong to it.
fn number_length(bytes: &[u8]) -> usize {
    let (mut has_point, mut has_exponent, mut has_percent) = (false, false, false);
    let mut last = 0;
    for (length, byte) in bytes.iter().copied().enumerate() {
        let after_exponent = matches!(last, b'e' | b'E');
        match byte {
            b'0'..=b'9' => {}
            b'.' if !has_point && !has_exponent && !has_percent => has_point = true,
            b'e' | b'E' if !has_exponent && !has_percent => has_exponent = true,
            b'+' | b'-' if after_exponent => {}
            b'%' if !has_percent => has_percent = true,
            // A unit, with all letters behind it.
            _ if byte.is_ascii_alphabetic() && !after_exponent && !matches!(byte, b'e' | b'E') => {
                let rest = bytes.iter().skip(length);
                return length + rest.take_while(|byte| byte.is_ascii_alphabetic()).count();
            }
            _ => return length,
        }
        last = byte;
    }
    bytes.len()
}

fn number(text: &str) -> Result<Token, ExpressionError> {
    let is_plain = |character: char| character.is_ascii_digit() || ".eE+-".contains(character);
    let unit = text.trim_start_matches(is_plain);
    if UNITS.contains(&unit) {
        return Quantity::parse(text).map(Token::Quantity).ok_or_else(|| {
            ExpressionError::NoQuantity {
                text: text.to_owned(),
            }
        });
    }
    // What is no number means 0, as in OpenKruise.
    let value = |text: &str| text.parse::<f64>().unwrap_or(0.0);
    Ok(Token::Number(match text.strip_suffix('%') {
        Some(share) => value(share) / 100.0,
        None => value(text),
    }))
}
