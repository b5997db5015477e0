use rstest::rstest;
use serde_json::{Value, json};

use super::*;
use crate::scope::{
    LabelAnchor, OneOf,
    record::{refreshed, unexpired},
};

const NOW: &str = "2026-01-10T08:00:00Z";
const NAMESPACE: &str = "kruise-system";

fn now() -> Timestamp {
    NOW.parse().unwrap()
}

fn after(seconds: i64) -> Timestamp {
    now() + jiff::SignedDuration::from_secs(seconds)
}

fn web() -> Anchor {
    app("web")
}

fn app(value: &str) -> Anchor {
    Anchor {
        label: Some(LabelAnchor {
            key: "app".to_owned(),
            values: OneOf::these([value]),
        }),
        ..Anchor::default()
    }
}

fn installed() -> Value {
    json!({
        "metadata": { "name": "ours", "resourceVersion": "7", "annotations": { "of": "others" } },
        "webhooks": [
            { "name": "before.io", "failurePolicy": "Fail" },
            {
                "name": PODS,
                "clientConfig": { "caBundle": "Y2E=", "service": {
                    "namespace": NAMESPACE, "name": "service", "path": "/mutate-pod", "port": 443 } },
                "rules": [{ "apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"] }],
                "failurePolicy": "Fail",
                "timeoutSeconds": 3,
                "reinvocationPolicy": "IfNeeded",
                "matchConditions": [{ "name": "of-an-administrator", "expression": "true" }],
                "objectSelector": { "matchExpressions": [
                    { "key": "sidecarset.kruise.io/inject", "operator": "NotIn", "values": ["false"] }] },
            },
        ],
    })
}

fn read(object: &Value) -> Configuration {
    Configuration::read(object.clone()).unwrap()
}

/// What the API server makes of it.
fn patched(object: &Value, revision: &Revision) -> Value {
    let mut object = object.clone();
    json_patch::merge(&mut object, &revision.patch);
    object
}

fn widened(object: &Value, anchor: &Anchor) -> Value {
    let found = read(object);
    let fresh = refreshed(
        found.fresh(),
        [anchor],
        now(),
        jiff::SignedDuration::from_secs(90),
    );
    let extent = found.widest_extent().with([anchor]);
    let revision = found.revise(extent, fresh, NAMESPACE, now()).unwrap();
    patched(object, &revision)
}

fn narrowed(object: &Value, anchors: &[Anchor], at: Timestamp) -> Value {
    let found = read(object);
    let fresh = unexpired(found.fresh(), at);
    let kept = fresh.iter().map(|fresh| &fresh.anchor);
    let extent = Extent::of(anchors.iter().chain(kept));
    match found.revise(extent, fresh, NAMESPACE, at) {
        Some(revision) => patched(object, &revision),
        None => object.clone(),
    }
}

#[test]
fn an_object_without_the_entry_is_none_of_ours() {
    let object = json!({ "webhooks": [{ "name": "other.io" }] });
    assert!(Configuration::read(object).is_none());
    assert!(Configuration::read(json!({ "webhooks": null })).is_none());
}

#[test]
fn as_installed_it_asks_about_all_pods_and_has_none_wait() {
    let found = read(&installed());
    assert_eq!(found.sure_extent(), Extent::everything());
    assert!(!found.covers(&web(), now()));
}

#[test]
fn two_entries_come_to_it_that_follow_the_first() {
    let object = widened(&narrowed(&installed(), &[], now()), &web());
    let entries = object["webhooks"].as_array().unwrap();
    let names: Vec<_> = entries.iter().map(|entry| &entry["name"]).collect();
    assert_eq!(names, ["before.io", PODS, FRESH_PODS, PROBE]);
    let condition = "has(object.metadata.labels) && 'app' in object.metadata.labels \
        && object.metadata.labels['app'] in ['web']";
    let by_administrator = json!({ "name": "of-an-administrator", "expression": "true" });
    let pods = &entries[1];
    assert_eq!(
        pods["matchConditions"],
        json!([
            by_administrator,
            { "name": PODS_CONDITION, "expression": condition },
            { "name": NOT_FRESH_CONDITION, "expression": format!("!({condition})") },
        ])
    );
    let mut expected = pods.clone();
    expected["name"] = FRESH_PODS.into();
    expected["clientConfig"]["service"]["path"] = "/mutate-pod/fresh".into();
    expected["matchConditions"] =
        json!([by_administrator, { "name": FRESH_PODS_CONDITION, "expression": condition }]);
    assert_eq!(entries[2], expected);

    let number = read(&object).number();
    let mut expected = pods.clone();
    expected["name"] = PROBE.into();
    expected["clientConfig"]["service"]["path"] = "/mutate-pod/probe".into();
    expected["matchConditions"] = json!([{
        "name": PROBE_CONDITION,
        "expression": format!("object.metadata.name == 'sidecarset-scope-{number}'"),
    }]);
    expected["namespaceSelector"] = json!({ "matchExpressions": [
        { "key": "kubernetes.io/metadata.name", "operator": "In", "values": [NAMESPACE] }] });
    expected["objectSelector"] = json!({});
    expected["rules"] = json!([{
        "apiGroups": ["coordination.k8s.io"], "apiVersions": ["v1"], "operations": ["CREATE"],
        "resources": ["leases"], "scope": "Namespaced",
    }]);
    expected["failurePolicy"] = "Ignore".into();
    expected["timeoutSeconds"] = 1.into();
    expected["reinvocationPolicy"] = "Never".into();
    assert_eq!(entries[3], expected);
}

