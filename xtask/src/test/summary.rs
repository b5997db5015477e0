//! The table at the end.

use std::fmt;
use std::time::Duration;

use anyhow::Result;

use super::budget::Budget;
use super::libtest::Report;
use super::stages::Stage;

/// What a stage's tests amount to.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    passed: u64,
    failed: u64,
    flaky: Vec<String>,
    skipped: Vec<String>,
    /// What the end-to-end tests cost.
    pub(super) budget: Budget,
}

impl Outcome {
    pub(super) fn count(&mut self, report: &Report) {
        self.passed += report.passed;
        self.failed += report.failed;
        self.skipped.extend(report.skipped.iter().cloned());
    }

    /// What failed first and passed then was counted as failed, and counts as passed.
    pub(super) fn repeat(&mut self, first: &Report, again: &Report) {
        for name in &first.failed_tests {
            if again.failed_tests.contains(name) || again.passed == 0 {
                continue;
            }
            self.flaky.push(name.clone());
            self.failed = self.failed.saturating_sub(1);
            self.passed += 1;
        }
    }
}

struct Row {
    stage: Stage,
    time: Duration,
    outcome: Outcome,
    error: Option<String>,
}

/// Stages run so far, and those that were meant to.
pub(super) struct Summary {
    planned: Vec<Stage>,
    rows: Vec<Row>,
    notes: Vec<String>,
}

impl Summary {
    pub(super) fn new(planned: &[Stage]) -> Self {
        Self {
            planned: planned.to_vec(),
            rows: Vec::new(),
            notes: Vec::new(),
        }
    }

    pub(super) fn add(
        &mut self,
        stage: Stage,
        time: Duration,
        outcome: Outcome,
        result: Result<()>,
    ) {
        let error = result.err().map(|error| format!("{error:#}"));
        self.rows.push(Row {
            stage,
            time,
            outcome,
            error,
        });
    }

    pub(super) fn note(&mut self, note: String) {
        self.notes.push(note);
    }

    /// The first failing stage with its reason.
    pub(super) fn failure(&self) -> Option<String> {
        self.rows.iter().find_map(|row| {
            row.error
                .as_ref()
                .map(|error| format!("stage {}: {error}", row.stage.name()))
        })
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "\n{:<12} {:<7} {:>8} {:>7} {:>7}",
            "stage", "result", "minutes", "passed", "failed"
        )?;
        for Row {
            stage,
            time,
            outcome,
            error,
        } in &self.rows
        {
            let result = if error.is_some() { "FAILED" } else { "ok" };
            let minutes = time.as_secs_f64() / 60.0;
            write!(f, "{:<12} {result:<7} {minutes:>8.1}", stage.name())?;
            if outcome.passed + outcome.failed > 0 {
                write!(f, " {:>7} {:>7}", outcome.passed, outcome.failed)?;
            }
            writeln!(f)?;
        }
        for stage in self.planned.iter().skip(self.rows.len()) {
            writeln!(f, "{:<12} not run", stage.name())?;
        }
        for row in &self.rows {
            write!(f, "{}", row.outcome.budget)?;
        }
        let outcomes = || self.rows.iter().map(|row| &row.outcome);
        for name in outcomes().flat_map(|outcome| &outcome.flaky) {
            writeln!(f, "flaky: {name} passed at the second try")?;
        }
        for skipped in outcomes().flat_map(|outcome| &outcome.skipped) {
            writeln!(f, "{skipped}")?;
        }
        for note in &self.notes {
            writeln!(f, "{note}")?;
        }
        let passed: u64 = outcomes().map(|outcome| outcome.passed).sum();
        let failed: u64 = outcomes().map(|outcome| outcome.failed).sum();
        writeln!(f, "\n{passed} passed, {failed} failed")
    }
}

#[cfg(test)]
mod tests {
    use anyhow::anyhow;

    use super::*;

    fn report(passed: u64, failed_tests: &[&str]) -> Report {
        let mut report = Report::default();
        report.passed = passed;
        report.failed = failed_tests.len() as u64;
        report.failed_tests = failed_tests.iter().map(ToString::to_string).collect();
        report
    }

    #[test]
    fn a_pass_at_the_second_try_counts_as_passed_and_is_named() {
        let mut outcome = Outcome::default();
        let first = report(8, &["a", "b"]);
        outcome.count(&first);
        outcome.repeat(&first, &report(1, &["b"]));
        assert_eq!((outcome.passed, outcome.failed), (9, 1));
        assert_eq!(outcome.flaky, ["a"]);
    }

    #[test]
    fn the_last_line_has_the_sums_and_stages_that_did_not_run_are_named() {
        let mut summary = Summary::new(&[Stage::Fmt, Stage::Unit, Stage::E2e]);
        summary.add(
            Stage::Fmt,
            Duration::from_secs(6),
            Outcome::default(),
            Ok(()),
        );
        let mut outcome = Outcome::default();
        outcome.count(&report(2, &["x"]));
        let failure = Err(anyhow!("failed: x"));
        summary.add(Stage::Unit, Duration::from_secs(60), outcome, failure);
        let text = summary.to_string();
        assert!(text.contains("fmt          ok           0.1\n"), "{text}");
        assert!(
            text.contains("unit         FAILED       1.0       2       1\n"),
            "{text}"
        );
        assert!(text.contains("e2e          not run"), "{text}");
        assert!(text.ends_with("\n2 passed, 1 failed\n"), "{text}");
        assert_eq!(summary.failure().unwrap(), "stage unit: failed: x");
    }
}
