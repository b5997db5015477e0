//! From Go's syntax of regular expressions to the one of the crate `regex`. They are the same but for these:
//!
//! | Go | `regex` |
//! |---|---|
//! | `\Q…\E` is a text | no such thing |
//! | `{` that begins no repetition is a character | an error |
//! | `\12` and `\0` are characters by their octal numbers | an error |
//! | `[`, `&&`, `--` and `~~` inside of `[…]` are characters | classes of classes |
//! | `a**` and `a{2}{3}` are errors | repetitions of repetitions |
//! | `a{1001}` is an error | a repetition |
//! | flags are i, m, s and U | R, u and x as well |
//! | `\<`, `\>`, `\b{` are characters, and a boundary before one | boundaries of other kinds |
//! | `\u0061` and `\U00000061` are errors | characters by their numbers |

use std::{iter::Peekable, str::Chars};

use super::{class, escape::escape};

/// The most often that something can be repeated.
const MAX_REPEAT: u32 = 1000;

/// The same expression in the other syntax. None if it is known to be none.
pub(super) fn translate(pattern: &str) -> Option<String> {
    let mut translated = String::new();
    let mut rest = pattern.chars().peekable();
    // Whether a repetition came last, after which there can be no other.
    let mut is_repeated = false;
    while let Some(character) = rest.next() {
        let was_repeated = std::mem::take(&mut is_repeated);
        match character {
            '\\' if rest.next_if_eq(&'Q').is_some() => quoted(&mut rest, &mut translated),
            '\\' => translated.push_str(&escape(&mut rest)?),
            '[' => class::translate(&mut rest, &mut translated)?,
            '(' => {
                translated.push('(');
                group(&mut rest, &mut translated)?;
            }
            '*' | '+' | '?' => {
                is_repeated = true;
                translated.push(character);
            }
            '{' => match repetition(&rest) {
                Some((counts, length)) => {
                    is_repeated = true;
                    if !is_possible(&counts) {
                        return None;
                    }
                    translated.push_str(&format!("{{{counts}}}"));
                    rest.by_ref().take(length).for_each(drop);
                }
                None => translated.push_str("\\{"),
            },
            other => translated.push(other),
        }
        if is_repeated {
            if was_repeated {
                return None;
            }
            // As few as possible.
            if rest.next_if_eq(&'?').is_some() {
                translated.push('?');
            }
        }
    }
    Some(translated)
}

/// A text up to `\E`.
fn quoted(rest: &mut Peekable<Chars<'_>>, translated: &mut String) {
    while let Some(character) = rest.next() {
        if character == '\\' && rest.next_if_eq(&'E').is_some() {
            return;
        }
        translated.push_str(&regex::escape(character.encode_utf8(&mut [0; 4])));
    }
}

/// What stands between `(?` and the next `:`, `)` or `<`, if it is there. None if it has a flag that Go lacks.
fn group(rest: &mut Peekable<Chars<'_>>, translated: &mut String) -> Option<()> {
    if rest.next_if_eq(&'?').is_none() {
        return Some(());
    }
    translated.push('?');
    while let Some(flag) = rest.next_if(|it| it.is_ascii_alphabetic() || *it == '-') {
        if !"imsUP-".contains(flag) {
            return None;
        }
        translated.push(flag);
    }
    Some(())
}

/// The counts of a repetition whose brace was read, and how many characters they and the brace behind them have.
fn repetition(rest: &Peekable<Chars<'_>>) -> Option<(String, usize)> {
    let mut ahead = rest.clone();
    let mut counts = String::new();
    while let Some(character) = ahead.next_if(|it| it.is_ascii_digit() || *it == ',') {
        counts.push(character);
    }
    let has_least = counts.starts_with(|it: char| it.is_ascii_digit());
    let is_repetition = ahead.next() == Some('}') && has_least && counts.matches(',').count() <= 1;
    let length = counts.len() + 1;
    is_repetition.then_some((counts, length))
}

fn is_possible(counts: &str) -> bool {
    let (least, most) = counts.split_once(',').unwrap_or((counts, counts));
    let number = |text: &str| text.parse::<u32>().ok().filter(|it| *it <= MAX_REPEAT);
    match (number(least), number(most)) {
        (Some(least), Some(most)) => least <= most,
        (Some(_), None) => most.is_empty(),
        (None, _) => false,
    }
}
