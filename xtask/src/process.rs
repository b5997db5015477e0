//! Running other programs, with errors that say what ran and what it answered.

use std::io::Write as _;
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
    let outcome = outcome(command)?;
    standard_output(command, &outcome)
}

fn standard_output(command: &Command, output: &Output) -> Result<String> {
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

/// Runs to the end with some text on standard input, which is shorter than what a pipe holds, and returns
/// standard output; on a non-zero exit the error carries standard error.
pub(crate) fn output_with_input(command: &mut Command, input: &str) -> Result<String> {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("start `{}`", show(command)))?;
    // Dropped at once, so that the program sees the end.
    child
        .stdin
        .take()
        .context("it has no standard input")?
        .write_all(input.as_bytes())
        .with_context(|| format!("write to `{}`", show(command)))?;
    let output = child
        .wait_with_output()
        .with_context(|| format!("wait for `{}`", show(command)))?;
    standard_output(command, &output)
}
