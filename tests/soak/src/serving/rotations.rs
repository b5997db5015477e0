//! Certificates and authorities are replaced, as an administrator would ask for it, under a load of
//! conversions and admissions: none may fail.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use localkube::progress::Progress;

use super::api::Api;
use super::callers::{self, Requests};
use super::https::{self, Connection};
use super::installation::{Certificates, Installation, NAMESPACE, wait};
use super::restarts::WRITES_PER_SECOND;
use super::view::{View, Way};

/// Taking these away asks for a new serving certificate.
const SERVING_KEYS: [&str; 4] = ["cert.pem", "key.pem", "tls.crt", "tls.key"];
/// Replicas look every 10 s.
const NEW_CERTIFICATE: Duration = Duration::from_secs(60);
/// A new authority is trusted for a minute before it signs.
const NEW_AUTHORITY: Duration = Duration::from_secs(240);
/// Load before the first change and after each.
const BETWEEN: Duration = Duration::from_secs(2);

pub(super) fn run(
    api: &Api,
    rotations: u32,
    requests: Requests,
    progress: &Progress,
) -> Result<()> {
    let installation = Installation { api };
    installation.wait_for_replicas(2)?;
    let view = Arc::new(View::open(api, NAMESPACE, requests.way)?);
    let writes = callers::write_clonesets(api, WRITES_PER_SECOND)?;
    let calls = callers::call_webhooks(&view, requests.rate);
    thread::sleep(BETWEEN);
    let replicas = View::open(api, NAMESPACE, Way::Endpoints)?;
    let rotated = rotate(&installation, &replicas, rotations, progress);
    let all_answered = callers::finish(calls, writes)?;
    rotated?;
    if !all_answered {
        bail!("requests failed during {rotations} rotations");
    }
    println!("{rotations} new certificates and {rotations} new authorities: no request failed");
    Ok(())
}

fn rotate(
    installation: &Installation<'_>,
    replicas: &View,
    rotations: u32,
    progress: &Progress,
) -> Result<()> {
    for number in 1..=rotations {
        let start = Instant::now();
        let before = certificates(installation)?;
        installation.remove_keys(&SERVING_KEYS)?;
        wait(NEW_CERTIFICATE, || {
            let now = installation.certificates();
            // Read half-way, the Secret has no certificate.
            let renewed = matches!(&now, Ok(Some(now)) if now.serving != before.serving);
            Ok((!renewed).then(|| "a new serving certificate".to_owned()))
        })?;
        all_serve(installation, replicas)?;
        progress.step(format!(
            "certificate {number} of {rotations} served after {:.0} s",
            start.elapsed().as_secs_f64()
        ));
        thread::sleep(BETWEEN);

        let start = Instant::now();
        let before = certificates(installation)?;
        installation.delete_secret()?;
        wait(NEW_AUTHORITY, || {
            let now = installation.certificates()?;
            let replaced =
                now.is_some_and(|now| now.authority != before.authority && !now.has_next);
            Ok((!replaced).then(|| "a new authority to sign".to_owned()))
        })?;
        all_serve(installation, replicas)?;
        progress.step(format!(
            "authority {number} of {rotations} in use after {:.0} s, {} of before still trusted",
            start.elapsed().as_secs_f64(),
            certificates(installation)?.others
        ));
        thread::sleep(BETWEEN);
    }
    Ok(())
}

fn certificates(installation: &Installation<'_>) -> Result<Certificates> {
    installation.certificates()?.context("there is no Secret")
}

/// Until every replica serves the Secret's certificate.
fn all_serve(installation: &Installation<'_>, replicas: &View) -> Result<()> {
    let wanted = certificates(installation)?.serving;
    wait(NEW_CERTIFICATE, || {
        for (webhook, addresses) in replicas.targets() {
            let trust = https::trusting(&https::certificates(&webhook.bundle)?)?;
            for address in addresses {
                let connection = Connection::open(address, &webhook.host(), &trust)?;
                if connection.certificate() != Some(&wanted) {
                    return Ok(Some(format!("{address} to serve the new certificate")));
                }
            }
        }
        Ok(None)
    })
}
