//! A whole cluster in one thread: server, scheduler, kubelets, and deployables that run as their binaries run them. Time
//! goes by when everybody waits.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use clap::{Args, Command};
use futures::{FutureExt, future::BoxFuture};
use kruise_runtime::{
    App, Clock, InProcess, RuntimeArgs, SetupError, seed_this_thread, webhook::InProcessWebhooks,
};
use serde_json::Value;
use tokio::task::{JoinError, JoinHandle};
use tokio_util::sync::CancellationToken;

use crate::{
    clock::VirtualClock,
    fakes::Fakes,
    fields::text,
    manifests,
    random::Random,
    server::ApiServer,
    webhooks::{self, Reviewed},
};

/// How often a condition is looked at while nothing changes.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// A cluster.
pub struct World {
    /// What everybody talks to.
    pub server: ApiServer,
    /// What time it is.
    pub clock: VirtualClock,
    /// Scheduler, kubelets and nodes.
    pub fakes: Fakes,
    /// Numbers for the test's own choices.
    pub random: Random,
    processes: BTreeMap<&'static str, Process>,
    webhooks: BTreeMap<&'static str, InProcessWebhooks>,
    between: Option<Between>,
    playing: JoinHandle<()>,
    /// Processes that ended although nobody told them to, and why.
    ended: VecDeque<(&'static str, String)>,
}

type Make = Box<dyn Fn() -> Vec<App>>;
type Between = Box<dyn Fn(&'static str, kube::Client) -> kube::Client>;

/// A deployable that runs, or ran.
struct Process {
    args: RuntimeArgs,
    apps: Make,
    running: Option<Running>,
}

struct Running {
    task: JoinHandle<Result<(), SetupError>>,
    stop: CancellationToken,
}

/// Plays a story in a world of its own, on a thread of its own and by a clock that stands still until all wait.
///
/// # Panics
/// When the story does.
pub fn play<T>(seed: u64, story: impl AsyncFnOnce(&mut World) -> T) -> T {
    play_with(seed, async |mut world| story(&mut world).await)
}

/// As [`play`], for a story that keeps its world.
///
/// # Panics
/// When the story does.
pub fn play_with<T>(seed: u64, story: impl AsyncFnOnce(World) -> T) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build();
    let runtime = runtime.expect("a runtime");
    seed_this_thread(seed);
    runtime.block_on(async { story(World::new(seed)).await })
}

/// Flags of a deployable as its binary reads them.
///
/// # Panics
/// When there is no such flag.
#[must_use]
pub fn flags<A: Args>(flags: &[&str]) -> A {
    let command = A::augment_args(Command::new("test")).no_binary_name(true);
    let matches = command.get_matches_from(flags);
    A::from_arg_matches(&matches).expect("flags")
}

impl World {
    /// A cluster without nodes. It must be made on the runtime that it lives on; see [`play`].
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let clock = VirtualClock::new();
        let server = ApiServer::new(clock, random.number());
        let fakes = Fakes::new(server.clone(), clock, &mut random);
        Self {
            playing: tokio::spawn(fakes.clone().run()),
            server,
            clock,
            fakes,
            random,
            processes: BTreeMap::new(),
            webhooks: BTreeMap::new(),
            between: None,
            ended: VecDeque::new(),
        }
    }

    /// Installs the definitions in a file of `crds/`, and returns their names.
    pub fn install(&self, file: &str) -> Vec<String> {
        let definitions = manifests::read(&format!("crds/{file}")).into_iter();
        let install = |definition: Value| {
            let name = text(&definition["metadata"]["name"]);
            self.server.install(definition);
            name
        };
        definitions.map(install).collect()
    }

