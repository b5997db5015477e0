//! One run: a story that follows from a seed, and its judgement.

use std::{
    cell::RefCell,
    collections::BTreeMap,
    hash::{DefaultHasher, Hash, Hasher},
    panic,
    sync::Once,
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use kruise_testkit::{
    random::Random,
    server::{Change, Recorded},
    world::play_with,
};

use crate::{
    deployable::{Deployable, Mutant, Story},
    faults,
    front::Front,
    history::{History, Violation},
    judge,
    stage::Stage,
};

/// How long a roll-out may take once nothing goes wrong any more, and until it is told of.
const REACHED_WITHIN: SignedDuration = SignedDuration::from_mins(30);
/// How often it is looked whether all is reached.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How long all must stay as it is before it counts as settled, for what is told with a delay.
const SETTLING: Duration = Duration::from_secs(40);
/// A run with more requests than this is over.
const MOST_REQUESTS: usize = 6_000;
/// For how long a settled object is then watched.
const WATCHED_FOR: Duration = Duration::from_secs(90);

/// What came of a run.
pub struct Outcome {
    /// Its seed.
    pub seed: u64,
    /// Rules that were broken.
    pub violations: Vec<Violation>,
    /// What all requests and changes come to: equal for equal runs.
    pub digest: u64,
    /// Faults that happened, by class.
    pub faults: BTreeMap<&'static str, u64>,
    /// How many requests the deployable made.
    pub n_requests: usize,
    /// How much time went by in the story.
    pub time: Duration,
    /// What happened, in order.
    pub story: Vec<(Timestamp, String)>,
}

thread_local! {
    /// Panics of the run that this thread plays, if it plays one.
    static PANICS: RefCell<Option<Vec<String>>> = const { RefCell::new(None) };
}

/// A panic within a pass is caught and tried again; here it must not go unnoticed.
fn note_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let usual = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            // What is no part of a run is told as usual.
            let is_noted = PANICS.with_borrow_mut(|panics| {
                let panics = panics.as_mut();
                panics.map(|panics| panics.push(info.to_string())).is_some()
            });
            let is_wanted = std::env::var_os("RUST_BACKTRACE").is_some_and(|it| it == "full");
            if !is_noted || is_wanted {
                usual(info);
            }
        }));
    });
}

/// Plays and judges one seed.
#[must_use]
pub fn run(
    deployable: &'static dyn Deployable,
    seed: u64,
    mutant: Option<&'static Mutant>,
) -> Outcome {
    run_telling(deployable, seed, mutant, false)
}

/// The same; if it is told whole, all that was asked and changed is in its story, even where no rule was broken.
#[must_use]
pub fn run_telling(
    deployable: &'static dyn Deployable,
    seed: u64,
    mutant: Option<&'static Mutant>,
    is_whole: bool,
) -> Outcome {
    run_seen(deployable, seed, mutant, is_whole, |_| ())
}

/// The same; `seen` is shown the stage when all is over.
fn run_seen(
    deployable: &'static dyn Deployable,
    seed: u64,
    mutant: Option<&'static Mutant>,
    is_whole: bool,
    seen: impl FnOnce(&Stage),
) -> Outcome {
    note_panics();
    PANICS.set(Some(vec![]));
    let outcome = play_with(seed, async |world| {
        let saboteur = mutant.map(|mutant| (mutant.saboteur)());
        let mut stage = Stage::new(world, deployable, saboteur);
        let mut told = told(deployable, &mut stage).await;
        told.is_whole = is_whole;
        seen(&stage);
        judged(deployable, seed, &stage, told)
    });
    PANICS.set(None);
    outcome
}

/// What the story came to.
#[derive(Default)]
struct Told {
    n_acts: usize,
    settled: Option<Timestamp>,
    violations: Vec<Violation>,
    is_whole: bool,
}

