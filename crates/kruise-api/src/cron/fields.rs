//! Times of the wall clock, by five fields (AC-23 to AC-25, AC-27, AC-28).

use jiff::{
    SignedDuration,
    civil::{Date, DateTime},
    tz::TimeZone,
};

use super::{
    error::ScheduleError,
    field::{Range, Values},
};
use crate::meta::{Time, whole_seconds};

const MINUTE: Range = Range {
    name: "minute",
    min: 0,
    max: 59,
    names: &[],
};
const HOUR: Range = Range {
    name: "hour",
    min: 0,
    max: 23,
    names: &[],
};
const DAY_OF_MONTH: Range = Range {
    name: "day of month",
    min: 1,
    max: 31,
    names: &[],
};
const MONTH: Range = Range {
    name: "month",
    min: 1,
    max: 12,
    names: &[
        "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
    ],
};
const DAY_OF_WEEK: Range = Range {
    name: "day of week",
    min: 0,
    max: 6,
    names: &["sun", "mon", "tue", "wed", "thu", "fri", "sat"],
};

/// How many years ahead are searched.
const MAX_YEARS: i16 = 5;
const ONE_SECOND: SignedDuration = SignedDuration::from_secs(1);
const SECONDS_A_MINUTE: i64 = 60;

/// Minutes of the wall clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fields {
    minute: Values,
    hour: Values,
    day_of_month: Values,
    month: Values,
    day_of_week: Values,
}

impl Fields {
    pub(super) fn parse(text: &str) -> Result<Self, ScheduleError> {
        let fields: Vec<&str> = text.split_whitespace().collect();
        let [minute, hour, day_of_month, month, day_of_week] = fields.as_slice() else {
            let n_fields = fields.len();
            return Err(ScheduleError::NumberOfFields { n_fields });
        };
        let values = |text: &str, range: &Range| {
            Values::parse(text, range).map_err(|source| ScheduleError::Field {
                name: range.name,
                source,
            })
        };
        Ok(Self {
            minute: values(minute, &MINUTE)?,
            hour: values(hour, &HOUR)?,
            day_of_month: values(day_of_month, &DAY_OF_MONTH)?,
            month: values(month, &MONTH)?,
            day_of_week: values(day_of_week, &DAY_OF_WEEK)?,
        })
    }

    /// The first matching instant strictly after `after`. The wall clock goes evenly from one change of the zone's
    /// offset to the next. So each such span is searched for itself: times that a change skips are in no span, and
    /// those that it repeats are in two.
    pub(super) fn next(&self, after: Time, zone: &TimeZone) -> Option<Time> {
        let last_year = zone.to_datetime(after).year().checked_add(MAX_YEARS)?;
        let mut from = whole_seconds(after).checked_add(ONE_SECOND).ok()?;
        loop {
            let offset = zone.to_offset(from);
            let change = zone.following(from).next().map(|change| change.timestamp());
            let clock = offset.to_datetime(from);
            if clock.year() > last_year {
                return None;
            }
            let found = whole_minute(clock).and_then(|clock| self.first_at(clock, last_year));
            let found = found.and_then(|clock| offset.to_timestamp(clock).ok());
            match (found, change) {
                (Some(found), Some(change)) if found < change => return Some(found),
                (_, Some(change)) => from = change,
                (found, None) => return found,
            }
        }
    }

    /// The first matching minute of the wall clock from this one on.
    fn first_at(&self, clock: DateTime, last_year: i16) -> Option<DateTime> {
        let mut date = clock.date();
        let mut earliest = (number(clock.hour()), number(clock.minute()));
        while date.year() <= last_year {
            if !self.month.has(number(date.month())) {
                date = date.last_of_month().tomorrow().ok()?;
            } else if let Some(found) = self.first_on(date, earliest) {
                return Some(found);
            } else {
                date = date.tomorrow().ok()?;
            }
            earliest = (0, 0);
        }
        None
    }

    /// The first matching minute of this day from this hour and minute on.
    fn first_on(&self, date: Date, (hour, minute): (u32, u32)) -> Option<DateTime> {
        if !self.has_day(date) {
            return None;
        }
        let mut hours = (hour..=HOUR.max).filter(|it| self.hour.has(*it));
        hours.find_map(|it| {
            let first = if it == hour { minute } else { MINUTE.min };
            let minute = (first..=MINUTE.max).find(|minute| self.minute.has(*minute))?;
            let (hour, minute) = (i8::try_from(it).ok()?, i8::try_from(minute).ok()?);
            Some(date.at(hour, minute, 0, 0))
        })
    }

    /// AC-25
    fn has_day(&self, date: Date) -> bool {
        let of_month = self.day_of_month.has(number(date.day()));
        let of_week = self
            .day_of_week
            .has(number(date.weekday().to_sunday_zero_offset()));
        if self.day_of_month.is_starred || self.day_of_week.is_starred {
            of_month && of_week
        } else {
            of_month || of_week
        }
    }
}

/// The first whole minute from this time on.
fn whole_minute(clock: DateTime) -> Option<DateTime> {
    match i64::from(clock.second()) {
        0 => Some(clock),
        second => clock
            .checked_add(SignedDuration::from_secs(
                SECONDS_A_MINUTE.checked_sub(second)?,
            ))
            .ok(),
    }
}

/// A part of a date, none of which is negative.
fn number(part: i8) -> u32 {
    u32::try_from(part).unwrap_or_default()
}
