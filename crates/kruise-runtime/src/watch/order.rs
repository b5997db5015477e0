//! What others ask of a watch: a version that they know to exist, or a complete list.

use std::time::Duration;

use tokio::time::Instant;

/// A restart that is asked for more often than this is put off: live reads keep a lagging watch harmless meanwhile.
const RESTART_AT_MOST_EVERY: Duration = Duration::from_secs(30);
/// A watch that was found to have skipped something may have skipped more, of which nobody knows. So it is listed at
/// once, and again after this time, twice this time and so on, up to [`LIST_AGAIN_AT_LEAST_EVERY`].
const LIST_AGAIN_AFTER: Duration = Duration::from_secs(4);
const LIST_AGAIN_AT_LEAST_EVERY: Duration = Duration::from_secs(30);
/// A watch that has skipped something is trusted again when nothing more was found for this long.
const DISTRUST_FOR: Duration = Duration::from_secs(300);

/// What is asked of the watch.
#[derive(Default)]
pub(crate) struct Wanted {
    /// The watch shall have seen this version by this time, or open the connection again.
    version: Option<(u64, Instant)>,
    relist: bool,
    last_restart: Option<Instant>,
    distrust: Option<Distrust>,
}

/// When a watch that has skipped something is listed again.
struct Distrust {
    next: Instant,
    pause: Duration,
    until: Instant,
}

/// What the watch task shall do now.
#[derive(PartialEq, Eq, Debug)]
pub(crate) enum WatchOrder {
    Relist,
    Reconnect,
    /// Look again at this time, or when woken.
    Continue(Option<Instant>),
}

impl Wanted {
    /// Asks the watch to have seen a version in time, or to open the connection again.
    pub(crate) fn version_within(&mut self, version: u64, within: Duration, newest: u64) {
        let by = Instant::now() + within;
        // Many writes may be late at once: the first deadline holds, for the highest version.
        self.version = match self.version {
            Some((other, earlier)) if other > newest => Some((other.max(version), earlier.min(by))),
            _ => Some((version, by)),
        };
    }

    /// Asks for a complete list.
    pub(crate) fn list(&mut self) {
        self.relist = true;
    }

    /// Asks for a complete list at once, and for more of them for a while.
    pub(crate) fn distrust(&mut self) {
        let now = Instant::now();
        let until = now + DISTRUST_FOR;
        match &mut self.distrust {
            Some(distrust) => distrust.until = until,
            None => {
                self.distrust = Some(Distrust {
                    next: now,
                    pause: LIST_AGAIN_AFTER,
                    until,
                });
            }
        }
    }

    /// When the next list is due for want of trust; `None`: the watch is trusted. A list that is due is taken as
    /// done.
    fn list_for_distrust(&mut self, now: Instant) -> Option<Instant> {
        let distrust = self.distrust.as_mut()?;
        if distrust.until <= now {
            self.distrust = None;
            return None;
        }
        let at = distrust.next;
        if at <= now {
            distrust.next = now + distrust.pause;
            distrust.pause = (distrust.pause * 2).min(LIST_AGAIN_AT_LEAST_EVERY);
        }
        Some(at)
    }

    /// What the watch shall do, having seen `newest`. An order is given once.
    pub(crate) fn order(&mut self, newest: u64) -> WatchOrder {
        let now = Instant::now();
        let list_at = self.list_for_distrust(now);
        if std::mem::take(&mut self.relist) || list_at.is_some_and(|at| at <= now) {
            self.version = None;
            return WatchOrder::Relist;
        }
        let Some((version, by)) = self.version else {
            return WatchOrder::Continue(list_at);
        };
        if newest >= version {
            self.version = None;
            return WatchOrder::Continue(list_at);
        }
        let by = self
            .last_restart
            .map_or(by, |last| by.max(last + RESTART_AT_MOST_EVERY));
        if now < by {
            return WatchOrder::Continue(Some(list_at.map_or(by, |at| at.min(by))));
        }
        self.version = None;
        self.last_restart = Some(now);
        WatchOrder::Reconnect
    }
}
