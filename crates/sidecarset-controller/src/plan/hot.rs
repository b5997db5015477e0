//! Hot upgrade: two twins take turns. The new image goes to the one that is idle or worse (SS-250, SS-251); once it
//! serves, the other one is reset to the image that does nothing (SS-253). When the old image is wanted back meanwhile, the
//! new twin is reset instead (SS-255).

use kruise_api::{text::Text, well_known::annotations::SIDECARSET_WORKING_HOT_UPGRADE_CONTAINER};

use super::{change::Change, step::PodChange};
use crate::{
    consistency::Recorded,
    facts::{Basis, recorded},
    record::{Twin, TwinState, WorkingRecord, twin_to_update},
    sidecar_pod::SidecarPod,
    sidecars::HotSidecar,
    snapshot::Snapshot,
};

/// The version of a twin that is idle.
const IDLE: &str = "0";

/// Changes of the pods whose idle twins can be reset (SS-253).
pub(super) fn resets(snapshot: &Snapshot) -> Vec<PodChange> {
    let mut resets = vec![];
    for known in snapshot.matched().filter(|known| known.facts.can_be_reset) {
        let pod = &known.pod;
        let working = snapshot.basis.working(pod);
        let mut change = Change::of(pod);
        for hot in snapshot.basis.sidecars.hot() {
            if hot.both_run(pod, &working) {
                reset(&mut change, hot, working.working(hot.name));
            }
        }
        change.record_images(snapshot);
        resets.push(change.into_pod_change(None));
    }
    resets
}

fn reset(change: &mut Change<'_>, hot: HotSidecar<'_>, work: Twin) {
    let other = work.other();
    change.set_image(other.name(hot.name), hot.empty_image);
    change.annotate(other.version_key(hot.name), IDLE);
    change.annotate(work.version_alt_key(hot.name), IDLE);
    change.resets = true;
}

/// Gives the right twins of a pod their new images.
pub(super) fn upgrade(snapshot: &Snapshot, change: &mut Change<'_>) {
    let basis = &snapshot.basis;
    let pod = change.pod;
    let mut working = basis.working(pod);
    let before = working.clone();
    let recorded = recorded(pod);
    let version = &snapshot.metadata().resource_version;
    for hot in basis.sidecars.hot() {
        let upgraded = to_upgrade(basis, pod, &recorded, hot, &working);
        upgrade_twin(change, hot, upgraded, version, &mut working);
    }
    if working != before {
        let key = SIDECARSET_WORKING_HOT_UPGRADE_CONTAINER;
        change.annotate(key.to_owned(), &working.write());
    }
}

/// SS-250
fn to_upgrade(
    basis: &Basis,
    pod: &SidecarPod,
    recorded: &Recorded,
    hot: HotSidecar<'_>,
    working: &WorkingRecord,
) -> Twin {
    let state = |twin: Twin| TwinState {
        image: hot.image_in(pod, twin),
        is_good: basis.is_good(pod, recorded, &twin.name(hot.name)),
    };
    let [first, second] = Twin::BOTH.map(state);
    twin_to_update(hot.empty_image, first, second, working.working(hot.name))
}

fn upgrade_twin(
    change: &mut Change<'_>,
    hot: HotSidecar<'_>,
    new: Twin,
    version: &str,
    working: &mut WorkingRecord,
) {
    let (old, pod) = (new.other(), change.pod);
    if hot.image_in(pod, old) == hot.image {
        // The other one has the wanted image. Where this one was to replace it, it does no longer (SS-255, DV-SS6). One that
        // still works until the other serves is left to a reset (SS-253).
        let was_to_replace = working.working(hot.name) == new;
        if was_to_replace
            && !hot.empty_image.is_empty()
            && hot.image_in(pod, new) != hot.empty_image
        {
            working.put(hot.name, old);
            reset(change, hot, old);
        }
        return;
    }
    let of_old = pod.metadata.annotations.get(&old.version_key(hot.name));
    change.set_image(new.name(hot.name), hot.image);
    change.annotate(new.version_key(hot.name), version);
    let of_old = of_old.map_or("", Text::as_str);
    change.annotate(new.version_alt_key(hot.name), of_old);
    change.annotate(old.version_alt_key(hot.name), version);
    working.put(hot.name, new);
}
