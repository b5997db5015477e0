//! From flags to clients of the API server.

use kube::config::{KubeConfigOptions, Kubeconfig};
use tokio::runtime::Handle;

/// Why there is no way to call the API server.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConnectError {
    /// `--kubeconfig`, or what stands in for it, can't be read.
    #[error("can't read the client configuration")]
    ReadConfig(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The client can't be made from the configuration.
    #[error("can't build the client")]
    BuildClient(#[source] Box<kube::Error>),
}

/// Reads where the API server is, and who we are. `kubeconfig` is a path; empty: the usual places.
pub(crate) async fn read_config(kubeconfig: &str) -> Result<kube::Config, ConnectError> {
    let mut config = if kubeconfig.is_empty() {
        kube::Config::infer()
            .await
            .map_err(|error| ConnectError::ReadConfig(error.into()))?
    } else {
        let file = Kubeconfig::read_from(kubeconfig)
            .map_err(|error| ConnectError::ReadConfig(error.into()))?;
        kube::Config::from_custom_kubeconfig(file, &KubeConfigOptions::default())
            .await
            .map_err(|error| ConnectError::ReadConfig(error.into()))?
    };
    // kube's retries would repeat POSTs, and evictions that a budget refuses; queues do our retrying.
    config.default_retry = false;
    Ok(config)
}

/// A client with connections of its own, which is looked after on this runtime.
pub(crate) fn connect(config: &kube::Config, on: &Handle) -> Result<kube::Client, ConnectError> {
    let _runtime = on.enter();
    kube::Client::try_from(config.clone())
        .map_err(|error| ConnectError::BuildClient(Box::new(error)))
}

/// The API server's host, as metrics name it.
pub(crate) fn host(config: &kube::Config) -> String {
    config
        .cluster_url
        .authority()
        .map(ToString::to_string)
        .unwrap_or_default()
}
