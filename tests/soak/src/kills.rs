//! `--kills N`: the leader's process is killed in the middle of roll-outs, again and again.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use localkube::audit::{self, Entry};
use localkube::progress::say;

use super::Broken;
use super::bounds::{self, Violation};
use super::ground::{ACCOUNT, Ground, NAMESPACE};
use super::leader::Process;
use super::plan::{self, Round, Sets};
use super::random::Random;
use super::record::Record;
use super::requests::{self, PodWrites};
use super::spread::Spread;
use super::take_over::{Successor, TakeOver};

/// A lease runs out within 15 s, and three CloneSets roll out in 10: far longer than both.
const ROUND_TIMEOUT: Duration = Duration::from_secs(180);
/// What belongs to a roll-out comes within this time after its end.
const AFTERMATH: Duration = Duration::from_secs(2);

/// What a round came to.
struct Outcome {
    take_over: TakeOver,
    /// From the kill to the new leader's first write to a pod, a CloneSet or a revision, in seconds.
    first_work: Option<f64>,
    /// Whether there was work left when the leader was killed.
    in_roll_out: bool,
    writes: PodWrites,
    violations: Vec<Violation>,
}

/// Kills `n_kills` leaders, and says which bounds were broken meanwhile.
pub(super) fn run(ground: &Ground<'_>, n_kills: u32, seed: u64) -> Result<Broken> {
    say("")?;
    say(&format!(
        "{n_kills} kills of the leader in roll-outs; --seed {seed} repeats what is asked for and when"
    ))?;
    let mut random = Random::of(seed);
    let mut sets = plan::first();
    ground.begin()?;
    let mut record = Record::start(ground)?;
    ground.create(&sets)?;
    ground.record_until(&mut record, "the first pods", ROUND_TIMEOUT, |now| {
        now.is_settled(&sets) && now.lease.is_some()
    })?;
    drop(record);

    let mut outcomes = Vec::new();
    for number in 1..=n_kills {
        let round = plan::round(number.into(), &sets, &mut random);
        let outcome = play(ground, &sets, &round)
            .with_context(|| format!("round {number} of --seed {seed}: {round:?}"))?;
        say(&describe(number, &round, &outcome))?;
        for violation in &outcome.violations {
            say(&format!("    BROKEN {violation}"))?;
        }
        outcomes.push(outcome);
        sets = round.end;
    }
    conclude(&outcomes)?;
    Ok(outcomes
        .iter()
        .flat_map(|outcome| &outcome.violations)
        .map(Violation::to_string)
        .collect())
}

fn play(ground: &Ground<'_>, sets: &Sets, round: &Round) -> Result<Outcome> {
    let mut record = Record::start(ground)?;
    ground.record_until(&mut record, "what is there", ROUND_TIMEOUT, |now| {
        now.is_settled(sets) && now.lease.is_some()
    })?;
    let n_base = record.events().len();
    let place = audit::length(&ground.audit_log)?;
    let lease = record.now().lease.clone().context("nobody leads")?;
    let leader = Process::of(ground, lease.pod())?;

    let start = Instant::now();
    ground.ask(&round.begin)?;
    let scaled = round
        .end
        .iter()
        .filter(|(name, _)| **name == round.scaled)
        .map(|(name, terms)| (*name, terms.clone()))
        .collect();
    let until = |time: Duration| time.saturating_sub(start.elapsed());
    let scale = |record: &mut Record| {
        ground.record_for(record, until(round.scale_after))?;
        ground.ask(&scaled)
    };
    let kill = |record: &mut Record| {
        ground.record_for(record, until(round.kill_after))?;
        let in_roll_out = !record.now().is_settled(&round.end);
        leader.kill().map(|at| (at, in_roll_out))
    };
    let (killed_at, in_roll_out) = if round.scale_after < round.kill_after {
        scale(&mut record)?;
        kill(&mut record)?
    } else {
        let killed = kill(&mut record)?;
        scale(&mut record)?;
        killed
    };

    ground.record_until(&mut record, "another leader", ROUND_TIMEOUT, |now| {
        now.lease
            .as_ref()
            .is_some_and(|now| now.holder != lease.holder && !now.holder.is_empty())
    })?;
    ground.record_until(
        &mut record,
        "the end of the roll-out",
        ROUND_TIMEOUT,
        |now| now.is_settled(&round.end),
    )?;
    ground.record_for(&mut record, AFTERMATH)?;

    let take_over = TakeOver::find(record.events(), &lease.holder, killed_at)
        .context("the lease tells of no take-over")?;
    let entries: Vec<Entry> =
        audit::entries_from(&ground.audit_log, place)?.collect::<Result<_>>()?;
    let first_work = requests::first_work(&entries, ACCOUNT, &take_over.pod, take_over.at);
    let (writes, doubled) = requests::pod_writes(&entries, ACCOUNT, NAMESPACE);
    let (base, after) = record.events().split_at_checked(n_base).unwrap_or_default();
    let mut violations = bounds::violations(base, after);
    violations.extend(doubled);
    violations.extend(take_over.violation());
    Ok(Outcome {
        first_work: first_work.map(|at| at.duration_since(killed_at).as_secs_f64()),
        take_over,
        in_roll_out,
        writes,
        violations,
    })
}

