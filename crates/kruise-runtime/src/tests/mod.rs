//! Tests of parts that talk to an API server, against a scripted one and a clock that stands still.

mod dry_run;
mod events;
mod health;
mod leader;
mod own_writes;
mod process;
mod queue;
mod server_version;
mod store;
mod terms;
mod watch;
