//! The cluster's network: a bridge in the root namespace, and a namespace with a cable to the bridge
//! for each node. Nodes route to each other's pods themselves, so the machine needn't forward.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use super::site::{Node, Site, Subnet};
use crate::process;

/// Routes this wide or wider (a VPN's 10.0.0.0/8) leave room for our more specific ones.
const WIDE_ROUTE: u8 = 8;

/// What the machine's interfaces and routes already use.
pub(super) fn used_subnets() -> Result<Vec<Subnet>> {
    let addresses = process::output(Command::new("ip").args(["-o", "-4", "addr", "show"]))?;
    let routes = process::output(Command::new("ip").args(["-o", "-4", "route", "show"]))?;
    let addresses = addresses
        .lines()
        .filter_map(|line| {
            line.split_whitespace()
                .skip_while(|word| *word != "inet")
                .nth(1)
        })
        .filter_map(Subnet::parse);
    let routes = routes
        .lines()
        .filter_map(|line| line.split_whitespace().next())
        .filter_map(Subnet::parse);
    Ok(addresses
        .chain(routes)
        .filter(|subnet| subnet.prefix > WIDE_ROUTE)
        .collect())
}

pub(super) fn bridge_exists(site: &Site) -> bool {
    Path::new("/sys/class/net").join(site.bridge()).exists()
}

/// Whether the bridge of this name was made for another state directory: then nothing here is ours.
pub(super) fn is_foreign(site: &Site) -> bool {
    let alias = std::fs::read_to_string(
        Path::new("/sys/class/net")
            .join(site.bridge())
            .join("ifalias"),
    );
    alias.is_ok_and(|alias| !alias.trim().is_empty() && alias.trim() != owner(site))
}

/// What is missing of the bridge and the nodes' cables.
pub(super) fn faults(site: &Site) -> Vec<String> {
    let mut faults = Vec::new();
    let address = process::output(Command::new("ip").args([
        "-o",
        "-4",
        "addr",
        "show",
        "up",
        "dev",
        &site.bridge(),
    ]));
    if !address.is_ok_and(|text| text.contains(&format!(" {}/", site.gateway()))) {
        faults.push(format!("bridge {} is missing or down", site.bridge()));
    }
    for node in site.nodes() {
        if !netns_alive(&node) {
            faults.push(format!("{}'s network namespace is gone", node.name()));
        } else if !is_connected(&node) {
            faults.push(format!("{} is cut off", node.name()));
        }
    }
    faults
}

/// Makes the bridge, or mends it.
pub(super) fn ensure_bridge(site: &Site) -> Result<()> {
    let bridge = site.bridge();
    if !bridge_exists(site) {
        // An address of its own: otherwise it takes its ports' lowest one, and changes with them.
        let mac = format!("02:6b:72:00:00:{:02x}", site.config.slot);
        ip(&["link", "add", &bridge, "address", &mac, "type", "bridge"])?;
    }
    batch(
        None,
        &[
            format!(
                "addr replace {}/{} dev {bridge}",
                site.gateway(),
                site.node_subnet().prefix
            ),
            format!("link set {bridge} alias {}", owner(site)),
            format!("link set {bridge} up"),
        ],
    )
}

/// Makes a node's namespace, cable and routes, or mends them. Plugs the cable in again too.
pub(super) fn ensure_node(node: &Node<'_>) -> Result<()> {
    let (netns, veth, bridge) = (node.netns(), node.veth(), node.site.bridge());
    if !netns_alive(node) {
        remove_netns(&netns)?;
        ip(&["netns", "add", &netns])?;
    }
    let inside = |args: &[&str]| {
        process::outcome(Command::new("ip").args(["-n", &netns]).args(args))
            .is_ok_and(|out| out.status.success())
    };
    if !Path::new("/sys/class/net").join(&veth).exists() || !inside(&["link", "show", "eth0"]) {
        remove_link(&veth)?;
        ip(&[
            "link", "add", &veth, "type", "veth", "peer", "name", "eth0", "netns", &netns,
        ])?;
    }
    batch(None, &[format!("link set {veth} master {bridge} up")])?;
    let mut commands = vec![
        "link set lo up".to_owned(),
        format!(
            "addr replace {}/{} dev eth0",
            node.address(),
            node.site.node_subnet().prefix
        ),
        "link set eth0 up".to_owned(),
        format!("route replace default via {}", node.site.gateway()),
    ];
    for peer in node.site.nodes().filter(|peer| peer.number != node.number) {
        commands.push(format!(
            "route replace {} via {}",
            peer.pod_subnet(),
            peer.address()
        ));
    }
    batch(Some(&netns), &commands)?;
    // The machine's own way to the pods: the API server calls webhooks there.
    batch(
        None,
        &[format!(
            "route replace {} via {} dev {bridge}",
            node.pod_subnet(),
            node.address()
        )],
    )?;
    process::output(in_netns(node).args(["sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward"]))?;
    Ok(())
}

