//! One cluster's place on the machine: its directory, addresses, and the names of its links,
//! namespaces and cgroups. Everything is derived from the cluster's slot (0..=15), so that clusters
//! side by side can't meet. Nothing here changes the machine except the state directory's files.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

use super::{cgroups, net};
use crate::progress::Progress;
use crate::{cache, process};

/// Slots on one machine. Second octets 89.., 120.. and 200.. leave room for 16 without overlap.
const SLOTS: u8 = 16;
/// More nodes than this fit no machine this is meant for; addresses would allow 200.
pub(super) const MAX_NODES: u8 = 32;

/// What is decided when a cluster is made, and kept in `cluster.json` until it is taken down.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Config {
    pub(super) slot: u8,
    pub(super) nodes: u8,
    pub(super) audit: bool,
    /// Unset until the bridge is there to try ports on.
    pub(super) ports: Option<Ports>,
}

/// Ports on the bridge's address. The usual ones, unless something listens there on every address.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Ports {
    pub(super) api_server: u16,
    pub(super) etcd: u16,
    pub(super) etcd_peer: u16,
    pub(super) controller_manager: u16,
    pub(super) scheduler: u16,
    pub(super) registry: u16,
}

impl Default for Ports {
    fn default() -> Self {
        Self {
            api_server: 6443,
            etcd: 2379,
            etcd_peer: 2380,
            controller_manager: 10257,
            scheduler: 10259,
            registry: 5000,
        }
    }
}

impl Ports {
    /// The usual ports, each moved up until it is free on `address`.
    fn free_on(address: Ipv4Addr) -> Result<Self> {
        let free = |usual: u16| {
            (0..20)
                .map(|n| usual + n * 20)
                .find(|port| TcpListener::bind((address, *port)).is_ok())
                .with_context(|| format!("no free port near {usual} on {address}"))
        };
        let usual = Self::default();
        Ok(Self {
            api_server: free(usual.api_server)?,
            etcd: free(usual.etcd)?,
            etcd_peer: free(usual.etcd_peer)?,
            controller_manager: free(usual.controller_manager)?,
            scheduler: free(usual.scheduler)?,
            registry: free(usual.registry)?,
        })
    }
}

/// A cluster that has a slot.
#[derive(Clone, Debug)]
pub(super) struct Site {
    pub(super) name: String,
    pub(super) dir: PathBuf,
    pub(super) config: Config,
}

impl Site {
    /// The cluster called `name`, if it was made and not taken down since.
    pub(super) fn load(name: &str) -> Result<Option<Self>> {
        check_name(name)?;
        let dir = clusters_dir()?.join(name);
        let Some(config) = read_config(&dir)? else {
            return Ok(None);
        };
        Ok(Some(Self {
            name: name.to_owned(),
            dir,
            config,
        }))
    }

    /// Takes a slot for a new cluster and writes it down.
    pub(super) fn allocate(name: &str, nodes: u8, audit: bool) -> Result<Self> {
        check_name(name)?;
        let clusters = clusters_dir()?;
        // Two first `up`s at the same time must not choose the same slot.
        let lock = File::create(clusters.join(".slots.lock")).context("create the slots' lock")?;
        lock.lock().context("lock the slots")?;

        let mut taken = BTreeSet::new();
        for entry in
            fs::read_dir(&clusters).with_context(|| format!("read {}", clusters.display()))?
        {
            if let Some(config) = read_config(&entry?.path())? {
                taken.insert(config.slot);
            }
        }
        let in_use = net::used_subnets()?;
        for slot in (0..SLOTS).filter(|slot| !taken.contains(slot)) {
            let site = Self {
                name: name.to_owned(),
                dir: clusters.join(name),
                config: Config {
                    slot,
                    nodes,
                    audit,
                    ports: None,
                },
            };
            // Another user's or cache directory's cluster: not in our list, but on this machine.
            let foreign = net::bridge_exists(&site) || cgroups::exists(&site);
            if foreign
                || site
                    .subnets()
                    .iter()
                    .any(|ours| in_use.iter().any(|used| ours.overlaps(used)))
            {
                continue;
            }
            fs::create_dir_all(site.path("log"))
                .with_context(|| format!("create {}", site.dir.display()))?;
            site.save()?;
            return Ok(site);
        }
        bail!(
            "no free subnet: of the {SLOTS} places for clusters (10.89.0.0/24, 10.120.0.0/16, 10.200.0.0/16 and \
             the following) each is used by a cluster or by another interface; see `ip addr`, `ip route`, {}",
            clusters.display()
        )
    }

