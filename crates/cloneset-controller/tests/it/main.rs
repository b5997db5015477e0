//! The planner, by table, by property and by simulation, and the executor that carries its plans out. No watch and no
//! queue: each pass is the test's to begin. Whole processes are in `tests/in_process`.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![allow(clippy::needless_pass_by_value)]
#![allow(clippy::indexing_slicing)]

mod admission;
mod admission_forms;
mod admission_properties;
mod bounds;
mod budget;
mod checker;
mod checker_updates;
mod counts;
mod extremes;
mod in_place;
mod merge;
mod odd;
mod orphans;
mod plans;
mod predownload;
mod progressing;
mod properties;
mod refused;
mod resize;
mod same_image;
mod scenarios;
mod spread;
mod stuck;
mod taken_over;
mod trims;
mod user_bugs;
mod volume_claim_ids;
mod volume_claims;
mod wait_ends;
mod wait_reasons;
mod world;
