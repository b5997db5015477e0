//! What is refused in a SidecarSet because of other objects (SS-44, SS-56 to SS-64), and the template that the API server
//! judges (SS-53).

use kruise_api::{
    apps::v1beta1::SidecarSet,
    kinds::sidecarset::{
        defaults::fill_v1beta1,
        template,
        validation::{
            ANSWER_CODE, AnnotationWhitelist, Surroundings, WantedRevision, validate,
            wanted_revision,
        },
    },
    validation::{FieldError, FieldPath},
};
use rstest::rstest;
use serde_json::{Value, json};

use crate::sidecarset::ALONE;

/// A SidecarSet of this name for pods with label `app: web`, with its defaults.
fn set(name: &str, annotations: &Value, spec: &Value) -> SidecarSet {
    let mut object = json!({
        "metadata": { "name": name, "labels": { "team": "a" }, "annotations": annotations },
        "spec": {
            "selector": { "matchLabels": { "app": "web" } },
            "containers": [{ "name": name, "image": "a:1" }],
        },
    });
    json_patch::merge(&mut object["spec"], spec);
    let mut set: SidecarSet = serde_json::from_value(object).unwrap();
    fill_v1beta1(&mut set.spec);
    set
}

fn plain(name: &str, spec: &Value) -> SidecarSet {
    set(name, &json!({}), spec)
}

/// Fields and texts of what is refused.
fn refused(set: &SidecarSet, old: Option<&SidecarSet>, around: Surroundings<'_>) -> Vec<String> {
    let errors = validate(set, old, around);
    errors.iter().map(ToString::to_string).collect()
}

fn fields(set: &SidecarSet, old: Option<&SidecarSet>, others: &[SidecarSet]) -> Vec<String> {
    let others: Vec<&SidecarSet> = others.iter().collect();
    let around = Surroundings {
        sidecar_sets: &others,
        ..ALONE
    };
    let errors = validate(set, old, around);
    errors.iter().map(|error| error.field.clone()).collect()
}

// SS-44, SS-108, SS-A27
#[rstest]
#[case(json!({}), None)]
#[case(json!({ "revisionName": "a", "customVersion": "b" }), Some(WantedRevision::Name("a")))]
#[case(json!({ "customVersion": "b" }), Some(WantedRevision::CustomVersion("b")))]
fn a_named_revision_has_to_exist(
    #[case] revision: Value,
    #[case] expected: Option<WantedRevision<'_>>,
) {
    let set = plain(
        "a",
        &json!({ "injectionStrategy": { "revision": revision } }),
    );
    assert_eq!(wanted_revision(&set.spec), expected);
    let around = Surroundings {
        has_revision: false,
        ..ALONE
    };
    let refused = refused(&set, Some(&set), around);
    assert_eq!(refused.len(), 1);
    assert!(refused[0].starts_with("spec.injectionStrategy.revision: "));
    assert_eq!(ANSWER_CODE, 500);
}

const OVERWRITE: &str = "Overwrite";

fn patch(policy: &str) -> Value {
    json!([{ "annotations": { "example.com/a": "x" }, "patchPolicy": policy }])
}

