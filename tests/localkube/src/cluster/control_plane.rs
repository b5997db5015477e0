//! The parts that run once per cluster, in the root network namespace on the bridge's address: etcd, the
//! API server, the controller manager, the scheduler and the image registry.

use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};

use super::processes::{self, POLL};
use super::site::{Site, write_atomically};
use super::{api, net};
use crate::progress::Progress;

pub(super) const ETCD: &str = "etcd";
pub(super) const API_SERVER: &str = "apiserver";
pub(super) const CONTROLLER_MANAGER: &str = "controller-manager";
pub(super) const SCHEDULER: &str = "scheduler";
pub(super) const REGISTRY: &str = "registry";
/// In the order they start.
pub(super) const PARTS: [&str; 5] = [REGISTRY, ETCD, API_SERVER, CONTROLLER_MANAGER, SCHEDULER];

/// The cgroup of these parts.
const OWNER: &str = "host";
/// Where `kubernetes.io/host-path` makes volumes: compiled into the controller manager. The cluster's
/// own directory is mounted over it wherever it is used.
pub(super) const HOST_PATH_VOLUMES: &str = "/tmp/hostpath_pv";
/// From its start until the API server is ready: 4 s on two idle cores.
const API_SERVER_TIMEOUT: Duration = Duration::from_secs(60);
/// Requests under way end within it. The API server would wait for its watchers far longer, in vain.
const GRACE: Duration = Duration::from_secs(3);
/// Requests of writers and watches of controllers, counted by service account; bodies left out.
const AUDIT_POLICY: &str = r#"apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- level: Metadata
  userGroups: ["system:serviceaccounts"]
- level: None
"#;

/// Starts what doesn't run, and waits until the API server answers.
pub(super) fn ensure(site: &Site, progress: &Progress) -> Result<()> {
    if processes::pid(site, ETCD).is_none() {
        progress.step("starting etcd");
        processes::start(site, OWNER, ETCD, &etcd(site))?;
    }
    let etcd = SocketAddr::from((site.gateway(), site.ports().etcd));
    processes::wait_until(
        site,
        ETCD,
        "etcd accepts connections",
        Duration::from_secs(30),
        || TcpStream::connect_timeout(&etcd, POLL).is_ok(),
    )?;
    if processes::pid(site, API_SERVER).is_none() {
        progress.step("starting the API server");
        start_api_server(site)?;
    }
    wait_for_api_server(site)?;
    for (part, command) in [
        (CONTROLLER_MANAGER, controller_manager(site)?),
        (SCHEDULER, scheduler(site)),
    ] {
        if processes::pid(site, part).is_none() {
            progress.step(format!("starting the {}", part.replace('-', " ")));
            processes::start(site, OWNER, part, &command)?;
        }
    }
    api::ensure_storage_class(site)
}

/// Starts the image registry if it doesn't run, and waits until it takes images.
pub(super) fn ensure_registry(site: &Site) -> Result<()> {
    if processes::pid(site, REGISTRY).is_none() {
        let storage = site.path("registry");
        fs::create_dir_all(&storage).with_context(|| format!("create {}", storage.display()))?;
        let config = site.path("registry.yaml");
        let text = format!(
            "version: 0.1\nlog: {{level: warn, accesslog: {{disabled: true}}}}\nstorage:\n  filesystem: \
             {{rootdirectory: {}}}\n  delete: {{enabled: true}}\n  maintenance: {{uploadpurging: {{enabled: \
             false}}}}\nhttp: {{addr: \"{}\"}}\n",
            storage.display(),
            site.registry()
        );
        write_atomically(&config, text.as_bytes())?;
        let mut command = Command::new("docker-registry");
        command.arg("serve").arg(config);
        processes::start(site, OWNER, REGISTRY, &command)?;
    }
    let address = SocketAddr::from((site.gateway(), site.ports().registry));
    processes::wait_until(
        site,
        REGISTRY,
        "the registry accepts connections",
        Duration::from_secs(20),
        || TcpStream::connect_timeout(&address, POLL).is_ok(),
    )
}

