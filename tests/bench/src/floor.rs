//! The floor of roll-outs: the least writes for each pod, by a loop that has nothing to watch, to plan or to
//! wait for. No kubelet plays meanwhile.

use std::time::Duration;

use anyhow::Result;
use serde_json::{Value, json};

use super::api::{Api, PatchKind};
use super::ground::{Ground, NAMESPACE};
use super::{load, pods};

/// What the writes took.
pub(super) struct Floors {
    /// A creation and a status patch.
    pub(super) create: Duration,
    /// Not ready, the new image, ready.
    pub(super) in_place: Duration,
    /// Out of service, the deletion, a creation and a status patch.
    pub(super) recreate: Duration,
    /// A deletion, of those that a scale-in takes.
    pub(super) delete: Duration,
}

/// With so many pods, of which so many are deleted in the end.
pub(super) fn measure(ground: &Ground<'_>, n_pods: usize, n_deleted: usize) -> Result<Floors> {
    let api = &ground.api;
    let create = load::each(n_pods, |idx| create(api, &format!("a-{idx}")))?;
    let in_place = load::each(n_pods, |idx| {
        let name = format!("a-{idx}");
        report(api, &name, false)?;
        let patch =
            json!({"spec": {"containers": [{"name": "app", "image": pods::image("app", "2")}]}});
        api.patch(&path(&name), PatchKind::Strategic, &patch)?;
        report(api, &name, true)
    })?;
    let recreate = load::each(n_pods, |idx| {
        let name = format!("a-{idx}");
        report(api, &name, false)?;
        api.delete_at_once(&path(&name), None)?;
        self::create(api, &format!("b-{idx}"))
    })?;
    let delete = load::each(n_deleted, |idx| {
        api.delete_at_once(&path(&format!("b-{idx}")), None)
    })?;
    Ok(Floors {
        create,
        in_place,
        recreate,
        delete,
    })
}

fn create(api: &Api, name: &str) -> Result<()> {
    let mut pod = pods::plain("floor", name);
    if let Some(spec) = pod.get_mut("spec") {
        // Nobody's, so that nobody else writes.
        spec["schedulerName"] = json!("none");
    }
    api.create(&format!("/api/v1/namespaces/{NAMESPACE}/pods"), &pod)?;
    report(api, name, true)
}

fn report(api: &Api, name: &str, ready: bool) -> Result<()> {
    api.patch(
        &format!("{}/status", path(name)),
        PatchKind::Strategic,
        &condition(ready),
    )
    .map(drop)
}

fn condition(ready: bool) -> Value {
    let status = if ready { "True" } else { "False" };
    json!({"status": {"conditions": [{"type": "InPlaceUpdateReady", "status": status}]}})
}

fn path(name: &str) -> String {
    format!("/api/v1/namespaces/{NAMESPACE}/pods/{name}")
}
