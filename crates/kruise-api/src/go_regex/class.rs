//! Classes of characters: what stands between `[` and `]`.

use std::{iter::Peekable, str::Chars};

use super::escape::escape;

const NAMES: [&str; 14] = [
    "alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph", "lower", "print", "punct",
    "space", "upper", "word", "xdigit",
];

/// Translates a class whose opening bracket was read, up to its end. None if it is none.
pub(super) fn translate(rest: &mut Peekable<Chars<'_>>, translated: &mut String) -> Option<()> {
    translated.push('[');
    if rest.next_if_eq(&'^').is_some() {
        translated.push('^');
    }
    let mut is_first = true;
    loop {
        let character = rest.next()?;
        if character == ']' && !is_first {
            translated.push(']');
            return Some(());
        }
        is_first = false;
        if character == '[' && is_named(rest) {
            translated.push_str(&named(rest)?);
            continue;
        }
        let first = member(character, rest)?;
        translated.push_str(&first);
        let mut ahead = rest.clone();
        let begins_range = ahead.next() == Some('-') && ahead.next().is_some_and(|it| it != ']');
        if begins_range && !is_class(&first) {
            rest.next();
            let last = rest.next()?;
            translated.push('-');
            translated.push_str(&member(last, rest)?);
        }
    }
}

/// A member of the class, which may be a class itself.
fn member(character: char, rest: &mut Peekable<Chars<'_>>) -> Option<String> {
    match character {
        '\\' => escape(rest),
        // The other syntax has meanings for some of them, and takes a backslash before each but these.
        _ if character.is_ascii_punctuation() && !"<>".contains(character) => {
            Some(format!("\\{character}"))
        }
        _ => Some(character.to_string()),
    }
}

fn is_class(member: &str) -> bool {
    ["\\d", "\\D", "\\s", "\\S", "\\w", "\\W", "\\p", "\\P"]
        .iter()
        .any(|class| member.starts_with(class))
}

/// Whether the bracket that was read begins a class with a name.
fn is_named(rest: &Peekable<Chars<'_>>) -> bool {
    let is_letter = |it: &char| it.is_ascii_lowercase() || *it == '^';
    let mut ahead = rest.clone();
    ahead.next_if_eq(&':').is_some() && {
        while ahead.next_if(is_letter).is_some() {}
        ahead.next() == Some(':') && ahead.next() == Some(']')
    }
}

/// A class such as `[:alpha:]`, of which the bracket was read.
fn named(rest: &mut Peekable<Chars<'_>>) -> Option<String> {
    rest.next();
    let mut name = String::new();
    while let Some(character) = rest.next_if(|it| *it != ':') {
        name.push(character);
    }
    rest.next();
    let is_known = NAMES.contains(&name.trim_start_matches('^'));
    (rest.next() == Some(']') && is_known).then(|| format!("[:{name}:]"))
}