/// Starts the API server, which must not run.
pub(super) fn start_api_server(site: &Site) -> Result<()> {
    write_atomically(&site.path("audit-policy.yaml"), AUDIT_POLICY.as_bytes())?;
    processes::start(site, OWNER, API_SERVER, &api_server(site))
}

/// Waits until the API server says that it is ready.
pub(super) fn wait_for_api_server(site: &Site) -> Result<()> {
    let address = SocketAddr::from((site.gateway(), site.ports().api_server));
    processes::wait_until(
        site,
        API_SERVER,
        "the API server is ready",
        API_SERVER_TIMEOUT,
        || {
            // A connection first: cheaper than kubectl.
            TcpStream::connect_timeout(&address, POLL).is_ok() && api::is_ready(site)
        },
    )
}

/// Ends one of these parts in good order.
pub(super) fn stop(site: &Site, part: &str) -> Result<()> {
    processes::stop(site, part, GRACE)
}

/// Starts one of these parts, which must not run, and waits for it where that can be seen.
pub(super) fn start(site: &Site, part: &str, progress: &Progress) -> Result<()> {
    if part == REGISTRY {
        ensure_registry(site)
    } else {
        ensure(site, progress)
    }
}

/// What is wrong with the parts that run once.
pub(super) fn faults(site: &Site) -> Vec<String> {
    let mut faults: Vec<String> = PARTS
        .iter()
        .filter(|part| processes::pid(site, part).is_none())
        .map(|part| format!("{part} doesn't run"))
        .collect();
    if faults.is_empty() && net::bridge_exists(site) && !api::is_ready(site) {
        faults.push("the API server doesn't answer".to_owned());
    }
    faults
}

fn etcd(site: &Site) -> Command {
    let peer = format!("http://{}:{}", site.gateway(), site.ports().etcd_peer);
    let mut command = Command::new(site.program("etcd"));
    command.args([
        format!("--data-dir={}", site.path("etcd").display()),
        format!("--listen-client-urls={}", site.etcd()),
        format!("--advertise-client-urls={}", site.etcd()),
        format!("--listen-peer-urls={peer}"),
        format!("--initial-advertise-peer-urls={peer}"),
        format!("--initial-cluster=default={peer}"),
        "--log-level=warn".to_owned(),
        // A crash of the machine loses data, and the cluster is made anew; a killed etcd loses none.
        "--unsafe-no-fsync".to_owned(),
        "--quota-backend-bytes=6000000000".to_owned(),
    ]);
    command
}

