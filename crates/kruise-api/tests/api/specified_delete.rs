use kruise_api::specified_delete::{is_marked, mark_patch};
use rstest::rstest;
use serde_json::{Value, json};

use crate::support::{merged, pod, running_pod};

// IP-77
#[rstest]
#[case(json!("true"))]
#[case(json!("false"))]
#[case(json!(""))]
fn presence_of_the_label_counts_ip_77(#[case] value: Value) {
    let object = running_pod(&json!({
        "metadata": { "labels": { "apps.kruise.io/specified-delete": value } },
    }));
    assert!(is_marked(&pod(&object)));
    assert_eq!(mark_patch(&pod(&object), "true"), None);
}

// IP-77
#[test]
fn mark_is_one_label_ip_77() {
    let object = running_pod(&json!({}));
    assert!(!is_marked(&pod(&object)));
    let patch = mark_patch(&pod(&object), "true").unwrap();
    assert_eq!(
        patch,
        json!({ "metadata": {
            "uid": "u1", "labels": { "apps.kruise.io/specified-delete": "true" },
        } })
    );
    assert!(is_marked(&pod(&merged(&object, &patch))));
}
