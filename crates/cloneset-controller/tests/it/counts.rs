//! The scaling arithmetic, number by number.

use cloneset_controller::plan::{Counts, Spec};
use kruise_api::apps::v1beta1::CloneSetSpec;
use rstest::rstest;
use serde_json::{Value, json};

fn resolve(replicas: i32, rolling_update: Value) -> Spec {
    let spec: CloneSetSpec = serde_json::from_value(json!({
        "replicas": replicas,
        "selector": { "matchLabels": { "app": "web" } },
        "template": {},
        "updateStrategy": { "rollingUpdate": rolling_update },
    }))
    .unwrap();
    Spec::of(&spec)
}

// CS-43 and its worked values; CS-S24, DV-CS5
#[rstest]
#[case(5, json!({"maxUnavailable": "30%", "maxSurge": "30%"}), 1, 2)]
#[case(3, json!({"maxUnavailable": "20%"}), 1, 0)]
#[case(3, json!({"maxUnavailable": "20%", "maxSurge": 1}), 0, 1)]
#[case(10, json!({}), 2, 0)]
#[case(10, json!({"maxUnavailable": "33.5%"}), 4, 0)]
#[case(10, json!({"maxUnavailable": "33.5%", "maxSurge": 1}), 3, 1)]
#[case(10, json!({"maxSurge": 3, "paused": true}), 2, 0)]
fn max_unavailable_and_max_surge(
    #[case] replicas: i32,
    #[case] strategy: Value,
    #[case] unavailable: i32,
    #[case] surge: i32,
) {
    let spec = resolve(replicas, strategy);
    assert_eq!((spec.max_unavailable, spec.max_surge), (unavailable, surge));
}

// CS-43, CS-95: OnDelete without terms rounds 20% down.
#[test]
fn on_delete_without_terms_rounds_down() {
    let spec: CloneSetSpec = serde_json::from_value(json!({
        "replicas": 4, "selector": {}, "template": {}, "updateStrategy": { "type": "OnDelete" },
    }))
    .unwrap();
    assert_eq!(Spec::of(&spec).max_unavailable, 0);
}

#[derive(Clone, Copy)]
struct Pods {
    old_ready: usize,
    old_unready: usize,
    new_ready: usize,
    new_unready: usize,
}

fn counts(spec: &Spec, pods: Pods) -> Counts {
    use cloneset_controller::plan::PodClass;
    let class = |is_new, available| PodClass {
        is_new,
        available,
        ready: available,
        ..PodClass::default()
    };
    let classes: Vec<PodClass> = [
        (pods.old_ready, class(false, true)),
        (pods.old_unready, class(false, false)),
        (pods.new_ready, class(true, true)),
        (pods.new_unready, class(true, false)),
    ]
    .into_iter()
    .flat_map(|(count, class)| std::iter::repeat_n(class, count))
    .collect();
    Counts::of(spec, &classes, false, false, false)
}

// CS-S12
#[test]
fn scale_out_under_partition_fills_the_old_share_first() {
    let spec = resolve(10, json!({ "partition": 4 }));
    let pods = Pods {
        old_ready: 3,
        old_unready: 0,
        new_ready: 2,
        new_unready: 0,
    };
    let counts = counts(&spec, pods);
    assert_eq!((counts.scale_up, counts.scale_up_old), (5, 1));
}

// CS-S13
#[test]
fn scale_in_under_partition_takes_both() {
    let spec = resolve(4, json!({ "partition": 2, "maxUnavailable": 1 }));
    let pods = Pods {
        old_ready: 3,
        old_unready: 0,
        new_ready: 3,
        new_unready: 0,
    };
    let counts = counts(&spec, pods);
    assert_eq!((counts.scale_down, counts.scale_down_old), (2, 1));
    assert_eq!(counts.delete_ready_limit, 3);
}

// CS-S14: one new pod first; with all replicas new, the last old one goes by scale-in.
#[test]
fn surge_creates_first_and_scales_the_last_old_pod_in() {
    let spec = resolve(5, json!({ "maxUnavailable": 0, "maxSurge": 1 }));
    let first = counts(
        &spec,
        Pods {
            old_ready: 5,
            old_unready: 0,
            new_ready: 0,
            new_unready: 0,
        },
    );
    assert_eq!((first.scale_up, first.scale_up_old), (1, 0));
    let last = counts(
        &spec,
        Pods {
            old_ready: 1,
            old_unready: 0,
            new_ready: 5,
            new_unready: 0,
        },
    );
    assert_eq!((last.scale_down, last.scale_down_old), (1, 1));
}

// CS-53: R = 5, U = 1, one pod unavailable: no ready pod may be deleted.
#[test]
fn an_unavailable_pod_uses_the_deletion_limit_up() {
    let spec = resolve(5, json!({ "maxUnavailable": 1 }));
    let pods = Pods {
        old_ready: 5,
        old_unready: 1,
        new_ready: 0,
        new_unready: 0,
    };
    let counts = counts(&spec, pods);
    assert_eq!((counts.scale_down, counts.delete_ready_limit), (1, 1));
}

// CS-53, DV-CS21: R = 3, U = 1, one pod doesn't serve and is to be deleted, and so is one that serves. The former is
// the one that may be missing. Found by the simulator.
#[test]
fn an_unready_pod_that_is_to_be_deleted_uses_the_limit_up_too() {
    use cloneset_controller::plan::PodClass;
    let spec = resolve(3, json!({ "maxUnavailable": 1 }));
    let pod = |specified, ready| PodClass {
        specified,
        ready,
        available: ready,
        ..PodClass::default()
    };
    let limit = |pods: &[PodClass]| Counts::of(&spec, pods, true, false, false).delete_ready_limit;
    let serving = pod(false, true);
    assert_eq!(limit(&[pod(true, false), pod(true, true), serving]), 0);
    assert_eq!(limit(&[serving, pod(true, true), serving]), 1);
}

// CS-S22: U = 2, the new pods are stuck: pods are to be moved, and the limit is 2.
#[test]
fn stuck_new_pods_leave_the_numbers() {
    let spec = resolve(5, json!({ "maxUnavailable": 2 }));
    let pods = Pods {
        old_ready: 2,
        old_unready: 0,
        new_ready: 0,
        new_unready: 3,
    };
    let counts = counts(&spec, pods);
    assert_eq!((counts.update_num, counts.update_max_unavailable), (2, 2));
}

// CS-51, CS-S3
#[rstest]
#[case(4, 1, 1)]
#[case(3, 2, 0)]
fn the_scale_cap_counts_unavailable_pods(
    #[case] ready: usize,
    #[case] unready: usize,
    #[case] limit: i32,
) {
    let spec: CloneSetSpec = serde_json::from_value(json!({
        "replicas": 10, "selector": {}, "template": {}, "scaleStrategy": { "maxUnavailable": 2 },
    }))
    .unwrap();
    let pods = Pods {
        old_ready: 0,
        old_unready: 0,
        new_ready: ready,
        new_unready: unready,
    };
    let counts = counts(&Spec::of(&spec), pods);
    assert_eq!((counts.scale_up, counts.scale_up_limit), (5, limit));
}
