//! How long each test had what it claimed: a line of JSON each in the file that `KRUISE_E2E_TIMES` names, from which
//! `cargo xtask test` adds up what a deployable's tests cost.

use std::{
    fs::OpenOptions,
    io::Write,
    time::{SystemTime, UNIX_EPOCH},
};

use serde_json::json;

/// Notes one test. What can't be noted costs no test its success.
pub(crate) fn note(test: &str, begun: SystemTime) {
    let Some(path) = std::env::var_os("KRUISE_E2E_TIMES") else {
        return;
    };
    let seconds = |time: SystemTime| {
        let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
        since.as_secs_f64()
    };
    let line = json!({ "test": test, "from": seconds(begun), "to": seconds(SystemTime::now()) });
    let file = OpenOptions::new().create(true).append(true).open(path);
    // One write, so that lines of tests that end at once don't mix.
    let noted = file.and_then(|mut file| file.write_all(format!("{line}\n").as_bytes()));
    if let Err(error) = noted {
        eprintln!("the time of {test} is not noted: {error}");
    }
}
