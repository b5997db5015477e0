//! CloneSets on a real cluster. One binary, so that all tests share one cluster; those that break
//! something run alone.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![allow(clippy::needless_pass_by_value)]
#![allow(clippy::indexing_slicing)]

mod admission;
mod autoscaling;
mod budget;
mod commands;
mod conversion;
mod corrected;
mod deadline;
mod faults;
mod gates;
mod history;
mod hooks;
mod in_place;
mod kept;
mod lifecycle;
mod limits;
mod mistakes;
mod move_over;
mod operations;
mod order;
mod ownership;
mod predownload;
mod refused;
mod rollout;
mod same_image;
mod scale;
mod spread;
mod surge;
mod unchanged;
mod undeploy;
mod user_bugs;
mod volumes;
mod watches;
mod webhook_later;
