//! BroadcastJob on the wire: what its types read and write, its versions, its defaults, and what is refused.

use kruise_api::{
    apps::{v1alpha1, v1beta1},
    conversion::convert,
    crd,
    kinds::broadcastjob::{defaults, validation},
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
    let judge = |metadata: &ObjectMeta, spec: &mut v1beta1::BroadcastJobSpec| {
        defaults::fill(spec);
        validation::validate(metadata, spec)
    };
    vec![
        version(move |mut job: v1alpha1::BroadcastJob, _| judge(&job.metadata, &mut job.spec)),
        version(move |mut job: v1beta1::BroadcastJob, _| judge(&job.metadata, &mut job.spec)),
    ]
}

const V1ALPHA1: &str = "apps.kruise.io/v1alpha1";
const V1BETA1: &str = "apps.kruise.io/v1beta1";

proptest! {
    #![proptest_config(config())]

    // BJ-S32, PF-402: in types and on the wire alike.
    #[test]
    fn versions_differ_in_nothing_but_their_name(object in objects("BroadcastJob", "v1alpha1", true)) {
        let there = convert(object.clone(), V1BETA1).unwrap();
        let mut expected = object.clone();
        expected["apiVersion"] = json!(V1BETA1);
        prop_assert_eq!(&there, &expected);
        prop_assert_eq!(&convert(there.clone(), V1ALPHA1).unwrap(), &object);

        let typed: v1alpha1::BroadcastJob = serde_json::from_value(object).unwrap();
        let typed_there: v1beta1::BroadcastJob = typed.clone().renamed();
        let expected: v1beta1::BroadcastJob = serde_json::from_value(there).unwrap();
        prop_assert_eq!(&typed_there, &expected);
        let typed_back: v1alpha1::BroadcastJob = typed_there.renamed();
        prop_assert_eq!(typed_back, typed);
    }

    // BJ-1: what has its defaults gets none, and nothing that was said is changed.
    #[test]
    fn defaults_are_filled_in_once(object in objects("BroadcastJob", "v1beta1", true)) {
        let said: v1beta1::BroadcastJobSpec = serde_json::from_value(object["spec"].clone()).unwrap();
        let mut once = said.clone();
        defaults::fill(&mut once);
        let mut twice = once.clone();
        defaults::fill(&mut twice);
        prop_assert_eq!(&twice, &once);
        prop_assert!(said.parallelism.is_none_or(|said| once.parallelism == Some(said)));
        prop_assert_eq!(said.template, once.template);
        prop_assert_eq!(said.unknown, once.unknown);
    }
}

// PF-402, BJ-8
#[test]
fn the_definition_has_one_schema_and_no_converter() {
    let crds = crd::all();
    let mut crds = crds.iter();
    let crd = crds
        .find(|crd| crd["metadata"]["name"] == "broadcastjobs.apps.kruise.io")
        .unwrap();
    assert_eq!(crd["spec"]["conversion"], json!({ "strategy": "None" }));
    let versions = crd["spec"]["versions"].as_array().unwrap();
    assert_eq!(versions[0]["schema"], versions[1]["schema"]);
    assert_eq!(
        [&versions[0]["storage"], &versions[1]["storage"]],
        [false, true]
    );
    assert!(!crd.to_string().contains("x-kubernetes-validations"));
}

// BJ-1
#[rstest]
#[case(json!({}), json!({
    "parallelism": 2_147_483_647, "completionPolicy": { "type": "Always" }, "failurePolicy": { "type": "FailFast" },
}))]
#[case(
    json!({
        "parallelism": "5%", "completionPolicy": { "type": "", "activeDeadlineSeconds": 60 },
        "failurePolicy": { "type": "Sometimes", "restartLimit": 3 },
    }),
    json!({
        "parallelism": "5%", "completionPolicy": { "type": "Always", "activeDeadlineSeconds": 60 },
        "failurePolicy": { "type": "Sometimes", "restartLimit": 3 },
    }),
)]
fn what_is_left_open_gets_its_default(#[case] spec: Value, #[case] expected: Value) {
    let mut spec: v1beta1::BroadcastJobSpec = serde_json::from_value(spec).unwrap();
    defaults::fill(&mut spec);
    assert_eq!(serde_json::to_value(spec).unwrap(), expected);
}

fn refused(name: &str, change: &Value) -> Vec<String> {
    let mut spec = json!({
        "template": {
            "metadata": { "labels": { "app": "scan" } },
            "spec": { "restartPolicy": "Never", "containers": [{ "name": "scan", "image": "acme/scan:1" }] },
        },
    });
    json_patch::merge(&mut spec, change);
    let metadata = serde_json::from_value(json!({ "name": name })).unwrap();
    let mut spec = serde_json::from_value(spec).unwrap();
    defaults::fill(&mut spec);
    let errors = validation::validate(&metadata, &spec);
    errors.iter().map(|error| error.field.clone()).collect()
}

