//! `cargo xtask conformance`: every CRD that we make, fact by fact, against the reference's in
//! docs/spec: the tables of fields, index.json, and the conversion matrix of PF-402.
//!
//! A difference is a failure unless docs/spec/crds/differences has it with a reason, and an entry there
//! that explains nothing is a failure too. What this doesn't look at: descriptions, which are ours.

mod compare;
mod manifest;
mod matrix;
mod reference;
mod report;
mod reviewed;
mod schema;
mod sequences;
mod table;
#[cfg(test)]
mod tests;

use anyhow::{Result, bail, ensure};
use localkube::workspace;
use serde_json::Value;

use reference::Reference;
use report::Report;
use reviewed::Reviewed;

#[derive(clap::Args, Default)]
pub(crate) struct Args {
    #[command(flatten)]
    sequences: sequences::Sequences,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    args.sequences.run().unwrap_or_else(compare_definitions)
}

fn compare_definitions() -> Result<()> {
    let root = workspace::root();
    let reference = Reference::read(&root.join("docs/spec"))?;
    let reviewed = Reviewed::read(&root.join(reviewed::PATH))?;
    let report = check(&kruise_api::crd::all(), &reference, &reviewed)?;
    print!("{report}");
    if let Some(failure) = report.failure() {
        bail!("{failure}");
    }
    ensure!(
        report.lacking().is_empty(),
        "docs/spec/crds/index.json has what has no type here: {}",
        report.lacking().join(", ")
    );
    Ok(())
}

/// Compares manifests with the reference.
fn check(manifests: &[Value], reference: &Reference, reviewed: &Reviewed) -> Result<Report> {
    let mut report = Report::default();
    let mut used = reviewed.nothing_used();
    let mut absent = reference.names();
    for manifest in manifests {
        let ours = manifest::read(manifest)?;
        let Some(theirs) = reference.get(&ours.kind) else {
            report.problem(format!("{}: a kind that docs/spec doesn't know", ours.kind));
            continue;
        };
        if !absent.kind_is_there(&ours.kind) {
            report.problem(format!("{}: two CRDs of one kind", ours.kind));
        }
        let mut differences = compare::shapes(&ours.shape, &theirs.shape);
        for (version, shape) in &ours.versions {
            let Some(wanted) = theirs.versions.get(version) else {
                report.problem(format!(
                    "{} {version}: a version that docs/spec doesn't know",
                    ours.kind
                ));
                continue;
            };
            absent.version_is_there(&ours.kind, version);
            let of_version = compare::shapes(shape, wanted)
                .into_iter()
                .map(|difference| difference.in_version(version));
            differences.extend(of_version);
        }
        let (reviewed_ones, unexplained): (Vec<_>, Vec<_>) = differences
            .into_iter()
            .partition(|difference| reviewed.explains(&ours.kind, difference, &mut used));
        report.kind(
            &ours,
            theirs.versions.len(),
            reviewed_ones.len(),
            unexplained,
        );
    }
    for entry in reviewed.unused(&used) {
        report.problem(format!(
            "{}: {entry} explains nothing; remove it",
            reviewed::PATH
        ));
    }
    report.absent(absent);
    Ok(report)
}
