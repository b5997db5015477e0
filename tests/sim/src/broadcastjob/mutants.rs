//! Broken controllers of BroadcastJobs.

use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::{
    between::Next,
    deployable::Mutant,
    mutants::{
        BUSY, CHATTERBOX, CREATES_ONE_ONLY, DOUBLED_DELETIONS, PANICS, TWO_LEADERS,
        UNGUARDED_DELETIONS, calls, doubles_creations, is_restless, lies_about, mutant, reads,
        takes_back, talks_about,
    },
};

const JOBS: &str = "broadcastjobs";
const PATH: &str = "/apis/apps.kruise.io/v1beta1/namespaces/default/broadcastjobs/scan";

/// All of them.
pub(super) const ALL: &[Mutant] = &[
    mutant("more-parallel", &["too-parallel"], || {
        reads(JOBS, |job| {
            let parallelism = &mut job["spec"]["parallelism"];
            let percent = parallelism.as_str().map(|text| text.trim_end_matches('%'));
            let percent = percent.and_then(|percent| percent.parse::<u64>().ok());
            if let Some(percent) = percent {
                *parallelism = json!(format!("{}%", percent * 2));
            } else if let Some(wanted) = parallelism.as_u64() {
                *parallelism = json!(wanted * 2 + 1);
            }
        })
    }),
    mutant("never-paused", &["worked-while-paused"], || {
        reads(JOBS, |job| job["spec"]["paused"] = json!(false))
    }),
    mutant("hurried", &["failed-without-reason"], || {
        reads(JOBS, |job| {
            job["spec"]["completionPolicy"]["activeDeadlineSeconds"] = json!(1);
        })
    }),
    mutant("impatient", &["job-deleted-early"], || {
        reads(JOBS, |job| {
            job["spec"]["completionPolicy"]["ttlSecondsAfterFinished"] = json!(0);
        })
    }),
    mutant("deaf-to-failures", &["failure-ignored"], || {
        reads(JOBS, |job| {
            job["spec"]["failurePolicy"]["type"] = json!("Continue");
        })
    }),
    mutant(
        "quick-to-fail",
        &["failed-without-reason", "deleted-fit"],
        || {
            reads("pods", |pod| {
                if pod["status"]["phase"] == "Succeeded" {
                    pod["status"]["phase"] = json!("Failed");
                }
            })
        },
    ),
    mutant("quick-to-complete", &["completed-early"], || {
        reads("pods", |pod| {
            if pod["status"]["phase"] == "Running" {
                pod["status"]["phase"] = json!("Succeeded");
            }
        })
    }),
    mutant("blind-to-ends", &["deleted-ended"], || {
        reads("pods", |pod| {
            if pod["status"]["phase"] == "Succeeded" {
                pod["status"]["phase"] = json!("Running");
            }
        })
    }),
    mutant("completes-anyway", &["completed-never"], || {
        reads(JOBS, |job| {
            job["spec"]["completionPolicy"]["type"] = json!("Always");
        })
    }),
    mutant("blind-to-deletion", &["worked-after-end"], || {
        reads(JOBS, |job| {
            job["metadata"]["deletionTimestamp"] = Value::Null;
        })
    }),
    mutant("deaf-to-pause", &["worked-while-paused"], || {
        reads(JOBS, |job| {
            let policy = &mut job["spec"]["failurePolicy"]["type"];
            if *policy == "Pause" {
                *policy = json!("Continue");
            }
        })
    }),
    mutant("blind-to-taints", &["created-unfit"], || {
        reads("nodes", |node| node["spec"] = json!({}))
    }),
    mutant("takes-back", &["deleted-fit"], takes_back),
    mutant("goes-on", &["worked-after-end", "end-moved"], || {
        reads(JOBS, |job| job["status"]["conditions"] = Value::Null)
    }),
    mutant("leaves-pods", &["failed-with-active"], || {
        calls(|call| {
            if call.writes(&Method::DELETE, "pods") {
                let gone = json!({ "kind": "Status", "apiVersion": "v1", "status": "Success" });
                return Next::Answer(StatusCode::OK, gone);
            }
            Next::Send
        })
    }),
    mutant("starts-again", &["start-moved"], || {
        reads(JOBS, |job| job["status"]["startTime"] = Value::Null)
    }),
    mutant(
        "doubled-creations",
        &["two-pods-on-a-node"],
        doubles_creations,
    ),
    UNGUARDED_DELETIONS,
    DOUBLED_DELETIONS,
    mutant("lying-status", &["untrue-status"], || {
        lies_about(JOBS, "succeeded")
    }),
    mutant("restless", &["settled-written"], || is_restless(PATH)),
    mutant("talkative", &["settled-written"], || {
        talks_about("BroadcastJob", "scan")
    }),
    TWO_LEADERS,
    CHATTERBOX,
    BUSY,
    PANICS,
    CREATES_ONE_ONLY,
];

/// Seeds that notice them. Other stories, or other requests of the controller, move them: the tests print the rows anew.
pub(super) const SEEDS: &[(&str, &[u64])] = &[
    ("more-parallel", &[1]),
    ("never-paused", &[6]),
    ("hurried", &[2]),
    ("impatient", &[2]),
    ("deaf-to-failures", &[3]),
    ("quick-to-fail", &[11]),
    ("quick-to-complete", &[32]),
    ("blind-to-ends", &[4]),
    ("completes-anyway", &[6]),
    ("blind-to-deletion", &[72]),
    ("deaf-to-pause", &[67]),
    ("blind-to-taints", &[5]),
    ("takes-back", &[1]),
    ("goes-on", &[2]),
    ("leaves-pods", &[1]),
    ("starts-again", &[1]),
    ("doubled-creations", &[1]),
    ("unguarded-deletions", &[1]),
    ("doubled-deletions", &[1]),
    ("lying-status", &[1]),
    ("restless", &[1]),
    ("talkative", &[1]),
    ("two-leaders", &[1]),
    ("chatterbox", &[3]),
    ("busy", &[1]),
    ("panics", &[1]),
    ("creates-one-only", &[2]),
];