#[test]
fn a_patch_holds_for_the_version_that_was_read_and_has_nothing_but_what_is_ours() {
    let found = read(&installed());
    let revision = found.revise(Extent::nothing(), vec![], NAMESPACE, now());
    let patch = revision.unwrap().patch;
    assert_eq!(patch["metadata"]["resourceVersion"], "7");
    let annotations = patch["metadata"]["annotations"].as_object().unwrap();
    assert_eq!(annotations.keys().collect::<Vec<_>>(), [SIDECARSET_SCOPE]);
    let members = patch.as_object().unwrap().keys();
    assert_eq!(members.collect::<Vec<_>>(), ["metadata", "webhooks"]);
}

#[test]
fn what_is_covered_is_so_for_some_time() {
    let object = widened(&narrowed(&installed(), &[], now()), &web());
    let found = read(&object);
    assert!(found.covers(&web(), after(90)));
    assert!(!found.covers(&web(), after(92)));
    assert!(!found.covers(&app("db"), now()));
    assert!(found.keeps_conditions());
}

// The number names the entries, so they have another one whenever they change, and only then.
#[test]
fn the_number_grows_with_the_entries() {
    let first = widened(&installed(), &web());
    let number = read(&first).number();
    assert_eq!(number, u64::try_from(now().as_millisecond()).unwrap());
    let again = read(&first);
    let fresh = refreshed(
        again.fresh(),
        [&web()],
        after(10),
        jiff::SignedDuration::from_secs(90),
    );
    let longer = again.revise(again.widest_extent(), fresh, NAMESPACE, after(10));
    let longer = longer.unwrap();
    assert!(!longer.changes_entries);
    assert_eq!(longer.record.number, number);
    assert_eq!(longer.patch.get("webhooks"), None);
    let second = widened(&first, &app("db"));
    assert_eq!(read(&second).number(), number + 1);
}

#[test]
fn what_is_as_it_shall_be_needs_no_write() {
    let object = widened(&narrowed(&installed(), &[], now()), &web());
    let found = read(&object);
    let fresh = found.fresh().to_vec();
    assert_eq!(
        found.revise(found.widest_extent(), fresh, NAMESPACE, after(1)),
        None
    );
}

#[test]
fn it_gets_narrower_when_time_is_over_and_never_before() {
    let object = widened(&narrowed(&installed(), &[], now()), &web());
    assert_eq!(narrowed(&object, &[], after(90)), object);
    let stored = narrowed(&object, &[web()], after(92));
    let entries = stored["webhooks"].as_array().unwrap();
    let names: Vec<_> = entries.iter().map(|entry| &entry["name"]).collect();
    assert_eq!(names, ["before.io", PODS]);
    assert_eq!(read(&stored).sure_extent(), Extent::of(&[web()]));
    let none = narrowed(&object, &[], after(92));
    assert_eq!(read(&none).sure_extent(), Extent::nothing());
    assert_eq!(
        none["webhooks"][1]["matchConditions"][1]["expression"],
        "false"
    );
}

#[rstest]
#[case::the_condition_is_gone(
    |object: &mut Value| object["webhooks"][1]["matchConditions"] = json!([]), Extent::everything(), Extent::everything())]
#[case::somebody_wrote_another_condition(
    |object: &mut Value| object["webhooks"][1]["matchConditions"][1]["expression"] = json!("false"),
    Extent::nothing(), Extent::everything())]
#[case::somebody_wrote_another_second_condition(
    |object: &mut Value| object["webhooks"][1]["matchConditions"][2]["expression"] = json!("false"),
    Extent::nothing(), Extent::everything())]
#[case::only_the_second_condition_is_left(
    |object: &mut Value| { object["webhooks"][1]["matchConditions"].as_array_mut().unwrap().remove(1); },
    Extent::nothing(), Extent::everything())]
#[case::the_annotation_is_gone(
    |object: &mut Value| object["metadata"]["annotations"] = json!({}), Extent::nothing(), Extent::everything())]
#[case::the_annotation_is_something_else(
    |object: &mut Value| object["metadata"]["annotations"][SIDECARSET_SCOPE] = json!("?"),
    Extent::nothing(), Extent::everything())]
fn what_others_wrote_is_believed_to_ask_about_too_little(
    #[case] edit: fn(&mut Value),
    #[case] sure: Extent,
    #[case] widest: Extent,
) {
    let mut object = widened(&narrowed(&installed(), &[], now()), &web());
    edit(&mut object);
    let found = read(&object);
    assert_eq!((found.sure_extent(), found.widest_extent()), (sure, widest));
    let mended = read(&widened(&object, &web()));
    assert!(mended.covers(&web(), after(90)));
}

