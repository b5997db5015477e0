//! What the server says of the kinds that it serves: of one group, and of one version of it. Not of all groups at once.

use std::{cmp::Reverse, sync::Arc};

use serde_json::{Value, json};

use super::{
    ApiServer,
    answer::Answer,
    kinds::{Kind, Kinds},
    scale,
    status::Status,
};

impl ApiServer {
    /// The answer to a path that is above all kinds; `None`: it is about one of them.
    pub(super) fn discover(&self, path: &str) -> Option<Result<Answer, Status>> {
        let state = self.lock();
        let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
        let found = match parts[..] {
            ["apis", group] => group_of(&state.kinds, group),
            ["apis", group, version] => kinds_of(&state.kinds, group, version),
            ["api", version] => kinds_of(&state.kinds, "", version),
            _ => return None,
        };
        let found = found.ok_or_else(Status::no_such_path);
        Some(found.map(|found| Answer::Object(200, Arc::new(found))))
    }
}

fn in_group<'a>(kinds: &'a Kinds, group: &'a str) -> impl Iterator<Item = &'a Kind> {
    let all = kinds.iter().map(|(_, kind)| &**kind);
    all.filter(move |kind| kind.resource.group == group)
}

fn group_of(kinds: &Kinds, group: &str) -> Option<Value> {
    let mut versions: Vec<&str> = in_group(kinds, group).flat_map(Kind::all_served).collect();
    versions.sort_by_key(|version| (Reverse(rank(version)), *version));
    versions.dedup();
    let versions = versions
        .iter()
        .map(|version| json!({ "groupVersion": format!("{group}/{version}"), "version": version }));
    let versions: Vec<Value> = versions.collect();
    let preferred = versions.first()?;
    Some(json!({
        "kind": "APIGroup", "apiVersion": "v1", "name": group,
        "versions": versions, "preferredVersion": preferred,
    }))
}

fn kinds_of(kinds: &Kinds, group: &str, version: &str) -> Option<Value> {
    let of_version = in_group(kinds, group).filter(|kind| kind.served(version).is_some());
    let resources: Vec<Value> = of_version.flat_map(|it| resources(it, version)).collect();
    let group_version = match group {
        "" => version.to_owned(),
        _ => format!("{group}/{version}"),
    };
    (!resources.is_empty()).then(|| {
        json!({
            "kind": "APIResourceList", "apiVersion": "v1", "groupVersion": group_version,
            "resources": resources,
        })
    })
}

/// The kind and its subresources.
fn resources(kind: &Kind, version: &str) -> Vec<Value> {
    let plural = kind.resource.plural;
    let namespaced = kind.resource.namespaced;
    let resource = |name: String, kind: &str| json!({ "name": name, "singularName": "", "namespaced": namespaced, "kind": kind, "verbs": ["get"] });
    let mut resources = vec![resource(plural.to_owned(), kind.resource.kind)];
    if kind.has_status(version) {
        resources.push(resource(format!("{plural}/status"), kind.resource.kind));
    }
    if scale::paths(kind, version).is_some() {
        let mut scale = resource(format!("{plural}/scale"), "Scale");
        scale["group"] = "autoscaling".into();
        scale["version"] = "v1".into();
        resources.push(scale);
    }
    resources
}

/// What is stable goes first, then beta, then alpha; of these the higher number.
fn rank(version: &str) -> Option<(u8, u32, u32)> {
    let (number, rest) = digits(version.strip_prefix('v')?)?;
    if rest.is_empty() {
        return Some((2, number, 0));
    }
    let (stability, rest) = match rest.strip_prefix("beta") {
        Some(rest) => (1, rest),
        None => (0, rest.strip_prefix("alpha")?),
    };
    let (of_stability, rest) = digits(rest)?;
    rest.is_empty().then_some((stability, number, of_stability))
}

fn digits(text: &str) -> Option<(u32, &str)> {
    let end = text.find(|it: char| !it.is_ascii_digit());
    let (digits, rest) = text.split_at(end.unwrap_or(text.len()));
    Some((digits.parse().ok()?, rest))
}
