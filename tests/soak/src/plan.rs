//! What is asked of the CloneSets in each round, and when the leader is killed: drawn from a seed. Pure.

use std::collections::BTreeMap;
use std::time::Duration;

use super::random::Random;
use super::seen::Terms;

/// There are images `demo:1` to `demo:5` on a local cluster, each with a digest of its own.
const N_IMAGES: u64 = 5;
/// A roll-out of these sets takes about this long, so that a kill meets it in all its parts.
const ROLL_OUT: u64 = 8_000;

/// CloneSets by name.
pub(super) type Sets = BTreeMap<&'static str, Terms>;

/// The sets as they are made: one pod at a time; two at a time; one more than wanted.
pub(super) fn first() -> Sets {
    let terms = |replicas, max_unavailable, max_surge| Terms {
        replicas,
        max_unavailable,
        max_surge,
        partition: 0,
        in_place: true,
        image: image(0),
    };
    BTreeMap::from([
        ("careful", terms(6, 1, 0)),
        ("quick", terms(4, 2, 0)),
        ("surging", terms(4, 1, 1)),
    ])
}

/// One roll-out of all sets, in which a set is scaled and the leader is killed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Round {
    pub(super) in_place: bool,
    /// What is asked for at the beginning.
    pub(super) begin: Sets,
    pub(super) scale_after: Duration,
    pub(super) scaled: &'static str,
    /// What is asked for from then on.
    pub(super) end: Sets,
    pub(super) kill_after: Duration,
}

/// Round `number`, from 1, of sets that are as `now` says.
pub(super) fn round(number: u64, now: &Sets, random: &mut Random) -> Round {
    let in_place = number % 2 == 1;
    let mut begin = now.clone();
    for terms in begin.values_mut() {
        terms.image = image(number);
        terms.in_place = in_place;
        // In half of the rounds all pods are updated.
        terms.partition = [0, 0, 1, 2]
            .get(random.below(4) as usize)
            .copied()
            .unwrap_or(0);
    }
    let mut end = begin.clone();
    let nth = random.below(end.len() as u64) as usize;
    let mut scaled = "";
    if let Some((name, terms)) = end.iter_mut().nth(nth) {
        scaled = name;
        let (least, most) = (3, 8);
        let step = 1 + random.below(2);
        let up = random.below(2) == 0;
        terms.replicas = if (up && terms.replicas + step <= most) || terms.replicas < least + step {
            terms.replicas + step
        } else {
            terms.replicas - step
        };
    }
    Round {
        in_place,
        begin,
        scale_after: Duration::from_millis(random.below(ROLL_OUT / 2)),
        scaled,
        end,
        kill_after: Duration::from_millis(random.below(ROLL_OUT)),
    }
}

/// The test image of a round.
pub(super) fn image(round: u64) -> String {
    format!("registry.local/demo:{}", 1 + round % N_IMAGES)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_alternate_keep_replicas_in_their_limits_and_repeat_with_the_seed() {
        let rounds = |seed| {
            let mut random = Random::of(seed);
            let mut now = first();
            (1..=200)
                .map(|number| {
                    let round = round(number, &now, &mut random);
                    now = round.end.clone();
                    round
                })
                .collect::<Vec<_>>()
        };
        let all = rounds(3);
        assert_eq!(all, rounds(3));
        for pair in all.windows(2) {
            assert_ne!(pair[0].in_place, pair[1].in_place);
            assert_ne!(pair[0].end["quick"].image, pair[1].end["quick"].image);
        }
        for round in &all {
            assert_ne!(round.begin[round.scaled], round.end[round.scaled]);
            assert!(
                round
                    .end
                    .values()
                    .all(|terms| (3..=9).contains(&terms.replicas)),
                "{round:?}"
            );
        }
    }
}
