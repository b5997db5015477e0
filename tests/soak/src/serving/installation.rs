//! The installed cloneset-controller: scaled, restarted, waited for, and its certificates looked at.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use localkube::progress::Patience;
use rustls::pki_types::CertificateDer;
use serde_json::{Value, json};

use super::api::Api;
use super::https;

pub(super) const NAMESPACE: &str = "kruise-system";
const DEPLOYMENT: &str = "/apis/apps/v1/namespaces/kruise-system/deployments/cloneset-controller";
const PODS: &str = "/api/v1/namespaces/kruise-system/pods";
const SELECTOR: &str = "labelSelector=app.kubernetes.io%2Fname%3Dcloneset-controller";
const SECRET: &str =
    "/api/v1/namespaces/kruise-system/secrets/kruise-cloneset-controller-webhook-certs";
/// How often is looked.
const POLL: Duration = Duration::from_millis(200);
/// Until pods have started or ended.
const PODS_TIMEOUT: Duration = Duration::from_secs(90);

/// The Deployment and its Secret.
pub(super) struct Installation<'a> {
    pub(super) api: &'a Api,
}

/// The certificates in the Secret.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Certificates {
    /// Who signs.
    pub(super) authority: CertificateDer<'static>,
    /// What is served.
    pub(super) serving: CertificateDer<'static>,
    /// Authorities beside the one that signs: to come, or of before.
    pub(super) others: usize,
    /// Whether an authority is to come.
    pub(super) has_next: bool,
}

impl Installation<'_> {
    pub(super) fn scale(&self, replicas: u32) -> Result<()> {
        self.set_replicas(replicas)?;
        self.wait_for_replicas(replicas)
    }

    pub(super) fn set_replicas(&self, replicas: u32) -> Result<()> {
        let patch = json!({ "spec": { "replicas": replicas } });
        self.api.patch(DEPLOYMENT, &patch).map(drop)
    }

    /// As `kubectl rollout restart` does it.
    pub(super) fn restart(&self, mark: &str) -> Result<()> {
        let annotations = json!({ "kubectl.kubernetes.io/restartedAt": mark });
        let template = json!({ "metadata": { "annotations": annotations } });
        self.api
            .patch(DEPLOYMENT, &json!({ "spec": { "template": template } }))?;
        self.wait_for_replicas(2)
    }

    /// Until there are so many pods, all up to date and ready, and no other.
    pub(super) fn wait_for_replicas(&self, replicas: u32) -> Result<()> {
        wait(PODS_TIMEOUT, || {
            let deployment = self.api.get(DEPLOYMENT)?;
            let pods = self.pods()?;
            Ok(match () {
                () if !is_rolled_out(&deployment, replicas) => {
                    Some(format!("the Deployment to have {replicas} ready replicas"))
                }
                () if pods.len() != replicas as usize => Some("old pods to end".to_owned()),
                () => None,
            })
        })
    }

    pub(super) fn pods(&self) -> Result<Vec<Value>> {
        let list = self.api.get(&format!("{PODS}?{SELECTOR}"))?;
        let items = list.get("items").and_then(Value::as_array);
        Ok(items.cloned().unwrap_or_default())
    }

    pub(super) fn log(&self, pod: &Value) -> Result<String> {
        let name = pod.pointer("/metadata/name").and_then(Value::as_str);
        let name = name.context("a pod without a name")?;
        self.api.text(&format!("{PODS}/{name}/log"))
    }

    pub(super) fn certificates(&self) -> Result<Option<Certificates>> {
        self.api
            .find(SECRET)?
            .as_ref()
            .map(Certificates::read)
            .transpose()
    }

    pub(super) fn delete_secret(&self) -> Result<()> {
        self.api.delete(SECRET)
    }

    /// Takes keys out of the Secret.
    pub(super) fn remove_keys(&self, keys: &[&str]) -> Result<()> {
        let data: serde_json::Map<String, Value> = keys
            .iter()
            .map(|key| ((*key).to_owned(), Value::Null))
            .collect();
        self.api.patch(SECRET, &json!({ "data": data })).map(drop)
    }
}

