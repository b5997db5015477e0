//! Whether calls of reconcilers may go out: while this process leads, and while reconcilers may work. When the
//! permission ends, waits end too: a roll-out that waits for the client's limits would otherwise go on waiting for
//! longer than a process may take to stop (DV-PF16).

use tokio::sync::watch;

use crate::{api::error::ApiError, control::work_gate::WorkGate, leader::fence::Fence};

/// What calls depend on; on nothing by default.
#[derive(Clone, Default)]
pub(crate) struct Permission {
    pub(crate) fence: Option<Fence>,
    pub(crate) gate: Option<watch::Receiver<WorkGate>>,
}

impl Permission {
    /// Says why a call may not be sent now.
    pub(crate) fn check(&self, call: &str) -> Result<(), ApiError> {
        let call = || call.to_owned();
        let gate = self.gate.as_ref().map(|gate| *gate.borrow());
        let fence = self.fence.as_ref();
        if gate == Some(WorkGate::Stopped) {
            return Err(ApiError::Stopping { call: call() });
        }
        if fence.is_some_and(|fence| !fence.is_leader_now()) {
            return Err(ApiError::NotLeader { call: call() });
        }
        if gate == Some(WorkGate::Closed) {
            return Err(ApiError::Stopping { call: call() });
        }
        Ok(())
    }

    /// Returns when a call may not be sent any more, and says why.
    pub(crate) async fn withheld(&self, call: &str) -> ApiError {
        let mut state = self.fence.as_ref().map(Fence::subscribe);
        let mut gate = self.gate.clone();
        loop {
            if let Err(error) = self.check(call) {
                return error;
            }
            tokio::select! {
                biased;
                () = changed(&mut state) => {}
                () = changed(&mut gate) => {}
            }
        }
    }
}

/// Returns with the next change; never, where nothing can change any more.
async fn changed<T>(receiver: &mut Option<watch::Receiver<T>>) {
    let is_over = match receiver {
        Some(receiver) => receiver.changed().await.is_err(),
        None => true,
    };
    if is_over {
        std::future::pending::<()>().await;
    }
}
