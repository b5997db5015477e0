//! Tests of queues and own writes, on a clock that stands still.

mod own_writes;
mod queue;
mod write_notes;