impl Certificates {
    fn read(secret: &Value) -> Result<Self> {
        let optional = |key: &str| -> Result<Vec<CertificateDer<'static>>> {
            let text = secret.get("data").and_then(|data| data.get(key)?.as_str());
            let Some(text) = text else {
                return Ok(vec![]);
            };
            https::certificates(
                &BASE64
                    .decode(text)
                    .with_context(|| format!("decode {key}"))?,
            )
        };
        let one = |key: &str| -> Result<CertificateDer<'static>> {
            let mut found = optional(key)?;
            match (found.pop(), found.is_empty()) {
                (Some(certificate), true) => Ok(certificate),
                _ => bail!("the Secret has not one certificate in {key}"),
            }
        };
        let next = optional("next-ca-cert.pem")?;
        Ok(Self {
            authority: one("ca-cert.pem")?,
            serving: one("tls.crt")?,
            others: next.len() + optional("old-ca-cert.pem")?.len(),
            has_next: !next.is_empty(),
        })
    }
}

fn is_rolled_out(deployment: &Value, replicas: u32) -> bool {
    let number = |pointer: &str| {
        deployment
            .pointer(pointer)
            .and_then(Value::as_u64)
            .unwrap_or(0)
    };
    let replicas = u64::from(replicas);
    number("/status/observedGeneration") >= number("/metadata/generation")
        && number("/spec/replicas") == replicas
        && ["replicas", "updatedReplicas", "readyReplicas"]
            .iter()
            .all(|field| number(&format!("/status/{field}")) == replicas)
}

/// Until `missing` says nothing; it says what is waited for.
pub(super) fn wait(
    timeout: Duration,
    mut missing: impl FnMut() -> Result<Option<String>>,
) -> Result<()> {
    let start = Instant::now();
    let mut patience = Patience::new("for the installation");
    loop {
        let Some(what) = missing()? else {
            return Ok(());
        };
        patience.look(|| what.clone());
        if start.elapsed() > timeout {
            bail!("waited {} s for {what}, in vain", timeout.as_secs());
        }
        std::thread::sleep(POLL);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deployment_is_rolled_out_when_all_are_new_and_ready() {
        let deployment = |generation: u64, all: u64, ready: u64| {
            json!({
                "metadata": { "generation": 3 },
                "spec": { "replicas": 2 },
                "status": {
                    "observedGeneration": generation,
                    "replicas": all,
                    "updatedReplicas": 2,
                    "readyReplicas": ready,
                },
            })
        };
        assert!(is_rolled_out(&deployment(3, 2, 2), 2));
        assert!(!is_rolled_out(&deployment(2, 2, 2), 2));
        assert!(!is_rolled_out(&deployment(3, 3, 2), 2));
        assert!(!is_rolled_out(&deployment(3, 2, 1), 2));
        let none = json!({ "metadata": { "generation": 1 }, "spec": { "replicas": 0 },
                           "status": { "observedGeneration": 1 } });
        assert!(is_rolled_out(&none, 0));
    }

    #[test]
    fn the_secret_tells_who_signs_and_who_else_is_trusted() {
        let pem = |name: &str| {
            let key = rcgen::KeyPair::generate().unwrap();
            let params = rcgen::CertificateParams::new(vec![name.to_owned()]).unwrap();
            params.self_signed(&key).unwrap().pem()
        };
        let [authority, serving, next, old] = ["a", "b", "c", "d"].map(pem);
        let encode = |pem: &str| BASE64.encode(pem);
        let mut secret = json!({ "data": {
            "ca-cert.pem": encode(&authority), "tls.crt": encode(&serving),
        } });
        let plain = Certificates::read(&secret).unwrap();
        assert_eq!((plain.others, plain.has_next), (0, false));
        assert_ne!(plain.authority, plain.serving);
        secret["data"]["next-ca-cert.pem"] = encode(&next).into();
        secret["data"]["old-ca-cert.pem"] = encode(&format!("{old}{next}")).into();
        let rotating = Certificates::read(&secret).unwrap();
        assert_eq!((rotating.others, rotating.has_next), (3, true));
        secret["data"]["ca-cert.pem"] = encode(&format!("{authority}{old}")).into();
        assert!(Certificates::read(&secret).is_err());
    }
}
