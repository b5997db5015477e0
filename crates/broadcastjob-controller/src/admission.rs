//! BroadcastJob's admission: [`mutate()`] fills in defaults (BJ-1, BJ-2), and [`Validator`] refuses what can't be acted
//! on (BJ-3 to BJ-8). Neither has to have run for the controller to work (PF-907).

mod handlers;
mod kind;

pub use handlers::{Validator, mutate};

/// Where defaults are asked for (PF-201).
pub const MUTATE_PATH: &str = "/mutate-apps-kruise-io-broadcastjob";
/// Where validation is asked for (PF-201).
pub const VALIDATE_PATH: &str = "/validate-apps-kruise-io-broadcastjob";
