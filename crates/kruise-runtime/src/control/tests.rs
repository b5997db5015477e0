//! Tests of queues, own writes and upkeep, on a clock that stands still.

mod own_writes;
mod queue;
mod upkeep;
mod write_notes;
