//! What the API server's objects are now: one watch a kind, and the index that it fills.

mod error;
pub(crate) mod fresh;
mod index;
pub(crate) mod line;
mod open_list;
pub(crate) mod order;
pub(crate) mod restore;
mod selector;
pub(crate) mod shared;
pub(crate) mod store;
pub(crate) mod store_view;
#[cfg(test)]
mod tests;
mod vanished;
pub(crate) mod version;
pub(crate) mod watcher;
