//! docs/spec/crds/differences, a file a kind: the differences that we mean to have, each with its reason.

use std::collections::BTreeSet;
use std::fmt;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use super::compare::Difference;

/// Relative to the workspace's root.
pub(super) const PATH: &str = "docs/spec/crds/differences";

const ALL_VERSIONS: &str = "all";
/// `spec.x.**` is spec.x and everything below.
const BELOW: &str = ".**";
/// The word of rules, which we only ever add, so that whole subtrees of them have one reason.
const RULES: &str = "rules";

#[derive(Debug)]
pub(super) struct Reviewed {
    entries: Vec<Entry>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    kind: String,
    /// Or `all`. Facts of the CRD as a whole have no version, and only `all` fits.
    version: String,
    path: String,
    what: String,
    reason: String,
}

/// Which entries explained something.
pub(super) struct Used(BTreeSet<usize>);

impl Reviewed {
    /// The lists in the files of a directory.
    pub(super) fn read(directory: &Path) -> Result<Self> {
        let read = || -> Result<Vec<Entry>> {
            let mut files = directory
                .read_dir()?
                .map(|file| Ok(file?.path()))
                .collect::<Result<Vec<_>>>()?;
            files.retain(|file| file.extension().is_some_and(|it| it == "yaml"));
            files.sort();
            let mut entries = Vec::new();
            for file in files {
                let list = std::fs::read_to_string(&file)
                    .map_err(anyhow::Error::from)
                    .and_then(|text| Self::parse(&text));
                let list = list.with_context(|| format!("read {}", file.display()))?;
                entries.extend(list.entries);
            }
            Ok(entries)
        };
        let entries = read().with_context(|| format!("read {}", directory.display()))?;
        Ok(Self { entries })
    }

    pub(super) fn parse(text: &str) -> Result<Self> {
        let entries: Vec<Entry> = serde_yaml_ng::from_str(text)?;
        for entry in &entries {
            ensure!(!entry.reason.trim().is_empty(), "{entry} has no reason");
            // Anything else below a path would be a hole: fields nobody looked at.
            ensure!(
                !entry.path.contains('*') || (entry.path.ends_with(BELOW) && entry.what == RULES),
                "{entry}: a pattern is a path with {BELOW} at its end, and for {RULES} only"
            );
        }
        Ok(Self { entries })
    }

    pub(super) fn nothing_used(&self) -> Used {
        Used(BTreeSet::new())
    }

    /// Whether the list has it. The first entry that fits counts, so that one which only repeats
    /// another shows as unused.
    pub(super) fn explains(&self, kind: &str, difference: &Difference, used: &mut Used) -> bool {
        let found = self
            .entries
            .iter()
            .position(|entry| entry.fits(kind, difference));
        used.0.extend(found);
        found.is_some()
    }

    /// Those that explained nothing.
    pub(super) fn unused(&self, used: &Used) -> impl Iterator<Item = impl fmt::Display> {
        let entries = self.entries.iter().enumerate();
        entries
            .filter(|(entry_idx, _)| !used.0.contains(entry_idx))
            .map(|(_, entry)| entry)
    }
}

impl Entry {
    fn fits(&self, kind: &str, difference: &Difference) -> bool {
        self.kind == kind
            && (self.version == ALL_VERSIONS || difference.version.as_ref() == Some(&self.version))
            && self.what == difference.what
            && self.covers(&difference.path)
    }

    fn covers(&self, path: &str) -> bool {
        match self.path.strip_suffix(BELOW) {
            None => self.path == path,
            Some(top) => path
                .strip_prefix(top)
                .is_some_and(|below| below.is_empty() || below.starts_with(['.', '[', '{'])),
        }
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            kind,
            version,
            path,
            what,
            reason: _,
        } = self;
        write!(f, "the entry {kind} {version} {path} {what}")
    }
}
