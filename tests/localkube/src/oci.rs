//! OCI images made in memory: layers, configuration, manifest; written as an archive or pushed to
//! a registry. Equal inputs give equal bytes: no time, user or map order gets in.
//!
//! Knows nothing of Cargo, of this project's deployables, or of clusters.

mod archive;
mod auth;
mod destination;
mod layer;
mod registry;
mod tls;

use anyhow::{Context, Result};
use serde_json::json;
use sha2::{Digest, Sha256};

pub(crate) use destination::Destination;
pub(crate) use layer::{Layer, LayerFile};

const MANIFEST_TYPE: &str = "application/vnd.oci.image.manifest.v1+json";
const CONFIG_TYPE: &str = "application/vnd.oci.image.config.v1+json";
const LAYER_TYPE: &str = "application/vnd.oci.image.layer.v1.tar+gzip";

/// Every time in an image, so that a rebuild of the same content is the same image.
const EPOCH: &str = "1970-01-01T00:00:00Z";

/// Digits of the configuration's digest in a tag: 48 bits, short enough to read aloud.
const TAG_LENGTH: usize = 12;

/// Bytes with their digest, as registries address them.
#[derive(Debug, Clone)]
pub(crate) struct Blob {
    pub(crate) media_type: &'static str,
    pub(crate) digest: String,
    pub(crate) bytes: Vec<u8>,
}

impl Blob {
    fn new(media_type: &'static str, bytes: Vec<u8>) -> Self {
        Self {
            media_type,
            digest: digest(&bytes),
            bytes,
        }
    }

    fn descriptor(&self) -> serde_json::Value {
        json!({ "mediaType": self.media_type, "digest": self.digest, "size": self.bytes.len() })
    }
}

/// What runs, and as whom.
pub(crate) struct ImageConfig<'a> {
    /// Title, for people who find the image in a registry.
    pub(crate) title: &'a str,
    /// The program with its fixed arguments.
    pub(crate) entrypoint: &'a [&'a str],
    /// Numeric `uid:gid`: the image has no /etc/passwd.
    pub(crate) user: &'a str,
}

/// A finished image for one platform: this machine's.
#[derive(Debug, Clone)]
pub(crate) struct Image {
    manifest: Blob,
    config: Blob,
    layers: Vec<Blob>,
}

impl Image {
    /// Puts layers, lowest first, and configuration together.
    pub(crate) fn new(image_config: &ImageConfig<'_>, layers: Vec<Layer>) -> Result<Self> {
        let diff_ids: Vec<&str> = layers.iter().map(|layer| layer.diff_id.as_str()).collect();
        let config = json!({
            "created": EPOCH,
            "architecture": architecture(),
            "os": "linux",
            "config": {
                "User": image_config.user,
                "Entrypoint": image_config.entrypoint,
                "WorkingDir": "/",
                "Labels": { "org.opencontainers.image.title": image_config.title },
            },
            "rootfs": { "type": "layers", "diff_ids": diff_ids },
            "history": layers
                .iter()
                .map(|layer| json!({ "created": EPOCH, "created_by": layer.comment }))
                .collect::<Vec<_>>(),
        });
        let config = Blob::new(CONFIG_TYPE, to_bytes(&config)?);
        let layers: Vec<Blob> = layers
            .into_iter()
            .map(|layer| Blob::new(LAYER_TYPE, layer.gzip))
            .collect();
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": MANIFEST_TYPE,
            "config": config.descriptor(),
            "layers": layers.iter().map(Blob::descriptor).collect::<Vec<_>>(),
        });
        let manifest = Blob::new(MANIFEST_TYPE, to_bytes(&manifest)?);
        Ok(Self {
            manifest,
            config,
            layers,
        })
    }

    /// A tag that changes exactly when the content does. There is no `latest`: a Deployment that
    /// names a moving tag doesn't roll when the image behind it changes.
    pub(crate) fn tag(&self) -> String {
        self.config
            .digest
            .trim_start_matches("sha256:")
            .chars()
            .take(TAG_LENGTH)
            .collect()
    }

    /// Size as a registry stores it.
    pub(crate) fn size(&self) -> usize {
        self.blobs().map(|blob| blob.bytes.len()).sum()
    }

    /// Everything but the manifest, in the order in which a registry wants it.
    fn blobs(&self) -> impl Iterator<Item = &Blob> {
        self.layers.iter().chain(std::iter::once(&self.config))
    }
}

fn to_bytes(value: &serde_json::Value) -> Result<Vec<u8>> {
    serde_json::to_vec(value).context("write the image's JSON")
}

/// `sha256:` and 64 hex digits.
fn digest(bytes: &[u8]) -> String {
    let hash = Sha256::digest(bytes);
    let mut digest = String::from("sha256:");
    for byte in hash {
        digest.push_str(&format!("{byte:02x}"));
    }
    digest
}

/// This machine's architecture in Go's words, which OCI uses.
fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(binary: &[u8]) -> Image {
        let file = LayerFile {
            path: "/tool".into(),
            bytes: binary.to_vec(),
        };
        let layer = Layer::new("the binary", vec![file]).unwrap();
        let config = ImageConfig {
            title: "tool",
            entrypoint: &["/tool"],
            user: "65532:65532",
        };
        Image::new(&config, vec![layer]).unwrap()
    }

    #[test]
    fn the_same_content_is_the_same_image() {
        assert_eq!(image(b"one").manifest.digest, image(b"one").manifest.digest);
        assert_eq!(image(b"one").tag(), image(b"one").tag());
    }

    #[test]
    fn another_binary_has_another_tag() {
        assert_ne!(image(b"one").tag(), image(b"two").tag());
        assert_eq!(image(b"one").tag().len(), 12);
    }

    #[test]
    fn digest_is_sha256_in_hex() {
        assert_eq!(
            digest(b""),
            "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        );
    }

    #[test]
    fn manifest_describes_the_blobs() {
        let image = image(b"one");
        let manifest: serde_json::Value = serde_json::from_slice(&image.manifest.bytes).unwrap();
        assert_eq!(manifest["config"]["digest"], image.config.digest.as_str());
        assert_eq!(manifest["layers"][0]["size"], image.layers[0].bytes.len());
    }
}
