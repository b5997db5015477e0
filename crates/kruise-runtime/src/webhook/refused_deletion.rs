//! A deletion that a label forbids, and where it is told of (DP-23, DP-25).

use std::borrow::Cow;

use super::request::AdmissionRequest;
use crate::tell::{
    metrics::Metrics,
    protection_counters::ProtectionLabels,
    protection_log::{ProtectionLog, RefusedOperation},
};

/// What metrics and logs know of a refused deletion.
#[derive(Clone, Debug)]
pub struct RefusedDeletion<'a> {
    /// Kind of the object.
    pub kind: &'a str,
    /// Its namespace; empty for none.
    pub namespace: &'a str,
    /// Its name.
    pub name: Cow<'a, str>,
    /// Who was refused.
    pub username: &'a str,
}

impl<'a> RefusedDeletion<'a> {
    /// What this request asks for.
    #[must_use]
    pub fn of(request: &'a AdmissionRequest) -> Self {
        Self {
            kind: &request.kind.kind,
            namespace: &request.namespace,
            name: request.name_of_old_object(),
            username: &request.user_info.username,
        }
    }

    /// Writes it into the log, and into the protection log (DP-25).
    pub fn note(&self, protection_log: &ProtectionLog) {
        const EVENT: &str = "DeletionProtection";
        let Self {
            kind,
            namespace,
            name,
            username,
        } = self;
        tracing::info!(
            event = EVENT,
            kind,
            namespace,
            %name,
            username,
            "deletion refused"
        );
        protection_log.note(RefusedOperation {
            event: EVENT,
            kind,
            namespace,
            name,
            user_agent: username,
        });
    }

    /// Counts it as that of a workload.
    pub fn count_workload(&self, metrics: &Metrics) {
        let Self {
            kind,
            namespace,
            name,
            username,
        } = self;
        let labels = ProtectionLabels {
            kind_namespace_name: format!("{kind}_{namespace}_{name}"),
            username: (*username).to_owned(),
        };
        metrics
            .workload_deletion_protection
            .get_or_create(&labels)
            .inc();
    }
}
