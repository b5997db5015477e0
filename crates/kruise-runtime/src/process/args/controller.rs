//! Flags of a process that reconciles: the lease, the watches, and how much is done at once.

use std::{path::PathBuf, time::Duration};

use crate::{
    control::queue::RateLimit,
    duration::parse_go_duration,
    process::{
        args::process::{DEFAULT_NAMESPACE, pod_namespace},
        gates::parse_go_bool,
    },
};

/// Reads how many of something work at once.
///
/// # Errors
/// When it isn't a number, or 0: nothing would ever be done.
pub fn parse_workers(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) => Err("0 would do nothing: at least 1".to_owned()),
        Ok(workers) => Ok(workers),
        Err(error) => Err(format!("{error}")),
    }
}

fn go_bool(text: &str) -> Result<bool, String> {
    parse_go_bool(text).ok_or_else(|| format!("{text:?} is neither true nor false"))
}

/// How often everything is looked at again; `None`: never.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SyncPeriod(pub Option<Duration>);

/// The library's own period, which an empty flag asks for.
const USUAL_SYNC_PERIOD: Duration = Duration::from_secs(10 * 3600);

fn sync_period(text: &str) -> Result<SyncPeriod, String> {
    if text.is_empty() {
        return Ok(SyncPeriod(Some(USUAL_SYNC_PERIOD)));
    }
    let period = parse_go_duration(text).map_err(|error| error.to_string())?;
    Ok(SyncPeriod((!period.is_zero()).then_some(period)))
}

/// Flags of a process that reconciles.
#[derive(clap::Args, Clone, PartialEq, Debug)]
pub struct ControllerArgs {
    /// Reconcile only while holding the lease; off: at once.
    #[arg(long, default_value = "true", num_args = 0..=1, require_equals = true,
          default_missing_value = "true", value_parser = go_bool, action = clap::ArgAction::Set)]
    pub enable_leader_election: bool,
    /// Namespace of the lease; empty: the pod's own.
    #[arg(long, default_value = DEFAULT_NAMESPACE)]
    pub leader_election_namespace: String,
    /// Name of the lease; the binary's name unless given.
    #[arg(long)]
    pub leader_election_id: Option<String>,
    /// Kind of the lock.
    #[arg(long, default_value = "leases", value_parser = ["leases"])]
    pub leader_election_resource_lock: String,
    /// How long a lease holds without being renewed.
    #[arg(long, default_value = "15s", value_parser = parse_go_duration)]
    pub leader_election_lease_duration: Duration,
    /// How long the leader tries to renew before it gives up.
    #[arg(long, default_value = "10s", value_parser = parse_go_duration)]
    pub leader_election_renew_deadline: Duration,
    /// Time between attempts to get or renew the lease.
    #[arg(long, default_value = "2s", value_parser = parse_go_duration)]
    pub leader_election_retry_period: Duration,
    /// Reconcile although OpenKruise's own manager is alive in the lease's namespace.
    #[arg(long, num_args = 0..=1, require_equals = true, default_value = "false",
          default_missing_value = "true", value_parser = go_bool, action = clap::ArgAction::Set)]
    pub allow_kruise_manager: bool,
    /// Watch this namespace only; empty: all.
    #[arg(long, default_value = "")]
    pub namespace: String,
    /// How long a reconciler's watches may take to sync before the delay is reported.
    #[arg(long, default_value = "2m", value_parser = parse_go_duration)]
    pub controller_cache_sync_timeout: Duration,
    /// How often everything is looked at again, give or take a quarter; empty: 10h, 0: never.
    #[arg(long, default_value = "", value_parser = sync_period)]
    pub sync_period: SyncPeriod,
    /// Requests a second to the API server; 0 or less: the library's 20.
    #[arg(long, default_value_t = 300.0, allow_negative_numbers = true)]
    pub rest_config_qps: f64,
    /// Requests at once to the API server; 0 or less: the library's 30.
    #[arg(long, default_value_t = 500, allow_negative_numbers = true)]
    pub rest_config_burst: i32,
    /// First delay after a failed reconcile.
    #[arg(long, default_value = "5ms", value_parser = parse_go_duration)]
    pub rate_limiter_base_delay: Duration,
    /// Greatest delay after failed reconciles.
    #[arg(long, default_value = "30s", value_parser = parse_go_duration)]
    pub rate_limiter_max_delay: Duration,
    /// Retries a second, over all objects of one controller.
    #[arg(long, default_value_t = 10.0)]
    pub rate_limiter_qps: f64,
    /// Retries at once, over all objects of one controller.
    #[arg(long, default_value_t = 100)]
    pub rate_limiter_bucket_size: u32,
    /// When a write of ours that the watch doesn't show is counted as leaked.
    #[arg(long, default_value = "5m", value_parser = parse_go_duration)]
    pub expectation_timeout: Duration,
    /// Write each refusal that protects something to `protection.log` in this directory, one line of JSON each
    #[arg(long, value_name = "DIRECTORY")]
    pub protection_log_path: Option<PathBuf>,
}

impl Default for ControllerArgs {
    /// What the flags say unless given.
    fn default() -> Self {
        let seconds = Duration::from_secs;
        let usual = RateLimit::LIBRARY;
        Self {
            enable_leader_election: true,
            leader_election_namespace: DEFAULT_NAMESPACE.to_owned(),
            leader_election_id: None,
            leader_election_resource_lock: "leases".to_owned(),
            leader_election_lease_duration: seconds(15),
            leader_election_renew_deadline: seconds(10),
            leader_election_retry_period: seconds(2),
            allow_kruise_manager: false,
            namespace: String::new(),
            controller_cache_sync_timeout: seconds(2 * 60),
            sync_period: SyncPeriod(Some(USUAL_SYNC_PERIOD)),
            rest_config_qps: 300.0,
            rest_config_burst: 500,
            rate_limiter_base_delay: usual.base,
            rate_limiter_max_delay: usual.max,
            rate_limiter_qps: usual.qps,
            rate_limiter_bucket_size: usual.bucket,
            expectation_timeout: seconds(5 * 60),
            protection_log_path: None,
        }
    }
}

impl ControllerArgs {
    /// How failing keys are slowed down (PF-104).
    pub(crate) fn rate_limit(&self) -> RateLimit {
        RateLimit {
            base: self.rate_limiter_base_delay,
            max: self.rate_limiter_max_delay,
            qps: self.rate_limiter_qps,
            bucket: self.rate_limiter_bucket_size,
        }
    }

    /// Namespace of the leases.
    #[must_use]
    pub fn lease_namespace(&self) -> String {
        if self.leader_election_namespace.is_empty() {
            pod_namespace()
        } else {
            self.leader_election_namespace.clone()
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Command {
        #[command(flatten)]
        controller: ControllerArgs,
    }

    #[test]
    fn a_process_without_these_flags_runs_as_one_that_is_given_none() {
        let parsed = Command::parse_from(["binary"]).controller;
        assert_eq!(parsed, ControllerArgs::default());
    }
}
