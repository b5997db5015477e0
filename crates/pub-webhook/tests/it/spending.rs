//! What is spent, and what is refused: each request by itself, without a reconciler.

use http::StatusCode;
use kruise_api::resource::EVENTS;
use rstest::rstest;
use serde_json::{Value, json};

use crate::{
    objects::{budget, pod, pod_with, used_up, with},
    replica::{
        GATES, Replica, USER, allowed, before, booked, deletion, eviction, put, server, status,
        update,
    },
};
use pub_webhook::gates::Gates;

pub(crate) const TEXT: &str = "podunavailablebudget.policy.kruise.io \"shop\" is forbidden: pub unavailable allowed is negative";

fn with_image(pod: &Value, image: &str) -> Value {
    let mut pod = pod.clone();
    pod["spec"]["containers"][0]["image"] = json!(image);
    pod
}

/// PB-S2
#[tokio::test(start_paused = true)]
async fn as_many_pods_go_as_the_budget_allows() {
    let server = server(&[budget(7, json!({}))]);
    let replica = Replica::new(&server, "pub-webhook");
    for name in ["p1", "p2", "p3"] {
        assert!(replica.delete(&pod(name)).await.is_allowed(), "{name}");
    }
    assert_eq!(allowed(&server), 0);
    assert_eq!(booked(&server, "disruptedPods"), ["p1", "p2", "p3"]);
    let refused = replica.delete(&pod("p4")).await;
    assert_eq!(
        (refused.code(), refused.message()),
        (StatusCode::FORBIDDEN, TEXT)
    );
}

/// PB-S3, PB-58, PB-60, PB-61, PF-S30
#[tokio::test(start_paused = true)]
async fn a_refusal_is_counted_logged_and_told() {
    let (server, replica) = before(used_up(json!({})));
    assert!(!replica.delete(&pod("p1")).await.is_allowed());
    assert_eq!(replica.refusals(USER), 1);
    let line = "{\"Event\":\"PodUnavailableBudget\",\"Kind\":\"ReplicaSet\",\"Namespace\":\"web\",\
                \"Name\":\"shop-7c9\",\"UserAgent\":\"alice\"}";
    assert_eq!(replica.logged(), [line]);
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    let events = server.list(EVENTS);
    let [event] = events.as_slice() else {
        panic!("{events:?}");
    };
    assert_eq!(
        (
            &event["type"],
            &event["reason"],
            &event["message"],
            &event["source"]["component"]
        ),
        (
            &json!("Warning"),
            &json!("PubPreventPodDeletion"),
            &json!("openkruise pub prevents pod deletion"),
            &json!("pub-controller"),
        )
    );
    assert_eq!(event["involvedObject"]["name"], "p1");
}

/// PB-S4, PB-38.7
#[tokio::test(start_paused = true)]
async fn a_pod_is_paid_for_once() {
    let (server, replica) = before(budget(9, json!({})));
    assert!(replica.evict("p1").await.is_allowed());
    assert_eq!(
        (allowed(&server), booked(&server, "disruptedPods")),
        (0, vec!["p1".to_owned()])
    );
    let paid = status(&server);
    // The watch has not shown it yet (DV-PB6).
    assert!(replica.delete(&pod("p1")).await.is_allowed());
    assert_eq!(status(&server), paid);
}

/// PB-S5, PB-36
#[tokio::test(start_paused = true)]
async fn an_eviction_of_either_version_is_refused() {
    let (_, replica) = before(used_up(json!({})));
    for version in ["policy/v1", "policy/v1beta1"] {
        let change = json!({ "object": { "apiVersion": version } });
        let refused = replica.ask(with(eviction("p1"), change)).await;
        assert_eq!(
            (refused.code(), refused.message()),
            (StatusCode::FORBIDDEN, TEXT)
        );
    }
}

/// PB-S6
#[tokio::test(start_paused = true)]
async fn a_changed_image_is_paid_for_as_an_update() {
    let (server, replica) = before(budget(8, json!({})));
    let pod = pod("p1");
    assert!(
        replica
            .update(&pod, &with_image(&pod, "app:2"))
            .await
            .is_allowed()
    );
    assert_eq!(allowed(&server), 1);
    assert_eq!(booked(&server, "unavailablePods"), ["p1"]);
    assert_eq!(booked(&server, "disruptedPods"), Vec::<String>::new());
}

