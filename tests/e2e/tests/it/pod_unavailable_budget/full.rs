//! What is too dear for CI. `cargo xtask test --full pod_unavailable_budget` runs it beside the rest.

mod killed;
mod paths;
