//! Which controllers are measured in one run, on one cluster, in turns: so that two builds, or two sets of
//! flags, meet the same machine.

use std::path::PathBuf;

use anyhow::{Context, Result};

/// A program and its flags.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Variant {
    /// In figures: `1`.
    pub(super) label: String,
    /// Beside them: `cloneset-controller --x`.
    pub(super) description: String,
    pub(super) binary: PathBuf,
    pub(super) args: Vec<String>,
}

impl Variant {
    /// From `FILE --flag=value …`, words divided by spaces; `further` are flags of all of them.
    pub(super) fn parse(number: usize, text: &str, further: &[String]) -> Result<Self> {
        let mut words = text.split_whitespace();
        let file = words.next().context("a controller without a file")?;
        let binary = std::path::absolute(file).context("find the controller")?;
        let own: Vec<String> = words.map(ToOwned::to_owned).collect();
        let args = with(further, &own);
        let flags: String = args.iter().map(|flag| format!(" {flag}")).collect();
        Ok(Self {
            label: number.to_string(),
            description: format!("{file}{flags}"),
            binary,
            args,
        })
    }
}

/// Flags, of which the later ones replace those of the same name.
pub(super) fn with(before: &[String], later: &[String]) -> Vec<String> {
    let name = |flag: &str| flag.split('=').next().unwrap_or(flag).to_owned();
    let is_replaced = |flag: &&String| later.iter().any(|new| name(new) == name(flag));
    before
        .iter()
        .filter(|flag| !is_replaced(flag))
        .chain(later)
        .cloned()
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strings(words: &[&str]) -> Vec<String> {
        words.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_controller_has_flags_of_its_own_before_those_of_all() {
        let all = strings(&["--qps=1", "--x"]);
        let variant = Variant::parse(2, "/a/before --qps=7", &all).unwrap();
        assert_eq!(variant.label, "2");
        assert_eq!(variant.description, "/a/before --x --qps=7");
        assert_eq!(variant.binary, PathBuf::from("/a/before"));
        assert_eq!(variant.args, ["--x", "--qps=7"]);
        assert!(Variant::parse(1, " ", &all).is_err());
    }

    #[test]
    fn a_flag_is_given_once() {
        let flags = with(&strings(&["--qps=1", "--qps-of=2"]), &strings(&["--qps=3"]));
        assert_eq!(flags, ["--qps-of=2", "--qps=3"]);
    }
}