/// PB-S7, PB-32
#[tokio::test(start_paused = true)]
async fn each_gate_protects_from_its_own() {
    let server = server(&[used_up(json!({})), pod("p1")]);
    let pod = pod("p1");
    let changed = with_image(&pod, "app:2");
    for (delete, update) in [(true, false), (false, true), (false, false)] {
        let gates = Gates {
            delete,
            update,
            ..GATES
        };
        let replica = Replica::with_gates(&server, "pub-webhook", gates);
        assert_eq!(replica.delete(&pod).await.is_allowed(), !delete);
        assert_eq!(replica.evict("p1").await.is_allowed(), !delete);
        assert_eq!(replica.update(&pod, &changed).await.is_allowed(), !update);
    }
}

/// PB-S8, PB-33
#[tokio::test(start_paused = true)]
async fn labels_annotations_and_owners_alone_are_free() {
    let (server, replica) = before(used_up(json!({})));
    let before = status(&server);
    let old = pod("p1");
    let new = with(
        old.clone(),
        json!({ "metadata": {
        "labels": { "tier": "a" }, "annotations": { "b": "c" }, "finalizers": ["d/e"], "ownerReferences": null,
    } }),
    );
    assert!(replica.update(&old, &new).await.is_allowed());
    // The same spec in another order.
    let mut reordered = old.clone();
    reordered["spec"]["containers"][0] = json!({ "image": "app:1", "name": "app" });
    assert!(replica.update(&old, &reordered).await.is_allowed());
    assert_eq!(status(&server), before);
}

/// PB-33.1, section 7: the new pod is asked first, and the old one decides.
#[tokio::test(start_paused = true)]
async fn the_link_may_be_taken_off_and_no_protection_added_too_late() {
    let (_, replica) = before(used_up(json!({})));
    let old = pod("p1");
    let unlinked = json!({ "metadata": { "annotations": null } });
    let unlinked = with(with_image(&old, "app:2"), unlinked);
    assert!(replica.update(&old, &unlinked).await.is_allowed());
    let free = json!({ "metadata": { "annotations": { "pub.kruise.io/no-protect": "true" } } });
    let free = with(with_image(&old, "app:2"), free);
    assert!(!replica.update(&old, &free).await.is_allowed());
    assert!(
        replica
            .update(&unlinked, &with_image(&old, "app:3"))
            .await
            .is_allowed()
    );
}

/// PB-S9
#[tokio::test(start_paused = true)]
async fn a_label_that_takes_a_pod_out_of_service_costs() {
    let (server, replica) = before(budget(9, json!({})));
    let old = pod("p1");
    let label = json!({ "metadata": { "labels": { "unavailable-pod.kruise.io/offline": "x" } } });
    let new = with(old.clone(), label);
    assert!(replica.update(&old, &new).await.is_allowed());
    assert_eq!(
        (allowed(&server), booked(&server, "unavailablePods")),
        (0, vec!["p1".to_owned()])
    );
    let paid = status(&server);
    assert!(replica.update(&new, &old).await.is_allowed());
    assert_eq!(status(&server), paid);
    assert!(
        !replica
            .update(
                &pod("p2"),
                &with(
                    pod("p2"),
                    json!({ "metadata": { "labels": {
        "unavailable-pod.kruise.io/offline": "x",
    } } })
                )
            )
            .await
            .is_allowed()
    );
}

/// PB-S18, PB-S19, PB-29, PB-69
#[rstest]
#[case::not_ready(json!({ "status": { "conditions": [{ "type": "Ready", "status": "False" }] } }), true)]
#[case::terminating(json!({ "metadata": { "deletionTimestamp": "2026-01-10T10:00:00Z" } }), true)]
#[case::pending(json!({ "status": { "phase": "Pending" } }), true)]
#[case::failed(json!({ "status": { "phase": "Failed" } }), true)]
#[case::out_of_service(json!({ "metadata": { "labels": { "unavailable-pod.kruise.io/x": "" } } }), true)]
#[case::not_protected(json!({ "metadata": { "annotations": { "pub.kruise.io/no-protect": "True" } } }), true)]
#[case::nonsense(json!({ "metadata": { "annotations": { "pub.kruise.io/no-protect": "yes" } } }), false)]
#[case::unlinked(json!({ "metadata": { "annotations": null } }), true)]
#[case::serving(json!({}), false)]
#[tokio::test(start_paused = true)]
async fn what_does_not_serve_is_free(#[case] change: Value, #[case] is_free: bool) {
    let server = server(&[used_up(json!({}))]);
    let replica = Replica::new(&server, "pub-webhook");
    let before = status(&server);
    let pod = pod_with("p1", change);
    assert_eq!(replica.delete(&pod).await.is_allowed(), is_free);
    put(&server, &pod);
    replica.look();
    assert_eq!(replica.evict("p1").await.is_allowed(), is_free);
    assert_eq!(status(&server), before);
}