// SS-60 to SS-63
#[rstest]
#[case::absent(AnnotationWhitelist::Absent, false, Some("Forbidden"))]
#[case::absent_but_allowed(AnnotationWhitelist::Absent, true, None)]
#[case::unreadable(
    AnnotationWhitelist::Unreadable("no answer"),
    true,
    Some("Internal error: no answer")
)]
#[case::no_json(AnnotationWhitelist::Json("{"), true, Some("Internal error"))]
#[case::no_rules(AnnotationWhitelist::Json("{}"), false, Some("Forbidden"))]
#[case::no_rules_but_allowed(AnnotationWhitelist::Json(r#"{"rules":null}"#), true, None)]
#[case::a_part_matches(
    AnnotationWhitelist::Json(r#"{"rules":[{"allowedAnnotationKeyExprs":["^b","com/"]}]}"#),
    false,
    None
)]
#[case::nothing_matches(
    AnnotationWhitelist::Json(r#"{"rules":[{"allowedAnnotationKeyExprs":["^b"]}]}"#),
    true,
    Some("Forbidden: the whitelist does not allow annotation example.com/a")
)]
#[case::bad_expression(
    AnnotationWhitelist::Json(r#"{"rules":[{"allowedAnnotationKeyExprs":["("]}]}"#),
    true,
    Some("Internal error")
)]
#[case::for_its_labels(
    AnnotationWhitelist::Json(
        r#"{"rules":[{"selector":{"matchLabels":{"team":"a"}},"allowedAnnotationKeyExprs":["."]}]}"#
    ),
    false, None
)]
#[case::for_other_labels(
    AnnotationWhitelist::Json(
        r#"{"rules":[{"selector":{"matchLabels":{"team":"b"}},"allowedAnnotationKeyExprs":["."]}]}"#
    ),
    false, Some("Forbidden: no rule")
)]
#[case::bad_selector(
    AnnotationWhitelist::Json(
        r#"{"rules":[{"selector":{"matchExpressions":[{"key":"a","operator":"Like"}]}}]}"#
    ),
    true,
    Some("Internal error")
)]
fn annotations_have_to_be_allowed(
    #[case] whitelist: AnnotationWhitelist<'_>,
    #[case] allows_by_default: bool,
    #[case] expected: Option<&str>,
) {
    let around = Surroundings {
        whitelist,
        allows_by_default,
        ..ALONE
    };
    // Only where annotations are patched.
    assert!(refused(&plain("a", &json!({})), None, around).is_empty());
    let set = plain("a", &json!({ "patchPodMetadata": patch("Retain") }));
    let refused = refused(&set, None, around);
    match expected {
        None => assert_eq!(refused, [""; 0]),
        Some(expected) => {
            let expected = format!("spec.patchPodMetadata: {expected}");
            assert!(
                refused.len() == 1 && refused[0].starts_with(&expected),
                "{refused:?}"
            );
        }
    }
}

// SS-54
#[test]
fn annotations_have_a_size() {
    let of_size = |size: usize| {
        let patch = json!([{ "annotations": { "a": "x".repeat(size - 1) } }]);
        fields(
            &plain("a", &json!({ "patchPodMetadata": patch })),
            None,
            &[],
        )
    };
    assert_eq!(of_size(262_144), [""; 0]);
    assert_eq!(of_size(262_145), ["spec.patchPodMetadata[0].annotations"]);
}

// SS-58, SS-59, SS-A34
#[rstest]
#[case::nothing_alike(json!({}), json!({}), &[])]
#[case::container(
    json!({ "containers": [{ "name": "x" }, { "name": "agent" }] }), json!({ "containers": [{ "name": "agent" }] }),
    &["spec.containers[1].name"],
)]
#[case::init_container(
    json!({ "initContainers": [{ "name": "i" }] }), json!({ "initContainers": [{ "name": "i" }] }),
    &["spec.initContainers[0].name"],
)]
#[case::init_and_other_container(
    json!({ "initContainers": [{ "name": "agent" }] }), json!({ "containers": [{ "name": "agent" }] }), &[],
)]
#[case::volume(
    json!({ "volumes": [{ "name": "v", "emptyDir": {} }] }), json!({ "volumes": [{ "name": "v" }] }), &[],
)]
#[case::volume_in_other_words(
    json!({ "volumes": [{ "name": "v", "nfs": { "server": "a", "path": "/", "readOnly": false } }] }),
    json!({ "volumes": [{ "name": "v", "emptyDir": null, "nfs": { "path": "/", "server": "a" } }] }), &[],
)]
#[case::volume_of_a_newer_kind(
    json!({ "volumes": [{ "name": "v", "future": 1 }] }), json!({ "volumes": [{ "name": "v", "future": 2 }] }),
    &["spec.volumes[0].name"],
)]
#[case::another_volume(
    json!({ "volumes": [{ "name": "v", "emptyDir": {} }] }),
    json!({ "volumes": [{ "name": "v", "emptyDir": { "medium": "Memory" } }] }),
    &["spec.volumes[0].name"],
)]
#[case::overwrite_and_merge(
    json!({ "patchPodMetadata": patch(OVERWRITE) }), json!({ "patchPodMetadata": patch("MergePatchJson") }),
    &["spec.patchPodMetadata[0].annotations"],
)]
#[case::merge_and_merge(
    json!({ "patchPodMetadata": patch("MergePatchJson") }), json!({ "patchPodMetadata": patch("MergePatchJson") }),
    &[],
)]
#[case::overwrite_and_retain(
    json!({ "patchPodMetadata": patch(OVERWRITE) }), json!({ "patchPodMetadata": patch("Retain") }), &[],
)]
#[case::other_pods(
    json!({ "containers": [{ "name": "agent" }] }),
    json!({ "containers": [{ "name": "agent" }], "selector": { "matchLabels": { "app": "db" } } }), &[],
)]
#[case::other_namespaces(
    json!({ "containers": [{ "name": "agent" }], "namespaceSelector": { "matchLabels": { "n": "a" } } }),
    json!({ "containers": [{ "name": "agent" }], "namespaceSelector": { "matchLabels": { "n": "b" } } }), &[],
)]
#[case::one_in_all_namespaces(
    json!({ "containers": [{ "name": "agent" }], "namespaceSelector": { "matchLabels": { "n": "a" } } }),
    json!({ "containers": [{ "name": "agent" }] }), &["spec.containers[0].name"],
)]
fn two_sets_may_not_put_the_same_into_a_pod(
    #[case] ours: Value,
    #[case] theirs: Value,
    #[case] expected: &[&str],
) {
    let (ours, theirs) = (plain("ours", &ours), plain("theirs", &theirs));
    // Its stored form is among all.
    let all = [ours.clone(), theirs];
    assert_eq!(fields(&ours, None, &all), expected);
}

