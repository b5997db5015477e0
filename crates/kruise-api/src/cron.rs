//! Cron schedules of AdvancedCronJobs (advancedcronjob.md, section 5.2). Admission and the controller read them by the
//! same reader. Nothing here knows what time it is, or in which zone the process runs: both are arguments.

mod duration;
mod error;
mod field;
mod fields;
mod zone;

pub use error::ScheduleError;
pub use field::CronFieldError;
pub use zone::{UnknownZone, Zone};

use fields::Fields;
use jiff::{SignedDuration, tz::TimeZone};

use crate::meta::{Time, whole_seconds};

/// What a descriptor stands for. Each is exact: lower case, and nothing after it.
const DESCRIPTORS: [(&str, &str); 7] = [
    ("@yearly", "0 0 1 1 *"),
    ("@annually", "0 0 1 1 *"),
    ("@monthly", "0 0 1 * *"),
    ("@weekly", "0 0 * * 0"),
    ("@daily", "0 0 * * *"),
    ("@midnight", "0 0 * * *"),
    ("@hourly", "0 * * * *"),
];
/// Beginning of a descriptor that has a period.
const EVERY: &str = "@every ";
/// What a schedule with a zone begins with (AC-20).
const PREFIXES: [&str; 2] = ["TZ=", "CRON_TZ="];
/// Letters that say that a schedule has a zone of its own, wherever they stand (AC-22).
const ZONE_MARK: &str = "TZ";

/// When something runs.
#[derive(Debug, Clone, PartialEq)]
pub struct Schedule {
    zone: Zone,
    form: Form,
}

#[derive(Debug, Clone, PartialEq)]
enum Form {
    /// At times of the wall clock.
    Fields(Fields),
    /// Again and again after this time, which is in whole seconds.
    Every(SignedDuration),
}

impl Schedule {
    /// Reads a schedule. Without a zone of its own it is in that of the process (AC-20, AC-22, AC-23).
    ///
    /// # Errors
    /// When the text is no schedule.
    pub fn parse(text: &str) -> Result<Self, ScheduleError> {
        let of_zone = PREFIXES.iter().find_map(|prefix| text.strip_prefix(prefix));
        let (zone, body) = match of_zone {
            Some(rest) => {
                let (name, body) = rest.split_once(' ').ok_or(ScheduleError::ZoneAlone)?;
                (Zone::named(name)?, body.trim())
            }
            None => (Zone::Process, text),
        };
        let form = if body.starts_with('@') {
            descriptor(body)?
        } else {
            Form::Fields(Fields::parse(body)?)
        };
        Ok(Self { zone, form })
    }

    /// The schedule in this zone.
    #[must_use]
    pub fn in_zone(self, zone: Zone) -> Self {
        Self { zone, ..self }
    }

    /// The first time strictly after `after` (AC-27). None if there is none within five years. `process` is the zone of
    /// the process.
    #[must_use]
    pub fn next(&self, after: Time, process: &TimeZone) -> Option<Time> {
        match &self.form {
            Form::Every(period) => whole_seconds(after).checked_add(*period).ok(),
            Form::Fields(fields) => fields.next(after, self.zone.time_zone(process)),
        }
    }
}

/// Whether a schedule decides its zone by itself, so that a zone beside it counts for nothing (AC-12, AC-22).
#[must_use]
pub fn has_own_zone(schedule: &str) -> bool {
    schedule.contains(ZONE_MARK)
}

/// AC-26
fn descriptor(word: &str) -> Result<Form, ScheduleError> {
    if let Some(text) = word.strip_prefix(EVERY) {
        let Some(period) = duration::parse(text) else {
            let text = text.to_owned();
            return Err(ScheduleError::Duration { text });
        };
        let period = SignedDuration::from_secs(period.as_secs().max(1));
        return Ok(Form::Every(period));
    }
    let mut known = DESCRIPTORS.iter();
    match known.find(|(descriptor, _)| *descriptor == word) {
        Some((_, fields)) => Ok(Form::Fields(Fields::parse(fields)?)),
        None => {
            let word = word.to_owned();
            Err(ScheduleError::Descriptor { word })
        }
    }
}
