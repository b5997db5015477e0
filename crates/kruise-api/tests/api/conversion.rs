use kruise_api::{
    apps::{v1alpha1, v1beta1},
    conversion::{ConversionError, convert},
    int_or_string::IntOrString,
    kinds::cloneset::{
        conversion::{settle_v1alpha1, settle_v1beta1},
        defaults, validation,
    },
    meta::ObjectMeta,
};
use proptest::prelude::*;
use rstest::rstest;
use serde_json::{Value, json};

use crate::{
    every_kind::{Version, version},
    instances::{config, objects},
};

pub(crate) fn versions() -> Vec<Version> {
    vec![
        version(|mut set: v1alpha1::CloneSet, stored| {
            defaults::fill_v1alpha1(&mut set.spec);
            validation::validate_v1alpha1(&set, stored.as_ref(), &|_| None)
        }),
        version(|mut set: v1beta1::CloneSet, stored| {
            defaults::fill_v1beta1(&mut set.spec);
            validation::validate_v1beta1(&set, stored.as_ref())
        }),
    ]
}

const V1ALPHA1: &str = "apps.kruise.io/v1alpha1";
const V1BETA1: &str = "apps.kruise.io/v1beta1";
const EXCLUDE: &str = "apps.kruise.io/cloneset-scaling-exclude-preparing-delete";
const POLICY: &str = "apps.kruise.io/cloneset-on-delete-pod-update-policy";
const PARALLELISM: &str = "apps.kruise.io/image-predownload-parallelism";
const TIMEOUT: &str = "apps.kruise.io/image-predownload-timeout-seconds";
const MIN_READY: &str = "apps.kruise.io/image-predownload-min-updated-ready-pods";

/// An object with these labels, annotations, scale strategy and update strategy.
fn object(
    api_version: &str,
    labels: &Value,
    annotations: &Value,
    scale: &Value,
    update: &Value,
) -> Value {
    let mut spec = json!({
        "replicas": 3,
        "selector": { "matchLabels": { "app": "web" } },
        "template": { "metadata": { "labels": { "app": "web" } }, "futureField": null },
    });
    for (field, value) in [("scaleStrategy", scale), ("updateStrategy", update)] {
        if !value.is_null() {
            spec[field] = value.clone();
        }
    }
    let mut metadata =
        json!({ "name": "web", "namespace": "default", "managedFields": [{ "a": 1 }] });
    for (field, value) in [("labels", labels), ("annotations", annotations)] {
        if !value.is_null() {
            metadata[field] = value.clone();
        }
    }
    json!({
        "apiVersion": api_version,
        "kind": "CloneSet",
        "metadata": metadata,
        "spec": spec,
        "status": { "replicas": 3, "futureField": 1 },
    })
}

const NONE: Value = Value::Null;

