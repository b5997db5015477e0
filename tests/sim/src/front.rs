//! What stands between the API server and the replicas of a webhook: a Service that sends each call to any of them, and
//! a network that delays, repeats and loses.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures::future::BoxFuture;
use jiff::Timestamp;
use kruise_runtime::webhook::InProcessWebhooks;
use kruise_testkit::{clock::VirtualClock, random::Random, server::ApiServer, webhooks::Reviewed};
use serde_json::Value;

use crate::between::Saboteur;

/// How long an API server waits for a webhook, as all of ours are deployed.
const TIMEOUT: Duration = Duration::from_secs(3);
/// A call that is delayed takes so many milliseconds more, at most.
const DELAY: usize = 400;

/// What a process was asked, and what it answered.
#[derive(Clone, Debug)]
pub struct Asked {
    /// Which process, by the name of its client.
    pub by: &'static str,
    /// At which path.
    pub path: String,
    /// The request of the review.
    pub request: Value,
    /// When it was asked, and the newest version then.
    pub begin: (Timestamp, u64),
    /// When it answered, and the newest version then; none, if it never did.
    pub end: Option<(Timestamp, u64)>,
    /// The response of the review; null where there is none.
    pub response: Value,
}

impl Asked {
    /// Whether the request may go on.
    #[must_use]
    pub fn allows(&self) -> bool {
        self.response["allowed"] == true
    }
}

/// How often a call meets what, in a thousand.
#[derive(Clone, Copy, Default, Debug)]
pub struct Mood {
    /// It is asked twice, one after the other.
    pub repeated: u32,
    /// It is asked twice, at the same time.
    pub doubled: u32,
    /// The answer is lost.
    pub lost: u32,
    /// It arrives late.
    pub late: u32,
}

/// A Service before the replicas.
#[derive(Clone)]
pub struct Front {
    inner: Arc<Inner>,
}

struct Inner {
    replicas: Vec<(&'static str, InProcessWebhooks)>,
    clock: VirtualClock,
    state: Mutex<State>,
    saboteur: Option<Arc<dyn Saboteur>>,
}

struct State {
    random: Random,
    mood: Mood,
    asked: Vec<Asked>,
}

/// One call to one replica.
#[derive(Clone)]
struct Call {
    server: ApiServer,
    path: String,
    review: String,
}

impl Front {
    /// A Service that sends calls to these processes.
    #[must_use]
    pub fn new(
        replicas: Vec<(&'static str, InProcessWebhooks)>,
        clock: VirtualClock,
        random: Random,
        saboteur: Option<Arc<dyn Saboteur>>,
    ) -> Self {
        let state = State {
            random,
            mood: Mood::default(),
            asked: vec![],
        };
        Self {
            inner: Arc::new(Inner {
                replicas,
                clock,
                state: Mutex::new(state),
                saboteur,
            }),
        }
    }

    /// What goes wrong from now on.
    pub fn set(&self, mood: Mood) {
        self.state().mood = mood;
    }

    /// All that was asked so far.
    #[must_use]
    pub fn asked(&self) -> Vec<Asked> {
        self.state().asked.clone()
    }

    /// Answers a review of this server.
    pub fn answer(
        &self,
        server: &ApiServer,
        path: String,
        review: String,
    ) -> BoxFuture<'static, Reviewed> {
        let call = Call {
            server: server.clone(),
            path,
            review,
        };
        let front = self.clone();
        Box::pin(async move { front.deliver(call).await })
    }

    async fn deliver(self, call: Call) -> Reviewed {
        let mood = self.state().mood;
        if self.chance(mood.late) {
            let delay = self.state().random.below(DELAY) as u64;
            tokio::time::sleep(Duration::from_millis(delay)).await;
        }
        if self.chance(mood.doubled) {
            let both = futures::future::join(
                self.clone().ask_any(call.clone()),
                self.clone().ask_any(call),
            );
            return both.await.1;
        }
        let answer = self.clone().ask_any(call.clone()).await;
        if self.chance(mood.repeated) {
            return self.ask_any(call).await;
        }
        if self.chance(mood.lost) {
            return Some(Err("read: connection reset by peer".to_owned()));
        }
        answer
    }

    /// Asks any replica that listens.
    async fn ask_any(self, call: Call) -> Reviewed {
        let replicas = self.inner.replicas.iter();
        let listening: Vec<_> = replicas.filter(|(_, it)| !it.paths().is_empty()).collect();
        if listening.is_empty() {
            return None;
        }
        let (who, replica) = (*self.state().random.pick(&listening)).clone();
        let goes_on = self.chance(500);
        // Who waits no longer may be served all the same, or not.
        let mut asking = tokio::spawn(self.clone().ask(who, replica, call));
        match tokio::time::timeout(TIMEOUT, &mut asking).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => Some(Err(error.to_string())),
            Err(_) => {
                if !goes_on {
                    asking.abort();
                }
                Some(Err("context deadline exceeded".to_owned()))
            }
        }
    }

    async fn ask(self, who: &'static str, replica: InProcessWebhooks, call: Call) -> Reviewed {
        let Call {
            server,
            path,
            review,
        } = call;
        let mut whole: Value = serde_json::from_str(&review).ok()?;
        let request = whole["request"].clone();
        let review = match &self.inner.saboteur {
            Some(saboteur) => {
                saboteur.review(&mut whole);
                whole.to_string()
            }
            None => review,
        };
        let now = |server: &ApiServer| (self.inner.clock.now(), server.version());
        let begin = now(&server);
        let place = self.note(Asked {
            by: who,
            path: path.clone(),
            request,
            begin,
            end: None,
            response: Value::Null,
        });
        let answer = replica.call(&path, review.as_bytes()).await?;
        let end = now(&server);
        // One that was killed meanwhile answers nothing.
        if replica.paths().is_empty() {
            return Some(Err("read: connection reset by peer".to_owned()));
        }
        let told = answer.as_ref().ok();
        let told = told.and_then(|answer| serde_json::from_slice::<Value>(answer).ok());
        let mut told = told.unwrap_or_default();
        let mut state = self.state();
        if let Some(asked) = state.asked.get_mut(place) {
            asked.end = Some(end);
            asked.response = told["response"].take();
        }
        drop(state);
        Some(answer)
    }

    /// Writes a question down, and says where.
    fn note(&self, asked: Asked) -> usize {
        let mut state = self.state();
        state.asked.push(asked);
        state.asked.len() - 1
    }

    fn chance(&self, per_mille: u32) -> bool {
        self.state().random.chance(per_mille)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        let state = self.inner.state.lock();
        state.unwrap_or_else(PoisonError::into_inner)
    }
}
