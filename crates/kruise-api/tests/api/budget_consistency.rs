use kruise_api::{
    budget::{is_consistent, is_ready},
    inplace::Options,
};
use rstest::rstest;
use serde_json::{Value, json};

use crate::support::{STATE, pod, running_pod};

const DIGEST: &str = "sha256:1111";

fn consistent(patch: &Value) -> bool {
    is_consistent(&pod(&running_pod(patch)), &Options::default())
}

/// A pod whose only container has this image, and whose runtime reports this ID.
fn with_image(image: &str, image_id: &str) -> Value {
    json!({
        "spec": { "containers": [{ "name": "app", "image": image }] },
        "status": { "containerStatuses": [{ "name": "app", "image": image, "imageID": image_id }] },
    })
}

// PB-29: minReadySeconds plays no role, so the time plays none either.
#[test]
fn a_running_pod_with_condition_ready_is_ready() {
    assert!(is_ready(&pod(&running_pod(&json!({})))));
}

// PB-30.1
#[rstest]
#[case("acme/app@sha256:1111", "acme/app@sha256:1111", true)]
#[case("acme/app@sha256:1111", "docker-pullable://acme/app@sha256:1111", true)]
#[case("acme/app@sha256:1111", "docker://acme/app@sha256:1111", true)]
#[case("acme/app@sha256:1111", "acme/app@sha256:2222", false)]
#[case("acme/app@sha256:1111", "docker.io/acme/app@sha256:1111", false)]
#[case("app@sha256:1111", "library/app@sha256:1111", false)]
#[case("host:5000/app@sha256:1111", "host:5000/app@sha256:1111", true)]
#[case("acme/app:1@sha256:1111", "acme/app@sha256:1111", true)]
#[case("acme/app@sha256:1111", "sha256:1111", false)]
#[case("acme/app@sha256:1111", "", false)]
#[case("acme/app:1@sha256:1111", "acme/app:1", true)]
#[case("acme/app:1@sha256:1111", "acme/app:2", false)]
fn an_image_with_a_digest_runs_when_its_id_has_it(
    #[case] image: &str,
    #[case] image_id: &str,
    #[case] runs: bool,
) {
    assert_eq!(consistent(&with_image(image, image_id)), runs);
}

// PB-30.1
#[test]
fn an_image_with_a_digest_needs_a_status() {
    let image = format!("acme/app@{DIGEST}");
    let mut patch = with_image(&image, &image);
    patch["status"]["containerStatuses"][0]["name"] = json!("other");
    assert!(!consistent(&patch));
}

// PB-30.2: digests settle it, whatever else says that an update is under way.
#[rstest]
#[case(1, true)]
#[case(2, false)]
fn digests_of_all_containers_are_enough(#[case] n_containers: usize, #[case] expected: bool) {
    let image = format!("acme/app@{DIGEST}");
    let mut patch = with_image(&image, &image);
    patch["metadata"] = json!({ "annotations": { STATE: "not readable" } });
    if n_containers == 2 {
        let containers = patch["spec"]["containers"].as_array_mut().unwrap();
        containers.push(json!({ "name": "other", "image": "acme/other:1" }));
    }
    assert_eq!(consistent(&patch), expected);
}

/// A pod with a container that SidecarSets injected; it ran `old-id` before and shows `image_id` now.
fn injected(list: &str, state: Option<&str>, image: &str, image_id: &str, env: &Value) -> Value {
    let annotations = state.map_or_else(
        || json!({ "kruise.io/sidecarset-injected-list": list }),
        |state| {
            json!({
                "kruise.io/sidecarset-injected-list": list,
                "kruise.io/sidecarset-inplace-update-state": state,
            })
        },
    );
    json!({
        "metadata": { "annotations": annotations },
        "spec": { "containers": [
            { "name": "app", "image": "acme/app:1" },
            { "name": "agent", "image": "acme/agent:2", "env": [env] },
        ] },
        "status": { "containerStatuses": [
            { "name": "app", "image": "acme/app:1", "imageID": "id1" },
            { "name": "agent", "image": image, "imageID": image_id },
        ] },
    })
}

