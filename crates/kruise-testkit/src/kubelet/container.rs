//! One container as its node's runtime has it.

use jiff::{SignedDuration, Timestamp};
use kruise_api::meta::timestamp;
use serde_json::{Value, json};

use super::rules::{self, Rules};
use crate::fields::{list, text};
use crate::random::Random;

/// The first pause before something that failed is tried again; each further one is twice as long.
const FIRST_BACK_OFF: SignedDuration = SignedDuration::from_secs(10);
const LONGEST_BACK_OFF: SignedDuration = SignedDuration::from_secs(300);
/// What a container ends with that had to be killed.
const KILLED: i64 = 137;

/// What a container was and is.
#[derive(Clone, Debug)]
pub(super) struct Container {
    name: String,
    image: String,
    /// Those in effect.
    resources: Value,
    state: State,
    /// How the run before this one ended.
    last: Option<Ended>,
    /// How often it was started.
    starts: usize,
    failures: u32,
    resized_at: Option<Timestamp>,
}

#[derive(Clone, Debug)]
enum State {
    Waiting {
        reason: &'static str,
        until: Timestamp,
    },
    Running {
        started: Timestamp,
        ready_at: Timestamp,
        exit: Option<(Timestamp, i64)>,
        /// When it has ended, once it was told to.
        stops: Option<Timestamp>,
    },
    Ended(Ended),
}

#[derive(Clone, Debug)]
struct Ended {
    image: String,
    started: Timestamp,
    finished: Timestamp,
    code: i64,
    run: usize,
}

/// What a container's kubelet knows besides.
pub(super) struct Surroundings<'a> {
    pub(super) pod: &'a Value,
    pub(super) is_terminating: bool,
    pub(super) now: Timestamp,
    pub(super) rules: &'a Rules,
    pub(super) random: &'a mut Random,
}

impl Surroundings<'_> {
    fn restarts_after(&self, code: i64) -> bool {
        match self.pod["spec"]["restartPolicy"].as_str() {
            Some("Never") => false,
            Some("OnFailure") => code != 0,
            _ => true,
        }
    }

    fn grace(&self) -> SignedDuration {
        let of_deletion = self.pod["metadata"]["deletionGracePeriodSeconds"].as_i64();
        let of_spec = self.pod["spec"]["terminationGracePeriodSeconds"].as_i64();
        SignedDuration::from_secs(of_deletion.or(of_spec).unwrap_or(30))
    }

    fn stop_delay(&mut self) -> SignedDuration {
        self.rules.stop.draw(self.random).min(self.grace())
    }
}