    /// Writes the configuration, whole or not at all.
    pub(super) fn save(&self) -> Result<()> {
        write_atomically(
            &self.path("cluster.json"),
            &serde_json::to_vec_pretty(&self.config)?,
        )
    }

    /// Settles the ports once the bridge's address exists.
    pub(super) fn settle_ports(&mut self) -> Result<()> {
        if self.config.ports.is_none() {
            self.config.ports = Some(Ports::free_on(self.gateway())?);
            self.save()?;
        }
        Ok(())
    }

    pub(super) fn path(&self, relative: impl AsRef<Path>) -> PathBuf {
        self.dir.join(relative)
    }

    pub(super) fn log(&self, part: &str) -> PathBuf {
        self.path("log").join(format!("{part}.log"))
    }

    pub(super) fn audit_log(&self) -> PathBuf {
        self.path("log/audit.log")
    }

    pub(super) fn kubeconfig(&self) -> PathBuf {
        self.path("kubeconfig")
    }

    /// One program of the control plane, or kubectl.
    pub(super) fn program(&self, name: &str) -> PathBuf {
        self.path("bin").join(name)
    }

    pub(super) fn ports(&self) -> Ports {
        self.config.ports.clone().unwrap_or_default()
    }

    /// The bridge's address, where the API server and the registry listen.
    pub(super) fn gateway(&self) -> Ipv4Addr {
        Ipv4Addr::new(10, 89 + self.config.slot, 0, 1)
    }

    pub(super) fn api_server(&self) -> String {
        format!("https://{}:{}", self.gateway(), self.ports().api_server)
    }

    pub(super) fn etcd(&self) -> String {
        format!("http://{}:{}", self.gateway(), self.ports().etcd)
    }

    pub(super) fn registry(&self) -> String {
        format!("{}:{}", self.gateway(), self.ports().registry)
    }

    pub(super) fn pod_subnet(&self) -> Subnet {
        Subnet {
            address: Ipv4Addr::new(10, 120 + self.config.slot, 0, 0),
            prefix: 16,
        }
    }

    pub(super) fn service_subnet(&self) -> Subnet {
        Subnet {
            address: Ipv4Addr::new(10, 200 + self.config.slot, 0, 0),
            prefix: 16,
        }
    }

    pub(super) fn node_subnet(&self) -> Subnet {
        Subnet {
            address: Ipv4Addr::new(10, 89 + self.config.slot, 0, 0),
            prefix: 24,
        }
    }

    /// The `kubernetes` Service's address: the first of the range.
    pub(super) fn api_service(&self) -> Ipv4Addr {
        Ipv4Addr::new(10, 200 + self.config.slot, 0, 1)
    }

    /// Name of the bridge, and of the cgroup that holds every process of the cluster.
    pub(super) fn bridge(&self) -> String {
        format!("kr{}", self.config.slot)
    }

    pub(super) fn cgroup(&self) -> String {
        self.bridge()
    }

    pub(super) fn nodes(&self) -> impl Iterator<Item = Node<'_>> {
        (1..=self.config.nodes).map(|number| Node { site: self, number })
    }

    fn subnets(&self) -> [Subnet; 3] {
        [self.node_subnet(), self.pod_subnet(), self.service_subnet()]
    }
}

/// One node's names and addresses.
#[derive(Clone, Copy, Debug)]
pub(super) struct Node<'a> {
    pub(super) site: &'a Site,
    /// From 1.
    pub(super) number: u8,
}