/// Both directions: the v1alpha1 form, and what it is in v1beta1.
// CS-1, CS-3
#[rstest]
#[case::nothing_means_reuse(
    (NONE, NONE, NONE, NONE),
    (NONE, NONE, json!({ "enablePVCReuse": true }), recreate()),
)]
#[case::no_reuse(
    (NONE, NONE, json!({ "disablePVCReuse": true }), json!({ "type": "ReCreate" })),
    (NONE, NONE, no_reuse(), recreate()),
)]
#[case::the_rest_of_the_scale_strategy(
    (NONE, NONE, json!({ "podsToDelete": ["a"], "maxUnavailable": "10%" }), NONE),
    (NONE, NONE, json!({ "podsToDelete": ["a"], "maxUnavailable": "10%", "enablePVCReuse": true }), recreate()),
)]
#[case::unknown_type(
    (NONE, NONE, json!({ "disablePVCReuse": true }), json!({ "type": "Tomorrow", "paused": false })),
    (NONE, NONE, no_reuse(), rolling(json!({ "podUpdatePolicy": "ReCreate", "paused": false }))),
)]
#[case::in_place_only_with_terms(
    (NONE, NONE, json!({ "disablePVCReuse": true }), json!({ "type": "InPlaceOnly", "partition": "50%", "maxSurge": 1 })),
    (NONE, NONE, no_reuse(), rolling(json!({ "podUpdatePolicy": "InPlaceOnly", "partition": "50%", "maxSurge": 1 }))),
)]
#[case::exclude_label(
    (json!({ EXCLUDE: "true", "a": "b" }), NONE, json!({ "disablePVCReuse": true }), NONE),
    (json!({ EXCLUDE: "true", "a": "b" }), NONE, json!({ "enablePVCReuse": false, "excludePreparingDelete": true }), recreate()),
)]
#[case::exclude_label_with_another_value(
    (json!({ EXCLUDE: "True" }), NONE, json!({ "disablePVCReuse": true }), NONE),
    (json!({ EXCLUDE: "True" }), NONE, no_reuse(), recreate()),
)]
#[case::on_delete_without_terms(
    (NONE, NONE, json!({ "disablePVCReuse": true }), json!({ "type": "OnDelete" })),
    (NONE, NONE, no_reuse(), json!({ "type": "OnDelete" })),
)]
#[case::on_delete_with_terms(
    (NONE, NONE, json!({ "disablePVCReuse": true }), json!({ "type": "OnDelete", "partition": 1 })),
    (NONE, NONE, no_reuse(), json!({ "type": "OnDelete", "rollingUpdate": { "partition": 1 } })),
)]
#[case::on_delete_with_policy(
    (NONE, json!({ POLICY: "InPlaceOnly", "a": "b" }), json!({ "disablePVCReuse": true }), json!({ "type": "OnDelete", "partition": 1 })),
    (NONE, json!({ "a": "b" }), no_reuse(), json!({ "type": "OnDelete", "rollingUpdate": { "partition": 1, "podUpdatePolicy": "InPlaceOnly" } })),
)]
#[case::on_delete_with_policy_alone(
    (NONE, json!({ POLICY: "InPlaceOnly" }), json!({ "disablePVCReuse": true }), json!({ "type": "OnDelete" })),
    (NONE, NONE, no_reuse(), json!({ "type": "OnDelete", "rollingUpdate": { "podUpdatePolicy": "InPlaceOnly" } })),
)]
#[case::policy_annotation_without_on_delete(
    (NONE, json!({ POLICY: "InPlaceOnly" }), json!({ "disablePVCReuse": true }), NONE),
    (NONE, NONE, no_reuse(), recreate()),
)]
fn v1alpha1_to_v1beta1_cs_1(
    #[case] v1alpha1: (Value, Value, Value, Value),
    #[case] v1beta1: (Value, Value, Value, Value),
) {
    let from = object(V1ALPHA1, &v1alpha1.0, &v1alpha1.1, &v1alpha1.2, &v1alpha1.3);
    let to = object(V1BETA1, &v1beta1.0, &v1beta1.1, &v1beta1.2, &v1beta1.3);
    assert_eq!(convert(from, V1BETA1).unwrap(), to);
}

