//! A node: a network namespace and a mount namespace on this machine, with a containerd, a kubelet and a
//! kube-proxy of its own in them. What a pod mounts from its host at /run, /var/log or /var/lib/kubelet is
//! its own node's.

use std::fs;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::json;

use super::control_plane::HOST_PATH_VOLUMES;
use super::processes::{self, POLL, in_namespaces};
use super::site::{Node, write_atomically};
use super::{cgroups, images, net, packages};
use crate::process;
use crate::progress::Progress;

/// The process that keeps the node's namespaces; without it there is no node.
const HOLDER: &str = "holder";
const CONTAINERD: &str = "containerd";
const KUBELET: &str = "kubelet";
const PROXY: &str = "proxy";
/// In the order they start.
pub(super) const PARTS: [&str; 4] = [HOLDER, CONTAINERD, KUBELET, PROXY];

const SOCKET: &str = "/run/containerd/containerd.sock";
const KUBELET_DIR: &str = "/var/lib/kubelet";
const NODE_TIMEOUT: Duration = Duration::from_secs(60);

/// What the holder does before it sleeps: $1 is the node's directory, $2 the cluster's volumes.
/// Mounts are shared from here on, as containers with propagated mounts expect, but not with the root.
const HOLD: &str = "mount --bind \"$1/run\" /run
mount --bind \"$1/log\" /var/log
mount --bind \"$1/kubelet\" \"$3\"
mount --bind \"$2\" \"$4\"
mount --make-rshared /
: > /run/ready
exec sleep infinity";

/// Starts everything of the node up to containerd, which needs no API server.
pub(super) fn ensure_runtime(node: &Node<'_>, progress: &Progress) -> Result<()> {
    let site = node.site;
    let is_new = !node.dir().join("run").exists();
    if processes::pid(site, &node.part(HOLDER)).is_none() || !is_whole(node) {
        if !is_new {
            progress.step(format!(
                "{} lost its namespaces: starting it anew, with its containers",
                node.name()
            ));
        }
        reset(node)?;
        net::ensure_node(node)?;
        cgroups::ensure_node(node)?;
        start_holder(node)?;
    } else {
        net::ensure_node(node)?;
    }
    let holder = holder(node)?;
    let containerd = node.part(CONTAINERD);
    if processes::pid(site, &containerd).is_none() {
        let config = node.dir().join("containerd.toml");
        write_atomically(&config, containerd_config(node)?.as_bytes())?;
        let mut command = in_namespaces(
            holder,
            packages::find("containerd").context("find containerd")?,
        );
        command.arg("--config").arg(config);
        processes::start(site, &node.part("host"), &containerd, &command)?;
    }
    processes::wait_until(
        site,
        &containerd,
        "containerd answers",
        NODE_TIMEOUT,
        || {
            let mut version = in_namespaces(holder, "ctr");
            process::outcome(version.arg("version")).is_ok_and(|out| out.status.success())
        },
    )
}

/// Starts the node's kubelet and kube-proxy. The API server, the pause image and [`ensure_runtime`] come first.
pub(super) fn ensure_agents(node: &Node<'_>) -> Result<()> {
    let site = node.site;
    let holder = holder(node)?;
    let kubelet = node.part(KUBELET);
    if processes::pid(site, &kubelet).is_none() {
        let mut import = in_namespaces(holder, "ctr");
        import
            .args(["--namespace", "k8s.io", "images", "import"])
            .arg(images::pause_archive(site));
        process::output(&mut import)
            .with_context(|| format!("import the pause image on {}", node.name()))?;

        let config = node.dir().join("kubelet.json");
        write_atomically(&config, &serde_json::to_vec_pretty(&kubelet_config(node))?)?;
        let mut command = in_namespaces(holder, site.program("kubelet"));
        command.args([
            format!("--config={}", config.display()),
            format!("--kubeconfig={}", kubeconfig(node, &node.name())),
            format!("--hostname-override={}", node.name()),
            format!("--node-ip={}", node.address()),
            format!("--root-dir={KUBELET_DIR}"),
        ]);
        processes::start(site, &node.part("host"), &kubelet, &command)?;
    }
    let proxy = node.part(PROXY);
    if processes::pid(site, &proxy).is_none() {
        let mut command = in_namespaces(holder, site.program("kube-proxy"));
        command.args([
            format!("--kubeconfig={}", kubeconfig(node, "proxy")),
            format!("--hostname-override={}", node.name()),
            format!("--cluster-cidr={}", site.pod_subnet()),
            "--proxy-mode=nftables".to_owned(),
            // The machine's connection tracking is not a node's to tune.
            "--conntrack-max-per-core=0".to_owned(),
            "--conntrack-tcp-timeout-established=0".to_owned(),
            "--conntrack-tcp-timeout-close-wait=0".to_owned(),
        ]);
        processes::start(site, &node.part("host"), &proxy, &command)?;
    }
    Ok(())
}

