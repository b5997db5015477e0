//! Why a text is no schedule.

use super::{field::CronFieldError, zone::UnknownZone};

/// A text that is no schedule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScheduleError {
    /// There is nothing behind the zone.
    #[error("nothing follows the time zone")]
    ZoneAlone,
    /// The zone is none.
    #[error(transparent)]
    Zone(#[from] UnknownZone),
    /// The word is no descriptor.
    #[error("{word:?} is no descriptor, such as @daily or @every 5m")]
    Descriptor {
        /// The word, and what follows it.
        word: String,
    },
    /// The period is none.
    #[error("{text:?} is no duration, such as 1h30m")]
    Duration {
        /// The text found.
        text: String,
    },
    /// There are too many fields, or too few.
    #[error("must have five fields, or be a descriptor such as @daily; {n_fields} found")]
    NumberOfFields {
        /// How many there are.
        n_fields: usize,
    },
    /// A field means nothing.
    #[error("{name}: {source}")]
    Field {
        /// What the field is about.
        name: &'static str,
        /// What is wrong with it.
        source: CronFieldError,
    },
}
