//! A second look at a plan: what must hold for every plan, whatever the kind of its owner. The checks know the rules,
//! and nothing of how plans are made.
//!
//! A kind's own checker calls those checks that the kind's specification asks for, and adds its own.

pub mod pods;
