//! The few small images that a cluster starts with: the sandboxes' pause image, and `demo:1` to `demo:5`
//! for tests, made of a static busybox; `demo:1-again` is `demo:1` once more. Images of our own binaries are made elsewhere.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::packages;
use super::site::Site;
use crate::process;

/// Sandboxes' image, as containerd's configuration names it. It is imported into each node, so that a
/// node that is cut off can still start sandboxes, and in the registry too.
pub(super) const PAUSE: &str = "registry.local/pause:3";
/// How many versions of `registry.local/demo` there are.
const DEMO_VERSIONS: u8 = 5;
const APPLETS: &str = "sh awk cat chmod cp cut date dd echo env false grep head hostname httpd id ip kill ln ls mkdir \
                       mv nc nslookup ping ps pwd rm sed seq sleep sort stat sync tail tar test touch tr true uname \
                       vi wc wget which xargs yes";
/// Ends at once when told to: the shell handles signals only between commands, or while it `wait`s.
const FOREVER: &str = "trap 'exit 0' TERM INT; while :; do sleep 3600 & wait $!; done";

/// An image with one layer.
pub(crate) struct SmallImage<'a> {
    /// Repository and tag, without a registry: `demo:1`.
    pub(crate) reference: &'a str,
    pub(crate) files: &'a [ImageFile<'a>],
    pub(crate) cmd: &'a [&'a str],
    pub(crate) env: &'a [&'a str],
}

/// Something in an image's layer.
pub(crate) enum ImageFile<'a> {
    Directory {
        path: &'a str,
        mode: u32,
    },
    File {
        path: &'a str,
        mode: u32,
        content: &'a [u8],
    },
    Link {
        path: &'a str,
        target: &'a str,
    },
}

impl SmallImage<'_> {
    /// Writes the image as a tar archive with an OCI layout in it.
    pub(crate) fn write_archive(&self, path: &Path) -> Result<()> {
        let layer = self.layer()?;
        let layer_digest = digest(&layer);
        let config = to_bytes(&json!({
            "architecture": oci_architecture(),
            "os": "linux",
            "config": {"Cmd": self.cmd, "Env": self.env},
            "rootfs": {"type": "layers", "diff_ids": [layer_digest]},
        }))?;
        let manifest = to_bytes(&json!({
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": descriptor("application/vnd.oci.image.config.v1+json", &config),
            "layers": [descriptor("application/vnd.oci.image.layer.v1.tar", &layer)],
        }))?;
        let mut entry = descriptor("application/vnd.oci.image.manifest.v1+json", &manifest);
        if let Some(entry) = entry.as_object_mut() {
            let annotations = json!({
                "io.containerd.image.name": format!("registry.local/{}", self.reference),
                "org.opencontainers.image.ref.name": self.reference,
            });
            entry.insert("annotations".to_owned(), annotations);
        }
        let index = to_bytes(&json!({"schemaVersion": 2, "manifests": [entry]}))?;

        let file = File::create(path).with_context(|| format!("create {}", path.display()))?;
        let mut archive = tar::Builder::new(file);
        append(
            &mut archive,
            "oci-layout",
            0o644,
            br#"{"imageLayoutVersion":"1.0.0"}"#,
        )?;
        append(&mut archive, "index.json", 0o644, &index)?;
        for blob in [&layer, &config, &manifest] {
            append(
                &mut archive,
                &format!("blobs/sha256/{}", sha256(blob)),
                0o644,
                blob,
            )?;
        }
        archive.into_inner().context("finish the image archive")?;
        Ok(())
    }

    fn layer(&self) -> Result<Vec<u8>> {
        let mut layer = tar::Builder::new(Vec::new());
        for file in self.files {
            match *file {
                ImageFile::File {
                    path,
                    mode,
                    content,
                } => append(&mut layer, path, mode, content)?,
                ImageFile::Directory { path, mode } => {
                    let mut header = header(mode, 0);
                    header.set_entry_type(tar::EntryType::Directory);
                    layer
                        .append_data(&mut header, path, std::io::empty())
                        .with_context(|| format!("add {path}"))?;
                }
                ImageFile::Link { path, target } => {
                    let mut header = header(0o777, 0);
                    header.set_entry_type(tar::EntryType::Symlink);
                    layer
                        .append_link(&mut header, path, target)
                        .with_context(|| format!("add {path}"))?;
                }
            }
        }
        layer.into_inner().context("finish a layer")
    }
}

