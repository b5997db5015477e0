//! What a comparison found, as people read it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::compare::{Crd, Difference};

#[derive(Default)]
pub(super) struct Report {
    rows: Vec<Row>,
    /// Kinds and versions that the reference has and we don't.
    no_type: Vec<String>,
    /// Versions of the kinds among them.
    n_absent: usize,
    /// What is wrong apart from differences.
    problems: Vec<String>,
}

struct Row {
    kind: String,
    n_versions: usize,
    /// Of the reference.
    n_all_versions: usize,
    n_reviewed: usize,
    unexplained: Vec<Difference>,
}

impl Report {
    pub(super) fn kind(
        &mut self,
        ours: &Crd,
        n_all_versions: usize,
        n_reviewed: usize,
        unexplained: Vec<Difference>,
    ) {
        self.rows.push(Row {
            kind: ours.kind.clone(),
            n_versions: ours.versions.len(),
            n_all_versions,
            n_reviewed,
            unexplained,
        });
    }

    pub(super) fn problem(&mut self, problem: String) {
        self.problems.push(problem);
    }

    pub(super) fn absent(&mut self, absent: Absent) {
        for (kind, Versions { any_there, absent }) in absent.kinds {
            if !any_there {
                self.no_type.push(kind);
                self.n_absent = self.n_absent.saturating_add(absent.len());
                continue;
            }
            for version in absent {
                self.no_type.push(format!("{kind} {version}"));
            }
        }
    }

    /// Kinds and versions of the reference that have no type here.
    pub(super) fn lacking(&self) -> &[String] {
        &self.no_type
    }

    /// Why the comparison fails.
    pub(super) fn failure(&self) -> Option<String> {
        let n_unexplained: usize = self.rows.iter().map(|row| row.unexplained.len()).sum();
        let mut parts = Vec::new();
        if n_unexplained > 0 {
            parts.push(format!(
                "{}; mend them, or add them to {} with a reason",
                count(n_unexplained, "unexplained difference"),
                super::reviewed::PATH
            ));
        }
        if !self.problems.is_empty() {
            parts.push(count(self.problems.len(), "problem"));
        }
        (!parts.is_empty()).then(|| parts.join("; "))
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.rows.iter().map(|row| row.kind.len()).max();
        let width = width.unwrap_or_default().max(19);
        for Row {
            kind,
            n_versions,
            n_all_versions,
            n_reviewed,
            unexplained,
        } in &self.rows
        {
            let differences = count(unexplained.len(), "unexplained difference");
            writeln!(
                f,
                "{kind:<width$} {n_versions} of {n_all_versions} versions, {differences} ({n_reviewed} reviewed)"
            )?;
            for difference in unexplained {
                writeln!(f, "  {kind} {difference}")?;
            }
        }
        let sum = |of: fn(&Row) -> usize| -> usize { self.rows.iter().map(of).sum() };
        let n_versions = sum(|row| row.n_versions);
        let n_all_versions = sum(|row| row.n_all_versions).saturating_add(self.n_absent);
        let differences = count(sum(|row| row.unexplained.len()), "unexplained difference");
        let n_reviewed = sum(|row| row.n_reviewed);
        writeln!(
            f,
            "{:<width$} {n_versions} of {n_all_versions} versions, {differences} ({n_reviewed} reviewed)",
            "in all"
        )?;
        for problem in &self.problems {
            writeln!(f, "{problem}")?;
        }
        if !self.no_type.is_empty() {
            writeln!(f, "no type yet: {}", self.no_type.join(", "))?;
        }
        Ok(())
    }
}

/// `1 difference`, `2 differences`.
fn count(n: usize, what: &str) -> String {
    let plural = if n == 1 { "" } else { "s" };
    format!("{n} {what}{plural}")
}

/// What of the reference has not been met yet.
pub(super) struct Absent {
    kinds: BTreeMap<String, Versions>,
}

struct Versions {
    any_there: bool,
    absent: BTreeSet<String>,
}

impl Absent {
    pub(super) fn new<'a>(crds: impl Iterator<Item = &'a Crd>) -> Self {
        let kinds = crds.map(|crd| {
            let versions = Versions {
                any_there: false,
                absent: crd.versions.keys().cloned().collect(),
            };
            (crd.kind.clone(), versions)
        });
        Self {
            kinds: kinds.collect(),
        }
    }

    /// Whether it was absent until now.
    pub(super) fn kind_is_there(&mut self, kind: &str) -> bool {
        let versions = self.kinds.get_mut(kind);
        versions.is_some_and(|versions| !std::mem::replace(&mut versions.any_there, true))
    }

    pub(super) fn version_is_there(&mut self, kind: &str, version: &str) {
        if let Some(versions) = self.kinds.get_mut(kind) {
            versions.absent.remove(version);
        }
    }
}
