//! `cargo xtask demo`: what an update in place is worth, seen on a real cluster. A CloneSet gets a new
//! image in place, then another by ReCreate, and the two are compared.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use demo::{CLONESET, NAMESPACE};
use localkube::cluster::{self, UpOptions};
use localkube::install;
use localkube::interrupt::Interrupt;
use localkube::made::Made;
use localkube::own_cluster::OwnCluster;
use localkube::progress::{Progress, say};
use localkube::times;
use localkube::workspace;
use serde_json::json;

mod on_cluster;
mod target;

use on_cluster::OnCluster;
use target::Target;

/// The demo's own cluster: nobody else's has this name.
const CLUSTER: &str = "kruise-demo";
/// What is deployed.
const OVERLAY: &str = "cloneset";
/// What is built for that.
const DEPLOYABLES: [&str; 1] = ["cloneset-controller"];

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Leave everything up at the end, and say how to look at it
    #[arg(long)]
    keep: bool,
    /// Name of the cluster that is made for the demo
    #[arg(long, default_value = CLUSTER)]
    name: String,
    /// How many nodes it has
    #[arg(long, default_value_t = 3)]
    nodes: u8,
    /// Play on the cluster of this kubeconfig instead; nothing on this machine is touched
    #[arg(long, value_name = "FILE", requires = "registry", conflicts_with_all = ["name", "nodes"])]
    kubeconfig: Option<PathBuf>,
    /// Where this command may push and that cluster pulls; demo:1, demo:2 and demo:3 must be there:
    /// images that run until they are told to end
    #[arg(long, value_name = "HOST:PORT/PATH", requires = "kubeconfig")]
    registry: Option<String>,
    /// That registry speaks plain HTTP
    #[arg(long, requires = "registry")]
    insecure: bool,
    /// Play on a cluster in memory: no container runs, and neither root nor Go is needed
    #[arg(long, conflicts_with_all = ["keep", "name", "nodes", "kubeconfig"])]
    in_memory: bool,
}

pub(crate) fn run(args: Args) -> Result<()> {
    let progress = Progress::begin();
    if args.in_memory {
        return in_memory(&progress);
    }
    let interrupt = Interrupt::listen()?;
    if let (Some(kubeconfig), Some(registry)) = (args.kubeconfig, args.registry) {
        let given = Given {
            kubeconfig,
            registry,
            insecure: args.insecure,
        };
        return on_given_cluster(&given, args.keep, &interrupt, &progress);
    }
    cluster::preflight().context(
        "the demo's cluster can't run here, but `cargo xtask demo --in-memory` plays the same story without one",
    )?;
    let options = UpOptions {
        name: args.name,
        nodes: args.nodes,
        audit: true,
    };
    let own = OwnCluster {
        command: "demo",
        usual_name: CLUSTER,
        options: &options,
        then: Some(times::DEMO),
        overlay: OVERLAY,
        deployables: &DEPLOYABLES,
        interrupt: &interrupt,
        progress: &progress,
    };
    own.play(
        args.keep,
        |cluster| {
            let target = Target::of(cluster, &progress)?;
            // Left by a demo that was killed, on a cluster that was mended.
            target.delete_namespace()?;
            target.create_namespace()?;
            times::measured(times::DEMO, || play(&target, &interrupt))
        },
        |cluster| {
            let down = format!("cargo xtask cluster down --name {}", options.name);
            explain(&Target::of(cluster, &progress)?, &[down])
        },
    )
}

/// The controller's own package tells the story: this program knows no controller.
fn in_memory(progress: &Progress) -> Result<()> {
    progress.step(
        "building the controller and its cluster in memory, on first use for a minute or two",
    );
    let mut cargo = workspace::cargo();
    let status = cargo
        .args(["run", "--package", "demo-in-memory"])
        .status()
        .context("run cargo")?;
    if !status.success() {
        bail!("the demo in memory ended with {status}");
    }
    Ok(())
}

/// A cluster that was there before, and a registry that it pulls from.
struct Given {
    kubeconfig: PathBuf,
    registry: String,
    insecure: bool,
}

