//! Everything that happens to the pods, the CloneSets and the lease, recorded from watches.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Result;
use jiff::Timestamp;
use localkube::object_watch::{Change, ObjectWatch};
use serde_json::Value;

use super::ground::{CONTROLLER, Ground, NAMESPACE, SYSTEM};
use super::plan::Sets;
use super::seen::{self, Event, LeaseSeen, PodSeen, SetSeen, What};

/// Watches that run. A new one for each round: the API server ends each of them after half an hour or
/// more.
pub(super) struct Record {
    watches: Vec<ObjectWatch<Event>>,
    events: Vec<Event>,
    now: Now,
}

/// How things stand.
#[derive(Debug, Default)]
pub(super) struct Now {
    /// By UID.
    pub(super) pods: BTreeMap<String, PodSeen>,
    pub(super) sets: BTreeMap<String, SetSeen>,
    pub(super) lease: Option<LeaseSeen>,
}

impl Record {
    /// Starts with what is there.
    pub(super) fn start(ground: &Ground<'_>) -> Result<Self> {
        let watch = |namespace: &str, what: &[&str], read: fn(&Value) -> Result<What>| {
            let mut kubectl = ground.kubectl();
            kubectl.args(["--namespace", namespace]);
            ObjectWatch::start(kubectl, what, move |object| {
                Ok(Event {
                    at: Timestamp::now(),
                    version: seen::version(&object)?,
                    what: read(&object)?,
                })
            })
        };
        Ok(Self {
            watches: vec![
                watch(NAMESPACE, &["pods"], |pod| {
                    Ok(What::Pod(PodSeen::read(pod)))
                })?,
                watch(NAMESPACE, &["clonesets.apps.kruise.io"], |set| {
                    Ok(What::Set(SetSeen::read(set)))
                })?,
                watch(SYSTEM, &["lease", CONTROLLER], |lease| {
                    LeaseSeen::read(lease).map(What::Lease)
                })?,
            ],
            events: Vec::new(),
            now: Now::default(),
        })
    }

    /// Takes what has been told; waits a little if that is nothing.
    pub(super) fn take(&mut self, patience: Duration) -> Result<()> {
        let n_before = self.events.len();
        for watch in &self.watches {
            while let Some(change) = watch.next(Duration::ZERO)? {
                let event = match change {
                    Change::Seen(event) => event,
                    Change::Gone(event) => gone(event),
                };
                self.now.apply(&event);
                self.events.push(event);
            }
        }
        if self.events.len() == n_before {
            std::thread::sleep(patience);
        }
        Ok(())
    }

    pub(super) fn now(&self) -> &Now {
        &self.now
    }

    pub(super) fn events(&self) -> &[Event] {
        &self.events
    }
}

fn gone(event: Event) -> Event {
    let what = match event.what {
        What::Pod(pod) => What::PodGone(pod),
        other => other,
    };
    Event { what, ..event }
}

impl Now {
    fn apply(&mut self, event: &Event) {
        match &event.what {
            What::Pod(pod) => {
                self.pods.insert(pod.uid.clone(), pod.clone());
            }
            What::PodGone(pod) => {
                self.pods.remove(&pod.uid);
            }
            What::Set(set) => {
                self.sets.insert(set.name.clone(), set.clone());
            }
            What::Lease(lease) => self.lease = Some(lease.clone()),
        }
    }

    /// Whether all sets are what is asked for, and nothing else is there.
    pub(super) fn is_settled(&self, sets: &Sets) -> bool {
        let n_wanted: u64 = sets.values().map(|terms| terms.replicas).sum();
        self.pods.len() as u64 == n_wanted
            && self.pods.values().all(PodSeen::is_available)
            && sets.iter().all(|(name, terms)| {
                let set = self.sets.get(*name);
                set.is_some_and(|set| set.done && set.terms == *terms)
            })
    }

    /// For messages.
    pub(super) fn describe(&self) -> String {
        let pods = self
            .pods
            .values()
            .filter(|pod| !pod.is_available())
            .map(|pod| {
                format!(
                    "pod {} ready={} state={} terminating={} image={}",
                    pod.name, pod.ready, pod.state, pod.terminating, pod.image
                )
            });
        let sets = self.sets.values().filter(|set| !set.done).map(|set| {
            format!(
                "CloneSet {} {:?} updated={}",
                set.name, set.terms, set.updated
            )
        });
        let lease = self.lease.iter().map(|lease| {
            format!(
                "lease of {:?}, renewed at {}",
                lease.holder, lease.renewed_at
            )
        });
        sets.chain(pods).chain(lease).collect::<Vec<_>>().join("; ")
    }
}

#[cfg(test)]
mod tests {
    use super::super::plan;
    use super::*;

    #[test]
    fn sets_are_settled_when_they_are_done_with_what_was_asked_and_nothing_is_left_over() {
        let sets: Sets = plan::first()
            .into_iter()
            .filter(|(name, _)| *name == "surging")
            .collect();
        let pod = |n: usize| PodSeen {
            uid: n.to_string(),
            ready: true,
            ..PodSeen::default()
        };
        let set = SetSeen {
            name: "surging".to_owned(),
            terms: sets["surging"].clone(),
            done: true,
            updated: 4,
        };
        let mut now = Now {
            pods: (0..4).map(|n| (n.to_string(), pod(n))).collect(),
            sets: BTreeMap::from([("surging".to_owned(), set)]),
            lease: None,
        };
        assert!(now.is_settled(&sets));
        now.pods.insert("4".to_owned(), pod(4));
        assert!(!now.is_settled(&sets));
        now.pods.remove("4");
        if let Some(set) = now.sets.get_mut("surging") {
            set.terms.replicas = 5;
        }
        assert!(!now.is_settled(&sets));
    }
}
