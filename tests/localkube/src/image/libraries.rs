//! The shared libraries a program needs: what the loader itself says, so that nothing is missing
//! and nothing is there without need.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::oci::LayerFile;
use crate::process;

/// Libraries and loader, each under the path where the loader looks for it.
pub(super) fn of(binary: &Path) -> Result<Vec<LayerFile>> {
    let mut ldd = Command::new("ldd");
    ldd.arg(binary).env("LC_ALL", "C");
    let output = process::outcome(&mut ldd)?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr);
    if text.contains("statically linked") || text.contains("not a dynamic executable") {
        return Ok(Vec::new());
    }
    if !output.status.success() {
        bail!(
            "`{}` ended with {}: {}",
            process::show(&ldd),
            output.status,
            text.trim()
        );
    }
    paths(&text)?
        .into_iter()
        .map(|path| {
            // Follows links: in the image the file stands where the loader looks.
            let bytes = std::fs::read(&path).with_context(|| format!("read {path}"))?;
            Ok(LayerFile { path, bytes })
        })
        .collect()
}

/// Reads `ldd`'s lines: `NAME => PATH (ADDRESS)`, `PATH (ADDRESS)` for the loader, and names
/// without a path for what the kernel provides.
fn paths(ldd: &str) -> Result<Vec<String>> {
    let mut paths = Vec::new();
    for line in ldd.lines().map(str::trim) {
        let (name, found) = line.split_once(" => ").unwrap_or((line, line));
        if found.starts_with("not found") {
            bail!("the shared library {name} is not installed");
        }
        let path = found.split(" (").next().unwrap_or(found);
        if path.starts_with('/') {
            paths.push(path.to_owned());
        }
    }
    Ok(paths)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libraries_and_loader_are_found_and_the_vdso_is_not() {
        let ldd = "\tlinux-vdso.so.1 (0x00007ffc)\n\
                   \tlibc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x00007f)\n\
                   \t/lib64/ld-linux-x86-64.so.2 (0x00007f)\n";
        assert_eq!(
            paths(ldd).unwrap(),
            [
                "/lib/x86_64-linux-gnu/libc.so.6",
                "/lib64/ld-linux-x86-64.so.2"
            ]
        );
    }

    #[test]
    fn a_missing_library_is_named() {
        let error = paths("\tlibpq.so.5 => not found\n")
            .unwrap_err()
            .to_string();
        assert!(error.contains("libpq.so.5"), "{error}");
    }
}
