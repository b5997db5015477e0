//! A deployable without replicas, so that a process of the test can take its place.

use std::path::PathBuf;

use k8s_openapi::api::{authentication::v1::TokenRequest, core::v1::ServiceAccount};
use kube::{Api, api::PostParams};
use serde_json::json;
use tempfile::TempDir;

use super::{Deployable, LocalController, WithoutWebhooks};
use crate::{
    names::SYSTEM,
    wait::{PATIENCE, eventually},
};

/// While it exists, no replica of the deployable runs, and nobody is asked about its kinds.
pub struct StoodDown {
    deployable: Deployable,
    replicas: i32,
    /// With the binary that was deployed in it.
    directory: TempDir,
    /// Without replicas, nothing could be written for want of an answer. Put back when they are there again.
    _webhooks: WithoutWebhooks,
}

impl Deployable {
    /// Ends its replicas, and waits until they are gone. They come back when the answer is dropped.
    pub async fn stand_down(&self) -> StoodDown {
        let deployment = self
            .deployments()
            .get(self.name)
            .await
            .expect("the Deployment");
        let replicas = deployment.spec.and_then(|spec| spec.replicas);
        let directory = TempDir::new().expect("a directory");
        // As it runs: nothing has to be built, and what is tested is what was deployed.
        // Until a process that led before, and was killed, has lost its lease.
        let running = eventually("the leader's process", PATIENCE, || self.leader_process()).await;
        let binary = directory.path().join(self.name);
        std::fs::copy(format!("/proc/{running}/exe"), binary).expect("copy the binary");
        // Made first, so that a failure from here on is made good.
        let stood_down = StoodDown {
            _webhooks: self.without_webhooks().await,
            deployable: self.clone(),
            replicas: replicas.filter(|replicas| *replicas > 0).unwrap_or(2),
            directory,
        };
        self.scale(0).await;
        stood_down
    }
}

impl StoodDown {
    /// The deployed binary; or another one, for instance with debug assertions: `$KRUISE_E2E_CONTROLLER`.
    fn binary(&self) -> PathBuf {
        let other = std::env::var_os("KRUISE_E2E_CONTROLLER");
        let deployed = || self.directory.path().join(self.deployable.name);
        other.map_or_else(deployed, PathBuf::from)
    }

    /// Starts the deployable as a process, with the credentials of the deployed one, so that what it may do is
    /// proven too, against the API server at `url`.
    pub async fn start_locally(&self, url: &str, flags: &[&str]) -> LocalController {
        let token = self.token().await;
        LocalController::start(self.binary(), url, &token, flags)
    }

    async fn token(&self) -> String {
        let client = self.deployable.client.clone();
        let accounts: Api<ServiceAccount> = Api::namespaced(client, SYSTEM);
        let request: TokenRequest =
            serde_json::from_value(json!({ "metadata": {}, "spec": { "audiences": [] } }))
                .expect("a request");
        let answer = accounts
            .create_token_request(self.deployable.name, &PostParams::default(), &request)
            .await
            .expect("a token of the deployable's service account");
        let token = answer.status.and_then(|status| status.token);
        token.expect("a token")
    }
}

impl Drop for StoodDown {
    fn drop(&mut self) {
        tokio::task::block_in_place(|| {
            tokio::runtime::Handle::current().block_on(async {
                self.deployable.scale(self.replicas).await;
            });
        });
    }
}
