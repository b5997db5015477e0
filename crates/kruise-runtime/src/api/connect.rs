//! From flags to clients of the API server.

use hyper_timeout::TimeoutConnector;
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use kube::{
    client::{ClientBuilder, ConfigExt},
    config::{KubeConfigOptions, Kubeconfig},
};
use tokio::runtime::Handle;
use tower::{BoxError, ServiceBuilder};

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
    let has_plugin = config.auth_info.exec.is_some();
    let client = if config.proxy_url.is_some() || has_plugin {
        kube::Client::try_from(config.clone())
    } else {
        direct(config)
    };
    client.map_err(|error| ConnectError::BuildClient(Box::new(error)))
}

/// As kube builds it, but for one thing, for which kube has no place: what is written goes out at once. A connection carries
/// many requests, and one of them would wait for the API server to acknowledge another, which it puts off for 40 ms.
fn direct(config: &kube::Config) -> Result<kube::Client, kube::Error> {
    let https = config.rustls_https_connector_with_connector(connector())?;
    let mut connector = TimeoutConnector::new(https);
    connector.set_connect_timeout(config.connect_timeout);
    connector.set_read_timeout(config.read_timeout);
    connector.set_write_timeout(config.write_timeout);
    connector.set_reset_reader_on_write(config.reset_reader_on_write);
    let client: Client<_, kube::client::Body> =
        Client::builder(TokioExecutor::new()).build(connector);
    let service = ServiceBuilder::new()
        .layer(config.base_uri_layer())
        .option_layer(config.auth_layer()?)
        .layer(config.extra_headers_layer()?)
        .map_err(BoxError::from)
        .service(client);
    Ok(ClientBuilder::new(service, config.default_namespace.as_str()).build())
}

fn connector() -> HttpConnector {
    let mut connector = HttpConnector::new();
    connector.enforce_http(false);
    connector.set_nodelay(true);
    connector
}

/// The API server's host, as metrics name it.
pub(crate) fn host(config: &kube::Config) -> String {
    config
        .cluster_url
        .authority()
        .map(ToString::to_string)
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use hyper_util::rt::TokioIo;
    use tokio::net::{TcpListener, TcpStream};
    use tower::Service as _;

    use super::*;

    #[tokio::test]
    async fn requests_go_out_at_once() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let uri: http::Uri = format!("https://{address}").parse().unwrap();
        let connected: TokioIo<TcpStream> = connector().call(uri).await.unwrap();
        assert!(connected.inner().nodelay().unwrap());
    }
}
