//! What goes wrong between a client and the server, drawn from the seed.

use std::{collections::BTreeMap, time::Duration};

use super::{
    call::Call,
    path::Verb,
    status::{MODIFIED, Status},
};
use crate::random::Random;

/// Something that goes wrong.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    /// Not allowed (403).
    Forbidden,
    /// There is no such object, it seems (404).
    NotFound,
    /// The object is another one, it seems (409).
    Conflict,
    /// Too many requests (429), with a time after which to try again.
    Throttled,
    /// An error inside of the server (500).
    Internal,
    /// The server is overloaded or stops (503).
    Unavailable,
    /// The connection breaks before the request arrives.
    ResetBefore,
    /// The request never arrives, and nobody says so.
    HangBefore,
    /// The answer takes so long, at most.
    Slow(Duration),
    /// The request is carried out, and its answer never arrives.
    AnswerLost,
    /// The request is carried out, and then the connection breaks.
    ResetAfter,
    /// The request is carried out, and the answer says that it took too long (504).
    TimeoutAfter,
    /// Older versions are forgotten: pages and watches that go on from them fail.
    Compaction,
    /// A watch tells of a change late, and of all after it.
    EventsLate(Duration),
    /// A watch is late, and then tells of several modifications of an object by its last form alone.
    EventsCollapsed(Duration),
    /// A watch never tells of a change.
    EventLost,
    /// A watch sends no bookmarks.
    BookmarksMissing,
    /// A watch breaks off, in the middle of a line at worst.
    WatchBroken,
    /// A watch ends with the news that its version is too old (410).
    WatchGone,
    /// A watch says nothing any more, and doesn't end.
    WatchSilent,
}

impl Fault {
    /// Its name in counts and records.
    #[must_use]
    pub fn class(self) -> &'static str {
        match self {
            Self::Forbidden => "forbidden",
            Self::NotFound => "not_found",
            Self::Conflict => "conflict",
            Self::Throttled => "throttled",
            Self::Internal => "internal",
            Self::Unavailable => "unavailable",
            Self::ResetBefore => "reset_before",
            Self::HangBefore => "hang_before",
            Self::Slow(_) => "slow",
            Self::AnswerLost => "answer_lost",
            Self::ResetAfter => "reset_after",
            Self::TimeoutAfter => "timeout_after",
            Self::Compaction => "compaction",
            Self::EventsLate(_) => "events_late",
            Self::EventsCollapsed(_) => "events_collapsed",
            Self::EventLost => "event_lost",
            Self::BookmarksMissing => "bookmarks_missing",
            Self::WatchBroken => "watch_broken",
            Self::WatchGone => "watch_gone",
            Self::WatchSilent => "watch_silent",
        }
    }

    /// At what point of a request or watch it can happen.
    fn point(self) -> Point {
        match self {
            Self::Forbidden
            | Self::NotFound
            | Self::Conflict
            | Self::Throttled
            | Self::Internal
            | Self::Unavailable
            | Self::ResetBefore
            | Self::HangBefore
            | Self::Slow(_)
            | Self::AnswerLost
            | Self::ResetAfter
            | Self::TimeoutAfter
            | Self::Compaction => Point::Request,
            Self::BookmarksMissing => Point::Opening,
            Self::EventsLate(_)
            | Self::EventsCollapsed(_)
            | Self::EventLost
            | Self::WatchBroken
            | Self::WatchGone
            | Self::WatchSilent => Point::Event,
        }
    }

    /// Whether a request of this kind can meet it.
    fn fits(self, verb: Verb) -> bool {
        let writes = !matches!(verb, Verb::Get | Verb::List | Verb::Watch);
        match self {
            Self::Conflict => writes && verb != Verb::Create,
            Self::NotFound => !matches!(verb, Verb::List | Verb::Watch | Verb::Create),
            Self::AnswerLost | Self::ResetAfter | Self::TimeoutAfter => writes,
            _ => true,
        }
    }

    /// The refusal that this fault is, if it is one.
    pub(crate) fn refusal(self, call: &Call) -> Option<Status> {
        Some(match self {
            Self::Forbidden => Status::forbidden(&call.kind, call.name(), "a fault refuses it"),
            Self::NotFound => Status::not_found(&call.kind, call.name()),
            Self::Conflict => Status::conflict(&call.kind, call.name(), MODIFIED),
            Self::Throttled => {
                Status::too_many_requests("Too many requests, please try again later.", 1)
            }
            Self::Internal => Status::internal("etcdserver: leader changed"),
            Self::Unavailable => Status::unavailable("apiserver is shutting down"),
            _ => return None,
        })
    }
}

