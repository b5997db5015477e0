//! The cluster's keys: a CA, certificates signed by it, kubeconfigs, and the key of service accounts'
//! tokens. Made once per cluster; ECDSA P-256 throughout.

use std::fs;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use anyhow::{Context, Result};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose,
};
use serde_json::json;

use super::site::{Site, write_atomically};

/// Members may do everything.
const MASTERS: &str = "system:masters";

/// Makes every key and certificate, unless they are there.
pub(super) fn ensure(site: &Site) -> Result<()> {
    let dir = site.path("pki");
    // Written last: without it, whatever is there was left half-way and is made anew.
    let done = dir.join("done");
    if done.exists() {
        return Ok(());
    }
    fs::create_dir_all(&dir).with_context(|| format!("create {}", dir.display()))?;

    let authority = Authority::new(&dir)?;
    let gateway = site.gateway().to_string();
    authority.sign(
        "apiserver",
        Subject {
            name: "kube-apiserver",
            group: None,
        },
        &[
            "127.0.0.1",
            &gateway,
            &site.api_service().to_string(),
            "localhost",
            "kubernetes",
            "kubernetes.default",
            "kubernetes.default.svc",
            "kubernetes.default.svc.cluster.local",
        ],
    )?;
    authority.sign(
        "front-proxy",
        Subject {
            name: "front-proxy",
            group: None,
        },
        &[],
    )?;
    authority.sign(
        "kubelet-client",
        Subject {
            name: "kube-apiserver-kubelet-client",
            group: Some(MASTERS),
        },
        &[],
    )?;

    let users = [
        ("admin", "admin", Some(MASTERS)),
        ("controller-manager", "system:kube-controller-manager", None),
        ("scheduler", "system:kube-scheduler", None),
        ("proxy", "system:kube-proxy", None),
    ];
    for (file, name, group) in users {
        let credentials = authority.sign(file, Subject { name, group }, &[])?;
        write_kubeconfig(
            site,
            &authority,
            &credentials,
            &dir.join(format!("{file}.kubeconfig")),
        )?;
    }
    for node in site.nodes() {
        let name = node.name();
        // Client and server in one: the kubelet's API is served with it too.
        let credentials = authority.sign(
            &name,
            Subject {
                name: &format!("system:node:{name}"),
                group: Some("system:nodes"),
            },
            &[&name, &node.address().to_string(), "127.0.0.1"],
        )?;
        write_kubeconfig(
            site,
            &authority,
            &credentials,
            &dir.join(format!("{name}.kubeconfig")),
        )?;
    }

    let service_accounts = KeyPair::generate().context("generate the service accounts' key")?;
    write_secret(
        &dir.join("service-accounts.key"),
        &service_accounts.serialize_pem(),
    )?;
    write_secret(
        &dir.join("service-accounts.pub"),
        &service_accounts.public_key_pem(),
    )?;

    let admin =
        fs::read(dir.join("admin.kubeconfig")).context("read the administrator's kubeconfig")?;
    write_secret(&site.kubeconfig(), &String::from_utf8_lossy(&admin))?;
    write_atomically(&done, b"")
}

struct Authority<'a> {
    dir: &'a Path,
    issuer: Issuer<'static, KeyPair>,
    certificate: String,
}

#[derive(Clone, Copy)]
struct Subject<'a> {
    name: &'a str,
    group: Option<&'a str>,
}

struct Credentials {
    certificate: String,
    key: String,
}

impl<'a> Authority<'a> {
    fn new(dir: &'a Path) -> Result<Self> {
        let key = KeyPair::generate().context("generate the CA's key")?;
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params
            .distinguished_name
            .push(DnType::CommonName, "local-cluster-ca");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![
            KeyUsagePurpose::KeyCertSign,
            KeyUsagePurpose::CrlSign,
            KeyUsagePurpose::DigitalSignature,
        ];
        let certificate = params
            .self_signed(&key)
            .context("sign the CA's certificate")?
            .pem();
        write_secret(&dir.join("ca.key"), &key.serialize_pem())?;
        write_secret(&dir.join("ca.crt"), &certificate)?;
        Ok(Self {
            dir,
            issuer: Issuer::new(params, key),
            certificate,
        })
    }

    /// Writes `<file>.crt` and `<file>.key`.
    fn sign(&self, file: &str, subject: Subject<'_>, hosts: &[&str]) -> Result<Credentials> {
        let hosts: Vec<String> = hosts.iter().map(|host| (*host).to_owned()).collect();
        let mut params = CertificateParams::new(hosts)
            .with_context(|| format!("describe certificate {file}"))?;
        params.distinguished_name = DistinguishedName::new();
        params
            .distinguished_name
            .push(DnType::CommonName, subject.name);
        if let Some(group) = subject.group {
            params
                .distinguished_name
                .push(DnType::OrganizationName, group);
        }
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![
            ExtendedKeyUsagePurpose::ServerAuth,
            ExtendedKeyUsagePurpose::ClientAuth,
        ];
        let key = KeyPair::generate().with_context(|| format!("generate key {file}"))?;
        let certificate = params
            .signed_by(&key, &self.issuer)
            .with_context(|| format!("sign certificate {file}"))?
            .pem();
        let key = key.serialize_pem();
        write_secret(&self.dir.join(format!("{file}.crt")), &certificate)?;
        write_secret(&self.dir.join(format!("{file}.key")), &key)?;
        Ok(Credentials { certificate, key })
    }
}

/// Everything embedded, so that the one file can be handed on. JSON is YAML too.
fn write_kubeconfig(
    site: &Site,
    authority: &Authority<'_>,
    user: &Credentials,
    path: &Path,
) -> Result<()> {
    let name = &site.name;
    let config = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": name, "cluster": {
            "server": site.api_server(),
            "certificate-authority-data": BASE64.encode(&authority.certificate),
        }}],
        "users": [{"name": name, "user": {
            "client-certificate-data": BASE64.encode(&user.certificate),
            "client-key-data": BASE64.encode(&user.key),
        }}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
        "current-context": name,
    });
    write_secret(path, &serde_json::to_string_pretty(&config)?)
}

fn write_secret(path: &Path, content: &str) -> Result<()> {
    use std::io::Write;
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)
        .with_context(|| format!("open {}", path.display()))?;
    file.write_all(content.as_bytes())
        .with_context(|| format!("write {}", path.display()))
}
