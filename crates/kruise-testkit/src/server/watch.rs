//! Watches: what has changed since a version, line by line, for as long as somebody listens.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use futures::StreamExt;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::{Bytes, Frame};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep_until};

use super::{
    ApiServer, Change,
    answer::Answer,
    call::Call,
    faults::{Fault, Point},
    fields::FieldError,
    read,
    select::Selection,
    status::Status,
    store,
};

/// Bookmarks come about once a minute, and shortly before the end.
const BOOKMARK_AFTER: Duration = Duration::from_secs(60);
const BEFORE_THE_END: Duration = Duration::from_secs(2);
/// How long a watch lasts at least when its client doesn't say.
const USUAL_SECONDS: u64 = 1800;

/// One watch.
struct Watching {
    server: ApiServer,
    call: Call,
    selection: Selection,
    prefix: String,
    /// What was changed up to this version has been told.
    told: u64,
    lines: VecDeque<Result<Bytes, std::io::Error>>,
    ends: Instant,
    /// When the next bookmark is due; none: the client gets none.
    bookmark: Option<Instant>,
    over: bool,
    /// Until when a fault holds everything back, and whether modifications collapse meanwhile.
    held: Option<(Instant, bool)>,
    /// The change of this version has met its fault.
    met: u64,
    is_silent: bool,
}

impl ApiServer {
    pub(super) fn watch(&self, call: &Call) -> Result<Answer, Status> {
        let query = &call.query;
        let selection = Selection::read(query)?;
        check_options(call)?;
        selection.check(&call.kind)?;
        let asked = query.get("resourceVersion");
        // A watch doesn't say that it is the client's fault.
        let from = read::version(asked).map_err(|status| {
            Status::unknown(status.body["message"].as_str().unwrap_or_default())
        })?;
        let initial = match query.flag("sendInitialEvents") {
            Some(initial) => initial,
            // An old client's way to say: from whatever is there.
            None => from == 0,
        };
        let bookmarks = query.flag("allowWatchBookmarks") == Some(true);
        let mut state = self.lock();
        let seconds = match query.number("timeoutSeconds") {
            Some(seconds) if seconds > 0 => u64::try_from(seconds).unwrap_or(USUAL_SECONDS),
            _ => USUAL_SECONDS + state.random.number() % USUAL_SECONDS,
        };
        let ends = Instant::now() + Duration::from_secs(seconds);
        let current = state.store.version();
        let compacted = state.store.compacted();
        drop(state);
        let mut watching = Watching {
            server: self.clone(),
            call: call.clone(),
            selection,
            prefix: call.prefix(),
            told: if from == 0 || initial { current } else { from },
            lines: VecDeque::new(),
            ends,
            bookmark: None,
            over: false,
            held: None,
            met: 0,
            is_silent: false,
        };
        let misses = self.lock().faults.draw(call, Point::Opening).is_some();
        if bookmarks && !misses {
            watching.bookmark = watching.next_bookmark();
        }
        if from > current && initial {
            watching.fail(&Status::version_too_large(from, current));
        } else if initial {
            watching.tell_all();
            if bookmarks {
                watching.tell_bookmark(true);
            }
            watching.break_off_list();
        } else if from > 0 && from < compacted {
            let message = format!("too old resource version: {from} ({compacted})");
            watching.fail(&Status::expired(&message));
        }
        let lines = futures::stream::unfold(watching, |mut watching| async move {
            let line = watching.next().await?;
            Some((line.map(Frame::data), watching))
        });
        Ok(Answer::Stream(
            StreamBody::new(lines.boxed()).boxed_unsync(),
        ))
    }
}

