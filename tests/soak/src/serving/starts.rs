//! Two replicas that start together and find no Secret make one authority between them, and serve
//! certificates that the API server trusts.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use localkube::progress::{Patience, Progress};
use serde_json::json;

use super::api::Api;
use super::callers::{self, Writer};
use super::https::{self, Connection};
use super::installation::{Certificates, Installation, NAMESPACE, wait};
use super::load::Caller as _;
use super::view::{View, Way};
use super::webhooks::Question;

/// Logged by the replica whose certificates became the common ones.
const MADE: &str = "made first certificates";
/// Until addresses of pods that are ready are published.
const PUBLISHED: Duration = Duration::from_secs(20);
const PAUSE: Duration = Duration::from_millis(50);
/// From no replica to the first conversion.
const CONVERTS: Duration = Duration::from_secs(60);

pub(super) fn run(api: &Api, starts: u32, progress: &Progress) -> Result<()> {
    let installation = Installation { api };
    installation.wait_for_replicas(2)?;
    // Made while somebody converts.
    callers::ensure_namespace(api)?;
    let mut writer = Writer::new(api, 0)?;
    let mut times = vec![];
    for number in 1..=starts {
        installation.scale(0)?;
        installation.delete_secret()?;
        ensure!(
            writer.call(0).is_err(),
            "a write in v1alpha1 succeeded without anybody to convert it"
        );
        let start = Instant::now();
        installation.set_replicas(2)?;
        let mut patience = Patience::new("until somebody converts");
        while let Err(error) = writer.call(u64::from(number)) {
            patience.look(|| format!("{error:#}"));
            if start.elapsed() > CONVERTS {
                return Err(error.context("nobody converts"));
            }
            std::thread::sleep(PAUSE);
        }
        let took = start.elapsed();
        installation.wait_for_replicas(2)?;
        check(&installation).with_context(|| format!("start {number}"))?;
        for again in 0..20 {
            let written = writer.call(1000 + again);
            written.with_context(|| format!("start {number}: a write after it"))?;
        }
        progress.step(format!(
            "start {number} of {starts}: one authority; conversions after {:.1} s",
            took.as_secs_f64()
        ));
        times.push(took);
    }
    times.sort();
    let seconds = |time: Option<&Duration>| time.copied().unwrap_or_default().as_secs_f64();
    println!(
        "{starts} starts of two replicas without a Secret: one authority each; from none to the first \
         conversion {:.1} s at best, {:.1} s in the middle, {:.1} s at worst",
        seconds(times.first()),
        seconds(times.get(times.len() / 2)),
        seconds(times.last())
    );
    Ok(())
}

/// Both replicas serve what the Secret holds, signed by the one authority that the CRD names.
fn check(installation: &Installation<'_>) -> Result<()> {
    let certificates = installation.certificates()?.context("no Secret was made")?;
    ensure!(
        certificates.others == 0,
        "the Secret holds {} authorities beside the one that signs",
        certificates.others
    );
    serves(installation.api, &certificates, 2)?;
    let mut made = BTreeMap::new();
    for pod in installation.pods()? {
        let name = pod.pointer("/metadata/name").cloned().unwrap_or(json!(""));
        let log = installation.log(&pod)?;
        made.insert(name.to_string(), log.matches(MADE).count());
    }
    ensure!(
        made.values().sum::<usize>() == 1,
        "not one replica made certificates: {made:?}"
    );
    Ok(())
}

/// Waits until so many addresses are published, all of which serve the certificate of the Secret; and
/// sees that it verifies with the bundle in the CRD, which trusts the Secret's authority alone.
fn serves(api: &Api, certificates: &Certificates, replicas: usize) -> Result<()> {
    let view = View::open(api, NAMESPACE, Way::Endpoints)?;
    let conversion = || {
        let mut targets = view.targets().into_iter();
        let target = targets.find(|(webhook, _)| webhook.question == Question::Conversion);
        target.context("the CRD doesn't convert by webhook")
    };
    wait(PUBLISHED, || {
        let (_, addresses) = conversion()?;
        let missing = format!("{replicas} published addresses, not {addresses:?}");
        Ok((addresses.len() != replicas).then_some(missing))
    })?;
    let (webhook, addresses) = conversion()?;
    let bundle = https::certificates(&webhook.bundle)?;
    ensure!(
        bundle.as_slice() == std::slice::from_ref(&certificates.authority),
        "the CRD's bundle has {} certificates; it should have the Secret's authority alone",
        bundle.len()
    );
    let trust = https::trusting(&bundle)?;
    for address in addresses {
        let connection = Connection::open(address, &webhook.host(), &trust)?;
        if connection.certificate() != Some(&certificates.serving) {
            bail!("{address} serves another certificate than the Secret's");
        }
    }
    Ok(())
}
