//! BroadcastJobs on a real cluster. One binary, so that all tests share one cluster; those that break
//! something run alone.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod smoke;
