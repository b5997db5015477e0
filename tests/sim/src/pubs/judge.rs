//! What replicas may never do. The account is kept apart from the budgets' own: by who was allowed what, and by which pods
//! served then.
//!
//! * A pod may go only if enough others serve that no consent was given for. Pods that fail by themselves count as long as
//!   the leader need not have known of that when it last counted; and so does what users change.
//! * Nothing goes without having been paid for, and nothing is paid for twice, for a dry run, or unasked.
//! * Who belongs to no budget is never refused.

use jiff::Timestamp;
use kruise_testkit::{fields::text, server::Change};

use super::{
    known::{Consent, Known},
    seen::{Payment, payment},
};
use crate::{
    front::Asked,
    history::{History, Violation},
};

const PATH: &str = "/validate-pod";

/// Judges a run.
pub(super) fn violations(history: &History) -> Vec<Violation> {
    let asked: Vec<Question> = history.asked.iter().filter_map(Question::read).collect();
    let mut answered: Vec<&Question> = asked.iter().filter(|it| it.end.is_some()).collect();
    answered.sort_by_key(|it| it.end.map(|(_, version)| version));
    let mut judge = Judge {
        history,
        known: Known::new(history),
        asked: &asked,
        found: vec![],
    };
    let mut answered = answered.into_iter().peekable();
    for change in &history.changes {
        let is_before = |it: &&Question| it.end.is_some_and(|(_, end)| end < change.version);
        while let Some(question) = answered.next_if(is_before) {
            judge.answered(question);
        }
        judge.known.put(change);
        if history.is_ours(change.by)
            && let Some(payment) = payment(change)
        {
            judge.paid(change, &payment);
        }
    }
    for question in answered {
        judge.answered(question);
    }
    judge.found
}

/// What a replica was asked about a pod.
struct Question {
    by: &'static str,
    pod: String,
    operation: &'static str,
    is_dry_run: bool,
    begin: u64,
    begin_at: Timestamp,
    end: Option<(Timestamp, u64)>,
    is_allowed: bool,
    code: u64,
    message: String,
}

impl Question {
    fn read(asked: &Asked) -> Option<Self> {
        let request = &asked.request;
        if asked.path != PATH {
            return None;
        }
        let body = &request["object"]["deleteOptions"]["dryRun"];
        Some(Self {
            by: asked.by,
            pod: text(&request["name"]),
            operation: match request["operation"].as_str()? {
                "CREATE" => "EVICT",
                "DELETE" => "DELETE",
                _ => "UPDATE",
            },
            is_dry_run: request["dryRun"] == true || *body == serde_json::json!(["All"]),
            begin: asked.begin.1,
            begin_at: asked.begin.0,
            end: asked.end,
            is_allowed: asked.allows(),
            code: asked.response["status"]["code"]
                .as_u64()
                .unwrap_or_default(),
            message: text(&asked.response["status"]["message"]),
        })
    }

    /// Whether it was open at this version, at this replica.
    fn is_open(&self, by: &str, version: u64) -> bool {
        self.by == by && self.begin < version && self.end.is_none_or(|(_, end)| end >= version)
    }
}

struct Judge<'a> {
    history: &'a History,
    known: Known<'a>,
    asked: &'a [Question],
    found: Vec<Violation>,
}

