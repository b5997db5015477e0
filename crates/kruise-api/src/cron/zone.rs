//! Time zones by name (AC-21). They come from the copy of the IANA database that is part of this crate, so that
//! admission and each replica of the controller know the same zones.

use jiff::tz::{TimeZone, TimeZoneDatabase};

/// The zone in which a schedule is read.
#[derive(Debug, Clone, PartialEq)]
pub enum Zone {
    /// That of the process.
    Process,
    /// One with a name.
    Named(TimeZone),
}

/// A name that no zone has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name:?} is no time zone of the IANA database")]
pub struct UnknownZone {
    /// The name.
    pub name: String,
}

impl Zone {
    /// The zone with this name, in the letters of the database. No name is UTC, and `Local` the zone of the process.
    ///
    /// # Errors
    /// When there is no such zone.
    pub fn named(name: &str) -> Result<Self, UnknownZone> {
        match name {
            "" => return Ok(Self::Named(TimeZone::UTC)),
            "Local" => return Ok(Self::Process),
            _ => {}
        }
        // The database itself takes names in any case.
        let found = TimeZoneDatabase::bundled().get(name).ok();
        found
            .filter(|zone| zone.iana_name() == Some(name))
            .map(Self::Named)
            .ok_or_else(|| UnknownZone {
                name: name.to_owned(),
            })
    }

    /// The zone, given that of the process.
    pub(super) fn time_zone<'a>(&'a self, process: &'a TimeZone) -> &'a TimeZone {
        match self {
            Self::Process => process,
            Self::Named(zone) => zone,
        }
    }
}
