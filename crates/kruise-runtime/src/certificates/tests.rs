//! Tests of the certificates: decisions as tables, and whole replicas against an API server in memory.

mod cluster;
mod judging;
mod modes;
mod planning;
mod replicas;
mod simulation;
mod trusting;
