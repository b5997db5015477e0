//! How long certificates hold, and when they are replaced.

use std::time::Duration;

use jiff::Timestamp;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// How long certificates hold, and how long before their end they are replaced (PF-217, PF-218).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Lifetimes {
    /// Of an authority.
    pub authority: Duration,
    /// Of a serving certificate; never longer than its authority's.
    pub serving: Duration,
    /// A serving certificate is replaced when it, or its authority, has less than this left
    /// (`CERTS_RENEW_BEFORE`), or less than a third of its life.
    pub renew_before: Duration,
    /// When a serving certificate is replaced, its authority is replaced as well if it has less than this left.
    pub replace_authority_before: Duration,
}

impl Default for Lifetimes {
    fn default() -> Self {
        Self {
            authority: 3650 * DAY,
            serving: 3650 * DAY,
            renew_before: 180 * DAY,
            replace_authority_before: 365 * DAY,
        }
    }
}

impl Lifetimes {
    /// Reads `CERTS_RENEW_BEFORE`: a number with `d` for days, `m` for 30 days or `y` for 365. Whatever
    /// else stands there means the default, as it does in OpenKruise (PF-1008).
    #[must_use]
    pub(crate) fn with_renew_before(self, text: &str) -> Self {
        let parse = || {
            let unit = text.chars().last()?;
            let days = match unit {
                'd' => 1,
                'm' => 30,
                'y' => 365,
                _ => return None,
            };
            let number: u32 = text.strip_suffix(unit)?.parse().ok()?;
            DAY.checked_mul(number.checked_mul(days)?)
        };
        Self {
            renew_before: parse()
                .filter(|duration| !duration.is_zero())
                .unwrap_or(Self::default().renew_before),
            ..self
        }
    }
}

pub(crate) fn after(time: Timestamp, duration: Duration) -> Timestamp {
    time.checked_add(duration).unwrap_or(Timestamp::MAX)
}

pub(crate) fn before(time: Timestamp, duration: Duration) -> Timestamp {
    time.checked_sub(duration).unwrap_or(Timestamp::MIN)
}
