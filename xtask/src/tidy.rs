//! `cargo xtask tidy`: what the compiler can't check. Which crate must not know which; circles of files; sizes;
//! what may not stand in sources; that commands in documents exist; that each scenario has a test.

mod circles;
mod commands;
mod dependencies;
mod domain;
mod files;
mod scenarios;
mod source;

use anyhow::{Result, bail};
use localkube::workspace::Metadata;

use files::Files;

#[derive(clap::Args)]
pub(crate) struct Args {}

/// Something to mend, or to think about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Finding {
    severity: Severity,
    /// `path:line` or `path`.
    place: String,
    what: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Severity {
    Warning,
    Error,
}

impl Finding {
    fn error(place: impl Into<String>, what: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            place: place.into(),
            what: what.into(),
        }
    }

    fn warning(place: impl Into<String>, what: impl Into<String>) -> Self {
        Self {
            severity: Severity::Warning,
            place: place.into(),
            what: what.into(),
        }
    }
}

pub(crate) fn run(_args: &Args) -> Result<()> {
    let metadata = Metadata::read()?;
    let files = Files::list()?;
    let mut findings = dependencies::check()?;
    let texts = files.read_all()?;
    for file in &texts {
        findings.extend(source::check(file));
        findings.extend(commands::check(file));
        findings.extend(domain::check(file));
    }
    findings.extend(circles::check(&texts));
    findings.extend(scenarios::check(&texts));
    findings.extend(source::check_targets(&metadata)?);
    findings.sort();

    for Finding {
        severity,
        place,
        what,
    } in &findings
    {
        let severity = match severity {
            Severity::Warning => "warning",
            Severity::Error => "error",
        };
        println!("{severity}: {place}: {what}");
    }
    let errors = findings
        .iter()
        .filter(|finding| finding.severity == Severity::Error)
        .count();
    if errors > 0 {
        bail!("{errors} to mend");
    }
    println!("tidy: {} files", files.len());
    Ok(())
}
