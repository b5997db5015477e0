//! Rolling restarts under a load of conversions: none may fail.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use kruise_api::meta::timestamp;
use localkube::progress::Progress;

use super::api::Api;
use super::callers::{self, Requests};
use super::installation::{Installation, NAMESPACE};
use super::view::View;

/// Of v1alpha1 writes, each of which the API server has converted twice or more.
pub(super) const WRITES_PER_SECOND: u32 = 20;
/// Load before the first restart, between two of them and after the last.
const BETWEEN: Duration = Duration::from_secs(2);

pub(super) fn run(api: &Api, restarts: u32, requests: Requests, progress: &Progress) -> Result<()> {
    let installation = Installation { api };
    installation.wait_for_replicas(2)?;
    let view = Arc::new(View::open(api, NAMESPACE, requests.way)?);
    let writes = callers::write_clonesets(api, WRITES_PER_SECOND)?;
    let calls = callers::call_webhooks(&view, requests.rate);
    thread::sleep(BETWEEN);
    let mut longest = Duration::ZERO;
    let mut restart = || -> Result<()> {
        for number in 1..=restarts {
            let start = Instant::now();
            let after = calls.elapsed().as_secs_f64();
            let now = timestamp(jiff::Timestamp::now());
            installation.restart(&format!("soak {number} {now}"))?;
            longest = longest.max(start.elapsed());
            progress.step(format!(
                "restart {number} of {restarts}, {after:.0} s after the load's start, took {:.1} s; {} requests \
                 failed so far",
                start.elapsed().as_secs_f64(),
                calls.failed() + writes.failed()
            ));
            thread::sleep(BETWEEN);
        }
        Ok(())
    };
    let restarted = restart();
    let all_answered = callers::finish(calls, writes)?;
    restarted?;
    if !all_answered {
        bail!("requests failed during {restarts} rolling restarts");
    }
    println!(
        "{restarts} rolling restarts, the longest in {:.0} s: no request failed",
        longest.as_secs_f64()
    );
    Ok(())
}
