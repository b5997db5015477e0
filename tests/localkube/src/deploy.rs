//! `cargo xtask deploy` and `undeploy`: an overlay of deploy/ on a cluster, of whatever make.
//!
//! Everything goes through kubectl, so that what works here works by hand.

mod advice;
mod apply;
mod checks;
mod conditions;
mod kubectl;
mod manifests;
mod overlay;
mod proxy;
mod rollout;
mod state;
mod undeploy;
mod warnings;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};

pub use undeploy::{UndeployArgs, run_undeploy};

use crate::cluster::Cluster;
use crate::image::{self, Profile};
use crate::oci::Destination;
use crate::progress::Progress;
use crate::times::{self, Ahead, Timed};
use crate::workspace::Metadata;
use kubectl::Kubectl;

/// Which local cluster is meant when none is named.
const DEFAULT_CLUSTER: &str = "kruise";

/// The arguments of `cargo xtask deploy`.
#[derive(clap::Args)]
pub struct Args {
    /// A directory below deploy/overlays
    #[arg(value_name = "OVERLAY")]
    overlay: String,
    #[command(flatten)]
    target: Target,
    /// Where images are pushed to and pulled from; a local cluster has its own
    #[arg(long, value_name = "HOST:PORT/PATH")]
    registry: Option<String>,
    /// The registry speaks plain HTTP
    #[arg(long, requires = "registry")]
    insecure: bool,
    /// Feature gates of every deployable: "A=true,B=false,AllAlpha=true"
    #[arg(long, value_name = "GATES")]
    feature_gates: Option<String>,
    /// A further argument for every deployable, such as --arg=--v=4; can be repeated
    #[arg(long = "arg", value_name = "ARGUMENT", allow_hyphen_values = true)]
    args: Vec<String>,
    /// Cargo profile to build with
    #[arg(long, value_enum, default_value_t)]
    profile: Profile,
    /// How long to wait until everything runs, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 180)]
    timeout: u64,
    /// Another command that tells what all of it takes has started this one
    #[arg(long, hide = true)]
    as_a_step: bool,
}

/// On which cluster; the options that deploy and undeploy share.
#[derive(clap::Args)]
pub(crate) struct Target {
    /// Any cluster, by kubeconfig file
    #[arg(long, value_name = "FILE", conflicts_with = "name")]
    kubeconfig: Option<PathBuf>,
    /// Another context of that file than its current one
    #[arg(long, requires = "kubeconfig")]
    context: Option<String>,
    /// A local cluster made by `cargo xtask cluster up`, by its name [default: kruise]
    #[arg(long, value_name = "CLUSTER")]
    name: Option<String>,
}

/// Runs `cargo xtask deploy`.
pub fn run(args: &Args) -> Result<()> {
    let progress = Progress::begin();
    // What can go wrong at once goes wrong before a build of minutes.
    let overlay = overlay::find(&args.overlay)?;
    let given = args
        .registry
        .as_deref()
        .map(|registry| Destination::parse(registry, args.insecure))
        .transpose()?;
    let (kubectl, cluster) = args.target.connect(&progress)?;
    let mut manifests = overlay::render(&kubectl, &overlay)?;

    let mut timed = None;
    let metadata = Metadata::read()?;
    let names = manifests.deployables(&metadata)?;
    if !names.is_empty() {
        let destination = destination(given, cluster.as_ref())?;
        if !args.as_a_step {
            timed = Some(Timed::begin(
                &[
                    image::ahead(&names, args.profile),
                    Ahead::Runs(times::INSTALLATION),
                ],
                &progress,
            ));
        }
        let images = image::build_images(&names, args.profile, &progress)?;
        let mut references = BTreeMap::new();
        for (name, image) in images {
            progress.step(format!("{name}: pushing to {}", destination.registry));
            references.insert(name.clone(), image.push(&name, &destination)?);
        }
        manifests.use_images(&references);
        manifests.add_args(&references, &container_args(args));
    }

    times::measured(times::INSTALLATION, || {
        apply::apply(&kubectl, &manifests, &progress)?;
        let timeout = Duration::from_secs(args.timeout);
        rollout::wait(&kubectl, &manifests, &args.overlay, timeout)
    })?;
    progress.step(format!(
        "{} is installed on {}",
        args.overlay,
        kubectl.server()
    ));
    if let Some(timed) = timed {
        timed.end(&progress);
    }
    Ok(())
}

