//! Tests of whole processes, against a scripted API server and a clock that stands still.

mod flags;
mod health;
mod in_process;
mod limits;
mod run;
mod starved;
mod terms;
