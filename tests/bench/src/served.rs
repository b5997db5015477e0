//! How long a deployable took for admissions, as its own metrics tell.

use anyhow::Result;

use super::controller::Controller;

const LATENCY: &str = "controller_runtime_webhook_latency_seconds";
/// Admissions at one path since the start of the process.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Served {
    all: f64,
    within_5_ms: f64,
}

impl Served {
    /// Of a path, and of those that begin with it.
    pub(super) fn now(process: &Controller<'_>, path: &str) -> Result<Self> {
        let path = format!("webhook=\"{path}");
        let all = process.metric(&format!("{LATENCY}_count"), &path)?;
        let within_5_ms =
            process.metric_of(&format!("{LATENCY}_bucket"), &[&path, "le=\"0.005\""])?;
        Ok(Self { all, within_5_ms })
    }

    pub(super) fn since(&self, before: &Self) -> Self {
        Self {
            all: self.all - before.all,
            within_5_ms: self.within_5_ms - before.within_5_ms,
        }
    }

    /// The share that took longer; none if there was none.
    pub(super) fn slow(&self) -> Option<f64> {
        (self.all > 0.0).then(|| 1.0 - self.within_5_ms / self.all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_is_of_what_came_between() {
        let before = Served {
            all: 100.0,
            within_5_ms: 40.0,
        };
        let after = Served {
            all: 300.0,
            within_5_ms: 238.0,
        };
        let slow = after.since(&before).slow().unwrap();
        assert!((slow - 0.01).abs() < 1e-9);
        assert_eq!(before.since(&before).slow(), None);
    }
}
