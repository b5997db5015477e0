//! How the lease went from a killed leader to another. Pure.

use jiff::{SignedDuration, Timestamp};

use super::bounds::{Bound, Violation};
use super::seen::{Event, LeaseSeen, What};

/// A holder looks at its clock a moment before it looks at the lease.
const CLOCK_READING: SignedDuration = SignedDuration::from_millis(50);
/// A standby counts the 15 s from when it saw the last renewal. It looks every 2 s, or up to 2.5 by jitter;
/// the rest is for a busy machine.
const LATEST: SignedDuration = SignedDuration::from_millis(3500);

/// Who has the lease after a kill.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Successor {
    /// The other replica, whose indexes were warm.
    Standby,
    /// The killed container, started again.
    Restarted,
}

/// One take-over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TakeOver {
    pub(super) by: Successor,
    /// The pod that leads now.
    pub(super) pod: String,
    /// When it took the lease, as it wrote into it.
    pub(super) at: Timestamp,
    pub(super) since_kill: SignedDuration,
    /// Since the lease had expired.
    pub(super) since_expiry: SignedDuration,
}

impl TakeOver {
    /// The first time that the lease went from the killed holder to another.
    pub(super) fn find(events: &[Event], killed: &str, killed_at: Timestamp) -> Option<Self> {
        let leases: Vec<&LeaseSeen> = events
            .iter()
            .filter_map(|event| match &event.what {
                What::Lease(lease) => Some(lease),
                _ => None,
            })
            .collect();
        let last = leases.iter().rposition(|lease| lease.holder == killed)?;
        let (old, new) = (leases.get(last)?, leases.get(last + 1)?);
        Some(Self {
            by: if new.pod() == old.pod() {
                Successor::Restarted
            } else {
                Successor::Standby
            },
            pod: new.pod().to_owned(),
            at: new.renewed_at,
            since_kill: new.renewed_at.duration_since(killed_at),
            since_expiry: new.renewed_at.duration_since(old.expires_at()),
        })
    }

    /// Whether it was within its time.
    pub(super) fn violation(&self) -> Option<Violation> {
        let bound = if self.since_expiry < -CLOCK_READING {
            Bound::LeaseTakenEarly
        } else if self.since_expiry > LATEST {
            Bound::LeaseTakenLate
        } else {
            return None;
        };
        Some(Violation {
            bound,
            at: self.at,
            what: format!(
                "by {}, {:.2} s after it had expired",
                self.pod,
                self.since_expiry.as_secs_f64()
            ),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn lease(holder: &str, second: &str) -> Event {
        let at = time(second);
        Event {
            at,
            version: 1,
            what: What::Lease(LeaseSeen {
                holder: holder.to_owned(),
                renewed_at: at,
                duration: Duration::from_secs(15),
            }),
        }
    }

    fn time(second: &str) -> Timestamp {
        format!("2026-01-01T00:00:{second}Z").parse().unwrap()
    }

    /// `a-1`, which renewed last at 10 s, is killed at 11 s.
    fn taken(by: &str, second: &str) -> TakeOver {
        let events = [
            lease("a_1", "08"),
            lease("a_1", "10"),
            lease(by, second),
            lease(by, "50"),
        ];
        TakeOver::find(&events, "a_1", time("11")).unwrap()
    }

    #[test]
    fn the_standby_and_the_restarted_are_told_apart_and_times_are_measured() {
        let take_over = taken("b_1", "25.5");
        assert_eq!(
            (take_over.by, take_over.pod.as_str()),
            (Successor::Standby, "b")
        );
        assert_eq!(take_over.since_kill, SignedDuration::from_millis(14_500));
        assert_eq!(take_over.since_expiry, SignedDuration::from_millis(500));
        assert_eq!(taken("a_2", "26").by, Successor::Restarted);
    }

    #[test]
    fn nobody_has_taken_over_while_the_lease_is_the_killed_ones() {
        let events = [lease("a_1", "10")];
        assert_eq!(TakeOver::find(&events, "a_1", time("11")), None);
    }

    #[test]
    fn a_lease_taken_before_it_expired_is_found() {
        let bound = |take_over: TakeOver| take_over.violation().map(|violation| violation.bound);
        assert_eq!(bound(taken("b_1", "24.9")), Some(Bound::LeaseTakenEarly));
        assert_eq!(bound(taken("b_1", "25")), None);
    }

    #[test]
    fn a_lease_taken_late_is_found() {
        let bound = |take_over: TakeOver| take_over.violation().map(|violation| violation.bound);
        assert_eq!(bound(taken("b_1", "28.4")), None);
        assert_eq!(bound(taken("b_1", "28.6")), Some(Bound::LeaseTakenLate));
    }
}
