//! Conditions that only we know, taken off custom resources when their controller has gone: nobody else
//! would ever do it, and who takes over would carry them on for ever.

use std::collections::BTreeSet;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use super::proxy::ApiServer;
use super::{items, parse_json, text};
use crate::progress::Patience;

/// The conditions of each kind that OpenKruise doesn't have, by the resource's plural and group; see
/// docs/decisions/0001-waiting-condition.md.
const OURS: [(&str, &[&str]); 1] = [("clonesets.apps.kruise.io", &["Waiting"])];
/// As many objects at once as kubectl reads.
const PAGE: &str = "limit=500";
/// Somebody else may write the same object; more often than this nobody does.
const ATTEMPTS: u32 = 10;

/// What became of the objects of a kind.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Outcome {
    /// How many had a condition of ours, and have it no longer.
    pub(super) cleaned: usize,
    /// What could not be done, for people.
    pub(super) left: BTreeSet<String>,
}

/// One kind: its name as people write it, and where its objects are.
pub(super) struct Kind {
    /// `clonesets.apps.kruise.io`.
    name: String,
    /// In the version that is stored: no other version needs no conversion, and who converts has gone.
    path: String,
    conditions: &'static [&'static str],
}

impl Kind {
    /// What is cleaned of a kind, by its CRD; nothing where we write no condition of our own.
    pub(super) fn of(crd: &Value) -> Option<Self> {
        let name = text(crd, "/metadata/name");
        let (_, conditions) = OURS.iter().find(|(kind, _)| *kind == name)?;
        let stored = items(crd, "/spec/versions")
            .iter()
            .find(|version| version.get("storage").and_then(Value::as_bool) == Some(true))?;
        Some(Self {
            name: name.to_owned(),
            path: format!(
                "/apis/{}/{}",
                text(crd, "/spec/group"),
                text(stored, "/name")
            ),
            conditions,
        })
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    fn plural(&self) -> &str {
        self.name.split('.').next().unwrap_or_default()
    }

    fn collection(&self) -> String {
        format!("{}/{}", self.path, self.plural())
    }

    fn object(&self, object: &Key) -> String {
        let Key { namespace, name } = object;
        format!(
            "{}/namespaces/{namespace}/{}/{name}",
            self.path,
            self.plural()
        )
    }

    /// The conditions that stay; `None` if all do.
    fn kept<'a>(&self, object: &'a Value) -> Option<Vec<&'a Value>> {
        let all = items(object, "/status/conditions");
        let kept: Vec<&Value> = all
            .iter()
            .filter(|condition| !self.conditions.contains(&text(condition, "/type")))
            .collect();
        (kept.len() < all.len()).then_some(kept)
    }
}

/// Which object.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    namespace: String,
    name: String,
}

impl Key {
    fn of(object: &Value) -> Self {
        Self {
            namespace: text(object, "/metadata/namespace").to_owned(),
            name: text(object, "/metadata/name").to_owned(),
        }
    }
}

/// All objects of a kind. To be asked while somebody still converts: afterwards one object that is stored in
/// another version is enough to make the whole list fail.
pub(super) fn names(server: &impl ApiServer, kind: &Kind) -> Result<BTreeSet<Key>> {
    let mut names = BTreeSet::new();
    pages(server, kind, |object| {
        names.insert(Key::of(object));
        Ok(())
    })?;
    Ok(names)
}

/// Takes our conditions off every object of a kind. The controller must have gone. `known` are the objects
/// that are looked at one by one where they can't be listed.
pub(super) fn take_off(
    server: &impl ApiServer,
    kind: &Kind,
    known: &BTreeSet<Key>,
    patience: &mut Patience,
) -> Result<Outcome> {
    let mut outcome = Outcome::default();
    let listed = pages(server, kind, |object| {
        patience.look(|| format!("{} so far", outcome.cleaned));
        outcome.note(&Key::of(object), clean(server, kind, object.clone()));
        Ok(())
    });
    let Err(error) = listed else {
        return Ok(outcome);
    };
    if known.is_empty() {
        return Err(error);
    }
    for key in known {
        patience.look(|| format!("{} so far, one by one", outcome.cleaned));
        let cleaned = match read(server, kind, key) {
            Ok(object) => object.map_or(Ok(false), |object| clean(server, kind, object)),
            // Stored in another version, which nobody converts now: who wrote our condition would have stored
            // it in this one.
            Err(error) if format!("{error:#}").contains("conversion webhook") => Ok(false),
            Err(error) => Err(error),
        };
        outcome.note(key, cleaned);
    }
    Ok(outcome)
}

impl Outcome {
    fn note(&mut self, key: &Key, cleaned: Result<bool>) {
        match cleaned {
            Ok(true) => self.cleaned += 1,
            Ok(false) => {}
            Err(error) => {
                let Key { namespace, name } = key;
                self.left.insert(format!("{namespace}/{name}: {error:#}"));
            }
        }
    }
}

/// Takes our conditions off one object, guarded by the version that was read; whether it had any.
fn clean(server: &impl ApiServer, kind: &Kind, mut object: Value) -> Result<bool> {
    let key = Key::of(&object);
    for _ in 0..ATTEMPTS {
        let Some(kept) = kind.kept(&object) else {
            return Ok(false);
        };
        let patch = json!({
            "metadata": { "resourceVersion": text(&object, "/metadata/resourceVersion") },
            "status": { "conditions": kept },
        });
        let path = format!("{}/status?fieldManager=kruise-undeploy", kind.object(&key));
        let answer = server.merge_patch(&path, &patch)?;
        match answer.status {
            200..300 => return Ok(true),
            // Deleted meanwhile, with all its conditions.
            404 => return Ok(false),
            409 => {}
            _ => bail!("patch its status: {}", reason(&answer.body)),
        }
        match read(server, kind, &key)? {
            Some(newer) => object = newer,
            None => return Ok(false),
        }
    }
    bail!("somebody else writes it all the time")
}

fn read(server: &impl ApiServer, kind: &Kind, key: &Key) -> Result<Option<Value>> {
    let answer = server.get(&kind.object(key))?;
    match answer.status {
        200 => parse_json(&answer.body, &kind.name).map(Some),
        404 => Ok(None),
        _ => bail!("read it: {}", reason(&answer.body)),
    }
}

/// Calls with each object, page by page.
fn pages(
    server: &impl ApiServer,
    kind: &Kind,
    mut each: impl FnMut(&Value) -> Result<()>,
) -> Result<()> {
    let mut after = String::new();
    loop {
        let answer = server.get(&format!("{}?{PAGE}{after}", kind.collection()))?;
        match answer.status {
            200 => {}
            // Not installed, so that there are none.
            404 => return Ok(()),
            _ => bail!("list {}: {}", kind.name, reason(&answer.body)),
        }
        let page = parse_json(&answer.body, &kind.name)?;
        for object in items(&page, "/items") {
            each(object)?;
        }
        match text(&page, "/metadata/continue") {
            "" => return Ok(()),
            next => after = format!("&continue={next}"),
        }
    }
}

/// Of an error answer, what it says.
fn reason(body: &str) -> String {
    let status: Result<Value> = serde_json::from_str(body).context("no JSON");
    match status.as_ref().map(|status| text(status, "/message")) {
        Ok(message) if !message.is_empty() => message.to_owned(),
        _ => body.trim().to_owned(),
    }
}

#[cfg(test)]
#[path = "conditions/tests.rs"]
mod tests;
