//! The log lines about what holds an owner back: one line for each kind of reason, and only when that line changes.
//! The same reason may hold for thousands of pods, and each event of each pod causes a pass.

use crate::wait::WaitReason;

/// A line of the log.
#[derive(Debug, PartialEq, Eq)]
pub struct Line<'a> {
    /// The first reason of its kind.
    pub reason: &'a WaitReason,
    /// How many of its kind there are.
    pub count: usize,
}

/// One line a kind, in the plan's order.
fn lines(waiting_on: &[WaitReason]) -> Vec<Line<'_>> {
    let mut lines: Vec<Line<'_>> = Vec::new();
    for reason in waiting_on {
        // There are some twenty kinds.
        let of_kind = |line: &&mut Line<'_>| line.reason.reason() == reason.reason();
        match lines.iter_mut().find(of_kind) {
            Some(line) => line.count += 1,
            None => lines.push(Line { reason, count: 1 }),
        }
    }
    lines
}

/// The lines that tell something new.
#[must_use]
pub fn news<'a>(logged: &[WaitReason], waiting_on: &'a [WaitReason]) -> Vec<Line<'a>> {
    let mut lines = lines(waiting_on);
    lines.retain(|line| !logged.contains(line.reason));
    lines
}

/// What the log has told by the end of the pass. While the plan acts, a kind that the plan does not mention stays in
/// the list: a pass that acts doesn't get as far as asking what else holds, and the next pass would log that kind
/// again.
#[must_use]
pub fn remembered(
    logged: &[WaitReason],
    waiting_on: &[WaitReason],
    plan_acts: bool,
) -> Vec<WaitReason> {
    let lines = lines(waiting_on);
    let is_mentioned = |reason: &WaitReason| {
        let mut lines = lines.iter();
        lines.any(|line| line.reason.reason() == reason.reason())
    };
    let stays = |reason: &&WaitReason| plan_acts && !is_mentioned(reason);
    let kept = logged.iter().filter(stays);
    let new = lines.iter().map(|line| line.reason);
    new.chain(kept).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn not_in_place(pod: usize) -> WaitReason {
        WaitReason::NotInPlace {
            pod: format!("web-{pod}"),
            why: "spec.hostNetwork".to_owned(),
        }
    }

    /// What a pass waits for, and whether it acts.
    type Pass = (Vec<WaitReason>, bool);

    fn held(waiting_on: Vec<WaitReason>) -> Pass {
        (waiting_on, false)
    }

    /// The lines of these passes, one after the other.
    fn logged(passes: &[Pass]) -> Vec<Vec<(&'static str, usize)>> {
        let mut known = Vec::new();
        let mut all = Vec::new();
        for (waiting_on, acts) in passes {
            let lines = news(&known, waiting_on);
            all.push(
                lines
                    .iter()
                    .map(|line| (line.reason.reason(), line.count))
                    .collect(),
            );
            known = remembered(&known, waiting_on, *acts);
        }
        all
    }

    // Policy InPlaceOnly, and a change that can't be made in place.
    #[test]
    fn two_thousand_pods_are_one_line() {
        let pass = || held((0..2000).map(not_in_place).collect());
        assert_eq!(
            logged(&[pass(), pass(), pass()]),
            [vec![("NotInPlace", 2000)], vec![], vec![]]
        );
    }

    // Each kind is compared with what was logged of it, not with what holds first.
    #[test]
    fn a_second_reason_is_not_told_with_each_pass() {
        let pass = || held(vec![WaitReason::ScaleUpLimited, WaitReason::OnDelete]);
        assert_eq!(
            logged(&[pass(), pass()]),
            [vec![("ScaleUpLimited", 1), ("OnDelete", 1)], vec![]]
        );
    }

    #[test]
    fn another_pod_of_the_kind_and_a_kind_that_comes_again_are_news() {
        let first = |pod| held((pod..9).map(not_in_place).collect());
        assert_eq!(
            logged(&[first(0), first(1), held(vec![]), first(1)]),
            [
                vec![("NotInPlace", 9)],
                vec![("NotInPlace", 8)],
                vec![],
                vec![("NotInPlace", 8)]
            ]
        );
    }

    #[test]
    fn a_pass_that_acts_makes_nothing_news() {
        let acts = (vec![], true);
        let limited = || held(vec![WaitReason::ScaleUpLimited]);
        assert_eq!(
            logged(&[limited(), acts, limited()]),
            [vec![("ScaleUpLimited", 1)], vec![], vec![]]
        );
    }
}
