//! Where faults are set, switched off and counted.

use std::collections::BTreeMap;

use super::{ApiServer, faults::Rule};

/// What goes wrong with a server: set, switched off and counted here.
#[derive(Clone)]
pub struct Faults {
    server: ApiServer,
}

impl ApiServer {
    /// What goes wrong with this server.
    #[must_use]
    pub fn faults(&self) -> Faults {
        Faults {
            server: self.clone(),
        }
    }
}

impl Faults {
    /// From now on these faults happen, and no others.
    pub fn set(&self, rules: Vec<Rule>) {
        self.server.lock().faults.rules = rules;
    }

    /// Nothing goes wrong any more. Watches that fell silent stay so.
    pub fn stop(&self) {
        self.set(vec![]);
    }

    /// How many faults happened, by class.
    #[must_use]
    pub fn injected(&self) -> BTreeMap<&'static str, u64> {
        self.server.lock().faults.injected.clone()
    }

    /// Forgets all versions before the current one.
    pub fn compact(&self) {
        let mut state = self.server.lock();
        let version = state.store.version();
        state.store.compact(version);
    }
}