/// Makes the images and pushes them, unless this registry has them.
pub(super) fn ensure(site: &Site) -> Result<()> {
    // Its name changes with the images that there are.
    let done = site.path("images/done-2");
    if done.exists() {
        return Ok(());
    }
    std::fs::create_dir_all(site.path("images")).context("create the images directory")?;
    let path = packages::static_busybox().context("find a static busybox")?;
    let busybox = std::fs::read(&path).with_context(|| format!("read {}", path.display()))?;
    let links: Vec<String> = APPLETS
        .split_whitespace()
        .map(|applet| format!("bin/{applet}"))
        .collect();
    let mut files = vec![
        ImageFile::Directory {
            path: "bin",
            mode: 0o755,
        },
        ImageFile::Directory {
            path: "etc",
            mode: 0o755,
        },
        ImageFile::Directory {
            path: "www",
            mode: 0o755,
        },
        ImageFile::Directory {
            path: "tmp",
            mode: 0o1777,
        },
        ImageFile::File {
            path: "bin/busybox",
            mode: 0o755,
            content: &busybox,
        },
        ImageFile::File {
            path: "etc/passwd",
            mode: 0o644,
            content: b"root:x:0:0:root:/:/bin/sh\n",
        },
        ImageFile::File {
            path: "etc/group",
            mode: 0o644,
            content: b"root:x:0:\n",
        },
        ImageFile::File {
            path: "www/index.html",
            mode: 0o644,
            content: b"demo\n",
        },
    ];
    files.extend(links.iter().map(|path| ImageFile::Link {
        path,
        target: "busybox",
    }));

    publish(
        site,
        &SmallImage {
            reference: "pause:3",
            files: &files,
            cmd: &["/bin/sh", "-c", FOREVER],
            env: &["PATH=/bin"],
        },
    )?;
    let command = format!("echo demo $VERSION; httpd -p 8080 -h /www; {FOREVER}");
    let tags = (1..=DEMO_VERSIONS).map(|version| (version, version.to_string()));
    for (version, tag) in tags.chain([(1, "1-again".to_owned())]) {
        let image = SmallImage {
            reference: &format!("demo:{tag}"),
            files: &files,
            cmd: &["/bin/sh", "-c", &command],
            env: &["PATH=/bin", &format!("VERSION={version}")],
        };
        publish(site, &image)?;
    }
    std::fs::write(&done, b"").context("note that the images are pushed")
}

/// The pause image as an archive, made by [`ensure`].
pub(super) fn pause_archive(site: &Site) -> PathBuf {
    archive(site, "pause:3")
}

fn archive(site: &Site, reference: &str) -> PathBuf {
    site.path("images")
        .join(format!("{}.tar", reference.replace(':', "-")))
}

fn publish(site: &Site, image: &SmallImage<'_>) -> Result<()> {
    let archive = archive(site, image.reference);
    image.write_archive(&archive)?;
    let mut skopeo = Command::new("skopeo");
    skopeo
        .args([
            "--insecure-policy",
            "copy",
            "--quiet",
            "--dest-tls-verify=false",
        ])
        .arg(format!("oci-archive:{}", archive.display()))
        .arg(format!("docker://{}/{}", site.registry(), image.reference));
    for proxy in ["http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"] {
        skopeo.env_remove(proxy);
    }
    process::output(&mut skopeo)
        .with_context(|| format!("push {}", image.reference))
        .map(drop)
}

/// Lower-case hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Go's word for the processor, which image configurations use.
fn oci_architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

fn digest(bytes: &[u8]) -> String {
    format!("sha256:{}", sha256(bytes))
}

fn descriptor(media_type: &str, content: &[u8]) -> Value {
    json!({"mediaType": media_type, "digest": digest(content), "size": content.len()})
}

fn to_bytes(value: &Value) -> Result<Vec<u8>> {
    serde_json::to_vec(value).context("serialise an image's description")
}

fn header(mode: u32, size: usize) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_mode(mode);
    header.set_size(size as u64);
    header.set_mtime(0);
    header.set_uid(0);
    header.set_gid(0);
    header
}

fn append(
    archive: &mut tar::Builder<impl Write>,
    path: &str,
    mode: u32,
    content: &[u8],
) -> Result<()> {
    archive
        .append_data(&mut header(mode, content.len()), path, content)
        .with_context(|| format!("add {path}"))
}