/// Waits until the node's Services work, seen by the rule for the API server's.
pub(super) fn wait_for_services(node: &Node<'_>) -> Result<()> {
    let rule = format!("{} . tcp . 443", node.site.api_service());
    processes::wait_until(
        node.site,
        &node.part(PROXY),
        "Services work",
        NODE_TIMEOUT,
        || {
            process::output(net::in_netns(node).args(["nft", "list", "table", "ip", "kube-proxy"]))
                .is_ok_and(|rules| rules.contains(&rule))
        },
    )
}

/// Whether this `up` has to start the kubelet, so that what the API server says about the node is stale.
pub(super) fn kubelet_runs(node: &Node<'_>) -> bool {
    processes::pid(node.site, &node.part(KUBELET)).is_some()
}

/// What of the node doesn't run.
pub(super) fn faults(node: &Node<'_>) -> Vec<String> {
    let dead = PARTS
        .iter()
        .map(|part| node.part(part))
        .filter(|part| processes::pid(node.site, part).is_none());
    dead.map(|part| format!("{part} doesn't run")).collect()
}

/// Ends the kubelet and containerd of a node that doesn't get ready; containers live on.
pub(super) fn stop_agents(node: &Node<'_>) -> Result<()> {
    for part in [KUBELET, PROXY, CONTAINERD] {
        processes::stop(node.site, &node.part(part), Duration::from_secs(2))?;
    }
    Ok(())
}

fn holder(node: &Node<'_>) -> Result<u32> {
    processes::pid(node.site, &node.part(HOLDER))
        .with_context(|| format!("{}'s holder doesn't run", node.name()))
}

/// Whether the holder's namespaces are the node's: a new namespace may have taken the old one's name,
/// or the holder may have been stopped half-way.
fn is_whole(node: &Node<'_>) -> bool {
    let Ok(holder) = holder(node) else {
        return false;
    };
    let network = |command: &mut Command| {
        process::output(command.args(["readlink", "/proc/self/ns/net"])).ok()
    };
    let named = network(&mut net::in_netns(node));
    named.is_some()
        && named == network(&mut in_namespaces(holder, "env"))
        && node.dir().join("run/ready").exists()
}

/// Ends whatever is left of the node, and removes its files: the API server tells the kubelet again.
fn reset(node: &Node<'_>) -> Result<()> {
    cgroups::kill_node(node)?;
    super::remove_dir(&node.dir())
}

fn start_holder(node: &Node<'_>) -> Result<()> {
    let site = node.site;
    let volumes = site.path("volumes");
    for dir in [
        "run/containerd",
        "run/netns",
        "run/lock",
        "log",
        "kubelet",
        "cni",
    ] {
        fs::create_dir_all(node.dir().join(dir))
            .with_context(|| format!("create {}'s {dir}", node.name()))?;
    }
    for dir in [
        volumes.as_path(),
        KUBELET_DIR.as_ref(),
        HOST_PATH_VOLUMES.as_ref(),
    ] {
        fs::create_dir_all(dir).with_context(|| format!("create {}", dir.display()))?;
    }
    let mut command = net::in_netns(node);
    command
        .args([
            "unshare",
            "--mount",
            "--propagation",
            "private",
            "sh",
            "-ec",
            HOLD,
            "sh",
        ])
        .arg(node.dir())
        .args([
            volumes.as_path(),
            KUBELET_DIR.as_ref(),
            HOST_PATH_VOLUMES.as_ref(),
        ]);
    let part = node.part(HOLDER);
    processes::start(site, &node.part("host"), &part, &command)?;
    let ready = node.dir().join("run/ready");
    processes::wait_until(site, &part, "its mounts are made", POLL * 100, || {
        ready.exists()
    })
}

