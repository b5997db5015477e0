//! Which SidecarSets are looked at again when something changes (SS-200 to SS-203). A pod changes with each report of a
//! kubelet, so that only what matters to a SidecarSet wakes it.

use std::{collections::BTreeSet, time::Duration};

use kruise_api::{
    apps::v1beta1::SidecarSet,
    meta::ObjectMeta,
    resource::ObjectKey,
    text::Text,
    text_map::TextMap,
    well_known::{annotations::SIDECARSET_WORKING_HOT_UPGRADE_CONTAINER, labels::SIDECARSET_NAME},
};

use crate::{
    consistency::is_consistent,
    facts::{is_ready, recorded},
    record::{Twin, WorkingRecord},
    sidecar_pod::SidecarPod,
    view::{Namespaces, View, Views},
};

/// After this time a SidecarSet is looked at of which a pod runs new images, or is to: Ready often follows (SS-201).
pub const IMAGES_CHANGED_AFTER: Duration = Duration::from_secs(5);

/// Who is woken.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Woken {
    /// SidecarSets that are looked at now.
    pub now: Vec<ObjectKey>,
    /// Those that are looked at after [`IMAGES_CHANGED_AFTER`].
    pub later: Vec<ObjectKey>,
}

/// When a SidecarSet is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum When {
    Now,
    Later,
}

/// By a change of a SidecarSet: itself (SS-200), and the one that it is a canary of, whose pods it takes.
#[must_use]
pub fn by_set(old: Option<&SidecarSet>, new: Option<&SidecarSet>) -> Vec<ObjectKey> {
    if let (Some(old), Some(new)) = (old, new) {
        let (old, new) = (&old.metadata, &new.metadata);
        if old.generation == new.generation && old.uid == new.uid {
            return vec![];
        }
    }
    let both = || [old, new].into_iter().flatten().map(|set| &set.metadata);
    let names = both().map(|metadata| metadata.name.as_str());
    let bases = both().filter_map(kruise_api::kinds::sidecarset::canary::base);
    let names: BTreeSet<&str> = names.chain(bases).collect();
    names.into_iter().map(key).collect()
}

/// By a change of a pod: SidecarSets that it lists (SS-201).
#[must_use]
pub fn by_pod(views: &Views, old: Option<&SidecarPod>, new: Option<&SidecarPod>) -> Woken {
    let pods = || [old, new].into_iter().flatten();
    let names: BTreeSet<&str> = pods().flat_map(SidecarPod::sidecar_sets).collect();
    let mut woken = Woken::default();
    for name in names {
        let Some(view) = views.get(name) else {
            continue;
        };
        match when(name, &view, old, new) {
            Some(When::Now) => woken.now.push(key(name)),
            Some(When::Later) => woken.later.push(key(name)),
            None => {}
        }
    }
    woken
}

/// By a change of a namespace: SidecarSets that its labels are for, or are no longer.
#[must_use]
pub fn by_namespace(
    views: &Views,
    old: Option<&ObjectMeta>,
    new: Option<&ObjectMeta>,
) -> Vec<ObjectKey> {
    let labels = |namespace: Option<&ObjectMeta>| namespace.map(|it| it.labels.clone());
    let (old, new) = (labels(old), labels(new));
    if old == new {
        return vec![];
    }
    let includes = |view: &View, labels: &Option<TextMap>| {
        labels
            .as_ref()
            .is_some_and(|labels| view.namespaces.include(labels))
    };
    let all = views.all().into_iter();
    let concerned = all.filter(|(_, view)| {
        view.namespaces != Namespaces::All && includes(view, &old) != includes(view, &new)
    });
    concerned.map(|(name, _)| key(&name)).collect()
}

/// By a change of a ControllerRevision: the SidecarSet that it is of.
#[must_use]
pub fn by_revision(
    views: &Views,
    old: Option<&ObjectMeta>,
    new: Option<&ObjectMeta>,
) -> Vec<ObjectKey> {
    let both = [old, new].into_iter().flatten();
    let names = both.filter_map(|revision| revision.labels.get(SIDECARSET_NAME));
    let names: BTreeSet<&str> = names.map(Text::as_str).collect();
    let known = names.into_iter().filter(|name| views.get(name).is_some());
    known.map(key).collect()
}

fn when(
    name: &str,
    view: &View,
    old: Option<&SidecarPod>,
    new: Option<&SidecarPod>,
) -> Option<When> {
    let is_counted = |pod: &&SidecarPod| pod.lists(name) && has_sidecars(view, pod);
    let (old, new) = (old.filter(is_counted), new.filter(is_counted));
    let (old, new) = match (old, new) {
        (None, None) => return None,
        (None, Some(_)) => return Some(When::Now),
        // One that was terminating is not counted any more.
        (Some(gone), None) => return gone.is_active().then_some(When::Now),
        (Some(old), Some(new)) => (old, new),
    };
    let was_selected = view.selects(&old.metadata.labels);
    if old.metadata.uid != new.metadata.uid
        || old.is_active() != new.is_active()
        || !old.metadata.is_terminating() && old.is_ready() != new.is_ready()
        || was_selected != view.selects(&new.metadata.labels)
    {
        return Some(When::Now);
    }
    // A reset or a roll-back may have waited for a twin while others keep the pod from being ready (SS-253, SS-255).
    if ready_twins(view, old) != ready_twins(view, new) {
        return Some(When::Now);
    }
    let runs_images =
        |pod: &SidecarPod| is_consistent(pod, name, &view.container_names, &recorded(pod));
    if runs_images(old) != runs_images(new) {
        return Some(When::Later);
    }
    let is_selected_anew = view.selects_updates && old.metadata.labels != new.metadata.labels;
    is_selected_anew.then_some(When::Now)
}

fn ready_twins(view: &View, pod: &SidecarPod) -> Vec<bool> {
    let twins = view
        .sidecars
        .hot()
        .flat_map(|hot| Twin::BOTH.map(|twin| twin.name(hot.name)));
    twins.map(|name| is_ready(pod, &name)).collect()
}

fn has_sidecars(view: &View, pod: &SidecarPod) -> bool {
    let working = pod.annotation(SIDECARSET_WORKING_HOT_UPGRADE_CONTAINER);
    let working = WorkingRecord::parse(working).unwrap_or_default();
    view.sidecars.are_in(pod, &working)
}

fn key(name: &str) -> ObjectKey {
    ObjectKey::new("", name)
}
