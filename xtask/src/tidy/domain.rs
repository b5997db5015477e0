//! What may not stand in the sources of the pure crates, beyond what its dependencies tell: calls of
//! the standard library that read a clock or do I/O, and files that its package would lack.

use super::Finding;
use super::files::File;

const PACKAGES: [&str; 2] = ["crates/kruise-api/", "crates/kruise-plan/"];

/// What a path or a call looks like, and what it would let in.
const IMPURE: [(&str, &str); 10] = [
    ("::now()", "a clock"),
    ("SystemTime", "a clock"),
    ("std::time::Instant", "a clock"),
    ("RandomState", "randomness"),
    ("std::env::", "the environment"),
    ("std::fs", "files"),
    ("std::net", "the network"),
    ("std::process", "other programs"),
    ("std::thread", "threads"),
    ("async fn", "an async runtime"),
];

const INCLUDES: [&str; 3] = ["include_str!(\"", "include_bytes!(\"", "include!(\""];

pub(super) fn check(file: &File) -> Vec<Finding> {
    let inside = PACKAGES
        .iter()
        .find_map(|package| file.path.strip_prefix(package));
    let Some(inside) = inside else {
        return Vec::new();
    };
    if !inside.ends_with(".rs") {
        return Vec::new();
    }
    let mut findings = Vec::new();
    for (line_idx, line) in file.text.lines().enumerate() {
        let mut error = |what: String| {
            let place = format!("{}:{}", file.path, line_idx + 1);
            findings.push(Finding::error(place, what));
        };
        if inside.starts_with("src/") && !line.trim_start().starts_with("//") {
            for (word, source) in IMPURE {
                if line.contains(word) {
                    error(format!("{word} lets in {source}; it has to be an argument"));
                }
            }
        }
        if let Some(path) = included(line).filter(|path| leaves_package(inside, path)) {
            error(format!(
                "{path} is outside of the package, which would lack it; a link inside will do"
            ));
        }
    }
    findings
}

/// The path that a line includes.
fn included(line: &str) -> Option<&str> {
    INCLUDES.iter().find_map(|include| {
        let (_, after) = line.split_once(include)?;
        after.split('"').next()
    })
}

/// Whether a path that a file names leads out of the package that has the file at `inside`.
fn leaves_package(inside: &str, path: &str) -> bool {
    let n_up = path.split('/').take_while(|part| *part == "..").count();
    n_up > inside.matches('/').count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(path: &str, text: &str) -> usize {
        let file = File {
            path: path.to_owned(),
            text: text.to_owned(),
        };
        check(&file).len()
    }

    #[test]
    fn a_clock_is_found_in_the_domain_and_nowhere_else() {
        let clock = "let now = jiff::Timestamp::now();";
        assert_eq!(findings("crates/kruise-api/src/a.rs", clock), 1);
        assert_eq!(findings("crates/kruise-plan/src/a.rs", clock), 1);
        assert_eq!(findings("crates/kruise-api/tests/api/a.rs", clock), 0);
        assert_eq!(findings("crates/kruise-runtime/src/a.rs", clock), 0);
        let comment = format!("/// {clock}");
        assert_eq!(findings("crates/kruise-api/src/a.rs", &comment), 0);
    }

    #[test]
    fn a_package_has_the_files_it_includes() {
        for (path, include, n_found) in [
            ("src/lib.rs", "../README.md", 0),
            ("src/lib.rs", "../../README.md", 1),
            ("src/a/b.rs", "c.tsv", 0),
            ("src/a/b.rs", "../../c.tsv", 0),
            ("tests/a/b.rs", "../../../../docs/c.tsv", 1),
        ] {
            let text = format!("const A: &str = include_str!(\"{include}\");");
            let found = findings(&format!("crates/kruise-api/{path}"), &text);
            assert_eq!(found, n_found, "{path} {include}");
        }
    }
}
