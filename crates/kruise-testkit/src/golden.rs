//! Texts that others see, kept in files: what clients show or compare must not change unnoticed.

use std::{env, fs, path::Path};

/// With `write` here golden files are written, and no test fails for them.
pub const VARIABLE: &str = "KRUISE_GOLDEN";

/// Compares a text with the file that keeps it. A test gives its path from `env!("CARGO_MANIFEST_DIR")`.
///
/// # Panics
/// When they differ, or the file can't be read or written.
pub fn same_as(file: impl AsRef<Path>, text: &str) {
    let file = file.as_ref();
    if env::var_os(VARIABLE).is_some_and(|wanted| wanted == "write") {
        fs::write(file, text).unwrap_or_else(|error| panic!("write {}: {error}", file.display()));
        return;
    }
    let kept =
        fs::read_to_string(file).unwrap_or_else(|error| panic!("read {}: {error}", file.display()));
    if let Some(difference) = difference(&kept, text) {
        panic!(
            "{}: {difference}\nIf that is meant, run the test once with {VARIABLE}=write",
            file.display()
        );
    }
}

/// The first line that differs.
fn difference(kept: &str, text: &str) -> Option<String> {
    if kept == text {
        return None;
    }
    let mut pairs = (1..).zip(lines(kept).zip(lines(text)));
    let (number, (kept, new)) = pairs.find(|(_, (kept, new))| kept != new)?;
    let shown =
        |line: Option<&str>| line.map_or_else(|| "the end".to_owned(), |it| format!("{it:?}"));
    Some(format!(
        "line {number} was {}, and is {}",
        shown(kept),
        shown(new)
    ))
}

/// Lines with their ends, and then nothing for ever.
fn lines(text: &str) -> impl Iterator<Item = Option<&str>> {
    text.split_inclusive('\n')
        .map(Some)
        .chain(std::iter::repeat(None))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_that_differs_is_named() {
        assert_eq!(difference("a\nb\n", "a\nb\n"), None);
        let told = |kept, text| difference(kept, text).unwrap();
        assert_eq!(
            told("a\nb\n", "a\nc\n"),
            r#"line 2 was "b\n", and is "c\n""#
        );
        assert_eq!(told("a\nb\n", "a\n"), r#"line 2 was "b\n", and is the end"#);
        assert_eq!(told("a\n", "a\nb"), r#"line 2 was the end, and is "b""#);
        assert_eq!(told("a\n", "a"), r#"line 1 was "a\n", and is "a""#);
    }

    #[test]
    fn a_text_that_changed_fails_its_test() {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
        let failed = std::panic::catch_unwind(|| same_as(file, "something else"));
        let told = failed.unwrap_err().downcast::<String>().unwrap();
        assert!(
            told.contains("line 1 was") && told.contains("KRUISE_GOLDEN=write"),
            "{told}"
        );
    }

    #[test]
    fn a_text_that_is_the_same_passes() {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
        same_as(file, &fs::read_to_string(file).unwrap());
    }
}
