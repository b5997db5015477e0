//! Files of a crate that depend on each other in a circle, by what they take with `use`. Such files can only be read
//! together, and neither is ever moved alone. Tests don't count.

use std::collections::{BTreeMap, BTreeSet};

use super::{Finding, files::File};

/// Circles that are in the nature of the thing: one of their files each.
const MEANT: [&str; 1] = [
    // Objects hold lists, and merged lists hold objects.
    "crates/kruise-api/src/strategic_merge/list.rs",
];

/// A module, as the names that lead to it from the crate's root.
type Module = Vec<String>;

pub(super) fn check(files: &[File]) -> Vec<Finding> {
    let mut crates: BTreeMap<&str, Vec<&File>> = BTreeMap::new();
    for file in files {
        let parts: Vec<&str> = file.path.splitn(4, '/').collect();
        if let ["crates", name, "src", inside] = parts[..]
            && inside.ends_with(".rs")
            && !inside.contains("test")
        {
            crates.entry(name).or_default().push(file);
        }
    }
    crates.values().flat_map(|files| of_crate(files)).collect()
}

fn of_crate(files: &[&File]) -> Vec<Finding> {
    let sources: BTreeMap<Module, Source> = files
        .iter()
        .map(|file| (module(&file.path), Source::of(file)))
        .collect();
    let reached = reachable(&sources);
    let mut told: BTreeSet<&Module> = BTreeSet::new();
    let mut findings = Vec::new();
    for module in sources.keys() {
        let circle: Vec<&Module> = reached
            .get(module)
            .into_iter()
            .flatten()
            .filter(|other| {
                reached
                    .get(*other)
                    .is_some_and(|back| back.contains(module))
            })
            .collect();
        if circle.is_empty() || told.contains(module) {
            continue;
        }
        told.extend(&circle);
        let paths = circle.iter().filter_map(|module| sources.get(*module));
        let paths: Vec<&str> = paths.map(|source| source.path.as_str()).collect();
        if paths.iter().any(|path| MEANT.contains(path)) {
            continue;
        }
        if let Some(first) = paths.first() {
            let what = format!("a circle of files: {}", paths.join(", "));
            findings.push(Finding::error(*first, what));
        }
    }
    findings
}

/// What each file takes from, at whatever distance.
fn reachable(sources: &BTreeMap<Module, Source>) -> BTreeMap<Module, BTreeSet<Module>> {
    let direct: BTreeMap<&Module, BTreeSet<Module>> = sources
        .iter()
        .map(|(module, source)| {
            let taken = source.taken.iter();
            let from = taken.filter_map(|path| resolve(sources, path, 0));
            (module, from.filter(|from| from != module).collect())
        })
        .collect();
    let mut all = BTreeMap::new();
    for module in sources.keys() {
        let mut reached: BTreeSet<Module> = BTreeSet::new();
        let mut next = vec![module];
        while let Some(here) = next.pop() {
            for from in direct.get(here).into_iter().flatten() {
                if reached.insert(from.clone()) {
                    next.push(from);
                }
            }
        }
        all.insert(module.clone(), reached);
    }
    all
}

/// The file that has what a path from the crate's root names. What a file only hands on is looked for where it is.
fn resolve(sources: &BTreeMap<Module, Source>, path: &[String], depth: usize) -> Option<Module> {
    let n_known = (0..=path.len()).rev().find(|n| {
        path.get(..*n)
            .is_some_and(|start| sources.contains_key(start))
    })?;
    let module = path.get(..n_known)?.to_vec();
    let handed_on = path
        .get(n_known)
        .and_then(|name| sources.get(&module)?.handed_on.get(name));
    match handed_on {
        Some(on) if depth < 8 => resolve(sources, on, depth + 1),
        _ => Some(module),
    }
}

/// What a file says of others.
struct Source {
    path: String,
    /// What it takes, from the crate's root.
    taken: Vec<Vec<String>>,
    /// What it hands on under a name.
    handed_on: BTreeMap<String, Vec<String>>,
}

impl Source {
    fn of(file: &File) -> Self {
        let module = module(&file.path);
        let mut source = Self {
            path: file.path.clone(),
            taken: Vec::new(),
            handed_on: BTreeMap::new(),
        };
        for (is_handed_on, tree) in uses(&file.text) {
            for path in expand(&tree) {
                let Some(path) = from_root(&module, &path) else {
                    continue;
                };
                match path.last() {
                    Some(name) if is_handed_on => {
                        source.handed_on.insert(name.clone(), path);
                    }
                    _ => source.taken.push(path),
                }
            }
        }
        source
    }
}

