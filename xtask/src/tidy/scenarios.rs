//! Every acceptance scenario of the behaviour contract is cited by a test, or is here with the reason why not.

use std::collections::BTreeSet;

use super::Finding;
use super::files::File;

/// The number of the scenario that a line begins, if it does.
type Begins = fn(&str) -> Option<&str>;

/// Specifications whose scenarios count, what their ids begin with, and how a scenario begins.
const SPECIFICATIONS: [(&str, &str, Begins); 4] = [
    ("docs/spec/broadcastjob.md", "BJ-S", numbered),
    ("docs/spec/cloneset.md", "CS-S", in_bold),
    ("docs/spec/deletion-protection.md", "DP-S", numbered),
    ("docs/spec/inplace-update.md", "IP-S", numbered),
];

/// The section that holds them.
const SECTION: &str = "## 9. Acceptance scenarios";

/// Scenarios without a test, and why.
const EXCEPTIONS: [(&str, &str); 7] = [
    ("DP-S7", "statefulset-controller is not there yet"),
    ("DP-S9", "uniteddeployment-controller is not there yet"),
    ("IP-S11", "the launch-priority controller is not there yet"),
    ("IP-S12", "the launch-priority controller is not there yet"),
    ("IP-S41", "the pod webhook is not there yet"),
    ("IP-S44", "nodes' images and probes are not there yet"),
    ("IP-S45", "the node daemon is not there yet"),
];

pub(super) fn check(files: &[File]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let tests: Vec<&File> = files.iter().filter(|file| is_test(file)).collect();
    for (path, prefix, begins) in SPECIFICATIONS {
        let cited = cited(&tests, prefix);
        let Some(specification) = files.iter().find(|file| file.path == path) else {
            findings.push(Finding::error(path, "is missing"));
            continue;
        };
        let scenarios = scenarios(&specification.text, begins);
        if scenarios.is_empty() {
            findings.push(Finding::error(path, "has no scenarios"));
        }
        for number in scenarios {
            let id = format!("{prefix}{number}");
            let excused = EXCEPTIONS.iter().any(|(exception, _)| *exception == id);
            match (cited.contains(number), excused) {
                (false, false) => {
                    findings.push(Finding::error(path, format!("no test cites {id}")));
                }
                (true, true) => {
                    let what = format!("{id} is cited by a test, and need not be excused");
                    findings.push(Finding::warning("xtask/src/tidy/scenarios.rs", what));
                }
                (true, false) | (false, true) => {}
            }
        }
    }
    findings
}

fn is_test(file: &File) -> bool {
    file.path.ends_with(".rs") && file.path.contains("/tests/")
}

/// Numbers of the scenarios of a specification.
fn scenarios(text: &str, begins: Begins) -> BTreeSet<&str> {
    let section = text.split_once(SECTION).map_or("", |(_, rest)| rest);
    let section = section.split("\n## ").next().unwrap_or(section);
    section.lines().filter_map(begins).collect()
}

/// `- **CS-S1** …`
fn in_bold(line: &str) -> Option<&str> {
    let (number, _) = line.strip_prefix("- **CS-S")?.split_once("**")?;
    Some(number)
}

/// `1. …`
fn numbered(line: &str) -> Option<&str> {
    let (number, _) = line.split_once(". ")?;
    let digits = number.bytes().all(|byte| byte.is_ascii_digit());
    (digits && !number.is_empty()).then_some(number)
}

/// Numbers that follow the prefix anywhere in these files; ranges as `CS-S1 to CS-S3` are not taken apart.
fn cited<'a>(files: &[&'a File], prefix: &str) -> BTreeSet<&'a str> {
    let numbers = files
        .iter()
        .flat_map(|file| file.text.split(prefix).skip(1));
    numbers
        .map(|rest| {
            let end = rest.find(|c: char| !c.is_ascii_digit());
            rest.get(..end.unwrap_or(rest.len())).unwrap_or(rest)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "## 8. Other\n1. not one\n## 9. Acceptance scenarios\n\n\
        - **CS-S1** *Create.* Given\n1. Given 2. When\n12. Given\nUsual\n\n## 10. Pitfalls\n13. no\n";

    fn file(path: &str, text: &str) -> File {
        File {
            path: path.to_owned(),
            text: text.to_owned(),
        }
    }

    #[test]
    fn scenarios_are_found_in_their_section_only() {
        assert_eq!(scenarios(TEXT, in_bold), ["1"].into());
        assert_eq!(scenarios(TEXT, numbered), ["1", "12"].into());
    }

    #[test]
    fn an_id_is_cited_in_whole() {
        let test = file("crates/a/tests/it/a.rs", "// CS-S12, IP-S3\n");
        assert_eq!(cited(&[&test], "CS-S"), ["12"].into());
    }

    #[test]
    fn only_tests_cite() {
        assert!(is_test(&file("tests/e2e/tests/it/cloneset/a.rs", "")));
        assert!(!is_test(&file("crates/a/src/plan.rs", "")));
        assert!(!is_test(&file("docs/tests/a.md", "")));
    }

    #[test]
    fn a_scenario_without_a_test_is_named() {
        let specification = "## 9. Acceptance scenarios\n- **CS-S1** x\n- **CS-S2** x\n";
        let files = [
            file("docs/spec/cloneset.md", specification),
            file(
                "docs/spec/inplace-update.md",
                "## 9. Acceptance scenarios\n1. x\n11. excused above\n",
            ),
            file(
                "docs/spec/broadcastjob.md",
                "## 9. Acceptance scenarios\n1. x\n",
            ),
            file(
                "docs/spec/deletion-protection.md",
                "## 9. Acceptance scenarios\n1. x\n",
            ),
            file("crates/a/tests/it/a.rs", "// CS-S1, IP-S1, BJ-S1, DP-S1\n"),
        ];
        let expected = Finding::error("docs/spec/cloneset.md", "no test cites CS-S2");
        assert_eq!(check(&files), [expected]);
    }
}