fn api_server(site: &Site) -> Command {
    let pki = |file: &str| site.path("pki").join(file).display().to_string();
    let mut command = Command::new(site.program("kube-apiserver"));
    command.args([
        format!("--etcd-servers={}", site.etcd()),
        format!("--bind-address={}", site.gateway()),
        format!("--advertise-address={}", site.gateway()),
        format!("--secure-port={}", site.ports().api_server),
        format!("--tls-cert-file={}", pki("apiserver.crt")),
        format!("--tls-private-key-file={}", pki("apiserver.key")),
        format!("--client-ca-file={}", pki("ca.crt")),
        format!("--service-account-key-file={}", pki("service-accounts.pub")),
        format!(
            "--service-account-signing-key-file={}",
            pki("service-accounts.key")
        ),
        "--service-account-issuer=https://kubernetes.default.svc".to_owned(),
        format!("--service-cluster-ip-range={}", site.service_subnet()),
        "--authorization-mode=Node,RBAC".to_owned(),
        "--enable-admission-plugins=NodeRestriction".to_owned(),
        "--allow-privileged=true".to_owned(),
        format!("--kubelet-client-certificate={}", pki("kubelet-client.crt")),
        format!("--kubelet-client-key={}", pki("kubelet-client.key")),
        format!("--kubelet-certificate-authority={}", pki("ca.crt")),
        "--kubelet-preferred-address-types=InternalIP".to_owned(),
        // Webhooks are called at their endpoints' addresses: the root namespace has no kube-proxy.
        "--enable-aggregator-routing=true".to_owned(),
        format!("--requestheader-client-ca-file={}", pki("ca.crt")),
        "--requestheader-allowed-names=front-proxy".to_owned(),
        "--requestheader-username-headers=X-Remote-User".to_owned(),
        "--requestheader-group-headers=X-Remote-Group".to_owned(),
        "--requestheader-extra-headers-prefix=X-Remote-Extra-".to_owned(),
        format!("--proxy-client-cert-file={}", pki("front-proxy.crt")),
        format!("--proxy-client-key-file={}", pki("front-proxy.key")),
        "--max-requests-inflight=2000".to_owned(),
        "--max-mutating-requests-inflight=1000".to_owned(),
        "--profiling=false".to_owned(),
    ]);
    if site.config.audit {
        command.args([
            format!(
                "--audit-policy-file={}",
                site.path("audit-policy.yaml").display()
            ),
            format!("--audit-log-path={}", site.audit_log().display()),
            // In megabytes. Readers count what is in one file, so a long run must fit.
            "--audit-log-maxsize=4096".to_owned(),
        ]);
    }
    command
}

fn controller_manager(site: &Site) -> Result<Command> {
    for dir in [&site.path("volumes"), Path::new(HOST_PATH_VOLUMES)] {
        fs::create_dir_all(dir).with_context(|| format!("create {}", dir.display()))?;
    }
    let pki = |file: &str| site.path("pki").join(file).display().to_string();
    let mut command = Command::new("unshare");
    command
        .args([
            "--mount",
            "--propagation",
            "private",
            "sh",
            "-ec",
            "mount --bind \"$0\" \"$1\"; shift; exec \"$@\"",
        ])
        .arg(site.path("volumes"))
        .arg(HOST_PATH_VOLUMES)
        .arg(site.program("kube-controller-manager"));
    command
        .args(client_args(
            site,
            "controller-manager",
            site.ports().controller_manager,
        ))
        .args([
            format!(
                "--service-account-private-key-file={}",
                pki("service-accounts.key")
            ),
            format!("--root-ca-file={}", pki("ca.crt")),
            format!("--cluster-signing-cert-file={}", pki("ca.crt")),
            format!("--cluster-signing-key-file={}", pki("ca.key")),
            "--use-service-account-credentials=true".to_owned(),
            "--controllers=*,-node-ipam-controller".to_owned(),
            "--enable-hostpath-provisioner=true".to_owned(),
            // A node that is cut off is noticed within 10 s; kubelets renew their leases every 1.5 s.
            "--node-monitor-period=1s".to_owned(),
            "--node-monitor-grace-period=8s".to_owned(),
        ]);
    Ok(command)
}

fn scheduler(site: &Site) -> Command {
    let mut command = Command::new(site.program("kube-scheduler"));
    command.args(client_args(site, "scheduler", site.ports().scheduler));
    command
}

fn client_args(site: &Site, user: &str, port: u16) -> Vec<String> {
    let kubeconfig = site.path("pki").join(format!("{user}.kubeconfig"));
    let mut args: Vec<String> = [
        "kubeconfig",
        "authentication-kubeconfig",
        "authorization-kubeconfig",
    ]
    .iter()
    .map(|flag| format!("--{flag}={}", kubeconfig.display()))
    .collect();
    args.extend([
        format!("--bind-address={}", site.gateway()),
        format!("--secure-port={port}"),
        // There is one of each: an election would only make a restart slower.
        "--leader-elect=false".to_owned(),
        "--kube-api-qps=400".to_owned(),
        "--kube-api-burst=800".to_owned(),
    ]);
    args
}
