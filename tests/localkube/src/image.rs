//! `cargo xtask image`: container images of deployables, made without Docker.
//!
//! An image holds the program at `/NAME` and the shared libraries it is linked with, nothing else,
//! and runs as an unprivileged numeric user.

mod build;
mod libraries;

use std::path::PathBuf;

use anyhow::{Context, Result, bail};

pub(crate) use build::Profile;

use crate::cluster::Cluster;
use crate::oci::{Destination, Image, ImageConfig, Layer, LayerFile};
use crate::progress::Progress;
use crate::times::Ahead;
use crate::workspace::Metadata;

/// The registry part of the placeholders in deploy/, which no registry answers to.
pub(crate) const PLACEHOLDER_REGISTRY: &str = "kruise.local";

/// Conventionally "nonroot": owns nothing, here or on a node.
const USER: &str = "65532:65532";

/// The arguments of `cargo xtask image`.
#[derive(clap::Args)]
pub struct Args {
    /// Deployables, such as cloneset-controller
    #[arg(required = true, value_name = "NAME")]
    names: Vec<String>,
    /// Cargo profile to build with: release (fast to build) or dist (small)
    #[arg(long, value_enum, default_value_t)]
    profile: Profile,
    /// Push to a registry instead of writing an archive
    #[arg(long, value_name = "REGISTRY/PATH", conflicts_with = "load")]
    push: Option<String>,
    /// The registry speaks plain HTTP
    #[arg(long, requires = "push")]
    insecure: bool,
    /// Push to the local cluster's own registry
    #[arg(long)]
    load: bool,
    /// The local cluster's name
    #[arg(
        long,
        value_name = "CLUSTER",
        default_value = "kruise",
        requires = "load"
    )]
    name: String,
}

/// Where a finished image goes.
enum Goal {
    Archive(PathBuf),
    Registry(Destination),
}

/// Runs `cargo xtask image`.
pub fn run(args: &Args) -> Result<()> {
    let progress = Progress::begin();
    let metadata = Metadata::read()?;
    // Before a build of minutes: what would fail after it.
    check_names(&metadata, &args.names)?;
    let goal = match (&args.push, args.load) {
        (Some(registry), _) => Goal::Registry(Destination::parse(registry, args.insecure)?),
        (None, true) => Goal::Registry(local_registry(&args.name)?),
        (None, false) => Goal::Archive(metadata.target_directory.join("images")),
    };
    for (name, image) in build_images(&args.names, args.profile, &progress)? {
        println!("{}", deliver(&name, &image, &goal, &progress)?);
    }
    Ok(())
}

/// What the build of these has before it.
pub(crate) fn ahead(names: &[String], profile: Profile) -> Ahead {
    Ahead::Runs(build::step_ahead(names, profile))
}

/// Builds one package's program as images get it.
pub fn build_binary(package: &str, progress: &Progress) -> Result<PathBuf> {
    let names = [package.to_owned()];
    let binaries = build::build_all(&names, Profile::Release, progress)?;
    binaries
        .into_iter()
        .next()
        .with_context(|| format!("{package} was not built"))
}

/// Builds the deployables and packs each as an image.
pub(crate) fn build_images(
    names: &[String],
    profile: Profile,
    progress: &Progress,
) -> Result<Vec<(String, Image)>> {
    let binaries = build::build_all(names, profile, progress)?;
    let mut images = Vec::new();
    for (name, binary) in names.iter().zip(binaries) {
        let image = pack(name, &binary)?;
        progress.step(format!(
            "{name}: image {} of {:.1} MB",
            image.tag(),
            image.size() as f64 / 1e6
        ));
        images.push((name.clone(), image));
    }
    Ok(images)
}

/// The registry of a local cluster.
pub(crate) fn local_registry(cluster: &str) -> Result<Destination> {
    let found = Cluster::find(cluster)?.with_context(|| {
        format!("there is no local cluster \"{cluster}\"; `cargo xtask cluster up` makes one")
    })?;
    Destination::parse(&format!("{}/kruise", found.registry()), true)
}

fn check_names(metadata: &Metadata, names: &[String]) -> Result<()> {
    let known: Vec<&str> = metadata
        .deployables()
        .map(|package| package.name.as_str())
        .collect();
    for name in names {
        if !known.contains(&name.as_str()) {
            bail!(
                "no deployable is called \"{name}\"; there are: {}",
                known.join(", ")
            );
        }
    }
    Ok(())
}

/// Two layers: libraries, which rarely change, below the program.
fn pack(name: &str, binary: &std::path::Path) -> Result<Image> {
    let mut layers = Vec::new();
    let libraries = libraries::of(binary)?;
    if !libraries.is_empty() {
        layers.push(Layer::new("C library and loader", libraries)?);
    }
    let bytes = std::fs::read(binary).with_context(|| format!("read {}", binary.display()))?;
    let path = format!("/{name}");
    layers.push(Layer::new(
        name,
        vec![LayerFile {
            path: path.clone(),
            bytes,
        }],
    )?);
    let config = ImageConfig {
        title: name,
        entrypoint: &[&path],
        user: USER,
    };
    Image::new(&config, layers).with_context(|| format!("make the image of {name}"))
}

/// Returns what to print: where the image is now.
fn deliver(name: &str, image: &Image, goal: &Goal, progress: &Progress) -> Result<String> {
    match goal {
        Goal::Registry(destination) => {
            progress.step(format!("{name}: pushing to {}", destination.registry));
            image.push(name, destination)
        }
        Goal::Archive(directory) => {
            let path = directory.join(format!("{name}.tar"));
            let reference = format!("{PLACEHOLDER_REGISTRY}/{name}:{}", image.tag());
            image.write_archive(&path, &reference)?;
            progress.step(format!("{name}: OCI archive of {reference}"));
            Ok(path.display().to_string())
        }
    }
}