impl Container {
    pub(super) fn new(spec: &Value, around: &mut Surroundings<'_>) -> Self {
        Self {
            name: text(&spec["name"]),
            image: text(&spec["image"]),
            resources: spec["resources"].clone(),
            state: State::Waiting {
                reason: "ContainerCreating",
                until: around.now + around.rules.start.draw(around.random),
            },
            last: None,
            starts: 0,
            failures: 0,
            resized_at: None,
        }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// The runtime stops the container, which then ends with this code.
    pub(super) fn stop(&mut self, code: i64, now: Timestamp) {
        if let State::Running { exit, .. } = &mut self.state {
            *exit = Some((now, code));
        }
    }

    /// Does what is due now, and says when something is due next.
    pub(super) fn advance(
        &mut self,
        spec: &Value,
        around: &mut Surroundings<'_>,
    ) -> Option<Timestamp> {
        loop {
            self.follow_spec(spec, around);
            match self.due() {
                Some(at) if at <= around.now => self.go_on(spec, around),
                due => return due,
            }
        }
    }

    /// Reacts to what is wanted now.
    fn follow_spec(&mut self, spec: &Value, around: &mut Surroundings<'_>) {
        let is_changed = spec["image"] != self.image.as_str();
        match &mut self.state {
            State::Waiting { until, .. } if around.is_terminating => {
                // It will never be started.
                self.state = State::Ended(Ended {
                    image: self.image.clone(),
                    started: *until,
                    finished: around.now,
                    code: KILLED,
                    run: self.starts,
                });
                return;
            }
            State::Waiting { reason, until } if is_changed => {
                self.image = text(&spec["image"]);
                self.failures = 0;
                *reason = "ContainerCreating";
                *until = around.now + around.rules.start.draw(around.random);
            }
            State::Running {
                stops: stops @ None,
                ..
            } if is_changed || around.is_terminating => {
                *stops = Some(around.now + around.stop_delay());
            }
            _ => {}
        }
        let is_running = matches!(self.state, State::Running { stops: None, .. });
        if spec["resources"] == self.resources || !is_running {
            self.resized_at = None;
        } else if self.resized_at.is_none() {
            self.resized_at = Some(around.now + around.rules.resize.draw(around.random));
        }
    }

    fn due(&self) -> Option<Timestamp> {
        let of_state = match &self.state {
            State::Waiting { until, .. } => Some(*until),
            State::Running { exit, stops, .. } => {
                let exit = exit.map(|(at, _)| at);
                exit.into_iter().chain(*stops).min()
            }
            State::Ended(_) => None,
        };
        of_state.into_iter().chain(self.resized_at).min()
    }

    fn go_on(&mut self, spec: &Value, around: &mut Surroundings<'_>) {
        if self.resized_at.is_some_and(|at| at <= around.now) {
            return self.resize(spec, around);
        }
        match self.state.clone() {
            State::Waiting { .. } if rules::is_bad(&self.image) => {
                self.failures += 1;
                self.state = State::Waiting {
                    reason: "ImagePullBackOff",
                    until: around.now + self.back_off(),
                };
            }
            State::Waiting { .. } => self.start(spec, around),
            State::Running {
                started,
                exit,
                stops,
                ..
            } => {
                let exit = exit.filter(|(at, _)| *at <= around.now);
                let ended = Ended {
                    image: self.image.clone(),
                    started,
                    finished: around.now,
                    code: exit.map_or(0, |(_, code)| code),
                    run: self.starts,
                };
                self.end(ended, stops.is_some(), spec, around);
            }
            State::Ended(_) => {}
        }
    }

    fn start(&mut self, spec: &Value, around: &mut Surroundings<'_>) {
        let exit = rules::exit(around.pod, &self.name, &self.image, self.starts);
        self.starts += 1;
        self.resources = spec["resources"].clone();
        self.state = State::Running {
            started: around.now,
            ready_at: around.now + around.rules.ready.draw(around.random),
            exit: exit.map(|exit| (around.now + exit.after, exit.code)),
            stops: None,
        };
    }

    fn end(&mut self, ended: Ended, was_told: bool, spec: &Value, around: &mut Surroundings<'_>) {
        if around.is_terminating {
            self.state = State::Ended(ended);
        } else if was_told {
            // The container is made anew as the spec has it now.
            self.last = Some(ended);
            self.image = text(&spec["image"]);
            self.failures = 0;
            self.state = State::Waiting {
                reason: "ContainerCreating",
                until: around.now + around.rules.start.draw(around.random),
            };
        } else if around.restarts_after(ended.code) {
            self.failures += 1;
            self.last = Some(ended);
            self.state = State::Waiting {
                reason: "CrashLoopBackOff",
                until: around.now + self.back_off(),
            };
        } else {
            self.state = State::Ended(ended);
        }
    }

    fn resize(&mut self, spec: &Value, around: &mut Surroundings<'_>) {
        self.resized_at = None;
        let restarts = list(&spec["resizePolicy"])
            .iter()
            .any(|policy| policy["restartPolicy"] == "RestartContainer");
        if restarts
            && let State::Running {
                stops: stops @ None,
                ..
            } = &mut self.state
        {
            *stops = Some(around.now + around.stop_delay());
        }
        self.resources = spec["resources"].clone();
    }

    fn back_off(&self) -> SignedDuration {
        let factor = 1 << self.failures.saturating_sub(1).min(5);
        (FIRST_BACK_OFF * factor).min(LONGEST_BACK_OFF)
    }

    /// When it gets ready, if it runs and isn't yet.
    pub(super) fn ready_at(&self, now: Timestamp) -> Option<Timestamp> {
        match &self.state {
            State::Running { ready_at, .. } if *ready_at > now => Some(*ready_at),
            _ => None,
        }
    }

    pub(super) fn is_ready(&self, now: Timestamp) -> bool {
        matches!(&self.state, State::Running { ready_at, .. } if *ready_at <= now)
    }

    pub(super) fn has_started(&self) -> bool {
        self.starts > 0
    }

    /// With which code it ended for good.
    pub(super) fn exit_code(&self) -> Option<i64> {
        match &self.state {
            State::Ended(ended) => Some(ended.code),
            _ => None,
        }
    }

    /// Its entry in the pod's status.
    pub(super) fn status(&self, pod: &Value, now: Timestamp) -> Value {
        let uid = text(&pod["metadata"]["uid"]);
        let state = match &self.state {
            State::Waiting { reason, .. } => json!({ "waiting": { "reason": reason } }),
            State::Running { started, .. } => {
                json!({ "running": { "startedAt": timestamp(*started) } })
            }
            State::Ended(ended) => self.ended(ended, &uid),
        };
        let last_state = self.last.as_ref();
        let last_state = last_state.map_or_else(|| json!({}), |last| self.ended(last, &uid));
        let ready = self.is_ready(now);
        let mut status = json!({
            "name": self.name,
            "image": self.image_of_run(),
            "imageID": if self.starts == 0 { String::new() } else { image_id(self.image_of_run()) },
            "ready": ready,
            "started": matches!(self.state, State::Running { .. }),
            "restartCount": self.starts.saturating_sub(1),
            "state": state,
            "lastState": last_state,
        });
        if self.starts > 0 {
            status["containerID"] = json!(container_id(&uid, &self.name, self.starts));
            if !self.resources.is_null() {
                status["resources"] = self.resources.clone();
                status["allocatedResources"] = self.resources["requests"].clone();
            }
        }
        status
    }

    /// What ran last: while a new image is awaited, that of the run before.
    fn image_of_run(&self) -> &str {
        match (&self.state, &self.last) {
            (State::Waiting { .. }, Some(last)) => &last.image,
            _ => &self.image,
        }
    }

    fn ended(&self, ended: &Ended, uid: &str) -> Value {
        let mut terminated = json!({
            "exitCode": ended.code,
            "reason": if ended.code == 0 { "Completed" } else { "Error" },
            "finishedAt": timestamp(ended.finished),
        });
        if ended.run > 0 {
            terminated["startedAt"] = json!(timestamp(ended.started));
            terminated["containerID"] = json!(container_id(uid, &self.name, ended.run));
        }
        json!({ "terminated": terminated })
    }
}

/// As containerd names an image: its repository and a digest.
fn image_id(image: &str) -> String {
    let repository = image.rsplit_once(':').map_or(image, |(before, _)| before);
    format!("{repository}@sha256:{}", digest(image))
}

fn container_id(uid: &str, name: &str, run: usize) -> String {
    format!("containerd://{}", digest(&format!("{uid}/{name}/{run}")))
}

/// 64 hexadecimal digits that follow from the text.
fn digest(text: &str) -> String {
    let seed = text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let mut random = Random::new(seed);
    (0..4)
        .map(|_| format!("{:016x}", random.number()))
        .collect()
}
