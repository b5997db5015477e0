//! Log lines, on standard error. `-v` follows klog's habit: 4 and more is for finding errors.

use tracing_subscriber::{
    EnvFilter, Registry, filter::ParseError, fmt, layer::SubscriberExt, reload,
    util::SubscriberInitExt,
};

use crate::process::args::process::{LoggingFormat, ProcessArgs};

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
    // The libraries log every connection. kube's client also logs as an error every answer that we have a use for.
    // Failed calls are logged by their callers.
    EnvFilter::new(match verbosity {
        0..=3 => "info,kube_client=off,hyper=warn,hyper_util=warn,tower=warn,rustls=warn",
        4..=5 => "debug,kube_client=off,hyper=warn,hyper_util=warn,tower=warn,rustls=warn",
        6..=7 => "trace,kube_client=debug,hyper=warn,hyper_util=warn,tower=warn,rustls=info",
        _ => "trace",
    })
}

/// One object a line: the event's own fields, and under `span` the fields of what the event belongs to, such as the
/// object that is reconciled.
fn json<S, W>(
    lines: fmt::Layer<S, fmt::format::DefaultFields, fmt::format::Format, W>,
) -> fmt::Layer<S, fmt::format::JsonFields, fmt::format::Format<fmt::format::Json>, W> {
    lines.json().flatten_event(true).with_span_list(false)
}

/// Starts logging. Where other code has started it already, that code's logging stays.
pub(crate) fn init(args: &ProcessArgs) -> LogLevel {
    let (filter, handle) = reload::Layer::new(filter(args.verbosity));
    let registry = tracing_subscriber::registry().with(filter);
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let initialised = match args.logging_format {
        LoggingFormat::Text => registry.with(lines.with_ansi(false)).try_init(),
        LoggingFormat::Json => registry.with(json(lines)).try_init(),
    };
    LogLevel {
        handle: initialised.is_ok().then_some(handle),
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io::Write,
        sync::{Arc, Mutex},
    };

    use super::*;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_json_line_carries_the_object_and_what_was_recorded_of_it() {
        let lines = Lines::default();
        let writer = lines.clone();
        let layer = fmt::layer().with_writer(move || writer.clone());
        let subscriber = Registry::default().with(filter(0)).with(json(layer));
        tracing::subscriber::with_default(subscriber, || {
            let span =
                tracing::info_span!("reconcile", object = "ns/web", uid = tracing::field::Empty);
            let _entered = span.enter();
            span.record("uid", "u-1");
            tracing::warn!(category = "conflict", "reconcile failed");
        });
        let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
        let line: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(line["level"], "WARN");
        assert_eq!(line["message"], "reconcile failed");
        assert_eq!(line["category"], "conflict");
        assert_eq!(line["span"]["object"], "ns/web");
        assert_eq!(line["span"]["uid"], "u-1");
    }
}