    /// Has the webhooks asked that `deploy/base/<directory>` describes: whichever of these processes runs answers.
    pub fn serve_webhooks(&mut self, directory: &str, processes: &[&'static str]) {
        let of = |name: &&'static str| self.webhooks.entry(name).or_default().clone();
        let served: Vec<_> = processes.iter().map(of).collect();
        webhooks::serve(&self.server, directory, &webhooks::first_of(served));
    }

    /// The same, where `ask` says who answers what is sent to a path.
    pub fn serve_webhooks_by(
        &mut self,
        directory: &str,
        ask: impl Fn(&ApiServer, String, String) -> BoxFuture<'static, Reviewed> + Send + Sync + 'static,
    ) {
        let ask: webhooks::Ask = Arc::new(ask);
        webhooks::serve(&self.server, directory, &ask);
    }

    /// What a process answers, for a test that asks it itself. There are no answers while it doesn't run.
    pub fn webhooks_of(&mut self, name: &'static str) -> InProcessWebhooks {
        self.webhooks.entry(name).or_default().clone()
    }

    /// Has the kind of a definition converted: whichever of these processes runs does it.
    pub fn serve_conversion(&mut self, definition: &str, processes: &[&'static str]) {
        let of = |name: &&'static str| self.webhooks.entry(name).or_default().clone();
        let served: Vec<_> = processes.iter().map(of).collect();
        webhooks::convert(&self.server, definition, served);
    }

    /// From now on processes get what this makes of their clients.
    pub fn stand_between(
        &mut self,
        between: impl Fn(&'static str, kube::Client) -> kube::Client + 'static,
    ) {
        self.between = Some(Box::new(between));
    }

    /// Runs a deployable. `args` are the flags that all deployables have. The name is what the record calls its
    /// requests.
    pub fn run_app(
        &mut self,
        name: &'static str,
        args: &[&str],
        apps: impl Fn() -> Vec<App> + 'static,
    ) {
        let process = Process {
            args: flags(args),
            apps: Box::new(apps),
            running: None,
        };
        self.processes.insert(name, process);
        self.start(name);
    }

    /// Starts a process again that ended.
    ///
    /// # Panics
    /// When it runs, or never ran.
    pub fn start(&mut self, name: &'static str) {
        assert!(!self.runs(name), "{name} runs");
        self.take(name);
        let process = self.processes.get_mut(name).expect("a process");
        let (stop, clock) = (CancellationToken::new(), self.clock);
        let client = self.server.client_of(name);
        let in_process = InProcess {
            args: process.args.clone(),
            apps: (process.apps)(),
            client: match &self.between {
                Some(between) => between(name, client),
                None => client,
            },
            clock: Clock::of(move || clock.now()),
            webhooks: self.webhooks.entry(name).or_default().clone(),
        };
        process.running = Some(Running {
            task: tokio::spawn(in_process.run(stop.clone())),
            stop,
        });
    }

    /// Ends a process at once, wherever it is; what it has sent may still arrive.
    pub async fn kill(&mut self, name: &'static str) {
        let Some(running) = self.take(name) else {
            return;
        };
        running.task.abort();
        // Its tasks are dropped when they are next looked at, before anything else goes on.
        let ended = running.task.await;
        if !ended.as_ref().is_err_and(JoinError::is_cancelled) {
            self.ended.push_back((name, format!("{ended:?}")));
        }
    }

    /// Tells a process to end, and waits until it has.
    pub async fn stop(&mut self, name: &'static str) {
        let Some(running) = self.take(name) else {
            return;
        };
        running.stop.cancel();
        let ended = running.task.await;
        if !matches!(ended, Ok(Ok(()))) {
            self.ended.push_back((name, format!("{ended:?}")));
        }
    }

    /// Whether a process runs.
    #[must_use]
    pub fn runs(&self, name: &str) -> bool {
        let process = self.processes.get(name);
        let running = process.and_then(|process| process.running.as_ref());
        running.is_some_and(|running| !running.task.is_finished())
    }

    /// A process that ended although nobody told it to, or with an error, and why; each is told once.
    pub fn ended(&mut self) -> Option<(&'static str, String)> {
        let names: Vec<&'static str> = self.processes.keys().copied().collect();
        for name in names {
            if !self.runs(name) {
                self.take(name);
            }
        }
        self.ended.pop_front()
    }

    /// A process to be ended, unless it has ended by itself.
    ///
    /// # Panics
    /// When it never ran.
    fn take(&mut self, name: &'static str) -> Option<Running> {
        let process = self.processes.get_mut(name).expect("a process");
        let running = process.running.take()?;
        if !running.task.is_finished() {
            return Some(running);
        }
        let why = running.task.now_or_never();
        self.ended.push_back((name, format!("{why:?}")));
        None
    }

    /// Lets time go by.
    pub async fn run_for(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }

    /// Waits for something, for at most this time; whether it came.
    pub async fn within(&self, time: Duration, condition: impl Fn(&ApiServer) -> bool) -> bool {
        let looking = async {
            while !condition(&self.server) {
                let version = self.server.version();
                // What a condition asks for may be no change at all.
                tokio::select! {
                    biased;
                    () = self.server.newer_than(version) => tokio::task::yield_now().await,
                    () = tokio::time::sleep(LOOK_EVERY) => {}
                }
            }
        };
        tokio::time::timeout(time, looking).await.is_ok()
    }

    /// Waits for something that must come within ten minutes.
    ///
    /// # Panics
    /// When it doesn't come.
    pub async fn until(&self, what: &str, condition: impl Fn(&ApiServer) -> bool) {
        let came = self.within(Duration::from_secs(600), condition).await;
        assert!(came, "{what}: not within ten minutes");
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.playing.abort();
    }
}
