//! When jobs are made, and how many of them are kept (AC-11 to AC-13, AC-17).

use crate::{
    cron::{Schedule, Zone, has_own_zone},
    kinds::advancedcronjob::{texts::NO_SCHEDULE, v1beta1::AdvancedCronJobSpec},
    validation::{
        FieldError, FieldErrors, FieldPath,
        numbers::{NOT_NEGATIVE, not_negative},
    },
};

const TWO_ZONES: &str = "must have no time zone when spec.timeZone is given";
const EMPTY_ZONE: &str = "must not be empty";
const LOCAL_ZONE: &str =
    "must be the name of a time zone in the IANA database, such as Asia/Shanghai";

pub(super) fn errors(spec: &AdvancedCronJobSpec) -> FieldErrors {
    let mut errors = FieldErrors::new();
    errors.extend(schedule(&spec.schedule));
    if let Some(zone) = &spec.time_zone {
        if has_own_zone(&spec.schedule) {
            let path = FieldPath::new("spec.schedule");
            errors.push(FieldError::invalid(
                &path,
                spec.schedule.as_str(),
                TWO_ZONES,
            ));
        }
        errors.extend(time_zone(zone));
    }
    let path = FieldPath::new("spec");
    let deadline = spec.starting_deadline_seconds;
    if let Some(deadline) = deadline.filter(|deadline| *deadline < 0) {
        let path = path.child("startingDeadlineSeconds");
        errors.push(FieldError::invalid(&path, deadline, NOT_NEGATIVE));
    }
    errors.extend(not_negative(
        &path.child("successfulJobsHistoryLimit"),
        spec.successful_jobs_history_limit,
    ));
    errors.extend(not_negative(
        &path.child("failedJobsHistoryLimit"),
        spec.failed_jobs_history_limit,
    ));
    errors
}

/// AC-11
fn schedule(schedule: &str) -> Option<FieldError> {
    let path = FieldPath::new("spec.schedule");
    if schedule.is_empty() {
        return Some(FieldError::required(&path, NO_SCHEDULE));
    }
    let error = Schedule::parse(schedule).err()?;
    Some(FieldError::invalid(&path, schedule, error.to_string()))
}

/// AC-13
fn time_zone(name: &str) -> Option<FieldError> {
    let why = if name.is_empty() {
        EMPTY_ZONE.to_owned()
    } else if name.eq_ignore_ascii_case("Local") {
        LOCAL_ZONE.to_owned()
    } else {
        Zone::named(name).err()?.to_string()
    };
    let path = FieldPath::new("spec.timeZone");
    Some(FieldError::invalid(&path, name, why))
}