impl Node<'_> {
    /// The name Kubernetes knows it by.
    pub(super) fn name(&self) -> String {
        format!("node{}", self.number)
    }

    pub(super) fn dir(&self) -> PathBuf {
        self.site.path(self.name())
    }

    pub(super) fn address(&self) -> Ipv4Addr {
        Ipv4Addr::new(10, 89 + self.site.config.slot, 0, 10 + self.number)
    }

    pub(super) fn pod_subnet(&self) -> Subnet {
        Subnet {
            address: Ipv4Addr::new(10, 120 + self.site.config.slot, self.number, 0),
            prefix: 24,
        }
    }

    pub(super) fn netns(&self) -> String {
        format!("{}-{}", self.site.bridge(), self.name())
    }

    /// The root namespace's end of the node's cable.
    pub(super) fn veth(&self) -> String {
        format!("{}n{}", self.site.bridge(), self.number)
    }

    /// The name of one of its processes: `node1-kubelet`.
    pub(super) fn part(&self, part: &str) -> String {
        format!("{}-{part}", self.name())
    }
}

/// An IPv4 prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Subnet {
    pub(super) address: Ipv4Addr,
    pub(super) prefix: u8,
}

impl Subnet {
    /// From `10.0.0.0/8` or a bare address.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (address, prefix) = text.split_once('/').unwrap_or((text, "32"));
        Some(Self {
            address: address.parse().ok()?,
            prefix: prefix.parse().ok().filter(|prefix| *prefix <= 32)?,
        })
    }

    pub(super) fn overlaps(&self, other: &Self) -> bool {
        let shift = 32 - u32::from(self.prefix.min(other.prefix));
        let network = |subnet: &Self| u32::from(subnet.address).checked_shr(shift).unwrap_or(0);
        network(self) == network(other)
    }
}

impl std::fmt::Display for Subnet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

/// Held while a command changes a cluster. Others wait.
pub(super) struct Lock(#[expect(dead_code, reason = "the lock goes with the open file")] File);

impl Lock {
    pub(super) fn acquire(name: &str, progress: &Progress) -> Result<Self> {
        check_name(name)?;
        // Beside the cluster's directory, not in it: `down` removes that one, and a lock that is
        // deleted while others wait for it locks nobody out.
        let path = clusters_dir()?.join(format!(".{name}.lock"));
        let file = File::create(&path).with_context(|| format!("create {}", path.display()))?;
        if file.try_lock().is_err() {
            progress.step(format!(
                "another command is working on cluster {name:?}; waiting for it"
            ));
            process::lock(&file, &format!("for cluster {name:?} to be free"))
                .with_context(|| format!("lock {}", path.display()))?;
        }
        Ok(Self(file))
    }
}

/// Writes a file so that readers and a kill find the old or the new content, never a part.
pub(super) fn write_atomically(path: &Path, content: &[u8]) -> Result<()> {
    let temporary = path.with_extension("new");
    fs::write(&temporary, content).with_context(|| format!("write {}", temporary.display()))?;
    fs::rename(&temporary, path).with_context(|| format!("rename to {}", path.display()))
}

fn clusters_dir() -> Result<PathBuf> {
    let dir = cache::dir()?.join("clusters");
    fs::create_dir_all(&dir).with_context(|| format!("create {}", dir.display()))?;
    Ok(dir)
}

fn read_config(dir: &Path) -> Result<Option<Config>> {
    let path = dir.join("cluster.json");
    match fs::read(&path) {
        Ok(content) => Ok(Some(
            serde_json::from_slice(&content)
                .with_context(|| format!("parse {}", path.display()))?,
        )),
        Err(error)
            if matches!(
                error.kind(),
                std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory
            ) =>
        {
            Ok(None)
        }
        Err(error) => Err(error).with_context(|| format!("read {}", path.display())),
    }
}

fn check_name(name: &str) -> Result<()> {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if name.is_empty() || name.len() > 30 || !name.chars().all(plain) || name.starts_with('-') {
        bail!("{name:?} can't be a cluster's name: use up to 30 of a-z, 0-9 and '-'");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::Subnet;

    #[test]
    fn subnets_overlap_when_one_holds_the_other() {
        let subnet = |text| Subnet::parse(text).unwrap();
        assert!(subnet("10.89.0.0/24").overlaps(&subnet("10.89.0.7")));
        assert!(subnet("10.89.0.0/24").overlaps(&subnet("10.80.0.0/12")));
        assert!(!subnet("10.89.0.0/24").overlaps(&subnet("10.89.1.0/24")));
        assert!(subnet("10.89.0.0/24").overlaps(&subnet("0.0.0.0/0")));
        assert_eq!(Subnet::parse("default"), None);
        assert_eq!(Subnet::parse("10.0.0.0/33"), None);
    }
}
