//! Random stories: replicas come, crash and are cut off, requests fail, authorities end. Whatever
//! happens, no replica that was ready serves what a place doesn't trust, and in the end all is well.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use proptest::prelude::*;

use super::cluster::{Cluster, Fault, Replica, SECRET, config};

#[derive(Clone, Debug)]
enum Event {
    Start(usize),
    Crash(usize),
    CutOff(usize),
    Reconnect,
    /// The clock moves to where certificates and authority are to be replaced.
    NearTheEnd,
    /// The clock moves beyond the time for which old authorities are trusted.
    DayPasses,
    Garbage,
    DeleteSecret,
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        (0..5usize).prop_map(Event::Start),
        (0..5usize).prop_map(Event::Crash),
        (0..5usize).prop_map(Event::CutOff),
        Just(Event::Reconnect),
        Just(Event::NearTheEnd),
        Just(Event::DayPasses),
        Just(Event::Garbage),
        Just(Event::DeleteSecret),
    ]
}

/// Requests that fail in a row of a hundred, over and over.
fn faults() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(0..20u8, 100)
}

struct Story {
    cluster: Cluster,
    replicas: BTreeMap<usize, Replica>,
    cut_off: Arc<Mutex<Option<usize>>>,
    n_started: usize,
}

impl Story {
    async fn happens(&mut self, event: &Event) {
        let cut_off = *self.cut_off.lock().unwrap();
        match event {
            Event::Start(slot) if !self.replicas.contains_key(slot) => {
                let replica = self.cluster.start(self.n_started, config());
                self.n_started += 1;
                self.replicas.insert(*slot, replica);
            }
            // One replica always stays, and it isn't the one without a connection.
            Event::Crash(slot) if self.replicas.len() > 1 && cut_off.is_none() => {
                if let Some(replica) = self.replicas.remove(slot) {
                    replica.crash();
                }
            }
            Event::CutOff(slot) if self.replicas.len() > 1 => {
                *self.cut_off.lock().unwrap() = self.replicas.get(slot).map(Replica::id);
            }
            Event::Reconnect => *self.cut_off.lock().unwrap() = None,
            // As with `DayPasses`: years later nobody trusts what was not yet replaced now.
            Event::NearTheEnd if cut_off.is_none() => {
                self.settle().await;
                if let Some(material) = self.cluster.material() {
                    let end = material.authority.certificate.validity.not_after;
                    let time = end - Duration::from_secs(150 * 86_400);
                    if time > self.cluster.now() {
                        self.cluster.jump_to(time);
                    }
                }
            }
            // Whoever is cut off for a day can't know that their authority is no longer trusted.
            Event::DayPasses if cut_off.is_none() => {
                self.settle().await;
                self.cluster
                    .jump_to(self.cluster.now() + Duration::from_secs(90_000));
            }
            // Both events need a replica that remembers, and no replica that begins without memory meanwhile.
            Event::Garbage | Event::DeleteSecret if cut_off.is_none() => {
                self.settle().await;
                if matches!(event, Event::Garbage) {
                    self.cluster.put(
                        SECRET,
                        serde_json::json!({ "data": { "ca-cert.pem": "eA==" } }),
                    );
                } else {
                    self.cluster.delete(SECRET);
                }
                self.cluster.pass(60).await;
            }
            _ => {}
        }
    }

    async fn settle(&self) {
        self.cluster.pass(300).await;
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        // Each case is a story of an hour or two.
        cases: ProptestConfig::default().cases / 8,
        ..ProptestConfig::default()
    })]

    #[test]
    fn nobody_is_ever_cut_off(
        events in prop::collection::vec((event(), 0..90u64), 1..12),
        faults in faults(),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .start_paused(true)
            .build()
            .unwrap();
        runtime.block_on(async {
            let cluster = Cluster::new();
            let cut_off = Arc::<Mutex<Option<usize>>>::default();
            let calm = Arc::new(Mutex::new(false));
            cluster.on_request({
                let (cut_off, calm) = (Arc::clone(&cut_off), Arc::clone(&calm));
                let mut n = 0;
                move |replica, _| {
                    n += 1;
                    if *cut_off.lock().unwrap() == Some(replica) {
                        return Fault::Hang;
                    }
                    match faults[n % faults.len()] {
                        _ if *calm.lock().unwrap() => Fault::None,
                        0 => Fault::Refused(500),
                        1 => Fault::AnswerLost,
                        _ => Fault::None,
                    }
                }
            });
            let mut story = Story {
                cluster: cluster.clone(),
                replicas: BTreeMap::new(),
                cut_off: Arc::clone(&cut_off),
                n_started: 0,
            };
            story.happens(&Event::Start(0)).await;
            for (event, seconds) in &events {
                story.happens(event).await;
                cluster.pass(*seconds).await;
            }
            *cut_off.lock().unwrap() = None;
            *calm.lock().unwrap() = true;
            cluster.pass(600).await;
            prop_assert_eq!(cluster.violations(), Vec::<String>::new());
            let material = cluster.material().unwrap();
            let serving = material.serving.clone().unwrap().certificate.der;
            prop_assert_eq!(cluster.bundles(), vec![material.bundle(); 4]);
            for replica in story.replicas.values() {
                prop_assert!(replica.is_ready());
                prop_assert_eq!(replica.served(), vec![serving.clone()]);
            }
            Ok(())
        })?;
    }
}
