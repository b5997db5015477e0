//! One layer: a reproducible, compressed tar of files, all owned by root and readable by everyone.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;

use anyhow::{Context, Result};
use flate2::{Compression, GzBuilder};

use super::digest;

/// A file in a layer; executable, since layers here hold programs and shared libraries only.
pub(crate) struct LayerFile {
    /// Absolute path in the image.
    pub(crate) path: String,
    pub(crate) bytes: Vec<u8>,
}

/// A compressed layer with the digest of its uncompressed form, which the configuration lists.
pub(crate) struct Layer {
    pub(super) comment: String,
    pub(super) diff_id: String,
    pub(super) gzip: Vec<u8>,
}

impl Layer {
    /// Packs the files with their parent directories, sorted by path.
    pub(crate) fn new(comment: &str, files: Vec<LayerFile>) -> Result<Self> {
        let files: BTreeMap<String, Vec<u8>> = files
            .into_iter()
            .map(|file| (file.path.trim_start_matches('/').to_owned(), file.bytes))
            .collect();
        let tar = tar(&files).with_context(|| format!("pack the layer \"{comment}\""))?;
        let gzip = gzip(&tar).with_context(|| format!("compress the layer \"{comment}\""))?;
        Ok(Self {
            comment: comment.to_owned(),
            diff_id: digest(&tar),
            gzip,
        })
    }
}

fn tar(files: &BTreeMap<String, Vec<u8>>) -> Result<Vec<u8>> {
    let directories: BTreeSet<&str> = files.keys().flat_map(|path| parents(path)).collect();
    let mut builder = tar::Builder::new(Vec::new());
    for directory in directories {
        let mut header = header(tar::EntryType::Directory, 0);
        builder.append_data(&mut header, format!("{directory}/"), std::io::empty())?;
    }
    for (path, bytes) in files {
        let mut header = header(tar::EntryType::Regular, bytes.len() as u64);
        builder.append_data(&mut header, path, bytes.as_slice())?;
    }
    Ok(builder.into_inner()?)
}

/// `a/b/c` has the parents `a` and `a/b`.
fn parents(path: &str) -> impl Iterator<Item = &str> {
    path.match_indices('/').filter_map(|(at, _)| path.get(..at))
}

fn header(entry_type: tar::EntryType, size: u64) -> tar::Header {
    let mut header = tar::Header::new_ustar();
    header.set_entry_type(entry_type);
    header.set_size(size);
    header.set_mode(0o755);
    header.set_mtime(0);
    header.set_uid(0);
    header.set_gid(0);
    header
}

fn gzip(bytes: &[u8]) -> Result<Vec<u8>> {
    // The header's operating system field would otherwise differ between machines.
    const UNKNOWN_OS: u8 = 255;
    let mut encoder = GzBuilder::new()
        .mtime(0)
        .operating_system(UNKNOWN_OS)
        .write(Vec::new(), Compression::new(6));
    encoder.write_all(bytes)?;
    Ok(encoder.finish()?)
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    fn file(path: &str, bytes: &[u8]) -> LayerFile {
        LayerFile {
            path: path.into(),
            bytes: bytes.to_vec(),
        }
    }

    #[test]
    fn order_of_files_does_not_matter() {
        let one = Layer::new("c", vec![file("/a", b"1"), file("/lib/b", b"2")]).unwrap();
        let two = Layer::new("c", vec![file("/lib/b", b"2"), file("/a", b"1")]).unwrap();
        assert_eq!(one.diff_id, two.diff_id);
        assert_eq!(one.gzip, two.gzip);
    }

    #[test]
    fn entries_are_root_owned_undated_and_have_their_directories() {
        let layer = Layer::new("c", vec![file("/lib/x86/libc.so.6", b"elf")]).unwrap();
        let mut tar = Vec::new();
        flate2::read::GzDecoder::new(layer.gzip.as_slice())
            .read_to_end(&mut tar)
            .unwrap();
        let mut seen = Vec::new();
        for entry in tar::Archive::new(tar.as_slice()).entries().unwrap() {
            let entry = entry.unwrap();
            let header = entry.header();
            assert_eq!((header.mtime().unwrap(), header.uid().unwrap()), (0, 0));
            assert_eq!(header.mode().unwrap(), 0o755);
            seen.push(entry.path().unwrap().to_string_lossy().into_owned());
        }
        assert_eq!(seen, ["lib/", "lib/x86/", "lib/x86/libc.so.6"]);
    }
}
