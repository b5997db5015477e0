//! The conversion matrix, a table in the text of PF-402.
//!
//! It is read where people read it, so that there is no second copy to keep. Whatever doesn't look as
//! expected is an error.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};

const RULE: &str = "PF-402.";

/// A kind's line in the matrix.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Line {
    /// `both` or a version.
    pub(super) served: String,
    pub(super) storage: String,
    pub(super) strategy: String,
}

/// Kind to line.
pub(super) fn read(platform: &str) -> Result<BTreeMap<String, Line>> {
    let mut lines = platform.lines().skip_while(|line| !line.starts_with(RULE));
    lines
        .next()
        .with_context(|| format!("no paragraph begins with {RULE}"))?;
    // Only up to the next rule: a table further down would be another one.
    let mut table = lines
        .take_while(|line| !line.starts_with("PF-"))
        .skip_while(|line| !line.starts_with('|'))
        .take_while(|line| line.starts_with('|'))
        .map(cells);
    let header = table
        .next()
        .with_context(|| format!("{RULE} has no table"))?;
    let column = |name: &str| {
        header
            .iter()
            .position(|cell| cell.starts_with(name))
            .with_context(|| format!("the table of {RULE} has no column {name}"))
    };
    let columns = [
        column("Kind")?,
        column("Served")?,
        column("Storage")?,
        column("Strategy")?,
    ];
    let mut matrix = BTreeMap::new();
    for row in table.skip(1) {
        let [kinds, served, storage, strategy] = columns.map(|column| {
            row.get(column)
                .copied()
                .unwrap_or_default()
                .trim_matches('*')
        });
        // What follows the word is a remark, as "(differs: DV-PB3; the reference: None)".
        let strategy = strategy.split(' ').next().unwrap_or_default();
        if !["Webhook", "None"].contains(&strategy) {
            bail!("{kinds} in the table of {RULE}: {strategy:?} is no strategy");
        }
        for kind in kinds.split(", ") {
            let line = Line {
                served: served.to_owned(),
                storage: storage.to_owned(),
                strategy: strategy.to_owned(),
            };
            if matrix.insert(kind.to_owned(), line).is_some() {
                bail!("{kind} is twice in the table of {RULE}");
            }
        }
    }
    if matrix.is_empty() {
        bail!("the table of {RULE} is empty");
    }
    Ok(matrix)
}

fn cells(line: &str) -> Vec<&str> {
    line.trim_matches('|').split('|').map(str::trim).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
PF-401. Before.
| Kind | Strategy |
|---|---|
| Wrong | None |
PF-402. Matrix.

| Kind | Served | Storage | Strategy in manifests | difference |
|---|---|---|---|---|
| A | both | v1beta1 | Webhook (differs: DV-1; the reference: None) | a |
| B, C | v1alpha1 | v1alpha1 | **None** | b |

PF-403. After.
";

    #[test]
    fn the_table_of_the_rule_is_read_and_no_other() {
        let matrix = read(TEXT).unwrap();
        let strategies: Vec<_> = matrix
            .iter()
            .map(|(kind, line)| (kind.as_str(), line.strategy.as_str()))
            .collect();
        assert_eq!(strategies, [("A", "Webhook"), ("B", "None"), ("C", "None")]);
        assert_eq!(matrix["A"].served, "both");
    }

    #[test]
    fn a_table_that_is_not_there_or_reads_otherwise_is_an_error() {
        for (was, is) in [
            ("PF-402.", "PF-4020."),
            ("\n\n|", "\nPF-403. Before the table.\n|"),
            ("Strategy in", "Way in"),
            ("**None**", "Perhaps"),
            ("B, C", "B, A"),
        ] {
            let text = TEXT.replace(was, is);
            assert_ne!(text, TEXT);
            assert!(read(&text).is_err(), "{text}");
        }
    }
}
