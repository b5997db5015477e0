//! Whole processes within a test: the apps as a binary runs them, on a client and a clock that the test brings.

use tokio_util::sync::CancellationToken;

use crate::{
    clock::Clock,
    process::{app::App, args::RuntimeArgs, error::SetupError, logging::LogLevel, run::Process},
    webhook::InProcessWebhooks,
};

/// A process before it runs. It has all that [`crate::run()`] has but signals, logging, HTTP servers and
/// certificates. It lives on the runtime that polls it, and dies when its future is dropped.
pub struct InProcess {
    /// Flags. Ports don't matter: nothing is listened at.
    pub args: RuntimeArgs,
    /// What runs in the process.
    pub apps: Vec<App>,
    /// How the API server is called, also for the lease.
    pub client: kube::Client,
    /// What time it is.
    pub clock: Clock,
    /// Filled with what the apps serve.
    pub webhooks: InProcessWebhooks,
}

impl InProcess {
    /// Runs until told to stop, and then stops in order.
    ///
    /// # Errors
    /// When the apps can't be set up, or something ends that must not end.
    pub async fn run(self, stop: CancellationToken) -> Result<(), SetupError> {
        let Self {
            mut args,
            apps,
            client,
            clock,
            webhooks,
        } = self;
        let nowhere = || "0".to_owned();
        args.process.metrics_addr = nowhere();
        args.process.health_probe_addr = nowhere();
        let process = Process {
            args,
            apps,
            client,
            host: String::new(),
            log_level: LogLevel::default(),
            clock,
            in_process: Some(webhooks),
        };
        Ok(process.run(stop).await?)
    }
}