/// PB-S20, PB-38.4
#[tokio::test(start_paused = true)]
async fn ignored_pods_are_free() {
    let ignored =
        json!({ "spec": { "ignoredPodSelector": { "matchLabels": { "canary": "true" } } } });
    let canary = pod_with(
        "p1",
        json!({ "metadata": { "labels": { "canary": "true" } } }),
    );
    let server = server(&[used_up(ignored), canary, pod("p2")]);
    let replica = Replica::new(&server, "pub-webhook");
    assert!(replica.evict("p1").await.is_allowed());
    assert!(!replica.evict("p2").await.is_allowed());
}

/// PB-38.4
#[tokio::test(start_paused = true)]
async fn a_selector_that_cannot_be_read_is_an_error() {
    let ignored = json!({ "spec": { "ignoredPodSelector": {
        "matchExpressions": [{ "key": "a", "operator": "Maybe" }],
    } } });
    let (_, replica) = before(used_up(ignored));
    assert_eq!(replica.evict("p1").await.code(), StatusCode::BAD_REQUEST);
}

/// PB-S21, PB-44
#[tokio::test(start_paused = true)]
async fn only_listed_operations_are_protected() {
    let (_, replica) = before(used_up(
        json!({ "spec": { "protectOperations": ["EVICT"] } }),
    ));
    let pod = pod("p1");
    assert!(replica.delete(&pod).await.is_allowed());
    assert!(
        replica
            .update(&pod, &with_image(&pod, "app:2"))
            .await
            .is_allowed()
    );
    assert!(!replica.evict("p1").await.is_allowed());
}

/// PB-S22, PB-41, DV-PB5
#[rstest]
#[case::deletion(deletion(&pod("p1")))]
#[case::eviction(eviction("p1"))]
#[case::update(update(&pod("p1"), &with_image(&pod("p1"), "app:2")))]
#[tokio::test(start_paused = true)]
async fn a_dry_run_pays_nothing_and_is_refused_all_the_same(#[case] request: Value) {
    let in_options = json!({ "options": { "dryRun": ["All"] } });
    let in_body = json!({ "object": { "deleteOptions": { "dryRun": ["All"] } } });
    let by_options = if request["subResource"] == "eviction" {
        in_body
    } else {
        in_options
    };
    for dry_run in [json!({ "dryRun": true }), by_options] {
        let request = with(request.clone(), dry_run);
        let (server, replica) = before(budget(9, json!({})));
        let whole = status(&server);
        assert!(replica.ask(request.clone()).await.is_allowed());
        assert_eq!(status(&server), whole);
        let (_, replica) = before(used_up(json!({})));
        assert!(!replica.ask(request).await.is_allowed());
        assert_eq!((replica.refusals(USER), replica.logged().len()), (1, 1));
    }
}

/// PB-S26
#[rstest]
#[case::one_too_many(2001, false)]
#[case::just_enough(2000, true)]
#[tokio::test(start_paused = true)]
async fn too_many_entries_are_too_many(#[case] n_entries: usize, #[case] is_allowed: bool) {
    let entries = |from: usize, to: usize| -> Value {
        let names =
            (from..to).map(|number| (format!("gone-{number}"), json!("2026-01-10T10:00:00Z")));
        names.collect::<serde_json::Map<_, _>>().into()
    };
    let full = budget(
        5,
        json!({ "status": {
        "disruptedPods": entries(0, 1000), "unavailablePods": entries(1000, n_entries),
    } }),
    );
    let (_, replica) = before(full);
    let answer = replica.delete(&pod("p1")).await;
    assert_eq!(answer.is_allowed(), is_allowed);
    if !is_allowed {
        let text = "podunavailablebudget.policy.kruise.io \"shop\" is forbidden: DisruptedPods and UnavailablePods \
                    map too big - too many unavailable not confirmed by PUB controller";
        assert_eq!(answer.message(), text);
    }
}

/// PB-32, PB-35 to PB-37
#[tokio::test(start_paused = true)]
async fn what_is_no_such_request_goes_on_and_what_is_unreadable_is_an_error() {
    let (_, replica) = before(used_up(json!({})));
    let allowed = [
        with(deletion(&pod("p1")), json!({ "oldObject": null })),
        with(deletion(&pod("p1")), json!({ "subResource": "status" })),
        with(eviction("p1"), json!({ "subResource": "binding" })),
        with(eviction("p1"), json!({ "operation": "CONNECT" })),
    ];
    for request in allowed {
        assert!(replica.ask(request.clone()).await.is_allowed(), "{request}");
    }
    let unreadable = [
        with(deletion(&pod("p1")), json!({ "options": null })),
        with(deletion(&pod("p1")), json!({ "oldObject": { "spec": 1 } })),
        with(eviction("p1"), json!({ "object": null })),
    ];
    for request in unreadable {
        assert_eq!(
            replica.ask(request.clone()).await.code(),
            StatusCode::BAD_REQUEST,
            "{request}"
        );
    }
}