#[rstest]
#[case::nothing_means_no_reuse(
    (NONE, NONE, NONE, NONE),
    (NONE, NONE, json!({ "disablePVCReuse": true }), json!({ "type": "ReCreate" })),
)]
#[case::reuse(
    (NONE, NONE, json!({ "enablePVCReuse": true }), recreate()),
    (NONE, NONE, NONE, json!({ "type": "ReCreate" })),
)]
#[case::exclude(
    (NONE, NONE, json!({ "enablePVCReuse": true, "excludePreparingDelete": true }), recreate()),
    (json!({ EXCLUDE: "true" }), NONE, NONE, json!({ "type": "ReCreate" })),
)]
#[case::exclude_is_off_whatever_the_label_says_cs_5(
    (json!({ EXCLUDE: "true" }), NONE, json!({ "enablePVCReuse": true, "excludePreparingDelete": false }), recreate()),
    (NONE, NONE, NONE, json!({ "type": "ReCreate" })),
)]
#[case::a_label_that_means_nothing_stays(
    (json!({ EXCLUDE: "no" }), NONE, json!({ "enablePVCReuse": true }), recreate()),
    (json!({ EXCLUDE: "no" }), NONE, NONE, json!({ "type": "ReCreate" })),
)]
#[case::terms(
    (NONE, NONE, json!({ "enablePVCReuse": true }), rolling(json!({ "podUpdatePolicy": "InPlaceIfPossible", "partition": "50%", "paused": true }))),
    (NONE, NONE, NONE, json!({ "type": "InPlaceIfPossible", "partition": "50%", "paused": true })),
)]
#[case::unknown_policy(
    (NONE, NONE, json!({ "enablePVCReuse": true }), rolling(json!({ "podUpdatePolicy": "Tomorrow", "partition": 1 }))),
    (NONE, NONE, NONE, json!({ "type": "ReCreate", "partition": 1 })),
)]
#[case::type_without_terms(
    (NONE, NONE, json!({ "enablePVCReuse": true }), json!({ "type": "RollingUpdate" })),
    (NONE, NONE, NONE, json!({ "type": "ReCreate" })),
)]
#[case::on_delete_keeps_its_terms_dv_cs_1(
    (NONE, NONE, json!({ "enablePVCReuse": true }), json!({ "type": "OnDelete", "rollingUpdate": { "podUpdatePolicy": "InPlaceOnly", "maxUnavailable": 1 } })),
    (NONE, json!({ POLICY: "InPlaceOnly" }), NONE, json!({ "type": "OnDelete", "maxUnavailable": 1 })),
)]
#[case::on_delete_without_policy_has_no_annotation(
    (NONE, json!({ POLICY: "stale" }), json!({ "enablePVCReuse": true }), json!({ "type": "OnDelete" })),
    (NONE, NONE, NONE, json!({ "type": "OnDelete" })),
)]
fn v1beta1_to_v1alpha1_cs_3(
    #[case] v1beta1: (Value, Value, Value, Value),
    #[case] v1alpha1: (Value, Value, Value, Value),
) {
    let from = object(V1BETA1, &v1beta1.0, &v1beta1.1, &v1beta1.2, &v1beta1.3);
    let to = object(V1ALPHA1, &v1alpha1.0, &v1alpha1.1, &v1alpha1.2, &v1alpha1.3);
    assert_eq!(convert(from, V1ALPHA1).unwrap(), to);
}

fn rolling(terms: Value) -> Value {
    let mut strategy = json!({ "type": "RollingUpdate" });
    strategy["rollingUpdate"] = terms;
    strategy
}

/// The field is written even when it is false (DV-CS15).
fn no_reuse() -> Value {
    json!({ "enablePVCReuse": false })
}

fn recreate() -> Value {
    rolling(json!({ "podUpdatePolicy": "ReCreate" }))
}

