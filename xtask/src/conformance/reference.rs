//! The reference's CRDs, from docs/spec.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;
use serde_json::{Value, json};

use super::compare::{CRD, Crd, Facts, Shape, VERSION};
use super::manifest::put;
use super::matrix::{self, Line};
use super::report::Absent;
use super::table;

pub(super) struct Reference {
    crds: BTreeMap<String, Crd>,
}

/// The files that the reference is made from.
pub(super) struct Sources {
    /// index.json
    pub(super) index: String,
    /// Name to text of each table.
    pub(super) tables: BTreeMap<String, String>,
    /// platform.md
    pub(super) platform: String,
}

/// One kind and version in index.json.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Entry {
    group: String,
    kind: String,
    plural: String,
    singular: String,
    short_names: Value,
    scope: String,
    version: String,
    served: bool,
    storage: bool,
    deprecated: bool,
    subresources: Value,
    printer_columns: Value,
    selectable_fields: Value,
}

impl Reference {
    pub(super) fn read(spec: &Path) -> Result<Self> {
        let text = |path: &Path| {
            std::fs::read_to_string(path).with_context(|| format!("read {}", path.display()))
        };
        let directory = spec.join("crds");
        let mut tables = BTreeMap::new();
        for entry in std::fs::read_dir(&directory)
            .with_context(|| format!("list {}", directory.display()))?
        {
            let path = entry
                .with_context(|| format!("list {}", directory.display()))?
                .path();
            if path.extension().is_some_and(|extension| extension == "tsv") {
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                tables.insert(name.into_owned(), text(&path)?);
            }
        }
        Self::new(Sources {
            index: text(&directory.join("index.json"))?,
            tables,
            platform: text(&spec.join("platform.md"))?,
        })
    }

    pub(super) fn new(sources: Sources) -> Result<Self> {
        let Sources {
            index,
            mut tables,
            platform,
        } = sources;
        let entries: Vec<Entry> = serde_json::from_str(&index).context("read index.json")?;
        let mut matrix = matrix::read(&platform).context("read platform.md")?;
        let mut by_kind: BTreeMap<String, Vec<Entry>> = BTreeMap::new();
        for entry in entries {
            by_kind.entry(entry.kind.clone()).or_default().push(entry);
        }
        let mut crds = BTreeMap::new();
        for (kind, entries) in by_kind {
            let line = matrix
                .remove(&kind)
                .with_context(|| format!("the conversion matrix of platform.md lacks {kind}"))?;
            let crd = crd(&kind, &entries, &line, &mut tables)
                .with_context(|| format!("the facts of {kind}"))?;
            crds.insert(kind, crd);
        }
        // Facts that nothing would be compared with are a hole in the check.
        if let Some(kind) = matrix.keys().next() {
            bail!("{kind} is in the conversion matrix of platform.md and not in index.json");
        }
        if let Some(name) = tables.keys().next() {
            bail!("{name} belongs to nothing in index.json");
        }
        Ok(Self { crds })
    }

    pub(super) fn get(&self, kind: &str) -> Option<&Crd> {
        self.crds.get(kind)
    }

    /// All that could be there.
    pub(super) fn names(&self) -> Absent {
        Absent::new(self.crds.values())
    }
}

fn crd(
    kind: &str,
    entries: &[Entry],
    line: &Line,
    tables: &mut BTreeMap<String, String>,
) -> Result<Crd> {
    let mut facts: Option<Facts> = None;
    let mut versions = BTreeMap::new();
    for entry in entries {
        let of_entry = crd_facts(entry, line);
        ensure!(
            facts.as_ref().is_none_or(|facts| *facts == of_entry),
            "index.json has other names for {} than for another version",
            entry.version
        );
        facts = Some(of_entry);
        let name = format!("{}.{}.tsv", entry.plural, entry.version);
        let text = tables
            .remove(&name)
            .with_context(|| format!("{name} is missing, or twice in index.json"))?;
        let mut shape = table::read(&text).with_context(|| format!("read {name}"))?;
        shape.insert(VERSION.to_owned(), version_facts(entry));
        versions.insert(entry.version.clone(), shape);
    }
    agree(entries, line)?;
    Ok(Crd {
        kind: kind.to_owned(),
        shape: Shape::from([(CRD.to_owned(), facts.unwrap_or_default())]),
        versions,
    })
}

/// The matrix says in other words what index.json says.
fn agree(entries: &[Entry], line: &Line) -> Result<()> {
    let served: Vec<_> = entries
        .iter()
        .filter(|entry| entry.served)
        .map(|entry| entry.version.as_str())
        .collect();
    let stored: Vec<_> = entries
        .iter()
        .filter(|entry| entry.storage)
        .map(|entry| entry.version.as_str())
        .collect();
    let wanted = match line.served.as_str() {
        "both" => vec!["v1alpha1", "v1beta1"],
        version => vec![version],
    };
    ensure!(
        served == wanted && stored == [line.storage.as_str()],
        "platform.md says that {wanted:?} are served and {} is stored, index.json {served:?} and {stored:?}",
        line.storage
    );
    Ok(())
}

fn crd_facts(entry: &Entry, line: &Line) -> Facts {
    let mut facts = Facts::new();
    let mut put = |word: &str, value: Value| put(&mut facts, word, &value);
    put("name", json!(format!("{}.{}", entry.plural, entry.group)));
    put("group", json!(entry.group));
    put("kind", json!(entry.kind));
    put("listKind", json!(format!("{}List", entry.kind)));
    put("plural", json!(entry.plural));
    put("singular", json!(entry.singular));
    put("shortNames", entry.short_names.clone());
    put("scope", json!(entry.scope));
    // PF-402: the same for every kind with a webhook.
    let conversion = if line.strategy == "Webhook" {
        json!({ "path": "/convert", "reviewVersions": ["v1", "v1beta1"], "strategy": "Webhook" })
    } else {
        json!({ "strategy": line.strategy })
    };
    put("conversion", conversion);
    facts
}

fn version_facts(entry: &Entry) -> Facts {
    let mut facts = Facts::new();
    let mut put = |word: &str, value: Value| put(&mut facts, word, &value);
    put("served", json!(entry.served));
    put("storage", json!(entry.storage));
    put("deprecated", json!(entry.deprecated));
    put("subresources", entry.subresources.clone());
    put("printerColumns", entry.printer_columns.clone());
    put("selectableFields", entry.selectable_fields.clone());
    facts
}
