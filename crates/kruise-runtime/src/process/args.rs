//! Flags that every deployable has. Names and defaults are OpenKruise's (docs/spec/platform.md 2.4),
//! except where docs/spec/deviations.md says otherwise (DV-D3).

pub(crate) mod check;
pub(crate) mod webhook;

use std::{path::PathBuf, time::Duration};

use crate::{
    control::queue::RateLimit,
    duration::parse_go_duration,
    process::{
        args::webhook::WebhookArgs,
        gates::{FeatureGates, parse_go_bool},
    },
};

/// Where Kruise is installed unless told otherwise.
pub const DEFAULT_NAMESPACE: &str = "kruise-system";

/// Format of log lines.
#[derive(Clone, Copy, PartialEq, Eq, Debug, clap::ValueEnum)]
pub enum LoggingFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

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

/// Flags that every deployable has.
#[derive(clap::Args, Clone, Debug)]
pub struct RuntimeArgs {
    /// Address that /metrics is served at; 0 turns it off.
    #[arg(long, default_value = ":8080")]
    pub metrics_addr: String,
    /// Address that /healthz and /readyz are served at; 0 turns it off.
    #[arg(long, default_value = ":8000")]
    pub health_probe_addr: String,
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
    /// What is served to the API server.
    #[command(flatten)]
    pub webhook: WebhookArgs,
    /// Watch this namespace only; empty: all.
    #[arg(long, default_value = "")]
    pub namespace: String,
    /// How long a reconciler's watches may take to sync before it is reported.
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
    /// Gate=bool,…
    #[arg(long, default_value = "", value_parser = FeatureGates::parse)]
    pub feature_gates: FeatureGates,
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
    /// Path of a kubeconfig; empty: $KUBECONFIG, ~/.kube/config or the pod's service account.
    #[arg(long, default_value = "")]
    pub kubeconfig: String,
    /// Verbosity: 4 tells of decisions, 6 of requests.
    #[arg(short = 'v', long = "v", default_value_t = 0)]
    pub verbosity: u8,
    /// Format of log lines.
    #[arg(long, value_enum, default_value = "text")]
    pub logging_format: LoggingFormat,
    /// Note each refusal that protects something in `protection.log` of this directory, a line of JSON each
    #[arg(long, value_name = "DIRECTORY")]
    pub protection_log_path: Option<PathBuf>,
    /// Flags without effect, taken so that command lines written for OpenKruise still start.
    #[command(flatten)]
    pub ignored: IgnoredArgs,
}

impl RuntimeArgs {
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

/// The namespace this process is installed in: `POD_NAMESPACE`, or the usual one.
#[must_use]
pub fn pod_namespace() -> String {
    std::env::var("POD_NAMESPACE")
        .ok()
        .filter(|namespace| !namespace.is_empty())
        .unwrap_or_else(|| DEFAULT_NAMESPACE.to_owned())
}

/// Flags that are parsed and have no effect here.
#[derive(clap::Args, Clone, Debug, Default)]
#[allow(
    missing_docs,
    reason = "without effect; named in docs/spec/platform.md 2.4"
)]
pub struct IgnoredArgs {
    #[arg(long, hide = true)]
    pub vmodule: Option<String>,
    #[arg(long, hide = true)]
    pub pprof_addr: Option<String>,
    #[arg(long, hide = true, num_args = 0..=1, require_equals = true)]
    pub enable_pprof: Option<Option<String>>,
    #[arg(long, hide = true, num_args = 0..=1, require_equals = true)]
    pub disable_no_deepcopy: Option<Option<String>>,
    #[arg(long, hide = true)]
    pub log_flush_frequency: Option<String>,
    #[arg(long, hide = true, num_args = 0..=1, require_equals = true)]
    pub log_text_split_stream: Option<Option<String>>,
    #[arg(long, hide = true)]
    pub log_text_info_buffer_size: Option<String>,
    #[arg(long, hide = true, num_args = 0..=1, require_equals = true)]
    pub log_json_split_stream: Option<Option<String>>,
    #[arg(long, hide = true)]
    pub log_json_info_buffer_size: Option<String>,
    #[arg(long, hide = true, num_args = 0..=1, require_equals = true)]
    pub logtostderr: Option<Option<String>>,
    #[arg(long, hide = true, num_args = 0..=1, require_equals = true)]
    pub alsologtostderr: Option<Option<String>>,
    #[arg(long, hide = true)]
    pub stderrthreshold: Option<String>,
    #[arg(long = "log_dir", hide = true)]
    pub log_dir: Option<String>,
    #[arg(long = "log_file", hide = true)]
    pub log_file: Option<String>,
    #[arg(long = "log_file_max_size", hide = true)]
    pub log_file_max_size: Option<String>,
    #[arg(long = "one_output", hide = true, num_args = 0..=1, require_equals = true)]
    pub one_output: Option<Option<String>>,
    #[arg(long = "add_dir_header", hide = true, num_args = 0..=1, require_equals = true)]
    pub add_dir_header: Option<Option<String>>,
    #[arg(long = "skip_headers", hide = true, num_args = 0..=1, require_equals = true)]
    pub skip_headers: Option<Option<String>>,
    #[arg(long = "skip_log_headers", hide = true, num_args = 0..=1, require_equals = true)]
    pub skip_log_headers: Option<Option<String>>,
    #[arg(long = "log_backtrace_at", hide = true)]
    pub log_backtrace_at: Option<String>,
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Command {
        #[command(flatten)]
        runtime: RuntimeArgs,
    }