impl Watching {
    /// The next line; `None` at the end.
    async fn next(&mut self) -> Option<Result<Bytes, std::io::Error>> {
        let inner = Arc::clone(&self.server.inner);
        loop {
            if let Some(line) = self.lines.pop_front() {
                return Some(line);
            }
            if self.over {
                return None;
            }
            if self.is_silent {
                std::future::pending::<()>().await;
            }
            // Made before the look, so that no change falls between.
            let changed = inner.changed.notified();
            self.look();
            if !self.lines.is_empty() || self.over || self.is_silent {
                continue;
            }
            let bookmark = self.bookmark.unwrap_or(self.ends);
            let held = self.held.map_or(self.ends, |(until, _)| until);
            tokio::select! {
                biased;
                () = changed, if self.held.is_none() => {}
                () = sleep_until(held), if self.held.is_some() => {}
                () = sleep_until(self.ends) => self.over = true,
                () = sleep_until(bookmark), if self.held.is_none() => {
                    self.tell_bookmark(false);
                    self.bookmark = self.next_bookmark();
                }
            }
        }
    }

    fn next_bookmark(&self) -> Option<Instant> {
        let now = Instant::now();
        let at = (now + BOOKMARK_AFTER).min(self.ends - BEFORE_THE_END);
        (at > now).then_some(at)
    }

    /// Tells what has changed.
    fn look(&mut self) {
        let mut collapse = false;
        match self.held {
            Some((until, _)) if Instant::now() < until => return,
            Some((_, collapses)) => collapse = collapses,
            None => {}
        }
        self.held = None;
        let (mut changes, current): (Vec<Change>, u64) = {
            let state = self.server.lock();
            if state.kinds.get(self.call.number).is_none() {
                self.over = true;
                return;
            }
            let current = state.store.version();
            if current == self.told {
                return;
            }
            let changes = state.store.changes_of(self.call.number, self.told);
            (changes.cloned().collect(), current)
        };
        changes.retain(|change| self.is_about(change));
        if collapse {
            changes = collapsed(changes);
        }
        for change in &changes {
            if !self.meet(change) {
                return;
            }
            self.told = self.told.max(change.version);
        }
        self.told = self.told.max(current);
    }

    /// Tells of a change, unless a fault is in the way. Whether to go on.
    fn meet(&mut self, change: &Change) -> bool {
        let fault = if change.version <= self.met {
            None
        } else {
            self.met = change.version;
            self.server.lock().faults.draw(&self.call, Point::Event)
        };
        match fault {
            None => self.tell(change),
            Some(Fault::EventLost) => {}
            Some(Fault::EventsLate(time)) => self.held = Some((Instant::now() + time, false)),
            Some(Fault::EventsCollapsed(time)) => self.held = Some((Instant::now() + time, true)),
            Some(Fault::WatchSilent) => self.is_silent = true,
            Some(Fault::WatchGone) => {
                let message = format!(
                    "too old resource version: {} ({})",
                    self.told, change.version
                );
                self.fail(&Status::expired(&message));
            }
            Some(_) => {
                self.tell(change);
                self.break_off();
            }
        }
        self.held.is_none() && !self.is_silent && !self.over
    }

    /// The last line comes but in part, and then the connection breaks.
    fn break_off(&mut self) {
        if let Some(Ok(line)) = self.lines.pop_back() {
            let part = self.server.lock().faults.part_of(line.len());
            if part > 0 {
                self.lines.push_back(Ok(line.slice(..part)));
            }
        }
        let error = std::io::Error::from(std::io::ErrorKind::ConnectionReset);
        self.lines.push_back(Err(error));
        self.over = true;
    }

    /// A list may break off like any watch.
    fn break_off_list(&mut self) {
        let mut state = self.server.lock();
        if state.faults.draw_only(&self.call, Fault::WatchBroken) {
            let part = state.faults.part_of(self.lines.len());
            drop(state);
            self.lines.truncate(part + 1);
            self.break_off();
        }
    }

    fn is_about(&self, change: &Change) -> bool {
        let selected = |object: &Option<Arc<Value>>| {
            object
                .as_ref()
                .is_some_and(|object| self.selection.matches(object))
        };
        store::place_of(change).starts_with(&self.prefix)
            && (selected(&change.before) || selected(&change.after))
    }