fn describe(number: u32, round: &Round, outcome: &Outcome) -> String {
    let policy = if round.in_place {
        "in place"
    } else {
        "ReCreate"
    };
    let when = if outcome.in_roll_out {
        ""
    } else {
        " (all was done)"
    };
    let by = match outcome.take_over.by {
        Successor::Standby => "the standby",
        Successor::Restarted => "the restarted",
    };
    let first_work = outcome.first_work.map_or_else(
        || "no work was left".to_owned(),
        |seconds| format!("at work after {seconds:.2} s"),
    );
    format!(
        "{number:>4}. {policy}, {} scaled after {:.1} s, killed after {:.1} s{when}: {by} leads after {:.2} s, \
         {:+.2} s from the lease's end, {first_work}; {} creates, {} patches, {} deletes",
        round.scaled,
        round.scale_after.as_secs_f64(),
        round.kill_after.as_secs_f64(),
        outcome.take_over.since_kill.as_secs_f64(),
        outcome.take_over.since_expiry.as_secs_f64(),
        outcome.writes.creates,
        outcome.writes.patches,
        outcome.writes.deletes,
    )
}

fn conclude(outcomes: &[Outcome]) -> Result<()> {
    let count = |of: &dyn Fn(&Outcome) -> bool| outcomes.iter().filter(|one| of(one)).count();
    let by = |successor| count(&|one| one.take_over.by == successor);
    let mut writes = PodWrites::default();
    for outcome in outcomes {
        writes.add(&outcome.writes);
    }
    say("")?;
    say(&format!(
        "{} take-overs, {} of them in a roll-out: {} by the warm standby, {} by the restarted process",
        outcomes.len(),
        count(&|one| one.in_roll_out),
        by(Successor::Standby),
        by(Successor::Restarted),
    ))?;
    let spreads = [
        (
            "from the kill to the next leader",
            Spread::of(
                outcomes
                    .iter()
                    .map(|one| one.take_over.since_kill.as_secs_f64()),
            ),
        ),
        (
            "from the kill to its first work ",
            Spread::of(outcomes.iter().filter_map(|one| one.first_work)),
        ),
        (
            "from the lease's end, the standby",
            since_expiry(outcomes, Successor::Standby),
        ),
        (
            "from the lease's end, a restarted",
            since_expiry(outcomes, Successor::Restarted),
        ),
    ];
    for (what, spread) in spreads {
        if let Some(spread) = spread {
            say(&format!("  {what}  {spread}"))?;
        }
    }
    say(&format!(
        "  within a second of the lease's end: {} of {}",
        count(&|one| one.take_over.since_expiry.as_secs_f64() <= 1.0),
        outcomes.len()
    ))?;
    say(&format!(
        "writes to pods: {} creates, {} patches, {} deletes; {} of them met a conflict, {} \
         failed otherwise, such as what a killed leader had begun",
        writes.creates, writes.patches, writes.deletes, writes.conflicts, writes.refused
    ))
}

fn since_expiry(outcomes: &[Outcome], by: Successor) -> Option<Spread> {
    Spread::of(
        outcomes
            .iter()
            .filter(|one| one.take_over.by == by)
            .map(|one| one.take_over.since_expiry.as_secs_f64()),
    )
}
