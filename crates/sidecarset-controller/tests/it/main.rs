//! Tests of the deployable from outside.

mod admission;
mod in_process;
mod refusals;
