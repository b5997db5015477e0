//! The files that belong to the repository: tracked, or new and not ignored.

use anyhow::{Context, Result};
use localkube::process;
use localkube::workspace;

pub(super) struct Files {
    paths: Vec<String>,
}

/// A text file.
pub(super) struct File {
    /// Relative to the root.
    pub(super) path: String,
    pub(super) text: String,
}

impl Files {
    pub(super) fn list() -> Result<Self> {
        let mut git = std::process::Command::new("git");
        git.current_dir(workspace::root());
        git.args(["ls-files", "--cached", "--others", "--exclude-standard"]);
        let output = process::output(&mut git).context("list the repository's files")?;
        Ok(Self {
            paths: output.lines().map(ToOwned::to_owned).collect(),
        })
    }

    pub(super) fn len(&self) -> usize {
        self.paths.len()
    }

    /// The text files; what isn't UTF-8 is left out, and what is deleted but still tracked too.
    pub(super) fn read_all(&self) -> Result<Vec<File>> {
        let mut files = Vec::new();
        for path in &self.paths {
            let bytes = match std::fs::read(workspace::root().join(path)) {
                Ok(bytes) => bytes,
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
                Err(error) => return Err(error).with_context(|| format!("read {path}")),
            };
            if let Ok(text) = String::from_utf8(bytes) {
                files.push(File {
                    path: path.clone(),
                    text,
                });
            }
        }
        Ok(files)
    }
}