/// The annotations and field of v1alpha1, and the field of v1beta1 that they make.
#[rstest]
#[case::nothing(NONE, NONE, NONE)]
#[case::empty_annotations(json!({ PARALLELISM: "", TIMEOUT: "", MIN_READY: "" }), NONE, NONE)]
#[case::empty_field(NONE, json!({}), json!({}))]
#[case::grace(NONE, json!({ "gracePeriodSeconds": 5 }), json!({ "gracePeriodSeconds": 5 }))]
#[case::fields_of_v1alpha1_have_no_effect(
    NONE,
    json!({ "gracePeriodSeconds": 5, "imagePreDownloadParallelism": 3, "imagePreDownloadTimeoutSeconds": 3, "imagePreDownloadMinUpdatedReadyPods": 3 }),
    json!({ "gracePeriodSeconds": 5 }),
)]
#[case::numbers(
    json!({ PARALLELISM: "5", TIMEOUT: "60", MIN_READY: "2" }),
    NONE,
    json!({ "imagePreDownloadParallelism": 5, "imagePreDownloadTimeoutSeconds": 60, "imagePreDownloadMinUpdatedReadyPods": 2 }),
)]
#[case::a_percentage_is_text_or_nothing(
    json!({ PARALLELISM: "10%", TIMEOUT: "1m", MIN_READY: "20%" }),
    json!({ "gracePeriodSeconds": 5 }),
    json!({ "gracePeriodSeconds": 5, "imagePreDownloadParallelism": "10%" }),
)]
#[case::too_large_for_32_bits(
    json!({ PARALLELISM: "3000000000", TIMEOUT: "3000000000" }),
    NONE,
    json!({ "imagePreDownloadParallelism": "3000000000" }),
)]
fn pulling_ahead_in_v1beta1_cs_2(
    #[case] annotations: Value,
    #[case] field: Value,
    #[case] wanted: Value,
) {
    let mut update = json!({ "type": "InPlaceOnly" });
    if !field.is_null() {
        update["inPlaceUpdateStrategy"] = field;
    }
    let from = object(V1ALPHA1, &NONE, &annotations, &NONE, &update);
    let to = convert(from, V1BETA1).unwrap();
    let terms = &to["spec"]["updateStrategy"]["rollingUpdate"];
    assert_eq!(terms.get("inPlaceUpdateStrategy").unwrap_or(&NONE), &wanted);
    // The annotations stay on the object.
    assert_eq!(
        to["metadata"].get("annotations").unwrap_or(&NONE),
        &annotations
    );
}

#[rstest]
#[case::nothing(NONE, NONE, NONE, NONE)]
// DV-CS15
#[case::empty(json!({}), NONE, json!({}), NONE)]
#[case::no_grace(json!({ "gracePeriodSeconds": 0 }), NONE, json!({ "gracePeriodSeconds": 0 }), NONE)]
#[case::grace(json!({ "gracePeriodSeconds": 5 }), NONE, json!({ "gracePeriodSeconds": 5 }), NONE)]
#[case::numbers_and_text(
    json!({ "imagePreDownloadParallelism": "7", "imagePreDownloadTimeoutSeconds": 60 }),
    json!({ PARALLELISM: "1", MIN_READY: "kept" }),
    json!({}),
    json!({ PARALLELISM: "7", TIMEOUT: "60", MIN_READY: "kept" }),
)]
fn pulling_ahead_in_v1alpha1_cs_4(
    #[case] field: Value,
    #[case] annotations: Value,
    #[case] wanted: Value,
    #[case] wanted_annotations: Value,
) {
    let mut terms = json!({ "podUpdatePolicy": "InPlaceOnly" });
    if !field.is_null() {
        terms["inPlaceUpdateStrategy"] = field;
    }
    let from = object(V1BETA1, &NONE, &annotations, &NONE, &rolling(terms));
    let to = convert(from, V1ALPHA1).unwrap();
    let update = &to["spec"]["updateStrategy"];
    assert_eq!(
        update.get("inPlaceUpdateStrategy").unwrap_or(&NONE),
        &wanted
    );
    assert_eq!(
        to["metadata"].get("annotations").unwrap_or(&NONE),
        &wanted_annotations
    );
}

// PF-401
#[test]
fn what_can_t_be_converted_is_named() {
    let cloneset = || object(V1BETA1, &NONE, &NONE, &NONE, &NONE);
    let same = convert(cloneset(), V1BETA1).unwrap_err();
    assert_eq!(
        same.to_string(),
        "CloneSet default/web is apps.kruise.io/v1beta1 already"
    );
    let unknown = convert(cloneset(), "apps.kruise.io/v2").unwrap_err();
    assert_eq!(
        unknown.to_string(),
        "CloneSet default/web: no conversion from apps.kruise.io/v1beta1 to apps.kruise.io/v2"
    );
    let mut other = cloneset();
    other["kind"] = json!("Deployment");
    assert!(matches!(
        convert(other, V1ALPHA1),
        Err(ConversionError::Unknown { .. })
    ));
    for untyped in [json!(null), json!([]), json!({ "kind": "CloneSet" })] {
        assert!(matches!(
            convert(untyped, V1ALPHA1),
            Err(ConversionError::Untyped)
        ));
    }
    let mut wrong = cloneset();
    wrong["spec"]["replicas"] = json!("three");
    let wrong = convert(wrong, V1ALPHA1).unwrap_err();
    assert_eq!(
        wrong.to_string(),
        "CloneSet default/web: spec can't be read"
    );
    let mut wrong = cloneset();
    wrong["metadata"]["labels"] = json!({ "a": 1 });
    let wrong = convert(wrong, V1ALPHA1).unwrap_err();
    assert_eq!(
        wrong.to_string(),
        "CloneSet default/web: metadata.labels can't be read"
    );
}

