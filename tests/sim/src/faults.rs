//! Which faults a run meets. Each seed has a mood: runs in which everything goes wrong at once would never get to what
//! takes a while.

use std::time::Duration;

use kruise_api::resource::PODS;
use kruise_testkit::{
    random::Random,
    server::{Fault, Rule},
};

/// The rules of one run, about these processes: some classes, seldom or often.
#[must_use]
pub fn drawn(random: &mut Random, processes: &[&'static str]) -> Vec<Rule> {
    let seconds = Duration::from_secs;
    let requests = [
        Fault::Forbidden,
        Fault::NotFound,
        Fault::Conflict,
        Fault::Throttled,
        Fault::Internal,
        Fault::Unavailable,
        Fault::ResetBefore,
        Fault::HangBefore,
        Fault::Slow(seconds(6)),
        Fault::AnswerLost,
        Fault::ResetAfter,
        Fault::TimeoutAfter,
    ];
    let watches = [
        Fault::EventsLate(seconds(3)),
        Fault::EventsCollapsed(seconds(3)),
        Fault::EventLost,
        Fault::WatchBroken,
        Fault::WatchGone,
        Fault::WatchSilent,
    ];
    let often = *random.pick(&[0, 2, 10, 40]);
    let mut rules = vec![];
    for (faults, share) in [(&requests[..], often), (&watches[..], often)] {
        for fault in faults {
            // A part of the classes is enough for one run.
            if random.chance(500) {
                rules.push(fair(Rule::new(*fault, rare(*fault, share)), *fault));
            }
        }
    }
    rules.push(Rule::new(Fault::Compaction, often / 10));
    rules.push(Rule::new(Fault::BookmarksMissing, often * 5));
    let of_each = |rule: &Rule| {
        processes
            .iter()
            .map(|who| rule.clone().of(who))
            .collect::<Vec<_>>()
    };
    rules.iter().flat_map(of_each).collect()
}

/// Some faults would be lies if they met everything.
fn fair(rule: Rule, fault: Fault) -> Rule {
    match fault {
        // No server says of an object that it isn't there when it is. Of what is written, it may be said by who stands
        // before the server; but that a deletion finds nothing is as good as its success.
        Fault::NotFound => rule.verbs(&["update", "patch"]),
        // What was never heard of can't be doubted: a node that joins, say.
        Fault::EventLost => rule.plurals(&[PODS.plural]),
        _ => rule,
    }
}

/// Those that hold everything up for long come seldom.
fn rare(fault: Fault, often: u32) -> u32 {
    match fault {
        Fault::HangBefore | Fault::AnswerLost | Fault::WatchSilent => often.div_ceil(4),
        _ => often,
    }
}
