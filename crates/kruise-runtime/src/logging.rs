//! Log lines, on standard error. `-v` follows klog's habit: 4 and more is for finding errors.

use tracing_subscriber::{
    EnvFilter, Registry, filter::ParseError, layer::SubscriberExt, reload, util::SubscriberInitExt,
};

use crate::args::{LoggingFormat, RuntimeArgs};

/// Changes what is logged, while running.
#[derive(Clone, Default)]
pub(crate) struct LogLevel {
    handle: Option<reload::Handle<EnvFilter, Registry>>,
}

/// Why the level can't be changed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LogLevelError {
    #[error("{text:?} is neither a verbosity (0 to 10) nor a filter")]
    Parse {
        text: String,
        #[source]
        source: ParseError,
    },
    #[error("can't change the filter")]
    Reload(#[source] reload::Error),
    #[error("logging is not ours to change")]
    NotOurs,
}

impl LogLevel {
    /// Takes a verbosity as in `-v`, or a filter as tracing-subscriber writes it.
    pub(crate) fn set(&self, text: &str) -> Result<(), LogLevelError> {
        let filter = match text.parse::<u8>() {
            Ok(verbosity) => filter(verbosity),
            Err(_) => EnvFilter::try_new(text).map_err(|source| LogLevelError::Parse {
                text: text.to_owned(),
                source,
            })?,
        };
        let handle = self.handle.as_ref().ok_or(LogLevelError::NotOurs)?;
        handle.reload(filter).map_err(LogLevelError::Reload)
    }
}

fn filter(verbosity: u8) -> EnvFilter {
    // The libraries tell of every connection; kube's client also reports as an error every answer that
    // we have a use for. Failed calls are logged by those who made them.
    EnvFilter::new(match verbosity {
        0..=3 => "info,kube_client=off,hyper=warn,hyper_util=warn,tower=warn,rustls=warn",
        4..=5 => "debug,kube_client=off,hyper=warn,hyper_util=warn,tower=warn,rustls=warn",
        6..=7 => "trace,kube_client=debug,hyper=warn,hyper_util=warn,tower=warn,rustls=info",
        _ => "trace",
    })
}

/// Starts logging. Where someone else has done so already, theirs stays.
pub(crate) fn init(args: &RuntimeArgs) -> LogLevel {
    let (filter, handle) = reload::Layer::new(filter(args.verbosity));
    let registry = tracing_subscriber::registry().with(filter);
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let initialised = match args.logging_format {
        LoggingFormat::Text => registry.with(lines.with_ansi(false)).try_init(),
        LoggingFormat::Json => registry.with(lines.json().flatten_event(true)).try_init(),
    };
    LogLevel {
        handle: initialised.is_ok().then_some(handle),
    }
}