/// When faults are drawn.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Point {
    /// Once a request.
    Request,
    /// Once a watch.
    Opening,
    /// Once a change that a watch has to tell.
    Event,
}

/// A fault, and whom it meets how often.
#[derive(Clone, Debug)]
pub struct Rule {
    fault: Fault,
    per_mille: u32,
    who: Option<&'static str>,
    verbs: Vec<&'static str>,
    plurals: Vec<&'static str>,
    names: Vec<String>,
    subresource: Option<String>,
}

impl Rule {
    /// This fault, so many times in a thousand.
    #[must_use]
    pub fn new(fault: Fault, per_mille: u32) -> Self {
        Self {
            fault,
            per_mille,
            who: None,
            verbs: vec![],
            plurals: vec![],
            names: vec![],
            subresource: None,
        }
    }

    /// Only for the client of this name.
    #[must_use]
    pub fn of(mut self, who: &'static str) -> Self {
        self.who = Some(who);
        self
    }

    /// Only for these verbs, such as `patch`.
    #[must_use]
    pub fn verbs(mut self, verbs: &[&'static str]) -> Self {
        self.verbs = verbs.to_vec();
        self
    }

    /// Only for kinds with these plurals.
    #[must_use]
    pub fn plurals(mut self, plurals: &[&'static str]) -> Self {
        self.plurals = plurals.to_vec();
        self
    }

    /// Only for objects of these names.
    #[must_use]
    pub fn names(mut self, names: &[&str]) -> Self {
        self.names = names.iter().map(|name| (*name).to_owned()).collect();
        self
    }

    /// Only for this subresource; of an empty one, for objects themselves.
    #[must_use]
    pub fn subresource(mut self, subresource: &str) -> Self {
        self.subresource = Some(subresource.to_owned());
        self
    }

    fn is_about(&self, call: &Call, point: Point) -> bool {
        self.fault.point() == point
            && self.who.is_none_or(|who| who == call.who)
            && (self.verbs.is_empty() || self.verbs.contains(&call.verb.word()))
            && (self.plurals.is_empty() || self.plurals.contains(&call.kind.resource.plural))
            && (self.names.is_empty() || self.names.iter().any(|name| name == call.object_name()))
            && (self.subresource.as_ref()).is_none_or(|own| *own == call.subresource)
            && self.fault.fits(call.verb)
    }
}

/// The faults that are on, and those that were.
#[derive(Debug)]
pub(crate) struct Draws {
    random: Random,
    pub(crate) rules: Vec<Rule>,
    pub(crate) injected: BTreeMap<&'static str, u64>,
}

impl Draws {
    pub(crate) fn new(random: Random) -> Self {
        Self {
            random,
            rules: vec![],
            injected: BTreeMap::new(),
        }
    }

    /// The fault that is met now, if any. The first rule that hits decides.
    pub(crate) fn draw(&mut self, call: &Call, point: Point) -> Option<Fault> {
        let random = &mut self.random;
        let mut rules = self.rules.iter().filter(|rule| rule.is_about(call, point));
        let fault = rules.find(|rule| random.chance(rule.per_mille))?.fault;
        let count = self.injected.entry(fault.class()).or_default();
        *count += 1;
        Some(match fault {
            // Up to what is said; never nothing.
            Fault::Slow(most) => Fault::Slow(self.up_to(most)),
            Fault::EventsLate(most) => Fault::EventsLate(self.up_to(most)),
            Fault::EventsCollapsed(most) => Fault::EventsCollapsed(self.up_to(most)),
            fault => fault,
        })
    }

    /// Whether this very fault is met at a point where it isn't drawn usually.
    pub(crate) fn draw_only(&mut self, call: &Call, fault: Fault) -> bool {
        let random = &mut self.random;
        let mut rules = self.rules.iter().filter(|rule| rule.fault == fault);
        let hit =
            rules.any(|rule| rule.is_about(call, fault.point()) && random.chance(rule.per_mille));
        if hit {
            *self.injected.entry(fault.class()).or_default() += 1;
        }
        hit
    }

    fn up_to(&mut self, most: Duration) -> Duration {
        let most = usize::try_from(most.as_millis())
            .unwrap_or(usize::MAX)
            .max(1);
        Duration::from_millis(1 + self.random.below(most) as u64)
    }

    /// How many of these lines arrive before a connection breaks.
    pub(crate) fn part_of(&mut self, lines: usize) -> usize {
        self.random.below(lines.max(1))
    }
}
