//! One process: its flags, its logs and health, what runs in it, and how it starts and stops.

pub(crate) mod app;
pub(crate) mod args;
pub(crate) mod error;
pub(crate) mod gates;
mod health;
pub(crate) mod http_server;
pub(crate) mod in_process;
pub(crate) mod logging;
mod metrics_server;
mod pulse;
pub(crate) mod run;
mod signals;
mod start;
mod tasks;
#[cfg(test)]
mod tests;
mod vital;
mod webhooks;