// Conflicts are told only once nothing else is wrong.
#[test]
fn what_is_wrong_by_itself_comes_first() {
    let other = plain("other", &json!({ "containers": [{ "name": "agent" }] }));
    let spec = json!({ "containers": [{ "name": "agent" }], "namespaceSelector": {} });
    let told = fields(&plain("a", &spec), None, &[other]);
    assert_eq!(told, ["spec.namespaceSelector"]);
}

fn labels(labels: &Value) -> Value {
    json!({ "matchLabels": labels })
}

fn key(key: &str, operator: &str, values: &[&str]) -> Value {
    json!({ "matchExpressions": [{ "key": key, "operator": operator, "values": values }] })
}

// SS-57
#[rstest]
#[case::same(labels(&json!({ "a": "b" })), labels(&json!({ "a": "b" })), true)]
#[case::other_value(labels(&json!({ "a": "b" })), labels(&json!({ "a": "c" })), false)]
#[case::other_key(labels(&json!({ "a": "b" })), labels(&json!({ "c": "d" })), true)]
#[case::more_keys(labels(&json!({ "a": "b" })), labels(&json!({ "a": "b", "c": "d" })), true)]
#[case::in_in(key("a", "In", &["x", "y"]), key("a", "In", &["y", "z"]), true)]
#[case::in_in_apart(key("a", "In", &["x"]), key("a", "In", &["y"]), false)]
#[case::label_in(labels(&json!({ "a": "x" })), key("a", "In", &["x", "y"]), true)]
#[case::not_in(labels(&json!({ "a": "x" })), key("a", "NotIn", &["x"]), false)]
#[case::not_in_all(key("a", "In", &["x", "y"]), key("a", "NotIn", &["x"]), true)]
#[case::not_in_other_key(labels(&json!({ "b": "x" })), key("a", "NotIn", &["x"]), true)]
#[case::exists_of_another_key(labels(&json!({ "a": "b" })), key("c", "Exists", &[]), false)]
#[case::exists(labels(&json!({ "a": "b" })), key("a", "Exists", &[]), true)]
#[case::exists_exists(key("a", "Exists", &[]), key("a", "Exists", &[]), true)]
#[case::exists_not_in(key("a", "Exists", &[]), key("a", "NotIn", &["x"]), false)]
#[case::does_not_exist(labels(&json!({ "a": "b" })), key("a", "DoesNotExist", &[]), false)]
#[case::neither(key("a", "DoesNotExist", &[]), key("a", "DoesNotExist", &[]), true)]
fn selectors_overlap(#[case] one: Value, #[case] other: Value, #[case] expected: bool) {
    let set = |name: &str, selector: Value| {
        let mut set = plain(name, &json!({ "containers": [{ "name": "agent" }] }));
        set.spec.selector = serde_json::from_value(selector).unwrap();
        set
    };
    let (one, other) = (set("one", one), set("other", other));
    for (new, stored) in [(&one, &other), (&other, &one)] {
        let told = fields(new, None, std::slice::from_ref(stored));
        assert_eq!(!told.is_empty(), expected, "{told:?}");
    }
}

