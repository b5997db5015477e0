//! Which crate must not know which. An architecture is described by its absences.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use anyhow::Result;
use localkube::process;
use localkube::workspace;

use super::Finding;
use crate::deployables;

/// The pure crates; the runtime is none of them, and knows no deployable.
const PURE: [&str; 2] = ["kruise-api", "kruise-plan"];

/// What may not be in the dependency tree of a pure crate, and why.
const ABSENCES: &[(&[&str], &str)] = &[
    (
        &[
            "async-std",
            "embassy-executor",
            "futures",
            "futures-executor",
            "futures-util",
            "glommio",
            "mio",
            "monoio",
            "smol",
            "tokio",
            "tokio-util",
        ],
        "the domain knows no async runtime",
    ),
    (
        &[
            "attohttpc",
            "curl",
            "h2",
            "http",
            "hyper",
            "hyper-util",
            "isahc",
            "kube",
            "kube-client",
            "kube-core",
            "kube-runtime",
            "minreq",
            "native-tls",
            "openssl",
            "reqwest",
            "rustls",
            "socket2",
            "tonic",
            "tower",
            "ureq",
        ],
        "the domain knows no client, and nothing of the network",
    ),
    (
        &[
            "ahash",
            "fastrand",
            "getrandom",
            "nanoid",
            "oorandom",
            "rand",
            "rand_core",
            "ulid",
            "uuid",
        ],
        "the domain knows no randomness: what it needs is an argument",
    ),
    (
        // jiff is there for reading and writing times; that nobody asks it for the present one is
        // looked for in the sources.
        &[
            "chrono",
            "coarsetime",
            "instant",
            "quanta",
            "time",
            "web-time",
        ],
        "the domain knows no clock: time is an argument",
    ),
];

/// What may be in the dependency tree of a deployable's tests, never in its own.
const TESTS_ALONE: &[&str] = &["kruise-testkit", "proptest", "rstest"];

/// Packages that may not be in the lock file, and why.
const BANNED: &[(&str, &str)] = &[
    ("aws-lc-sys", "ring is the one TLS provider"),
    ("aws-lc-rs", "ring is the one TLS provider"),
    ("openssl-sys", "ring is the one TLS provider"),
];

pub(super) fn check() -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    let mut trees: BTreeMap<&str, String> = BTreeMap::new();
    let pairs = PURE
        .iter()
        .flat_map(|package| ABSENCES.iter().map(move |absence| (*package, absence)));
    for (package, (absent, why)) in pairs {
        let tree = match trees.entry(package) {
            Entry::Occupied(tree) => tree.into_mut(),
            Entry::Vacant(place) => place.insert(tree_of(package)?),
        };
        for name in present(tree, absent) {
            let what = format!("{package} depends on {name} ({why}); see `cargo tree -i {name}`");
            findings.push(Finding::error("Cargo.toml", what));
        }
    }
    for deployable in deployables::all() {
        let package = deployable.name;
        for name in present(&tree_of(package)?, TESTS_ALONE) {
            let what = format!("{package} depends on {name}, which serves tests alone");
            findings.push(Finding::error("Cargo.toml", what));
        }
    }
    let lock = std::fs::read_to_string(workspace::root().join("Cargo.lock"))?;
    for (name, why) in BANNED {
        if lock
            .lines()
            .any(|line| line == format!("name = \"{name}\""))
        {
            let what = format!("{name}: {why}; see `cargo tree -i {name}`");
            findings.push(Finding::error("Cargo.lock", what));
        }
    }
    Ok(findings)
}

/// The dependencies of a package, a line each. Those of its tests don't count.
fn tree_of(package: &str) -> Result<String> {
    process::output(workspace::cargo().args([
        "tree",
        "--offline",
        "--edges=normal,build",
        "--prefix=none",
        "--package",
        package,
    ]))
}

/// Those of `names` that `cargo tree --prefix=none` lists: a package a line, name first.
fn present<'a>(tree: &str, names: &'a [&str]) -> Vec<&'a str> {
    let listed = |name: &str| {
        tree.lines()
            .any(|line| line.split(' ').next() == Some(name))
    };
    names.iter().copied().filter(|name| listed(name)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_names_are_compared() {
        let tree = "kruise-api v0.1.0\nkube-core v5.0.0\ntokio v1.0.0 (*)\n";
        assert_eq!(present(tree, &["kube", "tokio"]), ["tokio"]);
    }
}
