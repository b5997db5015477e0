//! Gets, lists and watches.

use super::Generator;
use crate::request::{Request, Verb};

const LABEL_SELECTORS: &[&str] = &[
    "app=a",
    "app==b",
    "app!=a",
    "app",
    "!tier",
    "app in (a,b)",
    "app notin (a)",
    "app=a,tier",
    "tier=",
    "app=nobody",
    "app in (a),!nothing",
    "app=not a label!",
    "=",
];

impl Generator {
    pub(super) fn get(&mut self) -> Request {
        let mut request = self.about_one(Verb::Get);
        if self.random.chance(100) {
            request.query.push(("resourceVersion", "0".to_owned()));
            request.stale = true;
        }
        if self.random.chance(150) {
            request.subresource = ["status", "scale"]
                .into_iter()
                .filter(|name| request.kind.subresources.contains(name))
                .nth(self.random.below(2))
                .unwrap_or_default();
        }
        request.brief = self.random.chance(150);
        request
    }

    pub(super) fn list(&mut self) -> Request {
        let mut request = self.plain(Verb::List);
        self.select(&mut request);
        match self.random.below(10) {
            0 => {
                request.query.push(("resourceVersion", "0".to_owned()));
                request.stale = true;
            }
            1 => {
                let name = self.name(request.kind);
                let version = format!("<version {}/{name} 0>", request.kind.plural);
                request.query.push(("resourceVersion", version));
                let matching = ["", "NotOlderThan"][self.random.below(2)];
                if !matching.is_empty() {
                    request
                        .query
                        .push(("resourceVersionMatch", matching.to_owned()));
                }
                request.stale = true;
            }
            2 => {
                let name = self.name(request.kind);
                let back = self.random.below(3);
                let version = format!("<version {}/{name} {back}>", request.kind.plural);
                request.query.push(("resourceVersion", version));
                request
                    .query
                    .push(("resourceVersionMatch", "Exact".to_owned()));
            }
            3..=5 => {
                request
                    .query
                    .push(("limit", (1 + self.random.below(2)).to_string()));
                if self.random.chance(500) {
                    let next = format!("<continue {}>", request.kind.plural);
                    request.query.push(("continue", next));
                }
            }
            6 if self.random.chance(150) => {
                let odd = [
                    [("resourceVersion", "abc"), ("limit", "5")],
                    [("resourceVersionMatch", "Exact"), ("limit", "5")],
                    [("resourceVersion", "0"), ("resourceVersionMatch", "Exact")],
                    [
                        ("resourceVersion", "0"),
                        ("resourceVersionMatch", "Nonsense"),
                    ],
                    [("limit", "5"), ("continue", "nonsense")],
                ];
                let odd = *self.random.pick(&odd);
                request
                    .query
                    .extend(odd.map(|(name, value)| (name, value.to_owned())));
            }
            _ => {}
        }
        request
    }

    pub(super) fn watch(&mut self) -> Request {
        let mut request = self.plain(Verb::Watch);
        request.query.push(("watch", "true".to_owned()));
        request.query.push(("timeoutSeconds", "300".to_owned()));
        self.select(&mut request);
        let mut bookmarks = self.random.chance(600);
        match self.random.below(10) {
            0..=3 => {
                let name = self.name(request.kind);
                let back = self.random.below(3);
                let version = format!("<version {}/{name} {back}>", request.kind.plural);
                request.query.push(("resourceVersion", version));
            }
            4 | 5 => {
                let version = format!("<list {}>", request.kind.plural);
                request.query.push(("resourceVersion", version));
            }
            6 => request
                .query
                .push(("resourceVersion", "<begin>".to_owned())),
            7 | 8 => {
                bookmarks = true;
                request.query.push(("sendInitialEvents", "true".to_owned()));
                let matching = "NotOlderThan".to_owned();
                request.query.push(("resourceVersionMatch", matching));
            }
            _ if self.random.chance(100) => {
                let odd = [
                    ("sendInitialEvents", "true"),
                    ("resourceVersionMatch", "Exact"),
                    ("resourceVersion", "abc"),
                ];
                let (name, value) = *self.random.pick(&odd);
                request.query.push((name, value.to_owned()));
            }
            _ => {}
        }
        if bookmarks {
            request
                .query
                .push(("allowWatchBookmarks", "true".to_owned()));
        }
        request
    }

    pub(super) fn select(&mut self, request: &mut Request) {
        if self.random.chance(350) {
            // The last two are no selectors at all.
            let known = LABEL_SELECTORS.len() - if self.random.chance(100) { 0 } else { 2 };
            let selector = LABEL_SELECTORS[self.random.below(known)];
            request.query.push(("labelSelector", selector.to_owned()));
        }
        if self.random.chance(200) {
            let selector = *self.random.pick(request.kind.field_selectors);
            request.query.push(("fieldSelector", selector.to_owned()));
        }
    }
}