impl Given {
    /// The commands that do by hand what the demo does at its end.
    fn take_away(&self, had_controller: bool) -> Vec<String> {
        let mut commands = vec![format!("k delete namespace {NAMESPACE}")];
        if !had_controller {
            let file = self.kubeconfig.display();
            commands.push(format!(
                "cargo xtask undeploy {OVERLAY} --kubeconfig {file} --crds"
            ));
        }
        commands
    }
}

/// Somebody's cluster: what we put there goes away again, what was there stays.
fn on_given_cluster(
    given: &Given,
    keep: bool,
    interrupt: &Interrupt,
    progress: &Progress,
) -> Result<()> {
    let target = Target {
        kubectl: cluster::kubectl_binary(progress)?,
        kubeconfig: given.kubeconfig.clone(),
        image: format!("{}/demo", given.registry),
        audit_log: None,
    };
    progress.step(format!(
        "the cluster must be able to pull {}:1, :2 and :3, images with /bin/sh that run until they \
         are told to end; writes are not counted, since that takes the API server's audit log",
        target.image
    ));
    // Also learns whether the cluster answers, before anything is built.
    let had_crd = target.has(&["customresourcedefinition", "clonesets.apps.kruise.io"])?;
    let had_controller = target.has(&[
        "--namespace=kruise-system",
        "deployment",
        "cloneset-controller",
    ])?;
    if target.has(&["namespace", NAMESPACE])? {
        bail!("namespace {NAMESPACE:?} exists there already, and the demo makes its own");
    }
    let made = Made::new(progress, interrupt, || {
        progress.step("taking the demo's objects away");
        target.delete_namespace()?;
        if had_controller {
            return Ok(());
        }
        install::uninstall(&target.kubeconfig, OVERLAY, !had_crd)
    });
    let result = (|| {
        if had_controller {
            progress.step("a cloneset-controller is installed there: it is used as it is");
        } else {
            interrupt.prefer(install::install(
                &given.kubeconfig,
                OVERLAY,
                &given.registry,
                given.insecure,
            ))?;
        }
        target.create_namespace()?;
        play(&target, interrupt)
    })();
    if keep {
        made.keep();
        explain(&target, &given.take_away(had_controller))?;
        return result;
    }
    result.and(made.take_away())
}

/// The story; where it fails, what the cluster says.
fn play(target: &Target, interrupt: &Interrupt) -> Result<()> {
    let result = OnCluster::new(target, interrupt).and_then(|mut ground| demo::play(&mut ground));
    if result.is_err() && interrupt.check().is_ok() {
        for line in target.diagnosis() {
            say(&line)?;
        }
    }
    result
}

/// What was kept, what one can do with it, and how it goes away.
fn explain(target: &Target, take_away: &[String]) -> Result<()> {
    let policy =
        r#"{"spec":{"updateStrategy":{"rollingUpdate":{"podUpdatePolicy":"InPlaceIfPossible"}}}}"#;
    let patch = json!([{
        "op": "replace",
        "path": "/spec/template/spec/containers/0/image",
        "value": format!("{}:1", target.image),
    }]);
    say("")?;
    say("Everything stays:")?;
    for line in [
        format!("export KUBECONFIG={}", target.kubeconfig.display()),
        format!(
            "alias k='{} --namespace {NAMESPACE}'",
            target.kubectl.display()
        ),
    ] {
        say(&format!("  {line}"))?;
    }
    say("Things to try:")?;
    for line in [
        "k get cloneset,pods --output wide".to_owned(),
        format!("k patch cloneset {CLONESET} --type merge --patch '{policy}'"),
        format!("k patch cloneset {CLONESET} --type json --patch '{patch}'"),
        format!("k scale cloneset {CLONESET} --replicas 9"),
        "k get events --sort-by .lastTimestamp".to_owned(),
    ] {
        say(&format!("  {line}"))?;
    }
    say("To take it away:")?;
    for line in take_away {
        say(&format!("  {line}"))?;
    }
    Ok(())
}
