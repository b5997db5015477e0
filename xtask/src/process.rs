//! Running other programs, with errors that say what ran and what it answered.

use std::process::{Command, Output, Stdio};

use anyhow::{Context, Result, bail};

/// The command as a person would type it, for messages.
pub(crate) fn show(command: &Command) -> String {
    std::iter::once(command.get_program())
        .chain(command.get_args())
        .map(|part| part.to_string_lossy().into_owned())
        .collect::<Vec<_>>()
        .join(" ")
}

/// Runs to the end and returns standard output; on a non-zero exit the error carries standard error.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let output = outcome(command)?;
    if !output.status.success() {
        bail!(
            "`{}` ended with {}: {}",
            show(command),
            output.status,
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Runs to the end and returns everything, whatever the exit code.
pub(crate) fn outcome(command: &mut Command) -> Result<Output> {
    command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("start `{}`", show(command)))
}
