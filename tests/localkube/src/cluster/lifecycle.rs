//! Bringing a cluster up, mending it and taking it down. There is one way up: each part is looked at, and
//! started if it doesn't run. A first start, a repair and an `up` that was killed half-way differ only in
//! how much is there already. What can't be mended is taken down completely and built anew.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};

use super::site::{Lock, MAX_NODES, Node, Site};
use super::{
    UpOptions, api, cgroups, control_plane, images, localkube, net, node, packages, pki, preflight,
    processes,
};
use crate::progress::Progress;
use crate::times;

/// From the kubelets' start until every node is Ready: 5 s on two idle cores.
const READY_TIMEOUT: Duration = Duration::from_secs(90);
/// How long a repaired cluster has before it is built anew.
const REPAIR_TIMEOUT: Duration = Duration::from_secs(45);

/// Makes sure that the cluster runs.
pub(super) fn up(options: &UpOptions, progress: &Progress) -> Result<Site> {
    if options.nodes > MAX_NODES {
        bail!(
            "a cluster has up to {MAX_NODES} nodes, not {}",
            options.nodes
        );
    }
    let programs = prepare(progress)?;
    let _lock = Lock::acquire(&options.name, progress)?;
    let Some(mut site) = Site::load(&options.name)? else {
        return build(options, &programs, progress);
    };

    if net::is_foreign(&site) {
        progress.step(
            "another cluster took this one's place on the machine since it ended: building anew",
        );
        return rebuild(&site, options, &programs, progress);
    }
    if site.config.nodes != options.nodes {
        if processes::pid(&site, control_plane::API_SERVER).is_some() {
            bail!(
                "cluster {:?} runs with {} nodes, not {}; to change that, `cargo xtask cluster down --name {0}` first",
                site.name,
                site.config.nodes,
                options.nodes
            );
        }
        progress.step(format!(
            "what is left of {:?} had {} nodes: building anew",
            site.name, site.config.nodes
        ));
        return rebuild(&site, options, &programs, progress);
    }

    let mut faults = faults(&site);
    if options.audit && !site.config.audit {
        site.config.audit = true;
        site.save()?;
        faults.push("the audit log is off".to_owned());
        control_plane::stop(&site, control_plane::API_SERVER)?;
    }
    if faults.is_empty() && all_ready(&site) {
        progress.step(format!(
            "cluster {:?} is up already: nothing to do",
            site.name
        ));
        return Ok(site);
    }
    progress.step(format!(
        "mending cluster {:?}: {}",
        site.name,
        summary(&faults)
    ));
    if faults.iter().any(|fault| fault.contains("doesn't answer")) {
        processes::stop(&site, control_plane::API_SERVER, Duration::ZERO)?;
    }
    match bring_up(&mut site, &programs, REPAIR_TIMEOUT, progress) {
        Ok(()) => Ok(site),
        Err(error) => {
            progress.step(format!("it can't be mended, building it anew: {error:#}"));
            rebuild(&site, options, &programs, progress)
        }
    }
}

/// Makes sure that the machine can run a cluster, and returns where its programs are.
pub(super) fn prepare(progress: &Progress) -> Result<PathBuf> {
    preflight::preflight()?;
    if !packages::missing().is_empty() {
        times::measured(times::PACKAGES, || packages::install(progress))?;
        preflight::after_install()?;
    }
    localkube::ensure(progress)
}

/// Takes the cluster away, whatever state it is in.
pub(super) fn down(name: &str, progress: &Progress) -> Result<()> {
    let _lock = Lock::acquire(name, progress)?;
    match Site::load(name)? {
        Some(site) => {
            progress.step(format!("taking cluster {name:?} down"));
            tear_down(&site)?;
            progress.step("down: nothing of it is left");
        }
        None => progress.step(format!("there is no cluster {name:?}: nothing to do")),
    }
    Ok(())
}

/// Stops one part of the control plane, waits, and starts it again.
pub(super) fn restart(site: &Site, part: &str, wait: Duration, progress: &Progress) -> Result<()> {
    progress.step(format!("stopping {part}"));
    control_plane::stop(site, part)?;
    if !wait.is_zero() {
        progress.step(format!("waiting {} s", wait.as_secs()));
        thread::sleep(wait);
    }
    control_plane::start(site, part, progress)?;
    progress.step(format!("{part} runs again"));
    Ok(())
}

/// Everything that isn't as it should be, as far as this machine shows.
pub(super) fn faults(site: &Site) -> Vec<String> {
    let mut faults = net::faults(site);
    faults.extend(control_plane::faults(site));
    faults.extend(site.nodes().flat_map(|node| node::faults(&node)));
    faults
}

