//! What is served to the API server must hold while replicas start, restart, and change certificates.

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

use anyhow::Result;

use super::ground::Ground;
use api::Api;
use callers::Requests;
use view::Way;

/// Each flag is a stage that runs when it is given.
#[derive(clap::Args)]
#[group(id = "serving")]
pub(super) struct Args {
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
}

impl Args {
    pub(super) fn is_empty(&self) -> bool {
        [self.starts, self.restarts, self.rotations]
            .iter()
            .all(Option::is_none)
    }
}

pub(super) fn run(ground: &Ground<'_>, args: &Args) -> Result<()> {
    let api = Api::of(&ground.cluster.kubeconfig())?;
    let requests = Requests {
        rate: args.rate,
        way: if args.service_ip {
            Way::ServiceIp
        } else {
            Way::Endpoints
        },
    };
    let progress = ground.progress;
    if let Some(starts) = args.starts {
        ground
            .interrupt
            .prefer(starts::run(&api, starts, progress))?;
    }
    if let Some(restarts) = args.restarts {
        let done = restarts::run(&api, restarts, requests, progress);
        ground.interrupt.prefer(done)?;
    }
    if let Some(rotations) = args.rotations {
        let done = rotations::run(&api, rotations, requests, progress);
        ground.interrupt.prefer(done)?;
    }
    Ok(())
}
