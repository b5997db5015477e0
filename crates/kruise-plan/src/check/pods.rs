//! What no plan may do to pods. Each check is given what the plan does, as lists of pods and of names, and returns
//! every violation in words. How many pods may go, and which, is each kind's own business; so is whether pods may be
//! created and deleted in one pass.

use std::collections::BTreeSet;

use kruise_api::pod::Pod;

use crate::{owned_pods::OwnedPods, owner::Owner, pod_writes::PodRef};

/// Every pod touched is known and names the owner (CS-27, AS-35, DS-30, BJ-23). A kind that adopts pods leaves those
/// that it adopts out of `touched`.
#[must_use]
pub fn only_owned<P: AsRef<Pod>>(
    owner_uid: &str,
    owned: &OwnedPods<'_, P>,
    touched: &[&PodRef],
) -> Vec<String> {
    let wrong = touched.iter().filter_map(|touched| {
        let name = &touched.name;
        match owned.pod(&touched.uid) {
            None => Some(format!("pod {name} is not in the snapshot")),
            Some(pod) if pod.metadata.name != *name => {
                Some(format!("pod {name} is called {}", pod.metadata.name))
            }
            Some(pod) if !pod.metadata.is_owned_by(owner_uid) => {
                Some(format!("pod {name} is not ours"))
            }
            Some(_) => None,
        }
    });
    wrong.collect()
}

/// No pod is touched twice: the second write would be decided on a view older than the first (CS-79, AS-81, AS-92).
#[must_use]
pub fn each_once(touched: &[&PodRef]) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let twice = touched.iter().filter(|pod| !seen.insert(&pod.uid));
    twice
        .map(|pod| format!("pod {} is touched twice", pod.name))
        .collect()
}

/// A pod on its way out is left alone (CS-27, AS-63, AS-92, BJ-35, BJ-41).
#[must_use]
pub fn none_terminating<P: AsRef<Pod>>(
    owned: &OwnedPods<'_, P>,
    touched: &[&PodRef],
) -> Vec<String> {
    let known = touched.iter().filter_map(|pod| owned.pod(&pod.uid));
    known
        .filter(|pod| pod.metadata.is_terminating())
        .map(|pod| format!("pod {} is terminating", pod.metadata.name))
        .collect()
}

/// A pod that has ended is left alone (CS-27, BJ-35, BJ-41). A kind that replaces ended pods under the same name, or
/// on the same node, does not ask for this check.
#[must_use]
pub fn none_finished<P: AsRef<Pod>>(owned: &OwnedPods<'_, P>, touched: &[&PodRef]) -> Vec<String> {
    let known = touched.iter().filter_map(|pod| owned.pod(&pod.uid));
    known
        .filter(|pod| matches!(pod.status.phase.as_str(), "Succeeded" | "Failed"))
        .map(|pod| format!("pod {} is finished", pod.metadata.name))
        .collect()
}

/// The name of a new pod is free: no pod that is there has it, in whatever state, nor does `others`, nor another new
/// pod (CS-58, CS-59, AS-65).
#[must_use]
pub fn names_are_new<P: AsRef<Pod>>(
    owned: &OwnedPods<'_, P>,
    others: &BTreeSet<String>,
    new: &[&str],
) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let is_taken = |name: &str| {
        others.contains(name)
            || owned
                .pods
                .iter()
                .any(|pod| P::as_ref(pod).metadata.name == name)
    };
    let taken = new
        .iter()
        .filter(|name| is_taken(name) || !seen.insert(**name));
    taken
        .map(|name| format!("pod name {name} is already there"))
        .collect()
}

