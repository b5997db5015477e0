use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use http::Method;
use kruise_api::resource::PODS;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::{
    leader::{
        election::{Election, ElectionConfig, KRUISE_MANAGER_LEASE},
        fence::LeaderState,
        leadership::Leadership,
    },
    tell::metrics::Metrics,
    test_server::{Answer, Call, TestServer},
};

/// The leases of a cluster, with versions.
#[derive(Clone, Default)]
pub(crate) struct Leases {
    leases: Arc<Mutex<BTreeMap<String, (u64, Value)>>>,
    pub(crate) down: Arc<Mutex<bool>>,
    /// How many more calls are never answered.
    swallows: Arc<Mutex<usize>>,
    /// The next release loses against a renewal of the same holder.
    late_renewal: Arc<Mutex<bool>>,
}

impl Leases {
    fn put(&self, name: &str, holder: &str, renew_time: &str) {
        let spec = json!({ "holderIdentity": holder, "leaseDurationSeconds": 15,
            "renewTime": renew_time, "leaseTransitions": 4 });
        let mut leases = self.leases.lock().unwrap();
        let version = leases.get(name).map_or(1, |(version, _)| version + 1);
        leases.insert(name.to_owned(), (version, spec));
    }

    fn spec(&self, name: &str) -> Value {
        self.leases
            .lock()
            .unwrap()
            .get(name)
            .map(|(_, spec)| spec.clone())
            .unwrap_or_default()
    }

