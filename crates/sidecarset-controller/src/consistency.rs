//! Whether a pod runs the images that its spec says, and whether its sidecars serve (SS-230, SS-231).

use std::collections::BTreeSet;

use kruise_api::pod::{Container, Pod};

use crate::{
    record::{InPlaceRecord, RecordError, WorkingRecord},
    sidecar_pod::SidecarPod,
    sidecars::Sidecars,
};

/// What is recorded of the last updates of a pod, or why that can't be read.
pub type Recorded = Result<InPlaceRecord, RecordError>;

/// Whether these containers of the pod run what the spec says, as far as that is seen (SS-230).
#[must_use]
pub fn is_consistent(
    pod: &Pod,
    sidecar_set: &str,
    names: &BTreeSet<String>,
    recorded: &Recorded,
) -> bool {
    let (containers, statuses) = (&pod.spec.containers, &pod.status.container_statuses);
    if containers.len() != statuses.len() {
        return false;
    }
    let mut all_have_digests = true;
    for container in containers {
        if !names.contains(container.name.as_str()) {
            continue;
        }
        if digest(&container.image).is_none() {
            // What comes behind it is not looked at.
            all_have_digests = false;
            break;
        }
        if !runs_digest(pod, container) {
            return false;
        }
    }
    if all_have_digests {
        return true;
    }
    let Ok(recorded) = recorded else {
        return false;
    };
    let Some(recorded) = recorded.get(sidecar_set) else {
        return true;
    };
    let last = &recorded.last_container_statuses;
    let mut statuses = statuses
        .iter()
        .filter(|status| names.contains(status.name.as_str()));
    !statuses.any(|status| {
        let before = last.get(status.name.as_str());
        let is_unchanged = before.is_some_and(|before| status.image_id == before.image_id);
        let container = pod.container(&status.name);
        is_unchanged && container.is_some_and(|container| container.image != status.image)
    })
}

/// Whether the pod counts as ready for the SidecarSet: it is, and no hot upgrade is half-way (SS-231).
#[must_use]
pub fn is_ready(pod: &SidecarPod, sidecars: &Sidecars, working: &WorkingRecord) -> bool {
    let is_half_way = sidecars.hot().any(|hot| hot.both_run(pod, working));
    pod.status.phase == "Running"
        && pod.is_ready()
        && !pod.metadata.is_terminating()
        && !is_half_way
}

fn digest(image: &str) -> Option<&str> {
    image.split_once('@').map(|(_, digest)| digest)
}

/// Whether the container is seen to run the digest that its image names. Repositories are compared as they are written
/// (SS-287).
fn runs_digest(pod: &Pod, container: &Container) -> bool {
    let status = pod.container_status(&container.name);
    let id = status.map_or("", |status| status.image_id.as_str());
    let id = id.split_once("://").map_or(id, |(_, id)| id);
    digest(id).is_some()
        && digest(id) == digest(&container.image)
        && repository(id) == repository(&container.image)
}

fn repository(image: &str) -> &str {
    let name = image.split_once('@').map_or(image, |(name, _)| name);
    // A colon before the last slash belongs to the registry's port.
    match name.rsplit_once(':') {
        Some((repository, tag)) if !tag.contains('/') => repository,
        _ => name,
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};

    use super::*;

    const DIGEST: &str = "acme/agent:1@sha256:0a";

    /// A pod whose container `agent` has these images and image ID.
    fn pod(image: &str, status_image: &str, image_id: &str) -> Pod {
        serde_json::from_value(json!({
            "spec": { "containers": [{ "name": "agent", "image": image }] },
            "status": { "containerStatuses": [
                { "name": "agent", "image": status_image, "imageID": image_id },
            ] },
        }))
        .unwrap()
    }

    fn judged(pod: &Pod, recorded: Option<&Value>) -> bool {
        let names = BTreeSet::from(["agent".to_owned()]);
        let text = recorded.map(Value::to_string);
        is_consistent(pod, "log", &names, &InPlaceRecord::parse(text.as_deref()))
    }

    fn before(image_id: &str) -> Value {
        json!({ "log": { "lastContainerStatuses": { "agent": { "imageID": image_id } } } })
    }

    // SS-230, SS-286, SS-287
    #[rstest]
    #[case::never_updated("a:2", "a:1", "id1", None, true)]
    #[case::not_yet("a:2", "a:1", "id1", Some(before("id1")), false)]
    #[case::another_id("a:2", "a:1", "id2", Some(before("id1")), true)]
    #[case::same_id_other_tag("a:2", "a:2", "id1", Some(before("id1")), true)]
    #[case::of_another_set("a:2", "a:1", "id1", Some(json!({ "mesh": {} })), true)]
    #[case::unreadable("a:2", "a:2", "id2", Some(json!(7)), false)]
    #[case::digest_runs(DIGEST, "x", "docker-pullable://acme/agent@sha256:0a", Some(json!(7)), true)]
    #[case::digest_without_scheme(DIGEST, "x", "acme/agent@sha256:0a", None, true)]
    #[case::another_digest(DIGEST, "x", "acme/agent@sha256:0b", None, false)]
    #[case::another_spelling(DIGEST, "x", "docker.io/acme/agent@sha256:0a", None, false)]
    #[case::no_id(DIGEST, "x", "", None, false)]
    #[case::id_without_digest(DIGEST, "x", "acme/agent:1", None, false)]
    #[case::port("r:5000/a@sha256:0a", "x", "r:5000/a@sha256:0a", None, true)]
    fn a_pod_is_consistent_when_its_images_run(
        #[case] image: &str,
        #[case] status_image: &str,
        #[case] image_id: &str,
        #[case] recorded: Option<Value>,
        #[case] expected: bool,
    ) {
        let pod = pod(image, status_image, image_id);
        assert_eq!(judged(&pod, recorded.as_ref()), expected);
    }

    // SS-230: as long as the kubelet has not seen all containers, nothing is known.
    #[test]
    fn a_pod_without_all_statuses_is_not_consistent() {
        let mut pod = pod("a:1", "a:1", "id1");
        pod.status.container_statuses.clear();
        assert!(!judged(&pod, None));
    }

    // SS-230: the first image without a digest ends the walk over those that have one.
    #[rstest]
    #[case::behind_it(["a:1", DIGEST], true)]
    #[case::before_it([DIGEST, "a:1"], false)]
    fn digests_count_up_to_the_first_image_without(
        #[case] images: [&str; 2],
        #[case] expected: bool,
    ) {
        let containers: Vec<Value> = images
            .iter()
            .enumerate()
            .map(|(index, image)| json!({ "name": format!("c{index}"), "image": image }))
            .collect();
        let statuses = [0, 1].map(|index| json!({ "name": format!("c{index}"), "imageID": "x" }));
        let pod = json!({ "spec": { "containers": containers }, "status": { "containerStatuses": statuses } });
        let pod: Pod = serde_json::from_value(pod).unwrap();
        let names = BTreeSet::from(["c0".to_owned(), "c1".to_owned()]);
        let recorded = InPlaceRecord::parse(None);
        assert_eq!(is_consistent(&pod, "log", &names, &recorded), expected);
    }
}