/// Pods of an owner that is being deleted go by garbage collection (CS-23, AS-31, DS-21).
#[must_use]
pub fn nothing_while_owner_terminates(
    owner: &Owner<'_>,
    touched: &[&PodRef],
    new: &[&str],
) -> Vec<String> {
    if !owner.metadata.is_terminating() || (touched.is_empty() && new.is_empty()) {
        return Vec::new();
    }
    vec![format!("pods of a terminating {} are touched", owner.kind)]
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use kruise_api::{
        meta::{ObjectMeta, OwnerReference, Time},
        pod::Pod,
        shared_list::SharedList,
    };
    use rstest::rstest;

    use super::*;

    const OWNER: &str = "uid-of-set";

    type Change = fn(&mut Pod);

    fn as_it_is(_: &mut Pod) {}

    fn of_another(pod: &mut Pod) {
        pod.metadata.owner_references.clear();
    }

    fn terminating(pod: &mut Pod) {
        pod.metadata.deletion_timestamp = Some(Time::UNIX_EPOCH);
    }

    fn finished(pod: &mut Pod) {
        pod.status.phase = "Failed".into();
    }

    /// Our pods `a` and `b`, of which `change` changes the first.
    fn pods(change: Change) -> SharedList<Arc<Pod>> {
        let pods = ["a", "b"].into_iter().map(|name| {
            let mut pod = Pod::default();
            pod.metadata.name = name.to_owned();
            pod.metadata.uid = format!("uid-of-{name}");
            pod.metadata.owner_references.push(OwnerReference {
                uid: OWNER.into(),
                ..OwnerReference::default()
            });
            if name == "a" {
                change(&mut pod);
            }
            Arc::new(pod)
        });
        pods.collect()
    }

    fn owned(pods: &SharedList<Arc<Pod>>) -> OwnedPods<'_> {
        OwnedPods {
            pods,
            generation: None,
            now: Time::UNIX_EPOCH,
        }
    }

    fn pod_ref(name: &str) -> PodRef {
        PodRef {
            name: name.to_owned(),
            uid: format!("uid-of-{name}"),
        }
    }

    fn checked(change: Change, touched: &[PodRef]) -> Vec<String> {
        let pods = pods(change);
        let (owned, touched): (_, Vec<_>) = (owned(&pods), touched.iter().collect());
        [
            only_owned(OWNER, &owned, &touched),
            each_once(&touched),
            none_terminating(&owned, &touched),
            none_finished(&owned, &touched),
        ]
        .concat()
    }

    #[rstest]
    #[case::ours(as_it_is, &["a", "b"], &[])]
    #[case::unknown(as_it_is, &["c"], &["pod c is not in the snapshot"])]
    #[case::anothers(of_another, &["a", "b"], &["pod a is not ours"])]
    #[case::twice(as_it_is, &["a", "b", "a"], &["pod a is touched twice"])]
    #[case::terminating(terminating, &["a", "b"], &["pod a is terminating"])]
    #[case::finished(finished, &["a", "b"], &["pod a is finished"])]
    fn pods_that_may_not_be_touched(
        #[case] change: Change,
        #[case] touched: &[&str],
        #[case] expected: &[&str],
    ) {
        let touched: Vec<_> = touched.iter().map(|name| pod_ref(name)).collect();
        assert_eq!(checked(change, &touched), expected);
    }

    // The name alone says nothing: a pod that was made anew under the same name is another pod.
    #[test]
    fn pods_are_known_by_their_uid() {
        let made_anew = PodRef {
            uid: "another".to_owned(),
            ..pod_ref("a")
        };
        let found = checked(as_it_is, &[made_anew]);
        assert_eq!(found, ["pod a is not in the snapshot"]);
        let misnamed = PodRef {
            name: "b".to_owned(),
            ..pod_ref("a")
        };
        assert_eq!(checked(as_it_is, &[misnamed]), ["pod b is called a"]);
    }

    #[rstest]
    #[case::new(as_it_is, &["c", "d"], &[])]
    #[case::there(as_it_is, &["a"], &["a"])]
    #[case::there_for_a_moment(terminating, &["a"], &["a"])]
    #[case::anothers(as_it_is, &["other"], &["other"])]
    #[case::twice(as_it_is, &["c", "c"], &["c"])]
    fn names_that_are_taken(#[case] change: Change, #[case] new: &[&str], #[case] taken: &[&str]) {
        let pods = pods(change);
        let others = BTreeSet::from(["other".to_owned()]);
        let expected = taken
            .iter()
            .map(|name| format!("pod name {name} is already there"));
        assert_eq!(
            names_are_new(&owned(&pods), &others, new),
            expected.collect::<Vec<_>>()
        );
    }

    #[rstest]
    #[case::nothing(true, &[], &[], false)]
    #[case::a_pod(true, &["a"], &[], true)]
    #[case::a_new_one(true, &[], &["c"], true)]
    #[case::of_one_that_stays(false, &["a"], &["c"], false)]
    fn an_owner_that_is_being_deleted(
        #[case] terminates: bool,
        #[case] touched: &[&str],
        #[case] new: &[&str],
        #[case] is_found: bool,
    ) {
        let metadata = ObjectMeta {
            deletion_timestamp: terminates.then_some(Time::UNIX_EPOCH),
            ..ObjectMeta::default()
        };
        let owner = Owner {
            api_version: "v1",
            kind: "Set",
            metadata: &metadata,
        };
        let touched: Vec<_> = touched.iter().map(|name| pod_ref(name)).collect();
        let touched: Vec<_> = touched.iter().collect();
        let found = nothing_while_owner_terminates(&owner, &touched, new);
        assert_eq!(found.len(), usize::from(is_found), "{found:?}");
    }
}
