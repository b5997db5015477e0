//! What others have of the API server meanwhile: a user of its own reads and patches one ConfigMap at a
//! steady small rate, and keeps how long each call took.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Result;
use serde_json::json;

use super::api::{Api, PatchKind};
use super::ground::NAMESPACE;

/// One read and one patch in this time. Small, so that it is no load of its own.
const EVERY: Duration = Duration::from_millis(100);
const NAME: &str = "probe";

/// Asks until it is dropped.
pub(super) struct Probe {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    stopped: AtomicBool,
    samples: Mutex<Samples>,
}

/// How long calls took, in milliseconds, and how many failed.
#[derive(Debug, Default)]
struct Samples {
    reads: Vec<f64>,
    patches: Vec<f64>,
    failures: usize,
}

/// What others had of it for a while, in milliseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Latency {
    pub(super) read: Spread,
    pub(super) patch: Spread,
    pub(super) failures: usize,
}

/// Half of the calls took no longer than the first, 99 of a hundred no longer than the second.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Spread {
    pub(super) p50: f64,
    pub(super) p99: f64,
}

impl Probe {
    /// With a service account: the administrator's calls are never made to wait for others'.
    pub(super) fn start(api: &Api) -> Result<Self> {
        let namespaced = format!("/api/v1/namespaces/{NAMESPACE}");
        let roles = format!("/apis/rbac.authorization.k8s.io/v1/namespaces/{NAMESPACE}");
        let named = json!({ "metadata": { "name": NAME } });
        api.ensure(&format!("{namespaced}/serviceaccounts"), &named)?;
        api.ensure(&format!("{namespaced}/configmaps"), &named)?;
        let role = json!({
            "metadata": { "name": NAME },
            "rules": [{ "apiGroups": [""], "resources": ["configmaps"], "verbs": ["get", "patch"] }],
        });
        api.ensure(&format!("{roles}/roles"), &role)?;
        let binding = json!({
            "metadata": { "name": NAME },
            "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": NAME },
            "subjects": [{ "kind": "ServiceAccount", "name": NAME, "namespace": NAMESPACE }],
        });
        api.ensure(&format!("{roles}/rolebindings"), &binding)?;
        let probe = api.as_account(NAMESPACE, NAME)?;
        let shared = Arc::new(Shared::default());
        let mine = Arc::clone(&shared);
        std::thread::spawn(move || mine.ask(&probe));
        Ok(Self { shared })
    }

    /// What was since the last call of this.
    pub(super) fn take(&self) -> Latency {
        let mut samples = self.shared.samples();
        std::mem::take(&mut *samples).latency()
    }
}

impl Drop for Probe {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::Relaxed);
    }
}

impl Shared {
    fn samples(&self) -> std::sync::MutexGuard<'_, Samples> {
        self.samples.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ask(&self, api: &Api) {
        let path = format!("/api/v1/namespaces/{NAMESPACE}/configmaps/{NAME}");
        let mut due = Instant::now();
        let mut number: u64 = 0;
        while !self.stopped.load(Ordering::Relaxed) {
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
            let start = Instant::now();
            let read = api.get(&path);
            let took = start.elapsed();
            self.note(read.is_ok(), |samples| {
                samples.reads.push(milliseconds(took));
            });
            let start = Instant::now();
            number += 1;
            let patch = json!({ "data": { "number": number.to_string() } });
            let patched = api.patch(&path, PatchKind::Merge, &patch);
            let took = start.elapsed();
            self.note(patched.is_ok(), |samples| {
                samples.patches.push(milliseconds(took));
            });
            // What was due while a call took long is left out: it would measure the queue of our own making.
            due = (due + EVERY).max(Instant::now());
        }
    }

    fn note(&self, succeeded: bool, add: impl FnOnce(&mut Samples)) {
        let mut samples = self.samples();
        if succeeded {
            add(&mut samples);
        } else {
            samples.failures += 1;
        }
    }
}

impl Samples {
    fn latency(self) -> Latency {
        Latency {
            read: Spread::of(self.reads),
            patch: Spread::of(self.patches),
            failures: self.failures,
        }
    }
}

impl Spread {
    fn of(mut samples: Vec<f64>) -> Self {
        samples.sort_by(f64::total_cmp);
        // The smallest sample that so many of a hundred don't exceed.
        let at = |percent: usize| {
            let rank = (samples.len() * percent).div_ceil(100);
            let sample = samples.get(rank.saturating_sub(1));
            sample.copied().unwrap_or_default()
        };
        Self {
            p50: at(50),
            p99: at(99),
        }
    }
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_and_nearly_all_are_told_whatever_the_order() {
        let samples: Vec<f64> = (1..=200).rev().map(f64::from).collect();
        let spread = Spread::of(samples);
        assert_eq!((spread.p50, spread.p99), (100.0, 198.0));
        assert_eq!(Spread::of(vec![7.0]), Spread { p50: 7.0, p99: 7.0 });
        assert_eq!(Spread::of(vec![]), Spread::default());
    }
}
