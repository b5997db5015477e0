//! `--outage SECONDS`: the API server stays away in the middle of a roll-out, and forgets what it said.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use jiff::Timestamp;
use localkube::audit::{self, Entry};
use localkube::progress::say;
use serde_json::Value;

use super::Broken;
use super::figures::{self, Figures};
use super::ground::{ACCOUNT, CONTROLLER, Ground, NAMESPACE, SYSTEM};
use super::plan::{self, Sets};
use super::probe::{Answers, Probe};
use super::record::{Now, Record};
use super::requests;
use super::seen::{PodSeen, Terms};

const SET: &str = "careful";
const REPLICAS: u64 = 10;
/// The roll-out is this far when the API server goes.
const UPDATED_BEFORE: u64 = 2;
/// Far longer than what is left of the roll-out takes, which is a second or two for each pod.
const ROLL_OUT_TIMEOUT: Duration = Duration::from_secs(120);
/// What comes late is counted as well: back-offs end within 30 s.
const AFTERMATH: Duration = Duration::from_secs(30);
/// Requests of both replicas in one second after the API server is back. One replica may make 300 a second
/// by its own limit; with ten pods, what is needed is a few lists, watches and gets, and three or four
/// writes for each pod that is updated.
const MOST_A_SECOND: u64 = 60;

/// A replica of the controller, as far as it must stay the same.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Replica {
    uid: String,
    address: IpAddr,
    restarts: u64,
}

type Replicas = BTreeMap<String, Replica>;

/// Takes the API server away for so long, and says which bounds were broken by that.
pub(super) fn run(ground: &Ground<'_>, outage: Duration) -> Result<Broken> {
    say("")?;
    say(&format!(
        "{} s without the API server, in a roll-out in place of {REPLICAS} pods",
        outage.as_secs()
    ))?;
    let sets = |round| {
        let terms = Terms {
            replicas: REPLICAS,
            max_unavailable: 1,
            max_surge: 0,
            partition: 0,
            in_place: true,
            image: plan::image(round),
        };
        Sets::from([(SET, terms)])
    };
    ground.begin()?;
    let mut record = Record::start(ground)?;
    ground.create(&sets(0))?;
    ground.record_until(&mut record, "the first pods", ROLL_OUT_TIMEOUT, |now| {
        now.is_settled(&sets(0)) && now.lease.is_some()
    })?;
    let before = record.now().pods.clone();
    let replicas = replicas(ground)?;
    let probe = Probe::start(ground, &addresses(&replicas))?;
    let figures = all_figures(&replicas)?;

    ground.ask(&sets(1))?;
    let begun = |now: &Now| {
        let set = now.sets.get(SET);
        set.is_some_and(|set| set.updated >= UPDATED_BEFORE && set.updated < REPLICAS)
    };
    ground.record_until(
        &mut record,
        "the roll-out to begin",
        ROLL_OUT_TIMEOUT,
        begun,
    )?;
    let updated = record.now().sets.get(SET).map_or(0, |set| set.updated);
    // Its watches end now.
    drop(record);
    let place = audit::length(&ground.audit_log)?;
    let gone_at = Timestamp::now();
    let at_end =
        ground
            .interrupt
            .prefer(ground.cluster.without_api_server(ground.progress, || {
                say(&format!(
                    "the API server is gone, {updated} of {REPLICAS} pods are updated"
                ))?;
                ground.sleep(outage)?;
                let revision = ground.cluster.compact_etcd()?;
                say(&format!(
                    "etcd forgets all before revision {revision}; the API server comes back"
                ))?;
                all_figures(&replicas)
            }))?;
    let back_at = Timestamp::now();
    let away = back_at.duration_since(gone_at).as_secs_f64();

    let mut record = Record::start(ground)?;
    ground.record_until(
        &mut record,
        "the end of the roll-out",
        ROLL_OUT_TIMEOUT,
        |now| now.is_settled(&sets(1)),
    )?;
    let ended_at = Timestamp::now();
    ground.record_for(&mut record, AFTERMATH)?;
    let answers = probe.finish()?;
    let after = self::replicas(ground)?;
    let entries: Vec<Entry> =
        audit::entries_from(&ground.audit_log, place)?.collect::<Result<_>>()?;
    let all_figures_after = all_figures(&replicas)?;

    say(&format!(
        "it was away for {away:.1} s; {:.1} s later the roll-out was at its end",
        ended_at.duration_since(back_at).as_secs_f64()
    ))?;
    tell_figures("while it was away", away, &figures, &at_end)?;
    tell_figures(
        "since it is back",
        Timestamp::now().duration_since(back_at).as_secs_f64(),
        &at_end,
        &all_figures_after,
    )?;
    for name in replicas.keys() {
        // Nodes reach it through its Service, whose endpoint each kube-proxy has to learn again first.
        let after = |at: Option<Timestamp>| {
            at.map_or_else(
                || "never".to_owned(),
                |at| format!("after {:+.1} s", at.duration_since(back_at).as_secs_f64()),
            )
        };
        say(&format!(
            "{name} reached it {}, and went on with the roll-out {}",
            after(requests::first_answered(&entries, ACCOUNT, name, gone_at)),
            after(requests::first_work(&entries, ACCOUNT, name, gone_at))
        ))?;
    }
    let rate = requests::rate(&entries, ACCOUNT, gone_at);
    say(&format!(
        "requests since it is back, by the audit log: {} in all, {} in the fullest second",
        rate.total, rate.peak
    ))?;
    for line in answers.iter().flat_map(Answers::describe) {
        say(&line)?;
    }

    let mut broken = kept(&before, &record.now().pods, &plan::image(1));
    broken.extend(same(&replicas, &after));
    broken.extend(answered(&answers));
    if rate.peak > MOST_A_SECOND {
        broken.push(format!(
            "{} requests in one second, of {MOST_A_SECOND}",
            rate.peak
        ));
    }
    let (_, doubled) = requests::pod_writes(&entries, ACCOUNT, NAMESPACE);
    broken.extend(doubled.iter().map(ToString::to_string));
    for what in &broken {
        say(&format!("    BROKEN {what}"))?;
    }
    Ok(broken)
}

