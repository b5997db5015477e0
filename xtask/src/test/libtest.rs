//! What Rust's test harness prints, read while it goes by.

use std::process::ExitStatus;

use anyhow::{Result, bail};

/// Counts over all test binaries of one `cargo test`, with the names that matter.
#[derive(Debug, Default)]
pub(crate) struct Report {
    pub(super) passed: u64,
    pub(super) failed: u64,
    pub(crate) failed_tests: Vec<String>,
    /// What tests said that could not run here: `SKIPPED name: why`.
    pub(super) skipped: Vec<String>,
    /// How `cargo test` itself ended: it may fail before any test does.
    status: Option<ExitStatus>,
}

impl Report {
    pub(super) fn line(&mut self, line: &str) {
        if let Some(counts) = line.strip_prefix("test result: ") {
            self.passed += count(counts, " passed");
            self.failed += count(counts, " failed");
        } else if let Some(name) = line
            .strip_prefix("test ")
            .and_then(|line| line.strip_suffix(" ... FAILED"))
        {
            self.failed_tests.push(name.to_owned());
        } else if line.starts_with("SKIPPED ") {
            self.skipped.push(line.to_owned());
        }
    }

    pub(super) fn ended(&mut self, status: ExitStatus) {
        self.status = Some(status);
    }

    pub(crate) fn result(&self) -> Result<()> {
        if !self.failed_tests.is_empty() {
            bail!("failed: {}", self.failed_tests.join(", "));
        }
        match self.status {
            Some(status) if status.success() => Ok(()),
            Some(status) => bail!("`cargo test` ended with {status}, without a failed test"),
            None => bail!("`cargo test` didn't end"),
        }
    }
}

/// The number before a word, as in `ok. 3 passed; 0 failed; …`.
fn count(counts: &str, word: &str) -> u64 {
    let number = counts
        .find(word)
        .and_then(|at| counts.get(..at)?.split(' ').next_back());
    number.and_then(|number| number.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt;

    use super::*;

    fn report(text: &str, code: i32) -> Report {
        let mut report = Report::default();
        text.lines().for_each(|line| report.line(line));
        report.ended(ExitStatus::from_raw(code << 8));
        report
    }

    #[test]
    fn counts_of_all_binaries_are_summed() {
        let text = "test a ... ok\n\
                    test result: ok. 3 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out\n\
                    test result: FAILED. 12 passed; 1 failed; 0 ignored; 0 measured\n\
                    test m::b ... FAILED\n\
                    SKIPPED m::c: needs root\n";
        let report = report(text, 101);
        assert_eq!((report.passed, report.failed), (15, 1));
        assert_eq!(report.failed_tests, ["m::b"]);
        assert_eq!(report.skipped, ["SKIPPED m::c: needs root"]);
        assert_eq!(report.result().unwrap_err().to_string(), "failed: m::b");
    }

    #[test]
    fn a_build_failure_is_not_a_pass() {
        assert!(report("", 101).result().is_err());
        assert!(report("", 0).result().is_ok());
    }
}