async fn told(deployable: &'static dyn Deployable, stage: &mut Stage) -> Told {
    let mut told = Told::default();
    let mut story = deployable.story();
    story.begin(stage).await;
    let mut random: Random = stage.world.random.fork();
    stage
        .world
        .server
        .faults()
        .set(faults::drawn(&mut random, stage.processes));
    stage.front_is_rough(&mut random);
    for _ in 0..3 + random.below(8) {
        let longest = *random.pick(&[200, 2_000, 20_000, 60_000]);
        let pause = Duration::from_millis(random.below(longest) as u64);
        stage.world.run_for(pause).await;
        let what = if random.chance(600) {
            story.act(stage).await
        } else {
            stage.misfortune().await
        };
        stage.note(what);
        told.n_acts += 1;
        if is_storm(stage) {
            break;
        }
    }
    stage
        .world
        .run_for(Duration::from_secs(random.below(30) as u64))
        .await;
    stage.calm();
    story.end(stage).await;
    stage.note("nothing goes wrong any more");
    let calm_since = stage.world.clock.now();

    // What is waited for is looked at, whatever watches say. But a lost event of what nobody waits for stays unseen until
    // its watch begins anew.
    let mut begins_anew = stage
        .world
        .server
        .faults()
        .injected()
        .contains_key("event_lost");
    let mut is_proved = false;
    let mut missing = missing_of(&*story, stage);
    while stage.world.clock.now().duration_since(calm_since) < REACHED_WITHIN {
        stage.world.run_for(LOOK_EVERY).await;
        let half = stage.world.clock.now().duration_since(calm_since) > REACHED_WITHIN / 2;
        if begins_anew && (half || story.reached(&stage.world.server).is_ok()) {
            begins_anew = false;
            stage.restart().await;
        }
        missing = missing_of(&*story, stage);
        if missing.is_empty() {
            stage.world.run_for(SETTLING).await;
            missing = missing_of(&*story, stage);
        }
        if missing.is_empty() && !is_proved {
            is_proved = true;
            story.prove(stage).await;
            missing = missing_of(&*story, stage);
        }
        // A storm would go on like this for half an hour.
        if missing.is_empty() || is_storm(stage) {
            break;
        }
    }
    told.violations.append(&mut stage.violations);
    let now = stage.world.clock.now();
    let mut tell = |rule, what| {
        told.violations.push(Violation {
            rule,
            at: now,
            what,
        });
    };
    if missing.is_empty() {
        told.settled = Some(now);
        stage.world.run_for(WATCHED_FOR).await;
    }
    for (rule, what) in missing {
        tell(rule, format!("since {calm_since}: {what}"));
    }
    while let Some((name, why)) = stage.world.ended() {
        tell("process-ended", format!("{name}: {why}"));
    }
    for panic in PANICS.replace(Some(vec![])).unwrap_or_default() {
        tell("panic", panic);
    }
    told
}

/// What the specs ask for and isn't there, and once all is, what the objects say of themselves that isn't so.
fn missing_of(story: &dyn Story, stage: &Stage) -> Vec<(&'static str, String)> {
    if let Err(missing) = story.reached(&stage.world.server) {
        return vec![("not-reached", missing)];
    }
    let untruths = story.untruths(stage).into_iter();
    untruths.map(|what| ("untrue-status", what)).collect()
}

fn is_storm(stage: &Stage) -> bool {
    !stage.world.server.requests_since(MOST_REQUESTS).is_empty()
}

fn judged(deployable: &'static dyn Deployable, seed: u64, stage: &Stage, told: Told) -> Outcome {
    let server = &stage.world.server;
    let history = History {
        changes: server.changes_since(0),
        requests: server.requests(),
        processes: stage.processes.to_vec(),
        asked: stage.front.as_ref().map(Front::asked).unwrap_or_default(),
        told: stage
            .told
            .lock()
            .expect("nobody panics while noting")
            .clone(),
        settled: told.settled,
        n_acts: told.n_acts,
    };
    let mut violations = told.violations;
    violations.extend(judge::violations(deployable, &history));
    violations.extend(deployable.violations(&history));
    violations.sort_by_key(|violation| violation.at);
    let time = stage
        .world
        .clock
        .now()
        .duration_since(history.changes[0].at);
    Outcome {
        seed,
        digest: digest(&history),
        faults: server.faults().injected(),
        n_requests: history
            .requests
            .iter()
            .filter(|request| history.is_ours(request.by))
            .count(),
        time: Duration::try_from(time).unwrap_or_default(),
        story: story(stage, &history, &violations, told.is_whole),
        violations,
    }
}