#[test]
fn without_a_spec_only_the_version_changes() {
    let bare = |api_version: &str| json!({ "apiVersion": api_version, "kind": "CloneSet", "metadata": { "name": "web" } });
    assert_eq!(convert(bare(V1BETA1), V1ALPHA1).unwrap(), bare(V1ALPHA1));
}

/// What the object means: its spec with all defaults, and without what CS-1 to CS-4 say is lost on the
/// way through v1alpha1.
fn meaning(object: &Value) -> v1beta1::CloneSetSpec {
    let mut spec: v1beta1::CloneSetSpec = serde_json::from_value(object["spec"].clone()).unwrap();
    let update = spec.update_strategy.get_or_insert_default();
    let is_on_delete = update.type_ == Some(v1beta1::CloneSetUpdateStrategyType::OnDelete);
    if !is_on_delete {
        // There are only two types, and an unknown type counts as RollingUpdate.
        update.type_ = None;
        let rolling = update.rolling_update.get_or_insert_default();
        let known = ["InPlaceIfPossible", "InPlaceOnly"];
        rolling
            .pod_update_policy
            .take_if(|policy| !known.contains(&policy.as_str()));
    }
    if let Some(rolling) = &mut update.rolling_update {
        rolling
            .pod_update_policy
            .take_if(|policy| policy.as_str().is_empty());
        // CS-4: an empty strategy is the same as none, and a number written as text is read as a number.
        let in_place = rolling
            .terms
            .in_place_update_strategy
            .get_or_insert_default();
        in_place.grace_period_seconds.get_or_insert(0);
        in_place.image_pre_download_parallelism = in_place
            .image_pre_download_parallelism
            .take()
            .map(|value| serde_json::to_value(value).unwrap())
            .map(|value| value.as_str().map_or(value.to_string(), str::to_owned))
            .filter(|text| !text.is_empty())
            .map(|text| {
                text.parse().map_or_else(
                    |_| kruise_api::int_or_string::IntOrString::String(text.clone()),
                    kruise_api::int_or_string::IntOrString::Int,
                )
            });
    }
    if is_on_delete
        && update.rolling_update.as_ref().is_some_and(|rolling| {
            let mut empty = v1beta1::RollingUpdateCloneSetStrategy::default();
            empty
                .terms
                .in_place_update_strategy
                .get_or_insert_default()
                .grace_period_seconds = Some(0);
            *rolling == empty
        })
    {
        update.rolling_update = None;
    }
    let scale = spec.scale_strategy.get_or_insert_default();
    scale.enable_pvc_reuse.get_or_insert(false);
    scale.exclude_preparing_delete.get_or_insert(false);
    defaults::fill_v1beta1(&mut spec);
    spec
}

/// Pre-download annotations count for v1alpha1 alone, so that an object which was made through v1beta1
/// has none.
fn without_marks(mut object: Value) -> Value {
    for field in ["labels", "annotations"] {
        let entries = object["metadata"][field].as_object_mut().unwrap();
        entries.retain(|key, _| key == "other");
    }
    object
}

