//! Why a process ends before it is told to.

use crate::{
    api::connect::ConnectError, process::args::check::FlagError,
    tell::protection_log::ProtectionLogError, webhook::ServerError,
};

/// Any error of a set-up.
pub type SetupError = Box<dyn std::error::Error + Send + Sync>;

/// Why a process ended.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RunError {
    /// Flags can't work.
    #[error(transparent)]
    Flags(#[from] FlagError),
    /// The async runtime can't be started.
    #[error("can't start the async runtime")]
    StartRuntime(#[source] std::io::Error),
    /// There is no way to call the API server.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// An address can't be listened at.
    #[error("can't listen at {address}")]
    Listen {
        /// The address.
        address: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The file that `--protection-log-path` asks for can't be opened.
    #[error(transparent)]
    ProtectionLog(#[from] ProtectionLogError),
    /// An app can't be set up.
    #[error("can't set up {app}")]
    SetUp {
        /// Its name.
        app: &'static str,
        /// Why.
        #[source]
        source: SetupError,
    },
    /// The webhook server can't be set up.
    #[error("can't set up the webhook server")]
    Webhooks(#[from] ServerError),
    /// Signals can't be received.
    #[error("can't receive signals")]
    Signals(#[source] std::io::Error),
    /// Something that must run as long as the process has ended.
    #[error("{task} has ended")]
    TaskEnded {
        /// Name of the task.
        task: String,
    },
    /// Something that must run as long as the process has panicked.
    #[error("{task} has panicked")]
    TaskPanicked {
        /// Name of the task.
        task: String,
        /// How the task panicked.
        #[source]
        source: tokio::task::JoinError,
    },
}
