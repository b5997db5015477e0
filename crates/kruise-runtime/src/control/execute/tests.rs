use rstest::rstest;
use serde_json::{Value, json};

use super::why_not_usable;

// CS-61
#[rstest]
#[case::gone(Value::Null, Some("gone"))]
#[case::nobodys(json!({}), Some("somebody else"))]
#[case::anothers(json!({ "ownerReferences": [{ "uid": "other" }] }), Some("somebody else"))]
#[case::terminating(
    json!({ "ownerReferences": [{ "uid": "set" }], "deletionTimestamp": "2026-01-10T08:00:00Z" }),
    Some("terminating")
)]
#[case::ours(json!({ "ownerReferences": [{ "uid": "other" }, { "uid": "set" }] }), None)]
fn a_claim_that_is_there_is_used_if_it_is_ours_and_stays(
    #[case] metadata: Value,
    #[case] words: Option<&str>,
) {
    let live = (!metadata.is_null()).then(|| json!({ "metadata": metadata }));
    let why = why_not_usable(live.as_ref(), "set");
    assert_eq!(why.is_some(), words.is_some());
    assert!(why.unwrap_or_default().contains(words.unwrap_or_default()));
}
