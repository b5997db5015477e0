//! One field of a schedule: a list of values, ranges and steps (AC-24).

/// Which values a field may have, and names for them.
pub(super) struct Range {
    pub(super) name: &'static str,
    pub(super) min: u32,
    pub(super) max: u32,
    /// Names of values, from the first that has one.
    pub(super) names: &'static [&'static str],
}

/// The values that a field names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Values {
    bits: u64,
    /// Whether a part of the field stands for all values, which is not the same as naming each (AC-25).
    pub(super) is_starred: bool,
}

/// What is wrong with a field.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CronFieldError {
    /// There are two steps or more.
    #[error("{part:?} has more than one '/'")]
    TwoSteps {
        /// The part of the list.
        part: String,
    },
    /// There are three ends or more.
    #[error("{part:?} has more than one '-'")]
    TwoRanges {
        /// The part of the list.
        part: String,
    },
    /// Neither a number nor a name.
    #[error("{text:?} is no value")]
    NoValue {
        /// The text found.
        text: String,
    },
    /// The step is no number from 1.
    #[error("{text:?} is no step")]
    NoStep {
        /// The text found.
        text: String,
    },
    /// The range is empty, or reaches beyond what the field may have.
    #[error("{part:?} must be from {min} to {max}, the lower end first")]
    OutOfRange {
        /// The part of the list.
        part: String,
        /// The least value.
        min: u32,
        /// The largest value.
        max: u32,
    },
}

impl Values {
    pub(super) fn parse(text: &str, range: &Range) -> Result<Self, CronFieldError> {
        let mut values = Self {
            bits: 0,
            is_starred: false,
        };
        for part in text.split(',').filter(|part| !part.is_empty()) {
            values.add(part, range)?;
        }
        Ok(values)
    }

    pub(super) fn has(self, value: u32) -> bool {
        self.bits & bit(value) != 0
    }

    fn add(&mut self, part: &str, range: &Range) -> Result<(), CronFieldError> {
        let (ends, step) = match part.split_once('/') {
            Some((_, step)) if step.contains('/') => {
                let part = part.to_owned();
                return Err(CronFieldError::TwoSteps { part });
            }
            Some((ends, step)) => (ends, Some(step)),
            None => (part, None),
        };
        let (low, high) = match ends.split_once('-') {
            Some((low, high)) => (low, Some(high)),
            None => (ends, None),
        };
        let step_width = match step {
            Some(text) => number(text).filter(|step| *step > 0).ok_or_else(|| {
                let text = text.to_owned();
                CronFieldError::NoStep { text }
            })?,
            None => 1,
        };
        let (first, last) = match (low, high) {
            // What follows a star is not looked at.
            ("*" | "?", _) => {
                self.is_starred |= step_width == 1;
                (range.min, range.max)
            }
            (_, Some(high)) if high.contains('-') => {
                let part = part.to_owned();
                return Err(CronFieldError::TwoRanges { part });
            }
            (low, Some(high)) => (value(low, range)?, value(high, range)?),
            (low, None) => {
                let first = value(low, range)?;
                (first, if step.is_some() { range.max } else { first })
            }
        };
        if first < range.min || last > range.max || first > last {
            return Err(CronFieldError::OutOfRange {
                part: part.to_owned(),
                min: range.min,
                max: range.max,
            });
        }
        let width = usize::try_from(step_width).unwrap_or(usize::MAX);
        for value in (first..=last).step_by(width) {
            self.bits |= bit(value);
        }
        Ok(())
    }
}

/// No field has a value above 59.
fn bit(value: u32) -> u64 {
    1_u64.checked_shl(value).unwrap_or_default()
}

fn value(text: &str, range: &Range) -> Result<u32, CronFieldError> {
    let mut names = range.names.iter();
    let named = names.position(|name| name.eq_ignore_ascii_case(text));
    let named = named.and_then(|index| range.min.checked_add(u32::try_from(index).ok()?));
    // A number that is too large for a value is out of every range.
    named
        .or_else(|| Some(u32::try_from(number(text)?).unwrap_or(u32::MAX)))
        .ok_or_else(|| CronFieldError::NoValue {
            text: text.to_owned(),
        })
}

fn number(text: &str) -> Option<i64> {
    text.parse().ok().filter(|number: &i64| *number >= 0)
}