// BJ-3, BJ-S29
#[rstest]
#[case::ordinary("scan-1", &[])]
#[case::upper_case_is_left_to_the_server("Scan", &[])]
#[case::dotted("a.b", &["metadata.name"])]
#[case::empty("", &["metadata.name"])]
#[case::longest(&"n".repeat(63), &[])]
#[case::too_long(&"n".repeat(64), &["metadata.name"])]
fn names_have_to_fit_in_a_label(#[case] name: &str, #[case] expected: &[&str]) {
    assert_eq!(refused(name, &json!({})), expected);
}

const RESTART: &str = "spec.template.spec.restartPolicy";
const TTL: &str = "spec.completionPolicy.ttlSecondsAfterFinished";
const DEADLINE: &str = "spec.completionPolicy.activeDeadlineSeconds";

fn template(restart_policy: &Value, labels: &Value) -> Value {
    json!({ "template": { "metadata": { "labels": labels }, "spec": { "restartPolicy": restart_policy } } })
}

fn never(policy: &Value) -> Value {
    let mut policy = policy.clone();
    policy["type"] = json!("Never");
    json!({ "completionPolicy": policy })
}

// BJ-S29
#[rstest]
// BJ-5
#[case::on_failure(template(&json!("OnFailure"), &json!({})), &[])]
#[case::omitted(template(&json!(null), &json!({})), &[RESTART])]
#[case::always(template(&json!("Always"), &json!({})), &[RESTART])]
// BJ-6
#[case::name(template(&json!("Never"), &json!({ "broadcastjob-name": "x" })),
    &["spec.template.metadata.labels.broadcastjob-name"])]
#[case::uid(template(&json!("Never"), &json!({ "broadcastjob-controller-uid": "x" })),
    &["spec.template.metadata.labels.broadcastjob-controller-uid"])]
#[case::empty(template(&json!("Never"), &json!({ "broadcastjob-name": "", "broadcastjob-controller-uid": "" })), &[])]
// BJ-4
#[case::never(never(&json!({})), &[])]
#[case::never_with_ttl(never(&json!({ "ttlSecondsAfterFinished": 10 })), &[TTL])]
#[case::never_with_deadline(never(&json!({ "activeDeadlineSeconds": 0 })), &[DEADLINE])]
#[case::always_with_both(json!({ "completionPolicy": { "ttlSecondsAfterFinished": 0, "activeDeadlineSeconds": 1 } }), &[])]
// BJ-8
#[case::parallelism(json!({ "parallelism": "abc" }), &[])]
#[case::negative(json!({
    "parallelism": -1, "failurePolicy": { "restartLimit": -1 },
    "completionPolicy": { "ttlSecondsAfterFinished": -1, "activeDeadlineSeconds": -1 },
}), &[])]
#[case::unknown_words(json!({ "completionPolicy": { "type": "Later" }, "failurePolicy": { "type": "Later" } }), &[])]
#[case::unreadable(json!({ "template": { "metadata": { "labels": 1 } } }), &["spec.template"])]
fn what_can_never_work_is_refused(#[case] change: Value, #[case] expected: &[&str]) {
    assert_eq!(refused("scan", &change), expected);
}

// BJ-8: words that mean nothing act like Always and like Continue.
#[rstest]
#[case(json!({}), false, "FailFast")]
#[case(json!({ "completionPolicy": { "type": "" }, "failurePolicy": { "type": "" } }), false, "FailFast")]
#[case(json!({ "completionPolicy": { "type": "Later" }, "failurePolicy": { "type": "Later" } }), false, "Continue")]
#[case(json!({ "completionPolicy": { "type": "Never" }, "failurePolicy": { "type": "Pause" } }), true, "Pause")]
fn policies_mean(#[case] spec: Value, #[case] never_completes: bool, #[case] on_failure: &str) {
    let spec: v1beta1::BroadcastJobSpec = serde_json::from_value(spec).unwrap();
    assert_eq!(spec.never_completes(), never_completes);
    assert_eq!(spec.on_failure().as_str(), on_failure);
}

// BJ-60
#[rstest]
#[case("Complete", "True", true)]
#[case("Failed", "True", true)]
#[case("Complete", "False", false)]
#[case("Waiting", "True", false)]
fn a_job_has_ended_when_a_condition_says_so(
    #[case] type_: &str,
    #[case] status: &str,
    #[case] expected: bool,
) {
    let status = json!({ "conditions": [{ "type": type_, "status": status }] });
    let status: v1beta1::BroadcastJobStatus = serde_json::from_value(status).unwrap();
    assert_eq!(status.has_ended(), expected);
}
