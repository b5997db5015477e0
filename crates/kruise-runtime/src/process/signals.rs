//! The signals that tell a process to stop.

use tokio::signal::unix::SignalKind;
use tokio_util::sync::CancellationToken;

use crate::process::error::RunError;

/// A token that the first signal to stop cancels; the second signal ends the process at once.
pub(crate) fn stop_signal() -> Result<CancellationToken, RunError> {
    let listen = |kind| tokio::signal::unix::signal(kind).map_err(RunError::Signals);
    let mut terminate = listen(SignalKind::terminate())?;
    let mut interrupt = listen(SignalKind::interrupt())?;
    let stop = CancellationToken::new();
    let stopped = stop.clone();
    tokio::spawn(async move {
        for _ in 0..2 {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            if stopped.is_cancelled() {
                tracing::error!("second signal, ending at once");
                std::process::exit(1);
            }
            tracing::info!("signal, stopping");
            stopped.cancel();
        }
    });
    Ok(stop)
}
