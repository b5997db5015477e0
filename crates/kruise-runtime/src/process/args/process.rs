//! Flags that every process has, an agent on each node too.

use crate::process::{args::ignored::IgnoredArgs, gates::FeatureGates};

/// Where Kruise is installed unless told otherwise.
pub(crate) const DEFAULT_NAMESPACE: &str = "kruise-system";

/// Format of log lines.
#[derive(Clone, Copy, PartialEq, Eq, Debug, clap::ValueEnum)]
pub enum LoggingFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Flags that every process has: where its servers are, how it calls and what it logs, and which features are on.
#[derive(clap::Args, Clone, Debug)]
pub struct ProcessArgs {
    /// Address that /metrics is served at; 0 turns it off.
    #[arg(long, default_value = ":8080")]
    pub metrics_addr: String,
    /// Address that /healthz and /readyz are served at; 0 turns it off.
    #[arg(long, default_value = ":8000")]
    pub health_probe_addr: String,
    /// Gate=bool,…
    #[arg(long, default_value = "", value_parser = FeatureGates::parse)]
    pub feature_gates: FeatureGates,
    /// Path of a kubeconfig; empty: $KUBECONFIG, ~/.kube/config or the pod's service account.
    #[arg(long, default_value = "")]
    pub kubeconfig: String,
    /// Verbosity: 4 tells of decisions, 6 of requests.
    #[arg(short = 'v', long = "v", default_value_t = 0)]
    pub verbosity: u8,
    /// Format of log lines.
    #[arg(long, value_enum, default_value = "text")]
    pub logging_format: LoggingFormat,
    /// Flags without effect, taken so that command lines written for OpenKruise still start.
    #[command(flatten)]
    pub ignored: IgnoredArgs,
}

/// The namespace this process is installed in: `POD_NAMESPACE`, or the usual one.
#[must_use]
pub(crate) fn pod_namespace() -> String {
    std::env::var("POD_NAMESPACE")
        .ok()
        .filter(|namespace| !namespace.is_empty())
        .unwrap_or_else(|| DEFAULT_NAMESPACE.to_owned())
}
