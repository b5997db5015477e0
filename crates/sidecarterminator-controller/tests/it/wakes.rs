//! Which changes wake a pod.

use rstest::rstest;
use sidecarterminator_controller::{pod::StoredPod, wake};

use crate::one_pod::{Does, End, KILL, Run, pod};

fn stored(main: Does, side: Does) -> StoredPod {
    let pod = pod("Never", &[("main", &[], main), ("side", &[KILL], side)]);
    serde_json::from_value(pod.pod).unwrap()
}

// ST-1
#[rstest]
#[case::becomes_due(Some((Run, Run)), Some((End(0), Run)), true)]
#[case::is_due_when_seen_first(None, Some((End(0), Run)), true)]
#[case::stays_due(Some((End(0), Run)), Some((End(0), Run)), true)]
#[case::runs(Some((Run, Run)), Some((Run, Run)), false)]
#[case::is_new(None, Some((Run, Run)), false)]
// What was told of it ends.
#[case::has_ended(Some((End(0), Run)), Some((End(0), End(0))), true)]
// What is remembered of it is forgotten.
#[case::is_gone(Some((End(0), End(0))), None, true)]
fn a_pod_wakes_itself_when_it_is_due(
    #[case] old: Option<(Does, Does)>,
    #[case] new: Option<(Does, Does)>,
    #[case] wakes: bool,
) {
    let read = |does: Option<(Does, Does)>| does.map(|(main, side)| stored(main, side));
    let (old, new) = (read(old), read(new));
    assert_eq!(wake::by_pod(old.as_ref(), new.as_ref()).is_some(), wakes);
}

#[test]
fn a_pod_without_sidecars_wakes_nobody() {
    let plain = StoredPod::default();
    for (old, new) in [
        (None, Some(&plain)),
        (Some(&plain), Some(&plain)),
        (Some(&plain), None),
    ] {
        assert_eq!(wake::by_pod(old, new), None);
    }
}
