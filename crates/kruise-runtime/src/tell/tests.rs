//! Tests of what is told, against a scripted API server.

mod events;