/// Every pod is the one it was, and went through one update in place.
fn kept(
    before: &BTreeMap<String, PodSeen>,
    after: &BTreeMap<String, PodSeen>,
    image: &str,
) -> Broken {
    let mut broken = Broken::new();
    for (uid, old) in before {
        let name = &old.name;
        let Some(new) = after.get(uid) else {
            broken.push(format!("pod {name} is gone"));
            continue;
        };
        if new.image != image {
            broken.push(format!("pod {name} has image {}", new.image));
        }
        let restarts = (
            new.app_restarts - old.app_restarts,
            new.sidecar_restarts - old.sidecar_restarts,
        );
        let n_batches = new.update.as_ref().map_or(0, |update| update.n_batches);
        if restarts != (1, 0) || n_batches != 1 {
            broken.push(format!(
                "pod {name}: app and sidecar restarted {restarts:?} times, for {n_batches} updates"
            ));
        }
    }
    let new = after.iter().filter(|(uid, _)| !before.contains_key(*uid));
    broken.extend(new.map(|(_, pod)| format!("pod {} is new", pod.name)));
    broken
}

/// The controller went through it alone.
fn same(before: &Replicas, after: &Replicas) -> Broken {
    if before == after {
        return Broken::new();
    }
    vec![format!(
        "the controller's pods are not what they were: {before:?}, now {after:?}"
    )]
}

fn answered(answers: &[Answers]) -> Broken {
    answers
        .iter()
        .filter(|replica| replica.failures().count() > 0 || replica.answers.is_empty())
        .map(|replica| {
            format!(
                "{}: {} of {} conversions were not answered",
                replica.pod,
                replica.failures().count(),
                replica.answers.len()
            )
        })
        .collect()
}

/// The controller's pods by name.
fn replicas(ground: &Ground<'_>) -> Result<Replicas> {
    let selector = format!("--selector=app.kubernetes.io/name={CONTROLLER}");
    let pods = ground.get(&["--namespace", SYSTEM, "pods", &selector])?;
    let pods = pods.get("items").and_then(Value::as_array);
    let replicas: Replicas = pods
        .into_iter()
        .flatten()
        .map(replica)
        .collect::<Result<_>>()?;
    if replicas.is_empty() {
        return Err(anyhow!("{CONTROLLER} has no pods"));
    }
    Ok(replicas)
}

