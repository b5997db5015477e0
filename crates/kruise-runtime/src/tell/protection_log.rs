//! The protection log: one line of JSON for each refusal that protects something, in a file of its own (PF-116), so
//! that whoever collects logs for audits can read these lines apart from all others.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use serde::Serialize;

/// Name of the file in the directory of `--protection-log-path`.
const FILE: &str = "protection.log";

/// Where refusals are noted; nowhere without the flag.
#[derive(Clone, Debug, Default)]
pub struct ProtectionLog {
    file: Option<Arc<Mutex<File>>>,
}

/// A refusal, as the file has it.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct RefusedOperation<'a> {
    /// `DeletionProtection` or `PodUnavailableBudget`.
    pub event: &'a str,
    /// Kind of what is protected.
    pub kind: &'a str,
    /// Its namespace; empty for none.
    pub namespace: &'a str,
    /// Its name.
    pub name: &'a str,
    /// Who was refused.
    pub user_agent: &'a str,
}

/// The file can't be opened.
#[derive(Debug, thiserror::Error)]
#[error("can't open the protection log {}", path.display())]
pub struct ProtectionLogError {
    path: PathBuf,
    #[source]
    source: io::Error,
}

impl ProtectionLog {
    /// Opens the file in this directory for appending, and makes both where they are missing.
    ///
    /// # Errors
    /// When that can't be done.
    pub fn open(directory: &Path) -> Result<Self, ProtectionLogError> {
        let path = directory.join(FILE);
        let open = || {
            fs::create_dir_all(directory)?;
            OpenOptions::new().append(true).create(true).open(&path)
        };
        match open() {
            Ok(file) => Ok(Self {
                file: Some(Arc::new(Mutex::new(file))),
            }),
            Err(source) => Err(ProtectionLogError { path, source }),
        }
    }

    /// Appends a line. A refusal stands whether it is noted or not: a failure is logged.
    pub fn note(&self, refusal: RefusedOperation<'_>) {
        let Some(file) = &self.file else { return };
        let written = serde_json::to_string(&refusal)
            .map_err(io::Error::from)
            .and_then(|line| {
                let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
                // In one write, so that lines of several processes don't mix.
                file.write_all(format!("{line}\n").as_bytes())
            });
        if let Err(error) = written {
            tracing::error!(%error, "can't write to the protection log");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REFUSAL: RefusedOperation<'_> = RefusedOperation {
        event: "DeletionProtection",
        kind: "CloneSet",
        namespace: "shop",
        name: "web",
        user_agent: "alice",
    };

    // PF-116
    #[test]
    fn lines_are_appended() {
        let directory = tempfile::TempDir::new().unwrap();
        let path = directory.path().join("made/for/it");
        for _ in 0..2 {
            ProtectionLog::open(&path).unwrap().note(REFUSAL);
        }
        let line = "{\"Event\":\"DeletionProtection\",\"Kind\":\"CloneSet\",\
                    \"Namespace\":\"shop\",\"Name\":\"web\",\"UserAgent\":\"alice\"}\n";
        let written = fs::read_to_string(path.join(FILE)).unwrap();
        assert_eq!(written, line.repeat(2));
    }

    #[test]
    fn a_place_that_cannot_be_is_named() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let error = ProtectionLog::open(file.path()).unwrap_err();
        let named = error.to_string();
        assert!(named.contains(FILE) && named.contains(file.path().to_str().unwrap()));
    }

    #[test]
    fn without_the_flag_nothing_is_noted() {
        ProtectionLog::default().note(REFUSAL);
    }
}
