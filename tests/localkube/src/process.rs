//! Running other programs, with errors that say what ran and what it answered.

use std::fs::{File, TryLockError};
use std::io::Write as _;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::progress::Patience;

/// How soon the end of a program is noticed that may take long.
const POLL: Duration = Duration::from_millis(50);

/// The command as a person would type it, for messages.
pub fn show(command: &Command) -> String {
    std::iter::once(command.get_program())
        .chain(command.get_args())
        .map(|part| part.to_string_lossy().into_owned())
        .collect::<Vec<_>>()
        .join(" ")
}

/// Runs to the end and returns standard output; on a non-zero exit the error carries standard error.
pub fn output(command: &mut Command) -> Result<String> {
    let outcome = outcome(command)?;
    standard_output(command, &outcome)
}

/// Standard output; on a non-zero exit an error that carries standard error.
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

/// Runs to the end and returns everything, whatever the exit code. It may take long: `patience` tells of it,
/// with what `seen` sees.
pub(crate) fn outcome_of_long(
    command: &mut Command,
    input: Option<&[u8]>,
    patience: &mut Patience,
    seen: &dyn Fn() -> String,
) -> Result<Output> {
    let stdin = if input.is_some() {
        Stdio::piped()
    } else {
        Stdio::null()
    };
    let mut child = command
        .stdin(stdin)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("start `{}`", show(command)))?;
    let stdin = child.stdin.take();
    std::thread::scope(|scope| {
        // Beside the reading of its output: the program could otherwise fill one pipe while we fill the other.
        if let (Some(mut stdin), Some(input)) = (stdin, input) {
            // A program that stopped reading has said why in its output.
            scope.spawn(move || stdin.write_all(input));
        }
        let reader = scope.spawn(move || child.wait_with_output());
        while !reader.is_finished() {
            std::thread::sleep(POLL);
            patience.look(seen);
        }
        let read = reader
            .join()
            .map_err(|_| anyhow::anyhow!("a thread panicked"))?;
        read.with_context(|| format!("wait for `{}`", show(command)))
    })
}

/// Standard output of a program that may take long; on a non-zero exit the error carries standard error.
pub fn output_of_long(command: &mut Command, what: &str) -> Result<String> {
    let mut patience = Patience::new(what);
    let outcome = outcome_of_long(command, None, &mut patience, &String::new)?;
    standard_output(command, &outcome)
}

/// Waits for a lock that another command holds.
pub(crate) fn lock(file: &File, what: &str) -> Result<()> {
    let mut patience = Patience::new(what);
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(()),
            Err(TryLockError::WouldBlock) => {}
            Err(TryLockError::Error(error)) => return Err(error).context("lock a file"),
        }
        std::thread::sleep(POLL);
        patience.look(String::new);
    }
}

/// Runs to the end with some text on standard input, which is shorter than what a pipe holds, and returns
/// standard output; on a non-zero exit the error carries standard error.
pub fn output_with_input(command: &mut Command, input: &str) -> Result<String> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_takes_long_gets_its_input_and_gives_its_output() {
        // More than both pipes hold.
        let input = vec![b'x'; 1 << 20];
        let mut patience = Patience::new("cat");
        let output = outcome_of_long(
            &mut Command::new("cat"),
            Some(&input),
            &mut patience,
            &String::new,
        );
        assert_eq!(output.unwrap().stdout.len(), input.len());
    }
}
