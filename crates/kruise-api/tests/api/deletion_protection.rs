use kruise_api::{deletion_protection::of_workload, meta::ObjectMeta};
use rstest::rstest;
use serde_json::{Value, json};

const ALWAYS: &str =
    "forbidden by ResourcesProtectionDeletion for policy.kruise.io/delete-protection=Always";

fn metadata(label: Option<&str>) -> Value {
    match label {
        Some(label) => json!({ "labels": { "policy.kruise.io/delete-protection": label } }),
        None => json!({}),
    }
}

// DP-10 to DP-13, CS-21, DP-S1, DP-S4, DP-S25: (label, replicas, refusal)
#[rstest]
#[case(None, Some(3), None)]
#[case(Some("Always"), Some(0), Some(ALWAYS))]
#[case(Some("Always"), None, Some(ALWAYS))]
#[case(
    Some("Cascading"),
    Some(3),
    Some(
        "forbidden by ResourcesProtectionDeletion for policy.kruise.io/delete-protection=Cascading and replicas 3>0"
    )
)]
#[case(Some("Cascading"), Some(0), None)]
#[case(Some("Cascading"), None, None)]
#[case(Some("always"), Some(3), None)]
#[case(Some("Cascade"), Some(3), None)]
#[case(Some(""), Some(3), None)]
fn the_label_decides(
    #[case] label: Option<&str>,
    #[case] replicas: Option<i32>,
    #[case] refusal: Option<&str>,
) {
    let metadata: ObjectMeta = serde_json::from_value(metadata(label)).unwrap();
    assert_eq!(of_workload(&metadata, replicas).as_deref(), refusal);
}

// DP-10, DP-S26
#[test]
fn what_is_on_its_way_may_be_deleted_again() {
    let mut metadata = metadata(Some("Always"));
    metadata["deletionTimestamp"] = json!("2026-01-10T08:00:00Z");
    let metadata: ObjectMeta = serde_json::from_value(metadata).unwrap();
    assert_eq!(of_workload(&metadata, Some(3)), None);
}