/// The `use` declarations outside of tests: whether they are public, and their trees.
fn uses(text: &str) -> Vec<(bool, String)> {
    let text = text
        .split("#[cfg(test)]\nmod tests {")
        .next()
        .unwrap_or(text);
    let mut found = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let Some((before, start)) = line.split_once("use ") else {
            continue;
        };
        if !before.is_empty() && !before.starts_with("pub") {
            continue;
        }
        let mut tree = start.to_owned();
        while !tree.contains(';') {
            let Some(line) = lines.next() else { break };
            tree.push_str(line.trim());
        }
        let tree = tree.split(';').next().unwrap_or_default().replace(' ', "");
        found.push((before.starts_with("pub"), tree));
    }
    found
}

/// The paths that a tree of `use` stands for, without what they are called here.
fn expand(tree: &str) -> Vec<Vec<String>> {
    let Some((start, rest)) = tree.split_once('{') else {
        let path = tree.split("::").map(str::to_owned).collect();
        return vec![path];
    };
    let inside = rest.strip_suffix('}').unwrap_or(rest);
    let start: Vec<String> = start
        .split("::")
        .filter(|part| !part.is_empty())
        .map(str::to_owned)
        .collect();
    let mut depth = 0_usize;
    let branches = inside.split(|char| {
        match char {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        char == ',' && depth == 0
    });
    branches
        .filter(|branch| !branch.is_empty())
        .flat_map(expand)
        .map(|end| start.iter().cloned().chain(end).collect())
        .collect()
}

/// The path from the crate's root; none for other crates.
fn from_root(module: &[String], path: &[String]) -> Option<Vec<String>> {
    let mut here: Option<Vec<String>> = None;
    for part in path {
        match (part.as_str(), &mut here) {
            ("crate", here @ None) => *here = Some(Vec::new()),
            ("self", here @ None) => *here = Some(module.to_vec()),
            ("super", here @ None) => {
                let (_, parents) = module.split_last()?;
                *here = Some(parents.to_vec());
            }
            ("super", Some(here)) => {
                here.pop();
            }
            ("self", Some(_)) => {}
            (name, Some(here)) => here.push(name.to_owned()),
            // A path into a module below, or into another crate, which then is no file of this one.
            (name, here @ None) => {
                let below = module.iter().cloned().chain([name.to_owned()]);
                *here = Some(below.collect());
            }
        }
    }
    here
}

/// Of `crates/NAME/src/a/b.rs`: `a`, `b`; of `lib.rs` nothing.
fn module(path: &str) -> Module {
    let inside = path.splitn(4, '/').nth(3).unwrap_or_default();
    let inside = inside.strip_suffix(".rs").unwrap_or(inside);
    if inside == "lib" {
        return Vec::new();
    }
    inside.split('/').map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(files: &[(&str, &str)]) -> Vec<String> {
        let file = |(path, text): &(&str, &str)| File {
            path: format!("crates/a/src/{path}"),
            text: (*text).to_owned(),
        };
        let files: Vec<File> = files.iter().map(file).collect();
        check(&files).into_iter().map(|found| found.what).collect()
    }

    #[test]
    fn files_that_take_from_each_other_are_a_circle() {
        let circle = [
            ("lib.rs", "mod one;\nmod two;\n"),
            ("one.rs", "use crate::two::{\n    Two,\n    more::*,\n};\n"),
            ("two.rs", "use std::fmt;\n\nuse super::one::One;\n"),
        ];
        let what = "a circle of files: crates/a/src/one.rs, crates/a/src/two.rs";
        assert_eq!(found(&circle), [what]);
    }

    #[test]
    fn a_parent_that_takes_from_below_and_gives_to_it_is_one_too() {
        let circle = [
            ("one.rs", "use two::Two;\n"),
            ("one/two.rs", "use super::One;\n"),
        ];
        assert_eq!(found(&circle).len(), 1);
    }

    #[test]
    fn what_is_handed_on_is_where_it_is_and_tests_may_take_all() {
        let fine = [
            ("one.rs", "pub use three::Three;\nuse two::Two;\n"),
            (
                "one/two.rs",
                "use super::Three;\n\n#[cfg(test)]\nmod tests {\nuse super::super::One;\n}\n",
            ),
            ("one/three.rs", "use kube::one::One;\n"),
        ];
        assert_eq!(found(&fine), [""; 0]);
    }
}
