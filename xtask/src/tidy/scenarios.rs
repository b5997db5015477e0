//! Every acceptance scenario of the behaviour contract is cited by a test, or is here with the reason why not.

use std::collections::BTreeSet;

use super::Finding;
use super::files::File;

/// Scenarios that count.
struct Scenarios {
    /// The specification.
    path: &'static str,
    /// The section that holds them.
    section: &'static str,
    /// What their ids begin with.
    prefix: &'static str,
    form: Form,
}

/// How a scenario begins.
#[derive(Clone, Copy)]
enum Form {
    /// `1. …`
    Numbered,
    /// `- **CS-S1** …`
    InBold,
}

/// The section of most specifications.
const SECTION: &str = "## 9. Acceptance scenarios";

const ALL: [Scenarios; 7] = [
    of("docs/spec/broadcastjob.md", "BJ-S", Form::Numbered),
    of("docs/spec/cloneset.md", "CS-S", Form::InBold),
    of("docs/spec/deletion-protection.md", "DP-S", Form::Numbered),
    of("docs/spec/inplace-update.md", "IP-S", Form::Numbered),
    of("docs/spec/podunavailablebudget.md", "PB-S", Form::Numbered),
    of("docs/spec/sidecarset.md", "SS-A", Form::InBold),
    Scenarios {
        section: "### 11.4 Acceptance scenarios",
        ..of("docs/spec/sidecarset.md", "ST-A", Form::InBold)
    },
];

const fn of(path: &'static str, prefix: &'static str, form: Form) -> Scenarios {
    Scenarios {
        path,
        section: SECTION,
        prefix,
        form,
    }
}

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
    for all in ALL {
        let Scenarios { path, prefix, .. } = all;
        let cited = cited(&tests, prefix);
        let Some(specification) = files.iter().find(|file| file.path == path) else {
            findings.push(Finding::error(path, "is missing"));
            continue;
        };
        let scenarios = all.numbers(&specification.text);
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

impl Scenarios {
    /// Their numbers.
    fn numbers<'a>(&self, text: &'a str) -> BTreeSet<&'a str> {
        let section = text.split_once(self.section).map_or("", |(_, rest)| rest);
        let level = self.section.split(' ').next().unwrap_or_default();
        let next = format!("\n{level} ");
        let section = section.split(next.as_str()).next().unwrap_or(section);
        section
            .lines()
            .filter_map(|line| self.number(line))
            .collect()
    }

    /// The number of the scenario that a line begins, if it does.
    fn number<'a>(&self, line: &'a str) -> Option<&'a str> {
        let number = match self.form {
            Form::Numbered => line.split_once(". ")?.0,
            Form::InBold => {
                let rest = line.strip_prefix("- **")?.strip_prefix(self.prefix)?;
                rest.split_once("**")?.0
            }
        };
        let digits = number.bytes().all(|byte| byte.is_ascii_digit());
        (digits && !number.is_empty()).then_some(number)
    }
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
        assert_eq!(of("", "CS-S", Form::InBold).numbers(TEXT), ["1"].into());
        assert_eq!(of("", "SS-A", Form::InBold).numbers(TEXT), [].into());
        assert_eq!(of("", "", Form::Numbered).numbers(TEXT), ["1", "12"].into());
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
            file(
                "docs/spec/podunavailablebudget.md",
                "## 9. Acceptance scenarios\n1. x\n",
            ),
            file(
                "docs/spec/sidecarset.md",
                "## 9. Acceptance scenarios\n- **SS-A1** x\n## 11. Other\n\
                 ### 11.4 Acceptance scenarios\n- **ST-A1** x\n### 11.5 Pitfalls\n- **ST-A9** no\n",
            ),
            file(
                "crates/a/tests/it/a.rs",
                "// CS-S1, IP-S1, BJ-S1, DP-S1, PB-S1, SS-A1, ST-A1\n",
            ),
        ];
        let expected = Finding::error("docs/spec/cloneset.md", "no test cites CS-S2");
        assert_eq!(check(&files), [expected]);
    }
}
