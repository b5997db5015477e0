//! The gate that opens and closes to the reconcilers of a process.

use tokio::sync::watch;

/// Whether workers may work, and their writes go out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum WorkGate {
    Closed,
    /// They may, in this term of leading.
    Open {
        term: u64,
    },
    /// For good: the process stops.
    Stopped,
}

impl WorkGate {
    /// Opens or closes the gate, unless the process stops.
    pub(crate) fn set(gate: &watch::Sender<Self>, to: Self) {
        gate.send_if_modified(|now| {
            let modified = *now != Self::Stopped && *now != to;
            if modified {
                *now = to;
            }
            modified
        });
    }
}
