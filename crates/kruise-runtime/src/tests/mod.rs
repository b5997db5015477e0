//! Tests of parts that talk to an API server, against a scripted one and a clock that stands still.

mod dead_connections;
mod dry_run;
mod events;
mod flags;
mod health;
mod leader;
mod limits;
mod own_writes;
mod process;
mod queue;
mod restore;
mod server_version;
mod starved;
mod store;
mod terms;
mod watch;
mod write_notes;
