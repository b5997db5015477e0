//! Parts of an AdvancedCronJob that are the same in both versions.

use crate::{
    kinds::broadcastjob::spec::BroadcastJobSpec, open_enum::open_enum, spec_parts::ObjectReference,
    wire::wire,
};

/// Defines the spec of a version, which has a template of its own.
macro_rules! advanced_cron_job_spec {
    ($template:ty) => {
        $crate::wire::wire! {
            /// What is run, and when.
            pub struct AdvancedCronJobSpec {
                /// When jobs are made: five fields for minute, hour, day of month, month and day of week, or a
                /// descriptor such as `@daily` or `@every 5m`. A time zone may stand in front: `TZ=Asia/Shanghai 0 8 *
                /// * *`.
                #[schemars(extend("minLength" = 0))]
                required schedule: String,
                /// Time zone of the schedule, by its name in the IANA database, such as `Asia/Shanghai`. Not together
                /// with one in the schedule. Defaults to the zone of the controller, which is UTC as it is delivered.
                optional time_zone: String,
                /// How many seconds late a missed run may still start. Unset: it may at any time. With 0 nothing ever
                /// runs.
                optional starting_deadline_seconds: i64,
                /// What becomes of a run that is due while jobs of earlier ones have not ended. `Allow` (the default of
                /// Jobs and BroadcastJobs): it starts as well. `Forbid`: it waits for them. `Replace` (the default of
                /// ImageListPullJobs): they are deleted.
                #[schemars(extend("enum" = ["Allow", "Forbid", "Replace"]))]
                optional concurrency_policy: $crate::kinds::advancedcronjob::spec::ConcurrencyPolicy,
                /// Whether no jobs are made for now. Those that run go on. Defaults to false.
                optional paused: bool,
                /// How many jobs that ended well are kept. Defaults to 3.
                optional successful_jobs_history_limit: i32,
                /// How many jobs that failed are kept. Defaults to 1.
                optional failed_jobs_history_limit: i32,
                /// What jobs are made from: exactly one of its members has to be given.
                required template: $template,
            }
        }
    };
}
pub(super) use advanced_cron_job_spec;

wire! {
    /// What BroadcastJobs are made from.
    pub struct BroadcastJobTemplateSpec {
        /// Nothing: the API server drops what is written here.
        optional metadata: TemplateMetadata,
        /// What the BroadcastJobs shall do.
        optional spec: BroadcastJobSpec,
    }

    /// Metadata that jobs get. The API server drops it (AC-1); objects that never were there may have it.
    pub struct TemplateMetadata {
        /// Labels of the jobs.
        #[schemars(skip)]
        map labels: String,
        /// Annotations of the jobs.
        #[schemars(skip)]
        map annotations: String,
    }

    /// What the controller saw last.
    pub struct AdvancedCronJobStatus {
        /// Kind of the jobs: `Job`, `BroadcastJob` or `ImageListPullJob`.
        #[serde(rename = "type")]
        omitempty type_: String,
        /// Jobs that have not ended.
        list active: ObjectReference,
        /// The time for which the last run was due.
        time last_schedule_time,
    }
}

open_enum! {
    /// What becomes of a run that is due while jobs of earlier ones have not ended.
    pub enum ConcurrencyPolicy {
        /// It starts as well.
        Allow = "Allow",
        /// It waits for them.
        Forbid = "Forbid",
        /// They are deleted.
        Replace = "Replace",
    }
}
