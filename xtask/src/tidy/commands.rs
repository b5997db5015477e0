//! Commands of ours that documents mention must be ones that our command line takes.

use clap::{CommandFactory, Parser, error::ErrorKind};

use super::Finding;
use super::files::File;

const COMMAND: &str = "cargo xtask ";

/// Where a command ends in prose or in a shell line.
const ENDS: [&str; 9] = ["`", "#", "&&", "||", " | ", ";", ")", "\\", " > "];

pub(super) fn check(file: &File) -> Vec<Finding> {
    // The specification is about another program.
    if !file.path.ends_with(".md") || file.path.starts_with("docs/spec/") {
        return Vec::new();
    }
    let mut findings = Vec::new();
    for (line_idx, line) in file.text.lines().enumerate() {
        for command in commands(line) {
            if let Err(why) = parse(command) {
                let place = format!("{}:{}", file.path, line_idx + 1);
                findings.push(Finding::error(
                    place,
                    format!("`{COMMAND}{command}`: {why}"),
                ));
            }
        }
    }
    findings
}

/// What follows `cargo xtask` in a line, up to the command's end.
fn commands(line: &str) -> Vec<&str> {
    line.match_indices(COMMAND)
        .filter_map(|(at, _)| line.get(at + COMMAND.len()..))
        .map(|rest| {
            let end = ENDS
                .iter()
                .filter_map(|end| rest.find(end))
                .min()
                .unwrap_or(rest.len());
            rest.get(..end).unwrap_or(rest).trim()
        })
        .filter(|command| !command.is_empty() && !command.starts_with('…'))
        .collect()
}

/// In full if the command could be typed as it stands; with brackets or dots in it, it stands for
/// many, and only the subcommand is looked at.
fn parse(command: &str) -> Result<(), String> {
    let words: Vec<&str> = command.split_whitespace().collect();
    let is_pattern = command.contains(['[', '<', '…', '|', '{', '"', '\'', '$']);
    if !is_pattern {
        return match crate::Cli::try_parse_from(std::iter::once("xtask").chain(words)) {
            Ok(_) => Ok(()),
            Err(error) if is_fine(error.kind()) => Ok(()),
            Err(error) => Err(error
                .to_string()
                .lines()
                .next()
                .unwrap_or_default()
                .to_owned()),
        };
    }
    let name = words.first().copied().unwrap_or_default();
    let cli = crate::Cli::command();
    // `deploy|undeploy` in one word.
    for name in name.split(['|', '[', '{']).filter(|name| !name.is_empty()) {
        if !name.starts_with('…') && cli.find_subcommand(name).is_none() {
            return Err(format!("there is no subcommand {name}"));
        }
    }
    Ok(())
}

/// Help is a fine thing to ask for, and a command may be mentioned without its arguments.
fn is_fine(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::DisplayHelp
            | ErrorKind::DisplayVersion
            | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
            | ErrorKind::MissingRequiredArgument
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_end_at_backticks_comments_and_operators() {
        let line = "run `cargo xtask tidy`, then cargo xtask gen-crds --check && x";
        assert_eq!(commands(line), ["tidy", "gen-crds --check"]);
        assert_eq!(commands("cargo xtask tidy   # checks"), ["tidy"]);
    }

    #[test]
    fn a_command_must_parse() {
        assert_eq!(parse("gen-crds --check"), Ok(()));
        assert_eq!(parse("deploy --help"), Ok(()));
        assert_eq!(parse("image"), Ok(()));
        assert!(parse("gen-crds --chek").is_err());
        assert!(parse("no-such-command").is_err());
    }

    #[test]
    fn a_pattern_needs_only_its_subcommands() {
        assert_eq!(parse("image NAME… [--push REGISTRY/PATH]"), Ok(()));
        assert_eq!(parse("deploy|undeploy OVERLAY"), Ok(()));
        assert!(parse("nothing [--x]").is_err());
    }
}
