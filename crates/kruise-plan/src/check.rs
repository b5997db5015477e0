//! Other eyes on a plan: what must hold for it whatever the kind of its owner is. The rules are known here, not how
//! plans are made.
//!
//! A kind's own checker asks those checks that its specification says too, and adds what only that kind's says.

pub mod pods;
