//! The webhook's answers, from what the watches brought.

use http::StatusCode;
use kruise_api::{
    apps::v1beta1::{SIDECARSETS, SidecarSet},
    resource::{CONTROLLER_REVISIONS, NAMESPACES},
};
use kruise_runtime::{
    Store,
    webhook::{AdmissionRequest, AdmissionResponse},
};
use rstest::rstest;
use serde_json::{Value, json};
use sidecarset_controller::{
    admission::pod::PodMutator,
    index::SidecarSetIndex,
    namespaces::Namespace,
    revisions::{Revision, RevisionIndex},
};

use crate::world::{annotation, decoded, names, now, pod, set};

struct World {
    sidecar_sets: Store<SidecarSet>,
    namespaces: Store<Namespace>,
    revisions: Store<Revision>,
    mutator: PodMutator,
}

/// Nothing was read yet.
fn world() -> World {
    let sidecar_sets = Store::<SidecarSet>::new(SIDECARSETS);
    let namespaces = Store::<Namespace>::new(NAMESPACES);
    let revisions = Store::<Revision>::new(CONTROLLER_REVISIONS);
    let index = SidecarSetIndex::default();
    let followed = index.clone();
    sidecar_sets.follow(move |old, new| followed.change(old, new));
    World {
        mutator: PodMutator {
            index,
            sidecar_sets: sidecar_sets.clone(),
            namespaces: namespaces.clone(),
            revisions: RevisionIndex::new("kruise-system", revisions.clone()),
            sort_containers_by_name: false,
        },
        sidecar_sets,
        namespaces,
        revisions,
    }
}

fn with_sets(sets: &[Value]) -> World {
    let world = world();
    let sets = sets.iter().map(decoded).collect();
    world.sidecar_sets.replace(sets, &[], "5");
    world.namespaces.replace(vec![], &[], "5");
    world.revisions.replace(vec![], &[], "5");
    world
}

fn log() -> Value {
    set(
        "log",
        json!({ "containers": [{ "name": "agent", "image": "agent:1" }] }),
    )
}

fn main() -> Value {
    pod(json!([{ "name": "main", "fromTheFuture": 1.50 }]))
}

fn request(object: &Value, changes: Value) -> AdmissionRequest {
    let mut request = json!({
        "uid": "u1", "operation": "CREATE", "namespace": "shop", "name": "web-1",
        "kind": { "group": "", "version": "v1", "kind": "Pod" },
        "resource": { "group": "", "version": "v1", "resource": "pods" },
        "userInfo": { "username": "alice" }, "object": object,
    });
    json_patch::merge(&mut request, &changes);
    let review = json!({
        "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": request,
    });
    AdmissionRequest::from_review(review.to_string().as_bytes()).unwrap()
}

impl World {
    fn answer(&self, request: &AdmissionRequest) -> AdmissionResponse {
        self.mutator.answer(request, now(), 0)
    }

    /// The pod as the answer changes it.
    fn changed(&self, pod: &Value) -> Value {
        let answer = self.answer(&request(pod, json!({})));
        assert!(answer.is_allowed(), "{}", answer.message());
        let mut changed = pod.clone();
        json_patch::patch(&mut changed, answer.operations()).unwrap();
        changed
    }
}

// SS-A1, PF-212
#[test]
fn a_new_pod_is_patched() {
    let pod = with_sets(&[log()]).changed(&main());
    assert_eq!(names(&pod, "containers"), ["agent", "main"]);
    assert_eq!(
        pod["spec"]["containers"][1],
        main()["spec"]["containers"][0]
    );
    assert_eq!(
        annotation(&pod, "kruise.io/sidecarset-injected-list"),
        Some("log")
    );
}

// PF-909
#[test]
fn a_pod_that_has_everything_gets_no_patch() {
    let world = with_sets(&[log()]);
    let once = world.changed(&main());
    let answer = world.answer(&request(&once, json!({})));
    assert!(answer.is_allowed() && answer.operations().is_empty());
}

// SS-100, SS-111, SS-284
#[rstest]
// SS-A42
#[case::update(json!({ "operation": "UPDATE" }))]
#[case::delete(json!({ "operation": "DELETE", "object": null, "oldObject": main() }))]
#[case::subresource(json!({ "subResource": "ephemeralcontainers" }))]
#[case::another_kind(json!({ "resource": { "resource": "podtemplates" } }))]
#[case::succeeded(json!({ "object": { "status": { "phase": "Succeeded" } } }))]
#[case::failed(json!({ "object": { "status": { "phase": "Failed" } } }))]
#[case::terminating(json!({ "object": { "metadata": { "deletionTimestamp": "2026-01-01T00:00:00Z" } } }))]
#[case::not_wanted(json!({ "object": { "metadata": { "labels": { "sidecarset.kruise.io/inject": "false" } } } }))]
#[case::not_selected(json!({ "object": { "metadata": { "labels": { "app": "db" } } } }))]
#[case::without_labels(json!({ "object": { "metadata": { "labels": null } } }))]
fn this_is_left_alone(#[case] changes: Value) {
    let answer = with_sets(&[log()]).answer(&request(&main(), changes));
    assert!(answer.is_allowed() && answer.operations().is_empty());
}

#[rstest]
#[case::pending(json!({ "status": { "phase": "Pending" } }))]
#[case::wanted(json!({ "metadata": { "labels": { "sidecarset.kruise.io/inject": "true" } } }))]
// SS-100: packaging may exempt namespaces, the handler does not.
#[case::kube_system(json!({ "metadata": { "namespace": "kube-system" } }))]
fn this_is_injected(#[case] changes: Value) {
    let mut pod = main();
    json_patch::merge(&mut pod, &changes);
    let pod = with_sets(&[log()]).changed(&pod);
    assert_eq!(names(&pod, "containers"), ["agent", "main"]);
}

