//! What may change in a pod: images of sidecars, and annotations that are known.

use std::collections::BTreeSet;

use kruise_api::well_known::annotations::{
    SIDECARSET_HASH, SIDECARSET_HASH_WITHOUT_IMAGE, SIDECARSET_INPLACE_UPDATE_STATE,
    SIDECARSET_WORKING_HOT_UPGRADE_CONTAINER,
};
use serde_json::Value;

use crate::{
    facts::Known,
    plan::{Plan, PodChange, PodMark, PodRef, Step},
    record::Twin,
    snapshot::Snapshot,
};

pub(super) fn check(snapshot: &Snapshot, plan: &Plan, found: &mut Vec<String>) {
    for step in &plan.steps {
        match step {
            Step::MarkPods { marks } => {
                for PodMark { pod, patch } in marks {
                    check_mark(snapshot, pod, patch, found);
                }
            }
            Step::ResetPods { pods } => {
                for change in pods {
                    check_change(snapshot, change, found);
                    check_reset(snapshot, change, found);
                }
            }
            Step::UpdatePods { pods } => {
                for change in pods {
                    check_change(snapshot, change, found);
                    check_update(snapshot, change, found);
                }
            }
            _ => {}
        }
    }
}

/// The pod that a step names, of those that the SidecarSet manages.
pub(super) fn known<'s>(snapshot: &'s Snapshot, pod: &PodRef) -> Option<&'s Known> {
    let mut matched = snapshot.matched();
    matched.find(|known| {
        let metadata = &known.pod.metadata;
        metadata.uid == pod.uid && metadata.namespace == pod.namespace && metadata.name == pod.name
    })
}

/// The text at this place.
pub(super) fn text<'v>(value: &'v Value, pointer: &str) -> Option<&'v str> {
    value.pointer(pointer).and_then(Value::as_str)
}

fn check_guard(snapshot: &Snapshot, pod: &PodRef, patch: &Value, found: &mut Vec<String>) {
    let Some(known) = known(snapshot, pod) else {
        found.push(format!("pod {} is not one of the SidecarSet's", pod.name));
        return;
    };
    let metadata = &known.pod.metadata;
    let is_guarded = text(patch, "/metadata/resourceVersion") == Some(&metadata.resource_version)
        && text(patch, "/metadata/uid") == Some(&metadata.uid);
    if !is_guarded {
        found.push(format!(
            "pod {} is patched, whatever version is there",
            pod.name
        ));
    }
}

/// SS-247
fn check_mark(snapshot: &Snapshot, pod: &PodRef, patch: &Value, found: &mut Vec<String>) {
    check_guard(snapshot, pod, patch, found);
    let conditions = patch
        .pointer("/status/conditions")
        .and_then(Value::as_array);
    let types = conditions.into_iter().flatten().map(|it| text(it, "/type"));
    if !types.eq([Some("SidecarSetUpgradable")]) || patch.get("spec").is_some() {
        found.push(format!("pod {} is marked with something else", pod.name));
    }
}

fn check_change(snapshot: &Snapshot, change: &PodChange, found: &mut Vec<String>) {
    let PodChange {
        pod,
        patch,
        resets: _,
        mark,
    } = change;
    check_guard(snapshot, pod, patch, found);
    if let Some(mark) = mark {
        check_mark(snapshot, pod, mark, found);
    }
    let members = |pointer: &str| {
        let members = patch.pointer(pointer).and_then(Value::as_object);
        members
            .into_iter()
            .flat_map(|members| members.keys().map(String::as_str))
    };
    let all = members("")
        .chain(members("/metadata"))
        .chain(members("/spec"));
    for member in all {
        if ![
            "metadata",
            "spec",
            "uid",
            "resourceVersion",
            "annotations",
            "containers",
        ]
        .contains(&member)
        {
            found.push(format!("{member} of pod {} is changed", pod.name));
        }
    }
    let known_keys = annotation_keys(snapshot);
    for key in members("/metadata/annotations") {
        if !known_keys.contains(key) {
            found.push(format!("annotation {key} of pod {} is changed", pod.name));
        }
    }
    for container in containers(patch) {
        let fields = container
            .as_object()
            .map(|fields| fields.keys().map(String::as_str));
        let fields: BTreeSet<&str> = fields.into_iter().flatten().collect();
        if fields != BTreeSet::from(["image", "name"]) {
            found.push(format!("more than an image of pod {} is changed", pod.name));
        }
    }
}

/// SS-242, SS-251, SS-255
fn check_update(snapshot: &Snapshot, change: &PodChange, found: &mut Vec<String>) {
    let name = &change.pod.name;
    for container in containers(&change.patch) {
        let (container, image) = (text(container, "/name"), text(container, "/image"));
        let mut sidecars = snapshot.basis.sidecars.0.iter();
        let sidecar = sidecars.find(|sidecar| {
            let names = sidecar.container_names();
            names.iter().any(|name| Some(name.as_str()) == container)
        });
        let is_wanted = sidecar.is_some_and(|sidecar| {
            let empty = sidecar.hot().map(|hot| hot.empty_image);
            image == Some(&sidecar.image) || change.resets && image == empty
        });
        if !is_wanted {
            found.push(format!(
                "pod {name} gets an image that is not the SidecarSet's"
            ));
        }
    }
    let Some(known) = known(snapshot, &change.pod) else {
        return;
    };
    let facts = snapshot.basis.facts(&known.pod);
    if facts.is_updated || !facts.is_upgradable || facts.in_flight.is_some() {
        found.push(format!("pod {name} is updated although it must not be now"));
    }
}

/// SS-253
fn check_reset(snapshot: &Snapshot, change: &PodChange, found: &mut Vec<String>) {
    let name = &change.pod.name;
    let Some(known) = known(snapshot, &change.pod) else {
        return;
    };
    let working = snapshot.basis.working(&known.pod);
    for container in containers(&change.patch) {
        let (container, image) = (text(container, "/name"), text(container, "/image"));
        let mut hot = snapshot.basis.sidecars.hot();
        let is_idle = hot.any(|hot| {
            let other = working.working(hot.name).other().name(hot.name);
            container == Some(&other) && image == Some(hot.empty_image)
        });
        if !is_idle {
            found.push(format!("a twin of pod {name} is reset that works"));
        }
    }
    let hash = format!(
        "/metadata/annotations/{}",
        SIDECARSET_HASH.replace('/', "~1")
    );
    if text(&change.patch, &hash).is_some() {
        found.push(format!("a reset changes the hash of pod {name}"));
    }
}

fn containers(patch: &Value) -> impl Iterator<Item = &Value> {
    let containers = patch.pointer("/spec/containers").and_then(Value::as_array);
    containers.into_iter().flatten()
}

fn annotation_keys(snapshot: &Snapshot) -> BTreeSet<String> {
    let recorded = [
        SIDECARSET_HASH,
        SIDECARSET_HASH_WITHOUT_IMAGE,
        SIDECARSET_INPLACE_UPDATE_STATE,
        SIDECARSET_WORKING_HOT_UPGRADE_CONTAINER,
    ];
    let patched = snapshot.spec().patch_pod_metadata.iter();
    let patched = patched.flat_map(|patch| patch.annotations.keys().cloned());
    let versions = snapshot.basis.sidecars.hot().flat_map(|hot| {
        let keys = |twin: Twin| [twin.version_key(hot.name), twin.version_alt_key(hot.name)];
        Twin::BOTH.map(keys).into_iter().flatten()
    });
    recorded
        .map(str::to_owned)
        .into_iter()
        .chain(patched)
        .chain(versions)
        .collect()
}
