//! Durations in Go's syntax: `300ms`, `15s`, `1h30m`.

use std::time::Duration;

/// Why a text is not a duration.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(crate) enum DurationError {
    /// Neither `0` nor a sequence of numbers with units.
    #[error("invalid duration {0:?}: expected numbers with units, such as 15s, 2m or 1h30m")]
    Syntax(String),
    /// A unit that Go doesn't know.
    #[error("unknown unit {unit:?} in duration {text:?}: one of ns, us, ms, s, m, h")]
    Unit {
        /// The whole text.
        text: String,
        /// The unit in it.
        unit: String,
    },
    /// Go allows negative durations; no flag of ours has a use for one.
    #[error("duration {0:?} is negative")]
    Negative(String),
}

/// Reads a duration in Go's syntax.
///
/// # Errors
/// When the text is not a duration, or a negative one.
pub(crate) fn parse_go_duration(text: &str) -> Result<Duration, DurationError> {
    if text.starts_with('-') {
        return Err(DurationError::Negative(text.to_owned()));
    }
    let mut rest = text.strip_prefix('+').unwrap_or(text);
    if rest == "0" {
        return Ok(Duration::ZERO);
    }
    let syntax = || DurationError::Syntax(text.to_owned());
    if rest.is_empty() {
        return Err(syntax());
    }
    let mut total = Duration::ZERO;
    while !rest.is_empty() {
        let end_of_number = rest
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .ok_or_else(syntax)?;
        let (number, after) = rest.split_at(end_of_number);
        let end_of_unit = after
            .find(|c: char| c.is_ascii_digit() || c == '.')
            .unwrap_or(after.len());
        let (unit, after) = after.split_at(end_of_unit);
        let seconds = match unit {
            "ns" => 1e-9,
            "us" | "µs" | "μs" => 1e-6,
            "ms" => 1e-3,
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3600.0,
            _ => {
                return Err(DurationError::Unit {
                    text: text.to_owned(),
                    unit: unit.to_owned(),
                });
            }
        };
        let number: f64 = number.parse().map_err(|_| syntax())?;
        total = Duration::try_from_secs_f64(number * seconds)
            .ok()
            .and_then(|part| total.checked_add(part))
            .ok_or_else(syntax)?;
        rest = after;
    }
    Ok(total)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("15s", 15_000)]
    #[case("2m", 120_000)]
    #[case("1h30m", 5_400_000)]
    #[case("1.5s", 1_500)]
    #[case("300ms", 300)]
    #[case("0", 0)]
    #[case("1m0.5s", 60_500)]
    fn reads_what_go_writes(#[case] text: &str, #[case] milliseconds: u64) {
        assert_eq!(
            parse_go_duration(text),
            Ok(Duration::from_millis(milliseconds))
        );
    }

    #[rstest]
    #[case("")]
    #[case("15")]
    #[case("s")]
    #[case("1d")]
    #[case("-1s")]
    #[case("1..5s")]
    fn refuses_what_go_refuses(#[case] text: &str) {
        assert!(parse_go_duration(text).is_err(), "{text}");
    }
}