    fn tell(&mut self, change: &Change) {
        let selected = |object: &Option<Arc<Value>>| {
            let object = object.as_ref()?;
            self.selection.matches(object).then(|| Arc::clone(object))
        };
        match (selected(&change.before), selected(&change.after)) {
            (None, None) => {}
            (None, Some(object)) => self.tell_object("ADDED", &object),
            (Some(_), Some(object)) => self.tell_object("MODIFIED", &object),
            (Some(before), None) => {
                // The last form that was selected, in the version in which it left.
                let mut last = Value::clone(&before);
                last["metadata"]["resourceVersion"] = change.version.to_string().into();
                self.tell_object("DELETED", &Arc::new(last));
            }
        }
    }

    /// Tells everything that is there.
    fn tell_all(&mut self) {
        let objects: Vec<Arc<Value>> = {
            let state = self.server.lock();
            let objects = state.store.list(self.call.number, &self.prefix);
            objects.map(|(_, object)| Arc::clone(object)).collect()
        };
        for object in objects {
            if self.selection.matches(&object) {
                self.tell_object("ADDED", &object);
            }
        }
    }

    fn tell_object(&mut self, event: &str, object: &Arc<Value>) {
        match self.server.text_for(&self.call, object) {
            Ok(text) => self.say(event, &text),
            Err(status) => self.fail(&status),
        }
    }

    fn tell_bookmark(&mut self, ends_list: bool) {
        let mut metadata = json!({ "resourceVersion": self.told.to_string() });
        if ends_list {
            metadata["annotations"] = json!({ "k8s.io/initial-events-end": "true" });
        }
        let object = json!({
            "kind": self.call.kind.resource.kind,
            "apiVersion": self.call.api_version(),
            "metadata": metadata,
        });
        self.say(
            "BOOKMARK",
            self.call.form.of(&Arc::new(object)).to_string().as_bytes(),
        );
    }

    fn fail(&mut self, status: &Status) {
        self.say("ERROR", status.body.to_string().as_bytes());
        self.over = true;
    }

    fn say(&mut self, event: &str, object: &[u8]) {
        let mut line = format!("{{\"type\":\"{event}\",\"object\":").into_bytes();
        line.extend_from_slice(object);
        line.extend_from_slice(b"}\n");
        self.lines.push_back(Ok(Bytes::from(line)));
    }
}

/// The changes, with modifications of the same object as one.
fn collapsed(changes: Vec<Change>) -> Vec<Change> {
    let mut kept: Vec<Change> = vec![];
    for change in changes {
        let modifies = |change: &Change| change.before.is_some() && change.after.is_some();
        let place = store::place_of(&change);
        let earlier = kept
            .iter()
            .rposition(|earlier| store::place_of(earlier) == place);
        match earlier {
            Some(index) if modifies(&change) && modifies(&kept[index]) => {
                let earlier = kept.remove(index);
                kept.push(Change {
                    before: earlier.before,
                    ..change
                });
            }
            _ => kept.push(change),
        }
    }
    kept
}

fn check_options(call: &Call) -> Result<(), Status> {
    let query = &call.query;
    let matching = query.get("resourceVersionMatch");
    let initial = query.flag("sendInitialEvents").is_some();
    let field = "resourceVersionMatch";
    let mut errors = vec![];
    if initial && matching != "NotOlderThan" {
        let detail = "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan";
        errors.push(FieldError::forbidden(field, detail));
    }
    if !matching.is_empty() {
        if !initial {
            let detail =
                "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided";
            errors.push(FieldError::forbidden(field, detail));
        }
        if matching != "NotOlderThan" {
            errors.push(FieldError::not_supported(
                field,
                &matching.into(),
                &["NotOlderThan"],
            ));
        }
        if !query.get("continue").is_empty() {
            let detail = "resourceVersionMatch is forbidden when continue is provided";
            errors.push(FieldError::forbidden(field, detail));
        }
    }
    if errors.is_empty() {
        Ok(())
    } else {
        Err(Status::invalid("meta.k8s.io", "ListOptions", "", &errors))
    }
}
