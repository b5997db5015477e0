//! `cargo xtask soak`: what must hold for a long time and many times over, on a real cluster.

mod api;
mod callers;
mod https;
mod installation;
mod load;
mod restarts;
mod rotations;
mod starts;
mod view;
mod webhooks;

use anyhow::{Result, bail};

use crate::cluster::{Cluster, UpOptions};
use crate::demo;
use crate::progress::Progress;
use api::Api;
use callers::Requests;
use installation::Installation;
use view::Way;

/// The soak's own cluster.
const CLUSTER: &str = "kruise-soak";
const OVERLAY: &str = "cloneset";

/// Each flag is a stage that runs when it is given.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// So many times two replicas start together and find no Secret of certificates
    #[arg(long, value_name = "N")]
    starts: Option<u32>,
    /// So many rolling restarts under a load of conversions
    #[arg(long, value_name = "N")]
    restarts: Option<u32>,
    /// So many new certificates and as many new authorities under a load of conversions and admissions
    #[arg(long, value_name = "N")]
    rotations: Option<u32>,
    /// Conversions and admissions a second, in all, made as the API server makes them
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..))]
    rate: u32,
    /// Call the Services' IPs, where kube-proxy chooses the replica; run this in a node's network
    /// namespace (`nsenter --net=/run/netns/...`), where kube-proxy's rules are
    #[arg(long)]
    service_ip: bool,
    /// Name of the cluster; one that runs already is used as it is, and left
    #[arg(long, default_value = CLUSTER)]
    name: String,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    if [args.starts, args.restarts, args.rotations]
        .iter()
        .all(Option::is_none)
    {
        bail!("nothing to do: give --starts, --restarts or --rotations");
    }
    let progress = Progress::new();
    let found = Cluster::find(&args.name)?;
    let is_ours = found.is_none();
    let cluster = match found {
        Some(cluster) => cluster,
        None => Cluster::up(
            &UpOptions {
                name: args.name.clone(),
                nodes: 2,
                audit: false,
            },
            &progress,
        )?,
    };
    let result = stages(args, &cluster, &progress);
    if is_ours {
        return result.and(Cluster::down(&args.name, &progress));
    }
    result
}

fn stages(args: &Args, cluster: &Cluster, progress: &Progress) -> Result<()> {
    let api = Api::of(&cluster.kubeconfig())?;
    if !(Installation { api: &api }).is_there()? {
        let registry = format!("{}/kruise", cluster.registry());
        demo::install(&cluster.kubeconfig(), OVERLAY, &registry, true)?;
    }
    let requests = Requests {
        rate: args.rate,
        way: if args.service_ip {
            Way::ServiceIp
        } else {
            Way::Endpoints
        },
    };
    if let Some(starts) = args.starts {
        starts::run(&api, starts, progress)?;
    }
    if let Some(restarts) = args.restarts {
        restarts::run(&api, restarts, requests, progress)?;
    }
    if let Some(rotations) = args.rotations {
        rotations::run(&api, rotations, requests, progress)?;
    }
    Ok(())
}
