//! Times on the wire have whole seconds, wherever they come from.

use jiff::Timestamp;
use kruise_api::{
    apps::v1beta1::{CloneSetCondition, CloneSetStatus},
    inplace::{Options, Refresh, RefreshInput, Update, lifecycle, not_ready_patch, refresh, start},
    meta::ObjectMeta,
};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::{
    instances::config,
    support::{merged, pod, running_pod, terms},
};

/// Every text in it that is a time and has more than whole seconds, also in JSON inside of a text.
fn too_fine(value: &Value) -> Vec<String> {
    match value {
        Value::Object(members) => members.values().flat_map(too_fine).collect(),
        Value::Array(elements) => elements.iter().flat_map(too_fine).collect(),
        Value::String(text) => match (text.parse::<Timestamp>(), serde_json::from_str(text)) {
            (Ok(_), _) if text.len() != "2026-01-10T08:00:00Z".len() => vec![text.clone()],
            (Err(_), Ok(inner @ (Value::Object(_) | Value::Array(_)))) => too_fine(&inner),
            _ => Vec::new(),
        },
        _ => Vec::new(),
    }
}

fn times() -> impl Strategy<Value = Timestamp> {
    // To the year 2100.
    (0..4_102_444_800_i64, 0..1_000_000_000_i32)
        .prop_map(|(seconds, nanos)| Timestamp::new(seconds, nanos).unwrap())
}

proptest! {
    #![proptest_config(config())]

    // CloneSet 3.3, 2.1
    #[test]
    fn a_status_is_written_in_whole_seconds(time in times()) {
        let status = CloneSetStatus {
            conditions: vec![CloneSetCondition {
                last_update_time: Some(time),
                last_transition_time: Some(time),
                ..CloneSetCondition::default()
            }],
            ..CloneSetStatus::default()
        };
        let written = serde_json::to_value(&status).unwrap();
        prop_assert_eq!(too_fine(&written), Vec::<String>::new());
        let condition = &written["conditions"][0];
        prop_assert_eq!(&condition["lastUpdateTime"], &json!(kruise_api::meta::timestamp(time)));
        // A time that is read back is the same but for its fraction, and is written again to the letter.
        let read: CloneSetStatus = serde_json::from_value(written.clone()).unwrap();
        let whole = Timestamp::from_second(time.as_second()).unwrap();
        prop_assert_eq!(read.conditions[0].last_update_time, Some(whole));
        prop_assert_eq!(serde_json::to_value(read).unwrap(), written);
    }

    #[test]
    fn metadata_is_written_in_whole_seconds(time in times()) {
        let meta = ObjectMeta {
            creation_timestamp: Some(time),
            deletion_timestamp: Some(time),
            ..ObjectMeta::default()
        };
        prop_assert_eq!(too_fine(&serde_json::to_value(meta).unwrap()), Vec::<String>::new());
    }

    // IP-15, IP-17, IP-42, IP-65, inplace-update 3.2
    #[test]
    fn every_write_of_the_library_has_whole_seconds(now in times(), grace_seconds in 0..2) {
        let object = running_pod(&json!({}));
        let update = Update {
            images: [("app".to_owned(), "acme/app:2".to_owned())].into(),
            ..Update::default()
        };
        let mut terms = terms(grace_seconds);
        terms.now = now;
        let not_ready = not_ready_patch(&pod(&object), now);
        let started = start(&pod(&object), &update, &terms).pod;
        prop_assert_eq!(too_fine(&not_ready), Vec::<String>::new());
        prop_assert_eq!(too_fine(&started), Vec::<String>::new());
        for write in lifecycle::transition(&pod(&object), "PreparingDelete", true, now) {
            prop_assert_eq!(too_fine(&write.patch), Vec::<String>::new());
        }
        let mut object = merged(&merged(&object, &not_ready), &started);
        object["status"]["containerStatuses"][0]["imageID"] = json!("id2");
        let due = refresh(&RefreshInput {
            pod: &pod(&object),
            update_revision: "web-bbb",
            pod_readiness_controller_live: false,
            lifecycle: None,
            options: Options::default(),
            now: now + jiff::SignedDuration::from_secs(2),
        });
        let Refresh::Patch { patch, .. } = due else {
            return Err(TestCaseError::fail(format!("{due:?}")));
        };
        prop_assert_eq!(too_fine(&patch), Vec::<String>::new());
    }
}

#[test]
fn what_is_too_fine_is_found() {
    let inner = json!({ "at": "2026-01-10T08:00:00.5Z" }).to_string();
    assert_eq!(too_fine(&json!([inner])), ["2026-01-10T08:00:00.5Z"]);
}
