//! Flags that can't work are refused when the process starts.

use clap::Parser;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::{
    App, RuntimeArgs, chain,
    clock::Clock,
    process::{args::controller::parse_workers, logging::LogLevel, run::Process},
    test_server::{Answer, TestServer},
};

#[derive(Parser)]
struct Command {
    #[command(flatten)]
    runtime: RuntimeArgs,
}

/// Why a process with these flags doesn't start; `None`: it runs.
async fn refusal(flags: &str) -> Option<String> {
    let server = TestServer::new(|_| Answer::Json(200, json!({})));
    let servers_off = ["--metrics-addr=0", "--health-probe-addr=0"]
        .into_iter()
        .filter(|off| !flags.contains(off.trim_end_matches('0')));
    let line = ["test"].into_iter().chain(servers_off);
    let line = line.chain(flags.split_whitespace());
    let args = match Command::try_parse_from(line) {
        Ok(command) => command.runtime,
        Err(error) => return Some(error.to_string()),
    };
    let process = Process {
        args,
        apps: vec![App::new("app", |_| Ok(()))],
        client: server.kube_client(),
        host: String::new(),
        log_level: LogLevel::default(),
        clock: Clock::system(),
        in_process: None,
    };
    let an_hour = std::time::Duration::from_secs(3600);
    let ended = tokio::time::timeout(an_hour, process.run(CancellationToken::new()));
    let result = ended.await.ok()?;
    Some(chain(&result.unwrap_err()))
}

// PF-107, DV-PF25. What is refused names the flags and their values.
#[rstest::rstest]
#[case::shorter_than_the_renewal("--leader-election-lease-duration=5s", &["lease-duration=5s", "renew-deadline=10s"])]
#[case::a_write_may_outlive_it("--leader-election-renew-deadline=10600ms", &["lease-duration=15s", "renew-deadline=10.6s", "4.5s"])]
#[case::whole_seconds_count("--leader-election-lease-duration=14900ms", &["lease-duration=14.9s", "14s"])]
#[case::no_second_try("--leader-election-retry-period=9s", &["renew-deadline=10s", "retry-period=9s"])]
#[case::no_pause("--leader-election-retry-period=0", &["retry-period=0ns"])]
#[case::no_name("--leader-election-id=", &["leader-election-id="])]
#[case::no_retries("--rate-limiter-qps=0", &["rate-limiter-qps=0"])]
#[case::negative_retries("--rate-limiter-qps=-1", &["rate-limiter-qps"])]
#[case::no_number_of_retries("--rate-limiter-qps=NaN", &["rate-limiter-qps=NaN"])]
#[case::no_retry_at_once("--rate-limiter-bucket-size=0", &["rate-limiter-bucket-size=0"])]
#[case::no_delay("--rate-limiter-base-delay=0", &["rate-limiter-base-delay=0ns"])]
#[case::delays_the_wrong_way("--rate-limiter-base-delay=1m", &["rate-limiter-base-delay=60s", "rate-limiter-max-delay=30s"])]
#[case::no_number_of_requests("--rest-config-qps=NaN", &["rest-config-qps=NaN"])]
#[case::endless_requests("--rest-config-qps=inf", &["rest-config-qps=inf"])]
#[case::looks_without_a_pause("--sync-period=1ms", &["sync-period=1ms"])]
#[case::not_an_address("--metrics-addr=8080", &["metrics-addr=8080"])]
#[case::not_a_port("--health-probe-addr=:99999", &["health-probe-addr=:99999"])]
#[tokio::test(start_paused = true)]
async fn what_cant_work_is_refused(#[case] flags: &str, #[case] named: &[&str]) {
    let refusal = refusal(flags).await.expect("it started");
    for part in named {
        assert!(refusal.contains(part), "{refusal}");
    }
}

#[rstest::rstest]
#[case::the_defaults("")]
#[case::short_terms(
    "--leader-election-lease-duration=8s --leader-election-renew-deadline=3s --leader-election-retry-period=500ms"
)]
#[case::of_no_election("--leader-election-lease-duration=5s --enable-leader-election=false")]
#[case::the_librarys_limits("--rest-config-qps=-1 --rest-config-burst=0")]
#[tokio::test(start_paused = true)]
async fn what_works_is_taken(#[case] flags: &str) {
    assert_eq!(refusal(flags).await, None);
}

#[test]
fn nobody_works_with_no_workers() {
    assert_eq!(parse_workers("3"), Ok(3));
    assert!(parse_workers("0").unwrap_err().contains("at least 1"));
    assert!(parse_workers("-1").is_err());
}