fn kubeconfig(node: &Node<'_>, user: &str) -> String {
    node.site
        .path("pki")
        .join(format!("{user}.kubeconfig"))
        .display()
        .to_string()
}

fn containerd_config(node: &Node<'_>) -> Result<String> {
    let dir = node.dir();
    let mirror = format!("http://{}", node.site.registry());
    let hosts = dir.join("certs.d/_default");
    fs::create_dir_all(&hosts).with_context(|| format!("create {}", hosts.display()))?;
    // `server` too: otherwise what the mirror lacks is looked for at the registry of that name.
    let text = format!(
        "server = \"{mirror}\"\n[host.\"{mirror}\"]\n  capabilities = [\"pull\", \"resolve\"]\n  skip_verify = true\n"
    );
    write_atomically(&hosts.join("hosts.toml"), text.as_bytes())?;
    let network = json!({
        "cniVersion": "0.4.0",
        "name": "pods",
        "plugins": [{
            "type": "bridge",
            "bridge": "cni0",
            "isGateway": true,
            "ipMasq": false,
            "hairpinMode": true,
            "ipam": {
                "type": "host-local",
                "dataDir": dir.join("ipam"),
                "ranges": [[{"subnet": node.pod_subnet().to_string()}]],
                "routes": [{"dst": "0.0.0.0/0"}],
            },
        }],
    });
    write_atomically(
        &dir.join("cni/10-pods.conflist"),
        &serde_json::to_vec_pretty(&network)?,
    )?;
    let plugins = packages::cni_dir().context("find the CNI plugins")?;
    // restrict_oom_score_adj: without CAP_SYS_RESOURCE a sandbox can't be given a better score than ours.
    Ok(format!(
        r#"version = 2
root = "{dir}/containerd/root"
state = "{dir}/containerd/state"
[grpc]
  address = "{SOCKET}"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{pause}"
  restrict_oom_score_adj = true
  max_concurrent_downloads = 8
  [plugins."io.containerd.grpc.v1.cri".registry]
    config_path = "{dir}/certs.d"
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "{plugins}"
    conf_dir = "{dir}/cni"
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
"#,
        dir = dir.display(),
        pause = images::PAUSE,
        plugins = plugins.display(),
    ))
}

fn kubelet_config(node: &Node<'_>) -> serde_json::Value {
    let pki = |file: String| node.site.path("pki").join(file);
    json!({
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "authentication": {
            "anonymous": {"enabled": false},
            "webhook": {"enabled": false},
            "x509": {"clientCAFile": pki("ca.crt".to_owned())},
        },
        "authorization": {"mode": "AlwaysAllow"},
        "tlsCertFile": pki(format!("{}.crt", node.name())),
        "tlsPrivateKeyFile": pki(format!("{}.key", node.name())),
        "containerRuntimeEndpoint": format!("unix://{SOCKET}"),
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": format!("/{}/{}", node.site.cgroup(), node.name()),
        "cgroupsPerQOS": true,
        "enforceNodeAllocatable": [],
        "failCgroupV1": false,
        "failSwapOn": false,
        "podCIDR": node.pod_subnet().to_string(),
        "maxPods": 200,
        "podPidsLimit": -1,
        "clusterDNS": [],
        "resolvConf": "/etc/resolv.conf",
        "makeIPTablesUtilChains": false,
        // Killed containers come back at once: tests kill many.
        "crashLoopBackOff": {"maxContainerRestartPeriod": "1s"},
        "serializeImagePulls": false,
        "registryPullQPS": 0,
        "eventRecordQPS": 0,
        "kubeAPIQPS": 300,
        "kubeAPIBurst": 600,
        "nodeStatusUpdateFrequency": "2s",
        "nodeLeaseDurationSeconds": 6,
        // The disk is the machine's: a full one is not a reason to evict or to drop images.
        "imageGCHighThresholdPercent": 100,
        "evictionHard": {"nodefs.available": "1%", "imagefs.available": "1%", "memory.available": "100Mi"},
    })
}
