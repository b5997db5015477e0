//! Flags that deployables share, in three groups. A binary takes the groups that it needs. Names and defaults are
//! OpenKruise's (docs/spec/platform.md 2.4), except where docs/spec/deviations.md says otherwise (DV-D3).

pub(crate) mod check;
pub(crate) mod controller;
mod ignored;
pub(crate) mod process;
pub(crate) mod webhook;

use controller::ControllerArgs;
use process::ProcessArgs;
use webhook::WebhookArgs;

/// All shared flags: those of a controller with webhooks.
#[derive(clap::Args, Clone, Debug)]
pub struct RuntimeArgs {
    /// Flags of the process.
    #[command(flatten)]
    pub process: ProcessArgs,
    /// Flags of its controllers.
    #[command(flatten)]
    pub controller: ControllerArgs,
    /// Flags of its webhooks.
    #[command(flatten)]
    pub webhook: WebhookArgs,
}

impl From<ProcessArgs> for RuntimeArgs {
    /// Flags of an agent on each node: it reconciles as the other flags' defaults say, and serves no webhooks.
    fn from(process: ProcessArgs) -> Self {
        (process, ControllerArgs::default()).into()
    }
}

impl From<(ProcessArgs, ControllerArgs)> for RuntimeArgs {
    /// Flags of a controller without webhooks.
    fn from((process, controller): (ProcessArgs, ControllerArgs)) -> Self {
        Self {
            process,
            controller,
            webhook: WebhookArgs::off(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use clap::Parser;

    use super::*;
    use crate::process::args::{controller::SyncPeriod, process::LoggingFormat};

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
        assert_eq!(args.process.metrics_addr, ":8080");
        assert_eq!(args.process.health_probe_addr, ":8000");
        assert!(args.controller.enable_leader_election);
        assert_eq!(
            args.controller.leader_election_lease_duration,
            Duration::from_secs(15)
        );
        assert_eq!(
            args.controller.rate_limiter_max_delay,
            Duration::from_secs(30)
        );
        assert_eq!(
            (
                args.controller.rest_config_qps,
                args.controller.rest_config_burst
            ),
            (300.0, 500)
        );
        assert_eq!(args.controller.lease_namespace(), "kruise-system");
        assert!(!args.controller.allow_kruise_manager);
        assert_eq!(
            args.controller.sync_period,
            SyncPeriod(Some(Duration::from_secs(10 * 3600)))
        );
    }

    #[test]
    fn the_sync_period_can_be_changed_and_turned_off() {
        let period = |flag: &str| {
            parse(&[flag])
                .map(|args| args.controller.sync_period.0)
                .ok()
        };
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
        assert!(!args.controller.enable_leader_election);
        assert_eq!(args.process.verbosity, 4);
        assert_eq!(args.process.logging_format, LoggingFormat::Json);
        assert!(
            args.process
                .feature_gates
                .enabled(crate::process::gates::Gate::CloneSetShortHash)
        );
        assert_eq!(
            args.controller.expectation_timeout,
            Duration::from_secs(5400)
        );
        assert_eq!(parse(&["-v", "6"]).unwrap().process.verbosity, 6);
    }

    #[test]
    fn a_bad_gate_is_an_error_that_names_it() {
        let error = parse(&["--feature-gates=PodWebhok=true"])
            .unwrap_err()
            .to_string();
        assert!(error.contains("PodWebhok"), "{error}");
    }

    #[derive(Parser)]
    struct Agent {
        #[command(flatten)]
        process: ProcessArgs,
    }

    // An agent that also took a manager's flags would make users wonder what these do on a node.
    #[test]
    fn an_agent_has_the_flags_of_a_process_and_no_others() {
        let agent = Agent::try_parse_from(["agent", "-v", "4", "--metrics-addr=:10221"]);
        let args = RuntimeArgs::from(agent.unwrap().process);
        assert_eq!((args.process.verbosity, args.webhook.webhook_port), (4, 0));
        for flag in [
            "--leader-election-id=a",
            "--webhook-port=1",
            "--sync-period=1h",
        ] {
            assert!(Agent::try_parse_from(["agent", flag]).is_err(), "{flag}");
            assert!(parse(&[flag]).is_ok(), "{flag}");
        }
    }
}
