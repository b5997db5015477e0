//! What others may rely on: every rule that this crate implements, by its id in docs/spec.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::expect_used
)]

mod advancedcronjob;
mod availability;
mod broadcastjob;
mod budget;
mod budget_consistency;
mod budget_resize;
mod calculate;
mod cases;
mod completion;
mod containerrecreaterequest;
mod conversion;
mod crd;
mod cron;
mod daemonset;
mod defaults;
mod deletion_protection;
mod environment;
mod ephemeraljob;
mod every_kind;
mod go_regex;
mod imagelistpulljob;
mod imagepulljob;
mod instances;
mod lenient;
mod lifecycle;
mod nodeimage;
mod nodepodprobe;
mod numbers;
mod pending;
mod persistentpodstate;
mod pod;
mod podprobemarker;
mod podunavailablebudget;
mod properties;
mod qos;
mod quantity;
mod ranking;
mod refresh;
mod resourcedistribution;
mod resources;
mod restart;
mod revision;
mod samples;
mod selector;
mod sidecarset;
mod sidecarset_expression;
mod sidecarset_hash;
mod sidecarset_revision_data;
mod sidecarset_validation;
mod sizes;
mod specified_delete;
mod start;
mod statefulset;
mod stories;
mod strategic_merge;
mod support;
mod times;
mod types;
mod uniteddeployment;
mod validation;
mod validation_update;
mod workloadspread;