fn mark() -> Value {
    json!({ "name": "IS_INJECTED", "value": "true" })
}

/// What SidecarSets `log` and `zip` note.
fn noted(log: &str, zip: &str) -> String {
    let last = |id: &str| json!({ "revision": "r", "lastContainerStatuses": { "agent": { "imageID": id } } });
    json!({ "log": last(log), "zip": last(zip) }).to_string()
}

// PB-30.3
#[rstest]
#[case::still_the_old_image("log", "acme/agent:1", "old-id", false)]
#[case::another_image_id("log", "acme/agent:1", "new-id", true)]
#[case::the_same_image_under_a_new_tag("log", "acme/agent:2", "old-id", true)]
#[case::a_set_that_is_not_listed("other", "acme/agent:1", "old-id", true)]
#[case::the_later_name_wins("zip,log", "acme/agent:1", "old-id", true)]
#[case::the_later_name_wins_again("zip,log", "acme/agent:1", "zip-id", false)]
#[case::an_empty_list("", "acme/agent:1", "old-id", true)]
#[case::a_list_of_nothing(",", "acme/agent:1", "old-id", true)]
fn an_injected_container_must_run_another_image_than_before(
    #[case] list: &str,
    #[case] image: &str,
    #[case] image_id: &str,
    #[case] expected: bool,
) {
    let state = noted("old-id", "zip-id");
    let patch = injected(list, Some(&state), image, image_id, &mark());
    assert_eq!(consistent(&patch), expected);
}

// PB-30.3: containers that are not injected are not looked at. Without injected containers the state is not
// looked at either.
#[rstest]
#[case(json!({ "name": "IS_INJECTED", "value": "false" }))]
#[case(json!({ "name": "OTHER", "value": "true" }))]
fn only_injected_containers_matter(#[case] env: Value) {
    let state = noted("old-id", "zip-id");
    let patch = injected("log", Some(&state), "acme/agent:1", "old-id", &env);
    assert!(consistent(&patch));
    let patch = injected("log", Some("{"), "acme/agent:1", "old-id", &env);
    assert!(consistent(&patch));
}

// PB-30.3
#[rstest]
#[case(None, true)]
#[case(Some("{"), false)]
#[case(Some("[]"), false)]
#[case(Some("{}"), true)]
#[case(Some("{\"log\":{}}"), true)]
#[case(Some("{\"log\":{\"lastContainerStatuses\":null}}"), true)]
fn the_sidecars_state_must_be_readable(#[case] state: Option<&str>, #[case] expected: bool) {
    let patch = injected("log", state, "acme/agent:1", "old-id", &mark());
    assert_eq!(consistent(&patch), expected);
}

// PB-30.3: a missing status is not waited for.
#[test]
fn a_missing_status_of_a_sidecar_is_no_inconsistency() {
    let state = noted("old-id", "zip-id");
    let mut patch = injected("log", Some(&state), "acme/agent:1", "old-id", &mark());
    patch["status"]["containerStatuses"]
        .as_array_mut()
        .unwrap()
        .pop();
    assert!(consistent(&patch));
}

// PB-30.4, IP-52
#[rstest]
#[case("id1", "acme/app:1", false)]
#[case("id2", "acme/app:2", true)]
fn an_update_in_place_must_be_complete(
    #[case] image_id: &str,
    #[case] image: &str,
    #[case] expected: bool,
) {
    let state = json!({
        "revision": "web-bbb",
        "updateTimestamp": "2026-01-10T08:00:00Z",
        "lastContainerStatuses": { "app": { "imageID": "id1" } },
    });
    let patch = json!({
        "metadata": { "annotations": { STATE: state.to_string() } },
        "spec": { "containers": [{ "name": "app", "image": "acme/app:2" }] },
        "status": { "containerStatuses": [{ "name": "app", "image": image, "imageID": image_id }] },
    });
    assert_eq!(consistent(&patch), expected);
}
