//! Tests of parts that talk to an API server, against a scripted one and a clock that stands still.

mod dry_run;
mod events;
mod health;
mod leader;
mod limits;
mod own_writes;
mod process;
mod queue;
mod restore;
mod server_version;
mod store;
mod watch;
mod write_notes;