impl Judge<'_> {
    fn tell(&mut self, rule: &'static str, at: Timestamp, what: String) {
        self.found.push(Violation { rule, at, what });
    }

    fn paid(&mut self, change: &Change, payment: &Payment) {
        let Payment {
            budget,
            pods,
            is_repeated,
            units,
        } = payment;
        // A booking may be renewed, which takes nothing (DV-PB15).
        let is_renewal = *is_repeated && *units == 0;
        if *is_repeated && !is_renewal {
            self.tell(
                "paid-twice",
                change.at,
                format!("{} pays {units} for {pods:?} again", change.by),
            );
        } else if !is_renewal && *units != 1 || pods.len() != 1 {
            self.tell(
                "wrong-payment",
                change.at,
                format!("{} pays {units} for {pods:?}", change.by),
            );
        }
        for booking in pods {
            let pod = &booking.pod;
            let mut open = self.asked.iter();
            let open = open.find(|it| {
                it.pod == *pod && !it.is_dry_run && it.is_open(change.by, change.version)
            });
            let Some(question) = open else {
                self.tell(
                    "paid-unasked",
                    change.at,
                    format!("{} pays for {pod}", change.by),
                );
                continue;
            };
            // A deletion and a change of one pod may be open at a time. The map says which was paid for (PB-45).
            let consent = if booking.is_deletion {
                Consent::Deletion
            } else {
                Consent::Change
            };
            self.judge(pod, budget, change.at, question.by);
            self.consented(pod, budget, consent, booking.at);
        }
    }

    /// A pod may go.
    fn judge(&mut self, pod: &str, budget: &str, at: Timestamp, by: &str) {
        let Some(seen) = self.known.cluster.pods.get(pod).cloned() else {
            return;
        };
        let Some(terms) = self.known.cluster.budgets.get(budget).cloned() else {
            return;
        };
        if seen.serves
            && !self.known.is_consented(&seen, &terms, at)
            && let Some(what) = self.known.overspent(&seen, &terms, at)
        {
            self.tell("overspent", at, format!("{by}: {what}"));
        }
    }

    /// From then on a pod may go.
    fn consented(&mut self, pod: &str, budget: &str, consent: Consent, since: Timestamp) {
        let cluster = &self.known.cluster;
        let (pod, budget) = (
            cluster.pods.get(pod).cloned(),
            cluster.budgets.get(budget).cloned(),
        );
        if let (Some(pod), Some(budget)) = (pod, budget) {
            self.known.consent(&pod, &budget, consent, since);
        }
    }

    fn answered(&mut self, question: &Question) {
        let Some((at, end)) = question.end else {
            return;
        };
        if !question.is_allowed {
            self.refused(question, at);
            return;
        }
        let Some((pod, budget, since)) = self.known.protection(&question.pod) else {
            return;
        };
        // It may have been looked at before.
        let was_free = since > question.begin;
        if question.is_dry_run
            || was_free
            || !budget.protects_from(question.operation)
            || self.was_told_of_none(question, at)
        {
            return;
        }
        let (pod, budget) = (pod.clone(), budget.clone());
        if self.known.is_consented(&pod, &budget, at) {
            self.known.consent(&pod, &budget, Consent::Again, at);
            return;
        }
        let is_wanted = self.known.wants_since(&budget, question.begin);
        if is_wanted && !self.known.was_booked(&budget, &pod.name, question.begin) {
            let what = format!(
                "{} lets {} go ({}, asked at {}, answered at {end})",
                question.by, pod.name, question.operation, question.begin
            );
            self.tell("unpaid", at, what);
        }
        self.judge(&pod.name, &budget.name, at, question.by);
        self.consented(&pod.name, &budget.name, Consent::Again, at);
    }

    /// Whether the replica was told meanwhile that a budget that it would pay by isn't there. Nothing is protected then
    /// (PB-48), whoever says so.
    fn was_told_of_none(&self, question: &Question, at: Timestamp) -> bool {
        let requests = &self.history.requests;
        let first = requests.partition_point(|it| it.at < question.begin_at);
        let since = requests[first..].iter().take_while(|it| it.at <= at);
        let mut own =
            since.filter(|it| it.by == question.by && it.plural == "podunavailablebudgets");
        own.any(|it| it.fault == Some("not_found"))
    }

    fn refused(&mut self, question: &Question, at: Timestamp) {
        let pod = self.known.cluster.pods.get(&question.pod);
        // Its budget may have been another one when it was asked about.
        let is_free = pod.is_some_and(|pod| pod.app == super::story::FREE);
        if is_free && question.code == 403 {
            let Question {
                by, pod, message, ..
            } = question;
            self.tell("refused-free", at, format!("{by} refuses {pod}: {message}"));
        }
    }
}
