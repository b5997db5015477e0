//! Flags that can't work, alone or together: refused when the process starts, by name and value. A flag that is wrong
//! by itself is mostly refused earlier, while it is parsed.

use std::time::Duration;

use crate::{
    api::client::WRITE_TIMEOUT,
    process::args::{RuntimeArgs, controller::ControllerArgs},
};

/// client-go's factor: with less, jitter leaves no time for a second attempt.
const JITTER: f64 = 1.2;
/// With a shorter period, everything would be looked at again almost without a pause.
const SHORTEST_SYNC_PERIOD: Duration = Duration::from_secs(1);

/// Why a process doesn't start.
#[derive(Debug, thiserror::Error)]
#[error("{flags}: {why}")]
pub(crate) struct FlagError {
    flags: String,
    why: String,
}

fn refuse(flags: impl Into<String>, why: impl Into<String>) -> Result<(), FlagError> {
    Err(FlagError {
        flags: flags.into(),
        why: why.into(),
    })
}

/// Looks at the flags that every deployable has. `elects`: whether the process needs the lease.
pub(crate) fn check(args: &RuntimeArgs, elects: bool) -> Result<(), FlagError> {
    let RuntimeArgs {
        process,
        controller,
        webhook: _,
    } = args;
    if elects {
        check_election(controller)?;
    }
    check_limits(controller)?;
    check_address("--metrics-addr", &process.metrics_addr)?;
    check_address("--health-probe-addr", &process.health_probe_addr)?;
    let period = controller.sync_period.0;
    if let Some(period) = period.filter(|period| *period < SHORTEST_SYNC_PERIOD) {
        let why = "everything would be looked at without a pause; 0 turns it off";
        return refuse(format!("--sync-period={period:?}"), why);
    }
    Ok(())
}

/// client-go's rules, and one of ours. A write is begun within the renew deadline of the last renewal. It has ended,
/// or been given up, [`WRITE_TIMEOUT`] after that deadline. Only then may the lease end, and another leader begin.
fn check_election(args: &ControllerArgs) -> Result<(), FlagError> {
    let (lease, renew, retry) = (
        args.leader_election_lease_duration,
        args.leader_election_renew_deadline,
        args.leader_election_retry_period,
    );
    let lease_flag = format!("--leader-election-lease-duration={lease:?}");
    let renew_flag = format!("--leader-election-renew-deadline={renew:?}");
    let retry_flag = format!("--leader-election-retry-period={retry:?}");
    if retry.is_zero() {
        return refuse(retry_flag, "must be above 0");
    }
    if renew <= retry.mul_f64(JITTER) {
        let why = format!("the former must be above {JITTER} times the latter");
        return refuse(format!("{renew_flag} {retry_flag}"), why);
    }
    // A Lease holds whole seconds.
    let held = Duration::from_secs(lease.as_secs());
    if held <= renew + WRITE_TIMEOUT {
        let why = format!(
            "a write that is begun at the deadline may take {WRITE_TIMEOUT:?}, and must have ended before \
             the lease does, which holds for whole seconds: {held:?}"
        );
        return refuse(format!("{lease_flag} {renew_flag}"), why);
    }
    if args.leader_election_id.as_deref() == Some("") {
        return refuse("--leader-election-id=", "a lease needs a name");
    }
    Ok(())
}

fn check_limits(args: &ControllerArgs) -> Result<(), FlagError> {
    let qps = args.rest_config_qps;
    if !qps.is_finite() {
        let why = "must be a number; 0 or less is the library's 20";
        return refuse(format!("--rest-config-qps={qps}"), why);
    }
    let retries = args.rate_limiter_qps;
    if !retries.is_finite() || retries <= 0.0 {
        let why = "must be a number above 0";
        return refuse(format!("--rate-limiter-qps={retries}"), why);
    }
    if args.rate_limiter_bucket_size == 0 {
        return refuse("--rate-limiter-bucket-size=0", "must be above 0");
    }
    let (base, max) = (args.rate_limiter_base_delay, args.rate_limiter_max_delay);
    let base_flag = format!("--rate-limiter-base-delay={base:?}");
    if base.is_zero() {
        return refuse(base_flag, "failures would be repeated without a pause");
    }
    if base > max {
        let flags = format!("{base_flag} --rate-limiter-max-delay={max:?}");
        return refuse(flags, "the latter must not be less than the former");
    }
    Ok(())
}

/// `HOST:PORT` or `:PORT`; `0` and nothing turn a server off.
fn check_address(flag: &str, address: &str) -> Result<(), FlagError> {
    let port = address.rsplit_once(':').map(|(_, port)| port);
    let is_off = address.is_empty() || address == "0";
    if is_off || port.is_some_and(|port| port.parse::<u16>().is_ok()) {
        return Ok(());
    }
    let why = "must be HOST:PORT or :PORT, with a port up to 65535; 0 turns it off";
    refuse(format!("{flag}={address}"), why)
}