fn replica(pod: &Value) -> Result<(String, Replica)> {
    let text = |pointer: &str| {
        let text = pod.pointer(pointer).and_then(Value::as_str);
        text.with_context(|| format!("a pod of {CONTROLLER} has no {pointer}"))
    };
    let restarts = pod
        .pointer("/status/containerStatuses/0/restartCount")
        .and_then(Value::as_u64);
    let replica = Replica {
        uid: text("/metadata/uid")?.to_owned(),
        address: text("/status/podIP")?.parse().context("read a pod's IP")?,
        restarts: restarts.unwrap_or_default(),
    };
    Ok((text("/metadata/name")?.to_owned(), replica))
}

fn addresses(replicas: &Replicas) -> Vec<(String, IpAddr)> {
    let address = |(name, replica): (&String, &Replica)| (name.clone(), replica.address);
    replicas.iter().map(address).collect()
}

fn all_figures(replicas: &Replicas) -> Result<BTreeMap<String, Figures>> {
    replicas
        .iter()
        .map(|(name, replica)| Ok((name.clone(), Figures::of(replica.address)?)))
        .collect()
}

fn tell_figures(
    when: &str,
    seconds: f64,
    before: &BTreeMap<String, Figures>,
    after: &BTreeMap<String, Figures>,
) -> Result<()> {
    for (name, after) in after {
        let before = before.get(name).cloned().unwrap_or_default();
        let requests = after.growth(&before, "rest_client_requests_total", "code");
        let restarts = after.growth(&before, "kruise_watch_restarts_total", "reason");
        say(&format!(
            "{name} {when} ({seconds:.0} s): requests by answer: {}; watches opened again: {}",
            figures::list(&requests),
            figures::list(&restarts)
        ))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::seen::InPlaceUpdate;
    use super::*;

    fn pods(pods: &[PodSeen]) -> BTreeMap<String, PodSeen> {
        let entry = |pod: &PodSeen| (pod.uid.clone(), pod.clone());
        pods.iter().map(entry).collect()
    }

    fn pod(name: &str, restarts: u64) -> PodSeen {
        PodSeen {
            name: name.to_owned(),
            uid: format!("uid-of-{name}"),
            image: format!("demo:{}", restarts + 1),
            app_restarts: restarts,
            update: Some(InPlaceUpdate {
                n_batches: 1,
                ..InPlaceUpdate::default()
            }),
            ..PodSeen::default()
        }
    }

    #[test]
    fn pods_updated_once_are_kept() {
        let before = pods(&[pod("a", 0), pod("b", 0)]);
        let after = pods(&[pod("a", 1), pod("b", 1)]);
        assert_eq!(kept(&before, &after, "demo:2"), Broken::new());
    }

    #[test]
    fn pods_that_are_new_gone_or_updated_otherwise_than_once_are_found() {
        let before = pods(&[pod("a", 0), pod("b", 0), pod("c", 0)]);
        let mut twice = pod("b", 2);
        twice.image = "demo:2".to_owned();
        let after = pods(&[pod("a", 0), twice, pod("d", 1)]);
        assert_eq!(
            kept(&before, &after, "demo:2"),
            [
                "pod a has image demo:1",
                "pod a: app and sidecar restarted (0, 0) times, for 1 updates",
                "pod b: app and sidecar restarted (2, 0) times, for 1 updates",
                "pod c is gone",
                "pod d is new",
            ]
        );
    }

    #[test]
    fn a_controller_that_was_restarted_is_found() {
        let replicas = |restarts| {
            let replica = Replica {
                uid: "u".to_owned(),
                address: [10, 0, 0, 1].into(),
                restarts,
            };
            Replicas::from([("c-1".to_owned(), replica)])
        };
        assert_eq!(same(&replicas(0), &replicas(0)), Broken::new());
        assert_eq!(same(&replicas(0), &replicas(1)).len(), 1);
    }

    #[test]
    fn a_conversion_without_an_answer_is_found() {
        let replica = |result: Result<Duration, String>| {
            let at = Timestamp::UNIX_EPOCH;
            Answers {
                pod: "c-1".to_owned(),
                answers: vec![super::super::probe::Answer { at, result }],
            }
        };
        assert_eq!(answered(&[replica(Ok(Duration::ZERO))]), Broken::new());
        let failed = replica(Err("refused".to_owned()));
        assert_eq!(
            answered(&[failed]),
            ["c-1: 1 of 1 conversions were not answered"]
        );
    }
}
