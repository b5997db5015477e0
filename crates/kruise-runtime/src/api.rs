//! Calls to the API server: who makes them, what they ask for, and what comes back.

pub(crate) mod client;
pub(crate) mod connect;
pub(crate) mod error;
mod limits;
pub(crate) mod patch;
pub(crate) mod query;
pub(crate) mod server_version;
#[cfg(test)]
mod tests;
pub(crate) mod written;
