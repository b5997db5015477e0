//! SidecarSets on a real cluster.

mod smoke;
