//! From flags to clients of the API server.

use kube::config::{KubeConfigOptions, Kubeconfig};
use tokio::runtime::Handle;

use crate::process::{args::RuntimeArgs, run::RunError};

/// Reads where the API server is, and who we are.
pub(crate) async fn read_config(args: &RuntimeArgs) -> Result<kube::Config, RunError> {
    let mut config = if args.kubeconfig.is_empty() {
        kube::Config::infer()
            .await
            .map_err(|error| RunError::ReadConfig(error.into()))?
    } else {
        let file = Kubeconfig::read_from(&args.kubeconfig)
            .map_err(|error| RunError::ReadConfig(error.into()))?;
        kube::Config::from_custom_kubeconfig(file, &KubeConfigOptions::default())
            .await
            .map_err(|error| RunError::ReadConfig(error.into()))?
    };
    // It would repeat POSTs and evictions that a budget refuses; queues do our retrying.
    config.default_retry = false;
    Ok(config)
}

/// A client with connections of its own, which is looked after on this runtime.
pub(crate) fn connect(config: &kube::Config, on: &Handle) -> Result<kube::Client, RunError> {
    let _runtime = on.enter();
    kube::Client::try_from(config.clone()).map_err(|error| RunError::BuildClient(Box::new(error)))
}

/// As metrics name it.
pub(crate) fn host(config: &kube::Config) -> String {
    config
        .cluster_url
        .authority()
        .map(ToString::to_string)
        .unwrap_or_default()
}