    fn parse(flags: &[&str]) -> Result<RuntimeArgs, clap::Error> {
        Command::try_parse_from([&["binary"], flags].concat()).map(|command| command.runtime)
    }

    #[test]
    fn defaults_are_the_documented_ones() {
        let args = parse(&[]).unwrap();
        assert_eq!(args.metrics_addr, ":8080");
        assert_eq!(args.health_probe_addr, ":8000");
        assert!(args.enable_leader_election);
        assert_eq!(args.leader_election_lease_duration, Duration::from_secs(15));
        assert_eq!(args.rate_limiter_max_delay, Duration::from_secs(30));
        assert_eq!((args.rest_config_qps, args.rest_config_burst), (300.0, 500));
        assert_eq!(args.lease_namespace(), "kruise-system");
        assert!(!args.allow_kruise_manager);
        assert_eq!(args.sync_period, SyncPeriod(Some(USUAL_SYNC_PERIOD)));
    }

    #[test]
    fn the_sync_period_can_be_changed_and_turned_off() {
        let period = |flag: &str| parse(&[flag]).map(|args| args.sync_period.0).ok();
        assert_eq!(
            period("--sync-period=30m"),
            Some(Some(Duration::from_secs(1800)))
        );
        assert_eq!(period("--sync-period=0"), Some(None));
        assert_eq!(period("--sync-period=often"), None);
    }

    #[test]
    fn command_lines_written_for_openkruise_are_understood() {
        let args = parse(&[
            "--enable-leader-election=false",
            "--logtostderr=true",
            "--v=4",
            "--logging-format=json",
            "--rest-config-qps=-1",
            "--log_dir=/tmp",
            "--enable-pprof",
            "--feature-gates=CloneSetShortHash=true,AllBeta=true",
            "--expectation-timeout=1h30m",
        ])
        .unwrap();
        assert!(!args.enable_leader_election);
        assert_eq!(args.verbosity, 4);
        assert_eq!(args.logging_format, LoggingFormat::Json);
        assert!(
            args.feature_gates
                .enabled(crate::process::gates::Gate::CloneSetShortHash)
        );
        assert_eq!(args.expectation_timeout, Duration::from_secs(5400));
        assert_eq!(parse(&["-v", "6"]).unwrap().verbosity, 6);
    }

    #[test]
    fn a_bad_gate_is_an_error_that_names_it() {
        let error = parse(&["--feature-gates=PodWebhok=true"])
            .unwrap_err()
            .to_string();
        assert!(error.contains("PodWebhok"), "{error}");
    }
}
