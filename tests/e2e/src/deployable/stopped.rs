//! A deployable of which no replica runs, and that may be started again with other flags.

use kube::api::{Patch, PatchParams};
use serde_json::json;

use super::Deployable;

/// While it exists, no replica of the deployable runs, or those run that [`Stopped::start_with`] started. Its webhooks stay
/// configured.
pub struct Stopped {
    deployable: Deployable,
    replicas: i32,
    flags: Vec<String>,
    has_other_flags: bool,
}

impl Deployable {
    /// Ends its replicas, and waits until they are gone. They come back as they were when the answer is dropped.
    pub async fn stop(&self) -> Stopped {
        let deployment = self
            .deployments()
            .get(self.name)
            .await
            .expect("the Deployment");
        let spec = deployment.spec.expect("its spec");
        let pod = spec.template.spec.expect("its pods");
        let container = pod.containers.into_iter().next().expect("a container");
        // Made first, so that a failure from here on is made good.
        let stopped = Stopped {
            deployable: self.clone(),
            replicas: spec.replicas.filter(|replicas| *replicas > 0).unwrap_or(2),
            flags: container.args.unwrap_or_default(),
            has_other_flags: false,
        };
        self.scale(0).await;
        stopped
    }

    async fn set_flags(&self, flags: &[String]) {
        let container = json!({ "name": self.name, "args": flags });
        let patch = json!({ "spec": { "template": { "spec": { "containers": [container] } } } });
        self.deployments()
            .patch(self.name, &PatchParams::default(), &Patch::Strategic(patch))
            .await
            .expect("set flags");
    }
}

impl Stopped {
    /// Runs replicas with these flags in place of those that are deployed.
    pub async fn start_with(&mut self, flags: &[&str]) {
        self.has_other_flags = true;
        let flags: Vec<String> = flags.iter().map(|flag| (*flag).to_owned()).collect();
        self.deployable.set_flags(&flags).await;
        self.deployable.scale(self.replicas).await;
    }
}

impl Drop for Stopped {
    fn drop(&mut self) {
        tokio::task::block_in_place(|| {
            tokio::runtime::Handle::current().block_on(async {
                if self.has_other_flags {
                    // First, or those would be counted that still run with the other ones.
                    self.deployable.scale(0).await;
                    self.deployable.set_flags(&self.flags).await;
                }
                self.deployable.scale(self.replicas).await;
            });
        });
    }
}
