//! What is too dear for CI. `cargo xtask test --full runtime` runs it beside the rest.

mod api_server;
mod undeploy;