// No pod is asked about twice, nor by a replica that may not know the newest SidecarSets.
#[test]
fn where_all_pods_wait_none_is_asked_about_at_once() {
    let object = widened(&narrowed(&installed(), &[], now()), &Anchor::default());
    let conditions = &object["webhooks"][1]["matchConditions"];
    assert_eq!(
        conditions[1],
        json!({ "name": NOT_FRESH_CONDITION, "expression": "false" })
    );
    assert_eq!(conditions.as_array().unwrap().len(), 2);
    assert!(read(&object).covers(&web(), after(90)));
    let stored = narrowed(&object, &[], after(92));
    let conditions = stored["webhooks"][1]["matchConditions"].to_string();
    assert!(!conditions.contains(NOT_FRESH_CONDITION), "{conditions}");
}

#[rstest]
#[case::fresh(2)]
#[case::probe(3)]
fn an_entry_that_somebody_took_away_comes_again(#[case] index: usize) {
    let whole = widened(&narrowed(&installed(), &[], now()), &web());
    let mut object = whole.clone();
    object["webhooks"].as_array_mut().unwrap().remove(index);
    assert!(!read(&object).covers(&web(), now()));
    let mended = widened(&object, &web());
    assert_eq!(mended["webhooks"].as_array().unwrap().len(), 4);
    assert!(read(&mended).covers(&web(), after(90)));
}

// DV-PF21
#[test]
fn what_an_administrator_changes_stays_and_is_followed() {
    let mut object = widened(&narrowed(&installed(), &[], now()), &web());
    object["webhooks"][1]["failurePolicy"] = "Ignore".into();
    object["webhooks"][1]["timeoutSeconds"] = 10.into();
    object["webhooks"][3]["failurePolicy"] = "Fail".into();
    let mended = narrowed(&object, &[], after(1));
    let members = |index: usize| {
        let entry = &mended["webhooks"][index];
        (
            entry["failurePolicy"].clone(),
            entry["timeoutSeconds"].clone(),
        )
    };
    assert_eq!(members(1), ("Ignore".into(), 10.into()));
    assert_eq!(members(2), ("Ignore".into(), 10.into()));
    assert_eq!(members(3), ("Ignore".into(), 1.into()));
}

// PF-202: an installation is no outage, and afterwards a pod without its sidecars is none.
#[rstest]
#[case::nobody_asks(None, "Y2E=", "Ignore")]
#[case::as_installed(Some("Fail"), "", "Ignore")]
#[case::once_it_is_trusted(Some("Fail"), "Y2E=", "Fail")]
#[case::as_somebody_wants_it(Some("Ignore"), "Y2E=", "Ignore")]
#[case::a_word_that_nobody_knows(Some("Never"), "Y2E=", "Ignore")]
fn the_policy_is_the_one_that_the_annotation_asks_for(
    #[case] asked: Option<&str>,
    #[case] bundle: &str,
    #[case] expected: &str,
) {
    let mut object = installed();
    if let Some(asked) = asked {
        object["metadata"]["annotations"][SIDECARSET_FAILURE_POLICY] = asked.into();
    }
    object["webhooks"][1]["failurePolicy"] = "Ignore".into();
    object["webhooks"][1]["clientConfig"]["caBundle"] = bundle.into();
    let object = widened(&object, &web());
    let policies = [1, 2, 3].map(|index| &object["webhooks"][index]["failurePolicy"]);
    assert_eq!(policies, [expected, expected, "Ignore"]);
}

#[test]
fn a_url_gets_the_path_too() {
    let mut object = installed();
    object["webhooks"][1]["clientConfig"] = json!({ "url": "https://x/mutate-pod" });
    let object = widened(&object, &web());
    let urls = [2, 3].map(|index| &object["webhooks"][index]["clientConfig"]["url"]);
    assert_eq!(
        urls,
        ["https://x/mutate-pod/fresh", "https://x/mutate-pod/probe"]
    );
}

// As before Kubernetes 1.28.
#[test]
fn a_server_that_drops_conditions_is_noticed() {
    for narrow in [false, true] {
        let start = if narrow {
            narrowed(&installed(), &[], now())
        } else {
            installed()
        };
        let mut object = widened(&start, &web());
        for entry in object["webhooks"].as_array_mut().unwrap() {
            entry
                .as_object_mut()
                .unwrap()
                .shift_remove("matchConditions");
        }
        assert!(!read(&object).keeps_conditions());
    }
}

#[test]
fn too_many_fresh_anchors_are_one_of_all_pods() {
    let anchors: Vec<_> = (0..65).map(|n| app(&n.to_string())).collect();
    let time = jiff::SignedDuration::from_secs(90);
    let few = refreshed(&[], &anchors[..64], now(), time);
    assert_eq!(few.len(), 64);
    let many = refreshed(&few, &anchors[64..], now(), time);
    let all: Vec<_> = many.iter().map(|fresh| &fresh.anchor).collect();
    assert_eq!(all, [&Anchor::default()]);
}