const BASE: &str = "metadata.annotations[apps.kruise.io/sidecarset-base]";

fn canary(name: &str, base: &str, spec: &Value) -> SidecarSet {
    let marks = json!({ "apps.kruise.io/sidecarset-canary": "true", "apps.kruise.io/sidecarset-base": base });
    let mut all = json!({ "updateStrategy": { "type": "NotUpdate" } });
    json_patch::merge(&mut all, spec);
    set(name, &marks, &all)
}

// SS-64, SS-A38
#[test]
fn a_canary_has_a_base() {
    let base = plain("log", &json!({}));
    let good = canary("canary", "log", &json!({}));
    let all = [base.clone(), canary("other", "log", &json!({}))];
    assert_eq!(fields(&good, None, &all), [""; 0]);
    assert_eq!(fields(&good, Some(&good), &all), [""; 0]);
    assert_eq!(fields(&good, None, &[]), [BASE]);
    assert_eq!(
        fields(&canary("log", "log", &json!({})), None, &all),
        [BASE]
    );
    assert_eq!(
        fields(&canary("canary", "other", &json!({})), None, &all),
        [BASE]
    );
    // It was no canary, or one of another base.
    for old in [
        plain("canary", &json!({})),
        canary("canary", "b", &json!({})),
    ] {
        assert_eq!(fields(&good, Some(&old), &all), [BASE]);
    }
    let rolling = json!({ "updateStrategy": { "type": "RollingUpdate" } });
    let told = fields(&canary("canary", "log", &rolling), None, &all);
    assert_eq!(told, ["spec.updateStrategy.type"]);
    // Only with both annotations.
    let half = json!({ "apps.kruise.io/sidecarset-base": "nothing" });
    assert_eq!(fields(&set("half", &half, &json!({})), None, &[]), [""; 0]);
}

// SS-56, DV-SS2, SS-A44
#[test]
fn a_canary_and_its_base_have_the_same_containers() {
    let agent = json!({ "containers": [{ "name": "agent" }] });
    let base = plain("log", &agent);
    let one = canary("one", "log", &agent);
    assert_eq!(fields(&one, None, std::slice::from_ref(&base)), [""; 0]);
    assert_eq!(
        fields(&base, Some(&base), std::slice::from_ref(&one)),
        [""; 0]
    );
    // But not when the base is made anew, and not two canaries.
    let in_conflict = ["spec.containers[0].name"];
    assert_eq!(fields(&base, None, std::slice::from_ref(&one)), in_conflict);
    let two = canary("two", "log", &agent);
    assert_eq!(fields(&two, None, &[base, one]), in_conflict);
}

// SS-53
#[test]
fn the_template_is_what_pods_get() {
    let set = plain(
        "a",
        &json!({
            "containers": [{ "name": "c", "image": "c:1", "shareVolumePolicy": { "type": "enabled" } }],
            "initContainers": [{ "name": "i" }],
            "volumes": [{ "name": "v" }],
        }),
    );
    let judged = template::judged(&set.spec);
    let spec = &judged["spec"];
    assert_eq!(spec["restartPolicy"], "Always");
    assert_eq!(spec["containers"][0]["image"], "c:1");
    assert_eq!(spec["containers"][0].get("shareVolumePolicy"), None);
    assert_eq!(spec["initContainers"][0]["name"], "i");
    assert_eq!(spec["volumes"][0]["name"], "v");
}

#[test]
fn a_template_without_containers_has_one_that_is_in_nobodys_way() {
    let others = json!([{ "name": "placeholder-0" }, { "name": "test" }]);
    let set = plain(
        "a",
        &json!({ "containers": null, "initContainers": others }),
    );
    let judged = template::judged(&set.spec);
    let containers = judged["spec"]["containers"].as_array().unwrap();
    assert_eq!(containers.len(), 1);
    assert_eq!(containers[0]["name"], "placeholder-1");
}

#[rstest]
#[case("spec.template.spec.containers[0].image", "spec.containers[0].image")]
#[case("metadata.name", "metadata.name")]
fn errors_about_the_template_name_the_sets_own_fields(#[case] field: &str, #[case] expected: &str) {
    let error = FieldError::required(&FieldPath::new(field), "");
    assert_eq!(template::error_of_spec(error).field, expected);
}