/// Pulls a node's cable out, or plugs it in.
pub(super) fn set_connected(node: &Node<'_>, connected: bool) -> Result<()> {
    ip(&[
        "link",
        "set",
        &node.veth(),
        if connected { "up" } else { "down" },
    ])
}

/// Whether the node's cable is there and plugged in.
pub(super) fn is_connected(node: &Node<'_>) -> bool {
    let state = std::fs::read_to_string(
        Path::new("/sys/class/net")
            .join(node.veth())
            .join("operstate"),
    );
    state.is_ok_and(|state| state.trim() == "up")
}

/// A command that runs in the node's network namespace, but in the root mount namespace.
pub(super) fn in_netns(node: &Node<'_>) -> Command {
    let mut command = Command::new("nsenter");
    command.arg(format!("--net={}", netns_file(&node.netns()).display()));
    command
}

/// Removes whatever is left: cables, namespaces and the bridge, with the routes through them.
pub(super) fn remove(site: &Site) -> Result<()> {
    let bridge = site.bridge();
    // By prefix, not by the number of nodes: the count in the state may be a later one.
    for name in names_in("/sys/class/net") {
        let number = name.strip_prefix(&format!("{bridge}n"));
        if number.is_some_and(|number| number.parse::<u8>().is_ok()) {
            remove_link(&name)?;
        }
    }
    for name in names_in("/run/netns").filter(|name| name.starts_with(&format!("{bridge}-node"))) {
        remove_netns(&name)?;
    }
    remove_link(&bridge)
}

/// The state directory's end, without spaces: an interface's alias has 255 bytes.
fn owner(site: &Site) -> String {
    let path = site
        .dir
        .display()
        .to_string()
        .replace(char::is_whitespace, "_");
    path.chars()
        .rev()
        .take(60)
        .collect::<Vec<_>>()
        .into_iter()
        .rev()
        .collect()
}

fn netns_file(netns: &str) -> PathBuf {
    Path::new("/run/netns").join(netns)
}

/// The file may outlive the namespace: after a restart of the machine, or a kill half-way.
fn netns_alive(node: &Node<'_>) -> bool {
    netns_file(&node.netns()).exists()
        && process::outcome(in_netns(node).arg("true")).is_ok_and(|out| out.status.success())
}

fn remove_netns(netns: &str) -> Result<()> {
    let file = netns_file(netns);
    if file.exists() {
        // Unmounts and unlinks; a plain file left by a restart is only unlinked by the second try.
        let removed = ip(&["netns", "del", netns]);
        if file.exists() {
            std::fs::remove_file(&file)
                .with_context(|| format!("remove {}", file.display()))
                .or(removed)?;
        }
    }
    Ok(())
}

fn remove_link(link: &str) -> Result<()> {
    let file = Path::new("/sys/class/net").join(link);
    if file.exists()
        && let Err(error) = ip(&["link", "del", link])
        && file.exists()
    {
        return Err(error);
    }
    Ok(())
}

fn names_in(dir: &str) -> impl Iterator<Item = String> {
    std::fs::read_dir(dir)
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.file_name().to_string_lossy().into_owned()))
}

fn ip(args: &[&str]) -> Result<()> {
    process::output(Command::new("ip").args(args)).map(drop)
}

/// Several `ip` commands by one process.
fn batch(netns: Option<&str>, commands: &[String]) -> Result<()> {
    let mut command = Command::new("ip");
    if let Some(netns) = netns {
        command.args(["-n", netns]);
    }
    command
        .args(["-batch", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    let mut child = command.spawn().context("start `ip`")?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin
            .write_all(commands.join("\n").as_bytes())
            .context("write to `ip -batch`")?;
        stdin.write_all(b"\n").context("write to `ip -batch`")?;
    }
    let output = child.wait_with_output().context("wait for `ip`")?;
    if !output.status.success() {
        bail!(
            "`ip` refused one of {commands:?}: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    Ok(())
}