// SS-101
#[rstest]
#[case::of_the_pod(json!("prod"), "prod-2", "prod")]
#[case::of_the_request(json!(null), "prod", "prod")]
#[case::by_default(json!(null), "", "default")]
fn the_namespace_is_known(#[case] of_pod: Value, #[case] of_request: &str, #[case] expected: &str) {
    let selector = json!({ "matchLabels": { "kubernetes.io/metadata.name": expected } });
    let mut log = log();
    log["spec"]["namespaceSelector"] = selector;
    let world = with_sets(&[log]);
    for name in ["prod", "prod-2", "default"] {
        let namespace = json!({ "metadata": {
            "name": name, "uid": name, "resourceVersion": "6", "labels": { "kubernetes.io/metadata.name": name },
        } });
        world
            .namespaces
            .apply(serde_json::from_value(namespace).unwrap());
    }
    let mut pod = main();
    pod["metadata"]["namespace"] = of_pod;
    let answer = world.answer(&request(&pod, json!({ "namespace": of_request })));
    assert!(!answer.operations().is_empty());
}

// SS-104, SS-A9: what is not known of a namespace is no match.
#[test]
fn a_namespace_that_is_not_known_is_not_selected() {
    let mut log = log();
    log["spec"]["namespaceSelector"] = json!({ "matchLabels": { "env": "prod" } });
    let world = with_sets(&[log]);
    assert_eq!(world.changed(&main()), main());
    let namespace = json!({ "metadata": {
        "name": "shop", "uid": "n", "resourceVersion": "6", "labels": { "env": "prod" },
        "annotations": { "large": "and not kept" },
    } });
    let namespace: Namespace = serde_json::from_value(namespace).unwrap();
    assert!(namespace.metadata.annotations.is_empty());
    world.namespaces.apply(namespace);
    assert_eq!(
        names(&world.changed(&main()), "containers"),
        ["agent", "main"]
    );
}

// Until it is known which SidecarSets there are, the webhook's failurePolicy decides.
#[test]
fn what_is_not_known_yet_is_not_decided() {
    let world = world();
    let unanswered = |what: &str| {
        let answer = world.answer(&request(&main(), json!({})));
        assert_eq!(
            answer,
            AdmissionResponse::unanswered(format!("{what} have not been read yet"))
        );
    };
    unanswered("SidecarSets");
    let mut log = log();
    log["spec"]["namespaceSelector"] = json!({ "matchLabels": { "env": "prod" } });
    log["spec"]["injectionStrategy"] = json!({ "revision": { "revisionName": "log-1" } });
    world.sidecar_sets.replace(vec![decoded(&log)], &[], "5");
    unanswered("namespaces");
    world.namespaces.replace(vec![], &[], "5");
    unanswered("ControllerRevisions");
    world.revisions.replace(vec![], &[], "5");
    assert!(world.answer(&request(&main(), json!({}))).is_allowed());
    // What SidecarSets don't ask for need not be known.
    let other = json!({ "object": { "metadata": { "labels": { "app": "db" } } } });
    assert!(with_sets(&[]).answer(&request(&main(), other)).is_allowed());
}

// SS-105, SS-289, PF-211
#[rstest]
// SS-A27
#[case::no_revision(
    json!({ "injectionStrategy": { "revision": { "revisionName": "log-1" } } }),
    json!({}),
    "SidecarSet log can't be injected: ControllerRevision log-1 not found",
)]
// SS-A13
#[case::no_json(
    json!({ "patchPodMetadata": [{ "annotations": { "oom": "{}" }, "patchPolicy": "MergePatchJson" }] }),
    json!({ "oom": "oops" }),
    "SidecarSet log can't be injected: patchPodMetadata",
)]
#[case::broken_record(json!({}), json!({ "kruise.io/sidecarset-hash": "oops" }), "no SidecarSet can be injected: annotation")]
fn errors_refuse_the_pod(#[case] spec: Value, #[case] annotations: Value, #[case] why: &str) {
    let mut log = log();
    json_patch::merge(&mut log["spec"], &spec);
    let mut pod = main();
    pod["metadata"]["annotations"] = annotations;
    let answer = with_sets(&[log]).answer(&request(&pod, json!({})));
    assert_eq!(answer.code(), StatusCode::INTERNAL_SERVER_ERROR);
    assert!(answer.message().starts_with(why), "{}", answer.message());
}

// PF-211
#[test]
fn what_is_no_pod_is_refused_with_400() {
    let answer = with_sets(&[log()]).answer(&request(&json!("pod"), json!({})));
    assert_eq!(answer.code(), StatusCode::BAD_REQUEST);
}

// SS-A38
#[test]
fn a_canary_is_injected_and_recorded_alone() {
    let mut canary = set(
        "log-canary",
        json!({ "selector": { "matchLabels": { "tier": "beta" } }, "containers": [{ "name": "agent-next" }] }),
    );
    canary["metadata"]["annotations"] = json!({
        "apps.kruise.io/sidecarset-canary": "true", "apps.kruise.io/sidecarset-base": "log",
    });
    let world = with_sets(&[log(), canary]);
    let mut beta = main();
    beta["metadata"]["labels"]["tier"] = json!("beta");
    let beta = world.changed(&beta);
    assert_eq!(names(&beta, "containers"), ["agent-next", "main"]);
    assert_eq!(
        annotation(&beta, "kruise.io/sidecarset-injected-list"),
        Some("log-canary")
    );
    assert_eq!(
        names(&world.changed(&main()), "containers"),
        ["agent", "main"]
    );
}
