//! Whether a pod can be updated in place.

use std::{cell::RefCell, time::Duration};

use kruise_api::{
    inplace::{self, DaemonReport, NotInPlace, lifecycle},
    meta::Time,
    pod::Pod,
    well_known::{annotations, lifecycle_states},
};

/// Whether an update of the pod may begin, as far as its state says (CS-82).
#[must_use]
pub fn may_be_updated(pod: &Pod) -> bool {
    match lifecycle::state(pod) {
        lifecycle_states::PREPARING_DELETE => false,
        lifecycle_states::UPDATED => true,
        _ => ![
            annotations::INPLACE_UPDATE_GRACE,
            annotations::INPLACE_UPDATE_GRACE_LEGACY,
        ]
        .iter()
        .any(|key| pod.metadata.annotations.contains_key(key)),
    }
}

/// Whether a pod can be updated in place.
#[derive(Debug, Clone)]
pub enum InPlace {
    /// It can, by this update.
    Possible(Box<inplace::Update>),
    /// Nobody can tell yet. It is known after this time, or earlier.
    AwaitDaemon(Duration),
    /// It can't.
    Impossible(NotInPlace),
}

impl InPlace {
    /// Judges a change that is possible as far as revisions say. If it reaches containers through their environment,
    /// a node daemon has to restart them (DV-IP12). `daemon_may_come` says whether to expect a daemon of which
    /// nothing is known yet.
    #[must_use]
    pub fn of(
        update: Result<inplace::Update, NotInPlace>,
        pod: &Pod,
        daemon_may_come: impl FnOnce() -> bool,
        now: Time,
    ) -> Self {
        let update = match update {
            Ok(update) => Box::new(update),
            Err(why) => return Self::Impossible(why),
        };
        if !update.changes_environment() {
            return Self::Possible(update);
        }
        match inplace::daemon_report(pod, now) {
            DaemonReport::Counted => Self::Possible(update),
            DaemonReport::NotYet if daemon_may_come() => Self::Possible(update),
            DaemonReport::Awaited { seconds } => Self::AwaitDaemon(Duration::from_secs(
                u64::try_from(seconds).unwrap_or(1).max(1),
            )),
            DaemonReport::NotYet | DaemonReport::Missing => Self::Impossible(NotInPlace {
                path: "/metadata".to_owned(),
                why:
                    "a container reads what changes through its environment, and no node daemon is \
                      there to restart it"
                        .to_owned(),
            }),
        }
    }
}

/// What changes from one revision to another, for each pair that a plan has asked about: thousands of pods ask the
/// same.
#[derive(Debug, Default)]
pub struct Differences(RefCell<Vec<Difference>>);

#[derive(Debug)]
struct Difference {
    old: String,
    new: String,
    update: Result<inplace::Update, NotInPlace>,
}

impl Differences {
    /// What changes from `old` to `new`. It is calculated only once.
    ///
    /// # Errors
    /// Why the change is not possible in place.
    pub fn get(
        &self,
        old: &str,
        new: &str,
        calculate: impl FnOnce() -> Result<inplace::Update, NotInPlace>,
    ) -> Result<inplace::Update, NotInPlace> {
        let is_it = |known: &&Difference| known.old == old && known.new == new;
        if let Some(known) = self.0.borrow().iter().find(is_it) {
            return known.update.clone();
        }
        let update = calculate();
        self.0.borrow_mut().push(Difference {
            old: old.to_owned(),
            new: new.to_owned(),
            update: update.clone(),
        });
        update
    }
}