proptest! {
    #![proptest_config(config())]

    /// Through v1alpha1 and back an object means the same.
    // CS-1 to CS-4, DV-CS1, DV-CS2
    #[test]
    fn v1alpha1_loses_nothing(object in objects("CloneSet", "v1beta1", false)) {
        let object = without_marks(object);
        // Admission refuses an empty text, and conversion makes no annotation of it.
        prop_assume!(!object.to_string().contains(r#""imagePreDownloadParallelism":"""#));
        let there = convert(object.clone(), V1ALPHA1).unwrap();
        let back = convert(there.clone(), V1BETA1).unwrap();
        prop_assert_eq!(meaning(&back), meaning(&object));
        prop_assert_eq!(&back["status"], &object["status"]);
        // On a second way there and back no field changes.
        let again = convert(back.clone(), V1ALPHA1).unwrap();
        prop_assert_eq!(&again["spec"], &there["spec"]);
        prop_assert_eq!(convert(again, V1BETA1).unwrap(), back);
    }

    /// Through v1beta1 and back an object of v1alpha1 is the same, except for what that version ignores.
    #[test]
    fn v1beta1_loses_nothing(object in objects("CloneSet", "v1alpha1", false)) {
        let there = convert(object.clone(), V1BETA1).unwrap();
        let back = convert(there.clone(), V1ALPHA1).unwrap();
        prop_assert_eq!(meaning(&convert(back.clone(), V1BETA1).unwrap()), meaning(&there));
        let mut wanted = object;
        let mut back = back;
        for object in [&mut wanted, &mut back] {
            let spec: v1alpha1::CloneSetSpec = serde_json::from_value(object["spec"].clone()).unwrap();
            object["spec"] = serde_json::to_value(without_ignored(spec)).unwrap();
            let metadata = object["metadata"].as_object_mut().unwrap();
            if let Some(annotations) = metadata.get_mut("annotations") {
                annotations.as_object_mut().unwrap().remove(POLICY);
            }
            metadata.retain(|_, value| *value != json!({}));
        }
        prop_assert_eq!(back, wanted);
    }

    /// A spec that went through admission is the same after a way through v1alpha1, and has no defaults to
    /// fill in there. So a label that somebody sets through v1alpha1 changes no spec.
    // CS-7, CS-8, DV-CS15
    #[test]
    fn a_way_through_v1alpha1_changes_no_spec(object in objects("CloneSet", "v1beta1", false)) {
        let mut stored = without_marks(object);
        let mut spec = acceptable(serde_json::from_value(stored["spec"].clone()).unwrap());
        defaults::fill_v1beta1(&mut spec);
        settle_v1beta1(&mut spec);
        stored["spec"] = serde_json::to_value(&spec).unwrap();
        let mut again = spec.clone();
        defaults::fill_v1beta1(&mut again);
        settle_v1beta1(&mut again);
        prop_assert_eq!(&again, &spec);

        let there = convert(stored.clone(), V1ALPHA1).unwrap();
        let back = convert(there.clone(), V1BETA1).unwrap();
        prop_assert_eq!(&back["spec"], &stored["spec"]);
        // Validation of v1alpha1 refuses OnDelete.
        if there["spec"]["updateStrategy"]["type"] != "OnDelete" {
            prop_assert_eq!(&settled(&there), &there["spec"]);
        }
    }

    /// What a client of v1alpha1 wrote is served as admission left it, so that the same manifest applied again
    /// changes nothing.
    #[test]
    fn a_spec_of_v1alpha1_is_served_as_it_was_left(object in objects("CloneSet", "v1alpha1", false)) {
        use v1alpha1::CloneSetUpdateStrategyType as Type;
        let mut written = object;
        let mut spec: v1alpha1::CloneSetSpec = serde_json::from_value(written["spec"].clone()).unwrap();
        let type_ = &mut spec.update_strategy.get_or_insert_default().type_;
        type_.take_if(|type_| !matches!(type_, Type::InPlaceIfPossible | Type::InPlaceOnly));
        written["spec"] = serde_json::to_value(spec).unwrap();
        let manifest = written["spec"].clone();
        written["spec"] = settled(&written);
        let stored = convert(written.clone(), V1BETA1).unwrap();
        let served = convert(stored, V1ALPHA1).unwrap();
        prop_assert_eq!(&served["spec"], &written["spec"]);
        let mut applied = served.clone();
        merge(&mut applied["spec"], &manifest);
        prop_assert_eq!(settled(&applied), served["spec"].clone());
    }

    /// The types convert as the wire does.
    #[test]
    fn types_convert_as_the_wire_does(object in objects("CloneSet", "v1beta1", false)) {
        let typed: v1beta1::CloneSet = serde_json::from_value(object.clone()).unwrap();
        let wire = convert(object, V1ALPHA1).unwrap();
        let expected: v1alpha1::CloneSet = serde_json::from_value(wire).unwrap();
        let there = v1alpha1::CloneSet::from(typed);
        prop_assert_eq!(&there, &expected);
        let back = v1beta1::CloneSet::from(there);
        let wire = convert(serde_json::to_value(expected).unwrap(), V1BETA1).unwrap();
        prop_assert_eq!(back, serde_json::from_value::<v1beta1::CloneSet>(wire).unwrap());
    }
}

/// Spec of an object of v1alpha1 after admission, but for its template.
fn settled(object: &Value) -> Value {
    let mut spec: v1alpha1::CloneSetSpec = serde_json::from_value(object["spec"].clone()).unwrap();
    let metadata: ObjectMeta = serde_json::from_value(object["metadata"].clone()).unwrap();
    defaults::fill_v1alpha1(&mut spec);
    settle_v1alpha1(&mut spec, &metadata);
    serde_json::to_value(spec).unwrap()
}

/// Merges as a merge patch without nulls does.
fn merge(into: &mut Value, from: &Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (name, value) in from {
                merge(into.entry(name.clone()).or_insert(json!({})), value);
            }
        }
        (into, from) => *into = from.clone(),
    }
}