fn all_ready(site: &Site) -> bool {
    api::ready_nodes(site).is_ok_and(|ready| site.nodes().all(|node| ready.contains(&node.name())))
}

fn build(options: &UpOptions, programs: &Path, progress: &Progress) -> Result<Site> {
    times::measured(times::CLUSTER, || {
        let mut site = Site::allocate(&options.name, options.nodes, options.audit)?;
        bring_up(&mut site, programs, READY_TIMEOUT, progress)?;
        Ok(site)
    })
}

fn rebuild(old: &Site, options: &UpOptions, programs: &Path, progress: &Progress) -> Result<Site> {
    tear_down(old)?;
    // An audit log that was asked for once stays on.
    let options = UpOptions {
        name: options.name.clone(),
        audit: options.audit || old.config.audit,
        ..*options
    };
    build(&options, programs, progress)
}

fn bring_up(
    site: &mut Site,
    programs: &Path,
    timeout: Duration,
    progress: &Progress,
) -> Result<()> {
    link_programs(site, programs, progress)?;
    net::ensure_bridge(site)?;
    site.settle_ports()?;
    pki::ensure(site)?;

    let site = &*site;
    let nodes: Vec<Node<'_>> = site.nodes().collect();
    progress.step(format!(
        "starting the control plane at {} and {} {}",
        site.api_server(),
        nodes.len(),
        if nodes.len() == 1 { "node" } else { "nodes" }
    ));
    thread::scope(|scope| {
        let mut tasks = vec![
            scope.spawn(|| control_plane::ensure(site, progress)),
            scope
                .spawn(|| control_plane::ensure_registry(site).and_then(|()| images::ensure(site))),
        ];
        for node in &nodes {
            tasks.push(scope.spawn(move || {
                node::ensure_runtime(node, progress)
                    .with_context(|| format!("start {}", node.name()))
            }));
        }
        join(tasks)
    })?;

    let stale: Vec<(String, Option<String>)> = nodes
        .iter()
        .filter(|node| !node::kubelet_runs(node))
        .map(|node| (node.name(), api::lease_renewal(site, &node.name())))
        .collect();
    progress.step("waiting until the nodes are Ready");
    thread::scope(|scope| {
        let tasks = nodes.iter().map(|node| {
            scope.spawn(move || {
                node::ensure_agents(node)
                    .and_then(|()| node::wait_for_services(node))
                    .with_context(|| format!("start {}", node.name()))
            })
        });
        join(tasks.collect())
    })?;
    if api::wait_until_usable(site, &stale, timeout / 2).is_err() {
        // A kubelet or containerd that runs but hangs.
        let ready = api::ready_nodes(site)?;
        for node in nodes.iter().filter(|node| !ready.contains(&node.name())) {
            progress.step(format!(
                "{} doesn't get Ready: restarting its agents",
                node.name()
            ));
            node::stop_agents(node)?;
            node::ensure_runtime(node, progress)?;
            node::ensure_agents(node)?;
        }
        api::wait_until_usable(site, &stale, timeout)?;
    }
    progress.step(format!(
        "cluster {:?} is up; kubeconfig {}, registry {}",
        site.name,
        site.kubeconfig().display(),
        site.registry()
    ));
    Ok(())
}

fn tear_down(site: &Site) -> Result<()> {
    if net::is_foreign(site) {
        return super::remove_dir(&site.dir);
    }
    cgroups::kill_all(site)?;
    net::remove(site)?;
    cgroups::remove(site)?;
    // Last, so that a `down` that is killed is repeated from its start.
    super::remove_dir(&site.dir)
}

/// Keeps to the programs the cluster was made with, as long as they are there.
fn link_programs(site: &Site, programs: &Path, progress: &Progress) -> Result<()> {
    let link = site.path("bin");
    if link.join("localkube").exists() {
        if link.canonicalize().ok() != programs.canonicalize().ok() {
            progress.step(
                "note: the cluster runs another build of the control plane than this checkout's",
            );
        }
        return Ok(());
    }
    let _ = fs::remove_file(&link);
    symlink(programs, &link).with_context(|| format!("link {}", link.display()))
}

fn join(tasks: Vec<thread::ScopedJoinHandle<'_, Result<()>>>) -> Result<()> {
    let results: Vec<Result<()>> = tasks
        .into_iter()
        .map(|task| {
            task.join()
                .unwrap_or_else(|_| Err(anyhow!("a thread panicked")))
        })
        .collect();
    results.into_iter().collect()
}

fn summary(faults: &[String]) -> String {
    match faults {
        [] => "not every node is Ready".to_owned(),
        [first, second, third, rest @ ..] if !rest.is_empty() => {
            format!("{first}, {second}, {third} and {} more", rest.len())
        }
        few => few.join(", "),
    }
}
