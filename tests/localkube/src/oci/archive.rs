//! An image as one file that `podman load`, `docker load`, `skopeo` and `ctr image import` read.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::json;

use super::{Image, to_bytes};

const INDEX_TYPE: &str = "application/vnd.oci.image.index.v1+json";

impl Image {
    /// Writes an OCI archive (image layout in a tar); `name` is the reference it is loaded as.
    pub(crate) fn write_archive(&self, path: &Path, name: &str) -> Result<()> {
        let mut descriptor = self.manifest.descriptor();
        if let Some(descriptor) = descriptor.as_object_mut() {
            descriptor.insert(
                "annotations".into(),
                json!({
                    "io.containerd.image.name": name,
                    "org.opencontainers.image.ref.name": self.tag(),
                }),
            );
        }
        let index =
            json!({ "schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": [descriptor] });
        let mut entries: BTreeMap<String, Vec<u8>> = BTreeMap::new();
        entries.insert("index.json".into(), to_bytes(&index)?);
        entries.insert(
            "oci-layout".into(),
            to_bytes(&json!({ "imageLayoutVersion": "1.0.0" }))?,
        );
        for blob in self.blobs().chain(std::iter::once(&self.manifest)) {
            let name = format!("blobs/{}", blob.digest.replace(':', "/"));
            entries.insert(name, blob.bytes.clone());
        }
        write(path, &entries).with_context(|| format!("write {}", path.display()))
    }
}

fn write(path: &Path, entries: &BTreeMap<String, Vec<u8>>) -> Result<()> {
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent)?;
    }
    let mut builder = tar::Builder::new(BufWriter::new(File::create(path)?));
    for (name, bytes) in entries {
        let mut header = tar::Header::new_ustar();
        header.set_entry_type(tar::EntryType::Regular);
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        header.set_mtime(0);
        builder.append_data(&mut header, name, bytes.as_slice())?;
    }
    builder.into_inner()?.flush()?;
    Ok(())
}