/// The spec with words and numbers that validation takes (CS-17, CS-19).
fn acceptable(mut spec: v1beta1::CloneSetSpec) -> v1beta1::CloneSetSpec {
    use v1beta1::CloneSetUpdateStrategyType as Type;
    let strategy = spec.update_strategy.get_or_insert_default();
    strategy
        .type_
        .take_if(|type_| !matches!(type_, Type::RollingUpdate | Type::OnDelete));
    if let Some(rolling) = &mut strategy.rolling_update {
        let policies = ["", "ReCreate", "InPlaceIfPossible", "InPlaceOnly"];
        rolling
            .pod_update_policy
            .take_if(|policy| !policies.contains(&policy.as_str()));
        rolling.terms.partition.get_or_insert(IntOrString::Int(1));
        if let Some(in_place) = &mut rolling.terms.in_place_update_strategy {
            in_place
                .image_pre_download_parallelism
                .take_if(|value| *value == IntOrString::String(String::new()));
        }
    }
    spec
}

/// The spec without what v1alpha1 ignores (CS-1, CS-2).
fn without_ignored(mut spec: v1alpha1::CloneSetSpec) -> v1alpha1::CloneSetSpec {
    use v1alpha1::CloneSetUpdateStrategyType as Type;
    let update = spec.update_strategy.get_or_insert_default();
    if !matches!(
        update.type_,
        Some(Type::OnDelete | Type::InPlaceIfPossible | Type::InPlaceOnly)
    ) {
        update.type_ = Some(Type::ReCreate);
    }
    let in_place = update
        .terms
        .in_place_update_strategy
        .get_or_insert_default();
    in_place.grace_period_seconds.get_or_insert(0);
    in_place.image_pre_download_parallelism = None;
    in_place.image_pre_download_timeout_seconds = None;
    in_place.image_pre_download_min_updated_ready_pods = None;
    spec.scale_strategy
        .get_or_insert_default()
        .disable_pvc_reuse
        .get_or_insert(false);
    spec
}
