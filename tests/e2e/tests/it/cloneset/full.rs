//! What is too dear for CI. `cargo xtask test --full cloneset` runs it beside the rest.

mod corrected;
mod in_place;
mod nodes;
mod refused;
mod same_image;
mod spread;
mod watches;
