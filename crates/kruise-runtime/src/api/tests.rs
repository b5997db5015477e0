//! Tests of calls, against a scripted API server.

mod dry_run;
mod server_version;
