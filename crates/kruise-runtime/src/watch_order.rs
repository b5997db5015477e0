//! What others ask of a watch: a version that they know to exist, or a complete list.

use std::time::Duration;

use tokio::time::Instant;

/// A restart that is asked for more often than this is put off: reading live keeps a lagging watch
/// harmless meanwhile.
const RESTART_AT_MOST_EVERY: Duration = Duration::from_secs(30);

/// What is asked of the watch.
#[derive(Default)]
pub(crate) struct Wanted {
    /// To have seen this version by then, or to open the connection again.
    version: Option<(u64, Instant)>,
    relist: bool,
    last_restart: Option<Instant>,
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
    /// To have seen a version in time, or to open the connection again.
    pub(crate) fn version_within(&mut self, version: u64, within: Duration, newest: u64) {
        let by = Instant::now() + within;
        // Many writes may be late at once: the first deadline holds, for the highest version.
        self.version = match self.version {
            Some((other, earlier)) if other > newest => Some((other.max(version), earlier.min(by))),
            _ => Some((version, by)),
        };
    }

    /// A complete list.
    pub(crate) fn list(&mut self) {
        self.relist = true;
    }

    /// What the watch shall do, having seen `newest`. An order is given once.
    pub(crate) fn order(&mut self, newest: u64) -> WatchOrder {
        if std::mem::take(&mut self.relist) {
            self.version = None;
            return WatchOrder::Relist;
        }
        let Some((version, by)) = self.version else {
            return WatchOrder::Continue(None);
        };
        if newest >= version {
            self.version = None;
            return WatchOrder::Continue(None);
        }
        let now = Instant::now();
        let by = self
            .last_restart
            .map_or(by, |last| by.max(last + RESTART_AT_MOST_EVERY));
        if now < by {
            return WatchOrder::Continue(Some(by));
        }
        self.version = None;
        self.last_restart = Some(now);
        WatchOrder::Reconnect
    }
}
