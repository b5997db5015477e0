//! What is logged of what holds a CloneSet back: one line a kind of reason, when it changes. A reason may hold for
//! thousands of pods, and for as many passes as these have events.

use crate::{plan::Plan, wait::WaitReason};

/// A line of the log.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Line<'a> {
    /// The first reason of its kind.
    pub(crate) reason: &'a WaitReason,
    /// How many of its kind there are.
    pub(crate) count: usize,
}

/// One line a kind, in the plan's order.
pub(crate) fn lines(plan: &Plan) -> Vec<Line<'_>> {
    let mut lines: Vec<Line<'_>> = Vec::new();
    for reason in &plan.waiting_on {
        // There are fewer than twenty kinds.
        let of_kind = |line: &&mut Line<'_>| line.reason.reason() == reason.reason();
        match lines.iter_mut().find(of_kind) {
            Some(line) => line.count += 1,
            None => lines.push(Line { reason, count: 1 }),
        }
    }
    lines
}

/// The lines that tell something new.
pub(crate) fn news<'a>(logged: &[WaitReason], plan: &'a Plan) -> Vec<Line<'a>> {
    let mut lines = lines(plan);
    lines.retain(|line| !logged.contains(line.reason));
    lines
}

/// What is logged after that. While there is work, a kind that the plan does not mention stays: a pass that acts
/// doesn't get as far as asking what else holds, and the next one would tell it again.
pub(crate) fn remembered(logged: &[WaitReason], plan: &Plan) -> Vec<WaitReason> {
    let lines = lines(plan);
    let is_mentioned = |reason: &WaitReason| {
        let mut lines = lines.iter();
        lines.any(|line| line.reason.reason() == reason.reason())
    };
    let stays = |reason: &&WaitReason| !plan.steps.is_empty() && !is_mentioned(reason);
    let kept = logged.iter().filter(stays);
    let new = lines.iter().map(|line| line.reason);
    new.chain(kept).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Step;

    fn not_in_place(pod: usize) -> WaitReason {
        WaitReason::NotInPlace {
            pod: format!("web-{pod}"),
            why: "spec.hostNetwork".to_owned(),
        }
    }

    fn plan(waiting_on: Vec<WaitReason>) -> Plan {
        Plan {
            waiting_on,
            ..Plan::default()
        }
    }

    /// The lines of these passes, one after the other.
    fn logged(passes: &[Plan]) -> Vec<Vec<(&'static str, usize)>> {
        let mut known = Vec::new();
        let mut all = Vec::new();
        for plan in passes {
            let lines = news(&known, plan);
            all.push(
                lines
                    .iter()
                    .map(|line| (line.reason.reason(), line.count))
                    .collect(),
            );
            known = remembered(&known, plan);
        }
        all
    }

    // Policy InPlaceOnly and a change that is none in place.
    #[test]
    fn two_thousand_pods_are_one_line() {
        let pass = || plan((0..2000).map(not_in_place).collect());
        assert_eq!(
            logged(&[pass(), pass(), pass()]),
            [vec![("NotInPlace", 2000)], vec![], vec![]]
        );
    }

    // Each kind is compared with what was logged of it, not with what holds first.
    #[test]
    fn a_second_reason_is_not_told_with_each_pass() {
        let pass = || plan(vec![WaitReason::ScaleUpLimited, WaitReason::Paused]);
        assert_eq!(
            logged(&[pass(), pass()]),
            [vec![("ScaleUpLimited", 1), ("Paused", 1)], vec![]]
        );
    }

    #[test]
    fn another_pod_of_the_kind_and_a_kind_that_comes_again_are_news() {
        let first = |pod| plan((pod..9).map(not_in_place).collect());
        assert_eq!(
            logged(&[first(0), first(1), plan(vec![]), first(1)]),
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
        let acts = Plan {
            steps: vec![Step::DeletePods {
                pods: vec![],
                claims: std::collections::BTreeMap::new(),
            }],
            ..Plan::default()
        };
        let held = || plan(vec![WaitReason::ScaleUpLimited]);
        assert_eq!(
            logged(&[held(), acts, held()]),
            [vec![("ScaleUpLimited", 1)], vec![], vec![]]
        );
    }
}