fn digest(history: &History) -> u64 {
    let mut hasher = DefaultHasher::new();
    for request in &history.requests {
        format!("{request:?}").hash(&mut hasher);
    }
    for change in &history.changes {
        let after = change.after.as_ref().map(ToString::to_string);
        (change.version, change.at.to_string(), change.by, after).hash(&mut hasher);
    }
    hasher.finish()
}

/// The diary, requests and changes, in order.
fn story(
    stage: &Stage,
    history: &History,
    violations: &[Violation],
    is_whole: bool,
) -> Vec<(Timestamp, String)> {
    let diary = stage
        .diary
        .iter()
        .map(|(at, what)| (*at, format!("== {what}")));
    let mut lines: Vec<(Timestamp, String)> = diary.collect();
    // Nobody reads it otherwise.
    if is_whole || !violations.is_empty() {
        let requests = history.requests.iter();
        let told =
            requests.filter(|request| history.is_ours(request.by) && request.plural != "leases");
        lines.extend(told.map(|request| (request.at, request_line(request))));
        let changes = history
            .changes
            .iter()
            .filter(|change| change.resource.plural != "leases");
        lines.extend(changes.map(|change| (change.at, change_line(change))));
        let broken = violations.iter();
        lines.extend(broken.map(|it| (it.at, format!("!! {}: {}", it.rule, it.what))));
    }
    lines.sort_by_key(|(at, _)| *at);
    lines
}

fn request_line(request: &Recorded) -> String {
    let Recorded {
        by,
        verb,
        plural,
        key,
        subresource,
        code,
        fault,
        body,
        dry_run,
        ..
    } = request;
    let code = code.map_or_else(|| "no answer".to_owned(), |code| code.to_string());
    let dry = if *dry_run { " (dry run)" } else { "" };
    let fault = fault.map_or_else(String::new, |fault| format!(" [{fault}]"));
    let body = if body.is_null() {
        String::new()
    } else {
        format!(" {body}")
    };
    format!("-> {by} {verb}{dry} {plural} {key} {subresource}: {code}{fault}{body}")
}

fn change_line(change: &Change) -> String {
    let object = change.after.as_ref().or(change.before.as_ref());
    let name = object
        .and_then(|object| object["metadata"]["name"].as_str())
        .unwrap_or_default();
    let what = match (&change.before, &change.after) {
        (None, _) => "created",
        (_, None) => "gone",
        _ => "changed",
    };
    let pod = change
        .after
        .as_ref()
        .filter(|_| change.resource.plural == "pods");
    let pod = pod.map_or_else(String::new, |pod| {
        let conditions = pod["status"]["conditions"].as_array().into_iter().flatten();
        let on = conditions.filter(|it| it["status"] == "True");
        let on: Vec<_> = on.filter_map(|it| it["type"].as_str()).collect();
        let labels = &pod["metadata"]["labels"];
        format!(
            " {} on {} image {} state {} {on:?}{}",
            pod["status"]["phase"],
            pod["spec"]["nodeName"],
            pod["spec"]["containers"][0]["image"],
            labels["lifecycle.apps.kruise.io/state"],
            if pod["metadata"].get("deletionTimestamp").is_some() {
                " terminating"
            } else {
                ""
            },
        )
    });
    format!(
        "   {} {} {name} {what} by {}{pod}",
        change.version, change.resource.plural, change.by
    )
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::deployable;

    // Thousands of seeds are played in one process.
    #[test]
    fn nothing_is_left_of_a_seed() {
        for deployable in deployable::ALL {
            let mut kept = None;
            run_seen(*deployable, 1, None, false, |stage| {
                let server = stage.world.server.downgrade();
                kept = Some((server, Arc::downgrade(&stage.told)));
            });
            let (server, told) = kept.unwrap();
            let name = deployable.name();
            assert!(server.upgrade().is_none(), "{name} keeps the server");
            assert!(told.upgrade().is_none(), "{name} keeps what was told");
        }
    }
}