/// Installs an overlay but for what runs in pods, and who is asked there: CRDs, rights, accounts and Services.
pub fn install_without_workloads(
    overlay: &str,
    kubeconfig: &Path,
    progress: &Progress,
) -> Result<()> {
    let overlay = overlay::find(overlay)?;
    let binary = crate::cluster::kubectl_binary(progress)?;
    let kubectl = Kubectl::connect(binary, kubeconfig, None)?;
    let mut manifests = overlay::render(&kubectl, &overlay)?;
    manifests.leave_out_workloads();
    apply::apply(&kubectl, &manifests, progress)
}

/// Installs the webhook configurations of an overlay, and nothing else of it.
pub fn install_webhooks(overlay: &str, kubeconfig: &Path, progress: &Progress) -> Result<()> {
    let overlay = overlay::find(overlay)?;
    let binary = crate::cluster::kubectl_binary(progress)?;
    let kubectl = Kubectl::connect(binary, kubeconfig, None)?;
    let mut manifests = overlay::render(&kubectl, &overlay)?;
    manifests.leave_only_webhooks();
    apply::apply(&kubectl, &manifests, progress)
}

impl Target {
    /// The cluster, checked to answer, and whether it is one of ours.
    fn connect(&self, progress: &Progress) -> Result<(Kubectl, Option<Cluster>)> {
        let binary = crate::cluster::kubectl_binary(progress)?;
        if let Some(kubeconfig) = &self.kubeconfig {
            return Ok((
                Kubectl::connect(binary, kubeconfig, self.context.clone())?,
                None,
            ));
        }
        let name = self.name.as_deref().unwrap_or(DEFAULT_CLUSTER);
        let Some(cluster) = Cluster::find(name)? else {
            bail!(
                "no local cluster \"{name}\" runs; start one with `cargo xtask cluster up --name \
                 {name}`, or name another cluster with --kubeconfig FILE"
            );
        };
        Ok((
            Kubectl::connect(binary, &cluster.kubeconfig(), None)?,
            Some(cluster),
        ))
    }
}

fn destination(given: Option<Destination>, cluster: Option<&Cluster>) -> Result<Destination> {
    match (given, cluster) {
        (Some(destination), _) => Ok(destination),
        (None, Some(cluster)) => {
            Destination::parse(&format!("{}/kruise", cluster.registry()), true)
        }
        (None, None) => bail!(
            "images must go where the cluster's nodes can pull them: name a registry with \
             --registry HOST:PORT/PATH (and --insecure if it speaks plain HTTP), or use a local \
             cluster (`cargo xtask cluster up`, then --name), which has its own"
        ),
    }
}

fn container_args(args: &Args) -> Vec<String> {
    let gates = args
        .feature_gates
        .iter()
        .map(|gates| format!("--feature-gates={gates}"));
    gates.chain(args.args.iter().cloned()).collect()
}

/// The object's text at a JSON pointer, or nothing.
fn text<'a>(value: &'a serde_json::Value, pointer: &str) -> &'a str {
    value
        .pointer(pointer)
        .and_then(serde_json::Value::as_str)
        .unwrap_or_default()
}

/// The list at a JSON pointer, or nothing.
fn items<'a>(value: &'a serde_json::Value, pointer: &str) -> &'a [serde_json::Value] {
    value
        .pointer(pointer)
        .and_then(serde_json::Value::as_array)
        .map_or(&[], Vec::as_slice)
}

fn parse_json(json: &str, what: &str) -> Result<serde_json::Value> {
    serde_json::from_str(json).with_context(|| format!("read kubectl's answer about {what}"))
}