    fn holder(&self, name: &str) -> String {
        self.spec(name)["holderIdentity"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    }

    fn server(&self) -> TestServer {
        let leases = self.clone();
        TestServer::new(move |call| leases.answer(call))
    }

    pub(crate) fn answer(&self, call: &Call) -> Answer {
        if *self.down.lock().unwrap() {
            return Answer::Hang;
        }
        let mut swallows = self.swallows.lock().unwrap();
        if *swallows > 0 {
            *swallows -= 1;
            return Answer::Hang;
        }
        let mut leases = self.leases.lock().unwrap();
        let name = call.path.rsplit('/').next().unwrap().to_owned();
        let answer = |name: &str, (version, spec): &(u64, Value)| {
            let meta = json!({ "name": name, "resourceVersion": version.to_string() });
            Answer::Json(200, json!({ "metadata": meta, "spec": spec }))
        };
        match (&call.method, leases.get_mut(&name)) {
            (&Method::POST, _) => {
                let name = call.body["metadata"]["name"].as_str().unwrap().to_owned();
                if leases.contains_key(&name) {
                    return Answer::status(409, "AlreadyExists");
                }
                let lease = (1, call.body["spec"].clone());
                let created = answer(&name, &lease);
                leases.insert(name, lease);
                created
            }
            (&Method::PATCH, Some((version, spec))) => {
                let is_release = call.body["spec"]["holderIdentity"] == "";
                if is_release && std::mem::take(&mut *self.late_renewal.lock().unwrap()) {
                    *version += 1;
                }
                if call.body["metadata"]["resourceVersion"] != json!(version.to_string()) {
                    return Answer::status(409, "Conflict");
                }
                *version += 1;
                *spec = call.body["spec"].clone();
                answer(&name, &(*version, spec.clone()))
            }
            (_, Some(lease)) => answer(&name, lease),
            (_, None) => Answer::status(404, "NotFound"),
        }
    }
}

pub(crate) fn config() -> ElectionConfig {
    ElectionConfig {
        enabled: true,
        namespace: "kruise-system".into(),
        name: "test".into(),
        lease_duration: Duration::from_secs(15),
        renew_deadline: Duration::from_secs(10),
        retry_period: Duration::from_secs(2),
        allow_kruise_manager: false,
    }
}

fn elect_with(leases: &Leases, config: ElectionConfig) -> (Leadership, CancellationToken) {
    let election = Election::new(config, leases.server().client(), Metrics::unregistered());
    let (leadership, stop) = (election.leadership(), CancellationToken::new());
    tokio::spawn(election.run(stop.clone()));
    (leadership, stop)
}

fn elect(leases: &Leases) -> (Leadership, CancellationToken) {
    elect_with(leases, config())
}

/// Time until this process leads, or doesn't, as `leads` says; `None` if that takes more than a minute.
async fn time_until(leadership: &Leadership, leads: bool) -> Option<Duration> {
    let start = Instant::now();
    let mut state = leadership.subscribe();
    let wanted = state.wait_for(|state| (*state != LeaderState::Standby) == leads);
    timeout(Duration::from_secs(60), wanted)
        .await
        .ok()
        .map(|_| start.elapsed())
}

const A_MOMENT: Duration = Duration::from_millis(10);

#[tokio::test(start_paused = true)]
async fn a_lease_nobody_has_is_taken_at_once_and_kept() {
    let leases = Leases::default();
    let (leadership, _stop) = elect(&leases);
    assert!(time_until(&leadership, true).await.unwrap() < A_MOMENT);
    let first = leases.spec("test")["renewTime"].clone();
    assert_eq!(leases.spec("test")["leaseTransitions"], 0);
    sleep(Duration::from_secs(300)).await;
    assert!(leadership.is_leader_now());
    assert_eq!(leadership.describe(), "leading, term 1");
    assert_ne!(leases.spec("test")["renewTime"], first);
}

#[tokio::test(start_paused = true)]
async fn a_dead_holders_lease_is_taken_within_a_second_of_its_end() {
    let leases = Leases::default();
    leases.put("test", "dead", "2026-01-01T00:00:00Z");
    let (leadership, _stop) = elect(&leases);
    let time = time_until(&leadership, true).await.unwrap();
    assert!(
        time >= Duration::from_secs(15) && time < Duration::from_secs(16),
        "{time:?}"
    );
    assert_eq!(leases.spec("test")["leaseTransitions"], 5);
}

#[tokio::test(start_paused = true)]
async fn whenever_a_holder_dies_a_standby_takes_the_lease_within_a_second_of_its_end() {
    for milliseconds in (0..4_000).step_by(130) {
        let leases = Leases::default();
        leases.put("test", "holder", "first");
        let (leadership, _stop) = elect(&leases);
        sleep(Duration::from_millis(8_000 + milliseconds)).await;
        leases.put("test", "holder", "last");
        let time = time_until(&leadership, true).await.unwrap();
        assert!(
            time >= Duration::from_secs(15) && time < Duration::from_secs(16),
            "{time:?} after the last renewal"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_living_holders_lease_is_never_taken_however_wrong_its_clock() {
    let leases = Leases::default();
    let holder = tokio::spawn({
        let leases = leases.clone();
        async move {
            for second in 0..60 {
                // The holder's clock is years behind, but the lease changes.
                leases.put("test", "alive", &format!("2001-01-01T00:00:{second:02}Z"));
                sleep(Duration::from_secs(10)).await;
            }
        }
    });
    sleep(A_MOMENT).await;
    let (leadership, _stop) = elect(&leases);
    for _ in 0..9 {
        assert_eq!(time_until(&leadership, true).await, None);
    }
    assert!(
        leadership.describe().contains("held by alive"),
        "{}",
        leadership.describe()
    );
    holder.abort();
    assert!(time_until(&leadership, true).await.is_some());
}

#[tokio::test(start_paused = true)]
async fn a_leader_that_cant_renew_stops_within_the_deadline_and_leads_again_later() {
    let leases = Leases::default();
    let (leadership, _stop) = elect(&leases);
    time_until(&leadership, true).await.unwrap();
    sleep(Duration::from_secs(60)).await;
    *leases.down.lock().unwrap() = true;
    let time = time_until(&leadership, false).await.unwrap();
    assert!(time <= Duration::from_secs(10), "{time:?}");
    assert!(!leadership.is_leader_now());
    *leases.down.lock().unwrap() = false;
    time_until(&leadership, true).await.unwrap();
    assert_eq!(leadership.describe(), "leading, term 2");
}

/// PF-107: a call on a connection that has died unnoticed is never answered.
#[tokio::test(start_paused = true)]
async fn calls_that_are_swallowed_do_not_cost_the_lease() {
    let leases = Leases::default();
    let (leadership, _stop) = elect(&leases);
    time_until(&leadership, true).await.unwrap();
    *leases.swallows.lock().unwrap() = 2;
    assert_eq!(time_until(&leadership, false).await, None);
    assert_eq!(leadership.describe(), "leading, term 1");
    assert_eq!(*leases.swallows.lock().unwrap(), 0, "they were answered");
}

#[tokio::test(start_paused = true)]
async fn a_lease_taken_by_another_is_given_up_at_the_next_look() {
    let leases = Leases::default();
    let (leadership, _stop) = elect(&leases);
    time_until(&leadership, true).await.unwrap();
    leases.put("test", "thief", "now");
    assert!(time_until(&leadership, false).await.unwrap() <= Duration::from_secs(2));
    assert_eq!(leases.holder("test"), "thief");
}

#[tokio::test(start_paused = true)]
async fn a_clean_exit_releases_the_lease() {
    let leases = Leases::default();
    let (leadership, stop) = elect(&leases);
    time_until(&leadership, true).await.unwrap();
    stop.cancel();
    sleep(A_MOMENT).await;
    assert!(!leadership.is_leader_now());
    assert_eq!(leases.holder("test"), "");
}

/// The renewal that was under way at the exit arrives between the release's read and its write.
#[tokio::test(start_paused = true)]
async fn a_renewal_that_arrives_late_does_not_keep_the_lease() {
    let leases = Leases::default();
    let (leadership, stop) = elect(&leases);
    time_until(&leadership, true).await.unwrap();
    *leases.late_renewal.lock().unwrap() = true;
    stop.cancel();
    sleep(A_MOMENT).await;
    assert_eq!(leases.holder("test"), "");
    assert!(!*leases.late_renewal.lock().unwrap(), "it never arrived");
}

#[tokio::test(start_paused = true)]
async fn after_a_clean_exit_the_next_need_not_wait_for_the_lease_to_expire() {
    let leases = Leases::default();
    let (first, stop) = elect(&leases);
    time_until(&first, true).await.unwrap();
    let (second, _stop) = elect(&leases);
    sleep(Duration::from_secs(30)).await;
    assert!(!second.is_leader_now());
    stop.cancel();
    assert!(time_until(&second, true).await.unwrap() <= Duration::from_secs(3));
    assert!(!first.is_leader_now());
    assert_eq!(leases.spec("test")["leaseTransitions"], 1);
}

#[tokio::test(start_paused = true)]
async fn of_three_candidates_one_leads() {
    let leases = Leases::default();
    let candidates: Vec<_> = (0..3).map(|_| elect(&leases)).collect();
    for _ in 0..100 {
        sleep(Duration::from_secs(1)).await;
        let leaders = candidates
            .iter()
            .filter(|(leadership, _)| leadership.is_leader_now());
        assert!(leaders.count() <= 1);
    }
    assert!(
        candidates
            .iter()
            .any(|(leadership, _)| leadership.is_leader_now())
    );
}

#[tokio::test(start_paused = true)]
async fn a_standby_doesnt_write_even_if_a_reconciler_tries() {
    let leases = Leases::default();
    leases.put("test", "other", "now");
    let (leadership, _stop) = elect(&leases);
    let client = leases.server().client().with_fence(leadership.fence());
    let error = client.create(&PODS, "ns", &json!({})).await.unwrap_err();
    assert_eq!(error.category(), "not_leader");
}

mod manager {
    use super::*;

    fn keep_alive(leases: &Leases) -> tokio::task::JoinHandle<()> {
        let leases = leases.clone();
        tokio::spawn(async move {
            for second in 0.. {
                leases.put(KRUISE_MANAGER_LEASE, "old-manager", &second.to_string());
                sleep(Duration::from_secs(2)).await;
            }
        })
    }

    #[tokio::test(start_paused = true)]
    async fn while_it_lives_we_dont_lead_and_say_so() {
        let leases = Leases::default();
        let manager = keep_alive(&leases);
        sleep(A_MOMENT).await;
        let (leadership, _stop) = elect(&leases);
        assert_eq!(time_until(&leadership, true).await, None);
        let why = leadership.describe();
        assert!(
            why.contains("old-manager") && why.contains("--allow-kruise-manager"),
            "{why}"
        );
        assert_eq!(leases.holder("test"), "");
        manager.abort();
        assert!(time_until(&leadership, true).await.unwrap() <= Duration::from_secs(22));
    }

    #[tokio::test(start_paused = true)]
    async fn when_it_appears_we_stop() {
        let leases = Leases::default();
        let (leadership, _stop) = elect(&leases);
        time_until(&leadership, true).await.unwrap();
        let _manager = keep_alive(&leases);
        assert!(time_until(&leadership, false).await.unwrap() <= Duration::from_secs(7));
    }

    #[tokio::test(start_paused = true)]
    async fn it_may_be_allowed() {
        let leases = Leases::default();
        let _manager = keep_alive(&leases);
        sleep(A_MOMENT).await;
        let config = ElectionConfig {
            allow_kruise_manager: true,
            ..config()
        };
        let (leadership, _stop) = elect_with(&leases, config);
        assert!(time_until(&leadership, true).await.unwrap() < A_MOMENT);
    }

    #[tokio::test(start_paused = true)]
    async fn it_counts_without_an_election_too() {
        let leases = Leases::default();
        let manager = keep_alive(&leases);
        sleep(A_MOMENT).await;
        let config = ElectionConfig {
            enabled: false,
            ..config()
        };
        let (leadership, _stop) = elect_with(&leases, config);
        assert_eq!(time_until(&leadership, true).await, None);
        manager.abort();
        time_until(&leadership, true).await.unwrap();
        sleep(Duration::from_secs(60)).await;
        assert!(leadership.is_leader_now());
        assert_eq!(leases.holder("test"), "");
    }
}

#[tokio::test(start_paused = true)]
async fn a_peers_lease_is_live_while_it_changes() {
    let leases = Leases::default();
    let (leadership, _stop) = elect(&leases);
    assert!(!leadership.live_lease("peer").await);
    leases.put("peer", "someone", "1");
    sleep(Duration::from_secs(10)).await;
    assert!(leadership.live_lease("peer").await);
    sleep(Duration::from_secs(16)).await;
    assert!(!leadership.live_lease("peer").await);
}