/// PB-S34, PB-19
#[tokio::test(start_paused = true)]
async fn the_older_key_links_too() {
    let (_, replica) = before(used_up(json!({})));
    let older = pod_with(
        "p1",
        json!({ "metadata": { "annotations": { "pub.kruise.io/related-pub": null } } }),
    );
    assert!(!replica.delete(&older).await.is_allowed());
    let empty = pod_with(
        "p1",
        json!({ "metadata": { "annotations": { "pub.kruise.io/related-pub": "" } } }),
    );
    assert!(!replica.delete(&empty).await.is_allowed());
}

fn burstable(cpu: &str, policy: Value) -> Value {
    pod_with(
        "p1",
        json!({ "spec": { "containers": [{
        "name": "app", "image": "app:1", "resources": { "requests": { "cpu": cpu } }, "resizePolicy": policy,
    }] } }),
    )
}

/// PB-S35, PB-34, PB-45
#[tokio::test(start_paused = true)]
async fn a_resize_is_an_operation_of_its_own_behind_its_gate() {
    let restarts = json!([{ "resourceName": "cpu", "restartPolicy": "RestartContainer" }]);
    let server = server(&[used_up(json!({})), pod("p1")]);
    for (apart, policy, is_allowed) in [
        (true, Value::Null, true),
        (true, restarts, false),
        (false, Value::Null, false),
    ] {
        let gates = Gates {
            resize_apart: apart,
            ..GATES
        };
        let replica = Replica::with_gates(&server, "pub-webhook", gates);
        let (old, new) = (burstable("1", policy.clone()), burstable("2", policy));
        assert_eq!(replica.update(&old, &new).await.is_allowed(), is_allowed);
    }
}

/// PB-S36, PB-39: the reconciler's part is in `counting`.
#[tokio::test(start_paused = true)]
async fn a_protected_resize_is_booked_as_a_disruption() {
    let only_resize = json!({ "spec": { "protectOperations": ["RESIZE"] } });
    let server = server(&[budget(9, only_resize), pod("p1")]);
    let gates = Gates {
        resize_apart: true,
        ..GATES
    };
    let replica = Replica::with_gates(&server, "pub-webhook", gates);
    let (old, new) = (burstable("1", Value::Null), burstable("2", Value::Null));
    assert!(replica.update(&old, &new).await.is_allowed());
    assert_eq!(
        (allowed(&server), booked(&server, "disruptedPods")),
        (0, vec!["p1".to_owned()])
    );
}

/// PB-38.5: nothing is protected before the first status, and nothing where nothing is desired.
#[tokio::test(start_paused = true)]
async fn without_a_status_everything_is_free() {
    let (_, replica) = before(budget(9, json!({ "status": null })));
    assert!(replica.delete(&pod("p1")).await.is_allowed());
    let zero = used_up(json!({ "status": { "desiredAvailable": 0 } }));
    let (_, replica) = before(zero);
    assert!(replica.delete(&pod("p1")).await.is_allowed());
}

/// DV-PB13: what a person sees who drains a node.
#[tokio::test(start_paused = true)]
async fn a_refusal_warns_with_numbers() {
    let (server, replica) = before(budget(9, json!({})));
    assert!(replica.evict("p1").await.is_allowed());
    put(&server, &pod("p2"));
    replica.look();
    let refused = replica.evict("p2").await;
    let [warning] = refused.warnings() else {
        panic!("{:?}", refused.warnings());
    };
    let begin = "PodUnavailableBudget web/shop: 9 of 10 pods must stay available, 10 were when last counted, 0 may go \
                 now; booked: p1 until ";
    assert!(warning.starts_with(begin), "{warning}");
}

/// The API server cuts longer warnings.
#[tokio::test(start_paused = true)]
async fn a_warning_is_short_however_many_pods_are_booked() {
    let soon = "2099-01-10T10:00:00Z";
    let names = (0..200).map(|number| (format!("shop-7c9-pod-{number:04}"), json!(soon)));
    let entries: Value = names.collect::<serde_json::Map<_, _>>().into();
    let (_, replica) = before(used_up(json!({ "status": { "disruptedPods": entries } })));
    let refused = replica.delete(&pod("p1")).await;
    let warning = &refused.warnings()[0];
    assert!(
        warning.len() <= 256 && warning.ends_with(" more"),
        "{warning}"
    );
}
