//! WorkloadSpread: its versions, and what is refused.

use kruise_api::{
    apps::{v1alpha1, v1beta1::WorkloadSpread},
    conversion::{convert, convert_typed},
    kinds::workloadspread::validation::{
        ANSWER_CODE, is_supported_workload, patched_template, template_kind, validate,
    },
    white_list::WhiteList,
};
use rstest::rstest;
use serde_json::{Value, json};

use crate::every_kind::{Version, version};

pub(crate) fn versions() -> Vec<Version> {
    let judge = |spread: WorkloadSpread, stored: Option<WorkloadSpread>| {
        validate(&spread, stored.as_ref(), &WhiteList::default(), &stored)
    };
    vec![
        version(move |spread: v1alpha1::WorkloadSpread, stored| {
            let stored = stored.map(|stored| convert_typed(&stored).unwrap());
            judge(convert_typed(&spread).unwrap(), stored)
        })
        .settles(settle),
        version(judge).settles(settle),
    ]
}

/// WS-1: a condition has a reason, and no generation.
fn settle(object: &mut Value) {
    let mut lists = Vec::new();
    let status = object.get_mut("status").and_then(Value::as_object_mut);
    for (name, part) in status.into_iter().flatten() {
        match name.as_str() {
            "subsetStatuses" => lists.push(part),
            "versionedSubsetStatuses" => lists.extend(part.as_object_mut().unwrap().values_mut()),
            _ => {}
        }
    }
    let subsets = lists.into_iter().filter_map(Value::as_array_mut).flatten();
    let conditions = subsets
        .filter_map(|subset| subset.get_mut("conditions")?.as_array_mut())
        .flatten();
    for condition in conditions {
        condition
            .as_object_mut()
            .unwrap()
            .remove("observedGeneration");
        if condition.get("reason").is_none_or(|reason| reason == "") {
            condition["reason"] = json!("Unknown");
        }
    }
}

const V1ALPHA1: &str = "apps.kruise.io/v1alpha1";
const V1BETA1: &str = "apps.kruise.io/v1beta1";

fn object(api_version: &str, spec: &Value) -> Value {
    let mut object = json!({
        "apiVersion": api_version,
        "kind": "WorkloadSpread",
        "metadata": { "name": "s", "namespace": "ns" },
        "spec": {
            "targetRef": { "apiVersion": "apps.kruise.io/v1beta1", "kind": "CloneSet", "name": "web" },
            "subsets": [{ "name": "a" }],
        },
    });
    json_patch::merge(&mut object["spec"], spec);
    object
}

fn spread(name: &str, spec: &Value) -> WorkloadSpread {
    let mut object = object(V1BETA1, spec);
    object["metadata"]["name"] = json!(name);
    serde_json::from_value(object).unwrap()
}

// WS-1, WS-S16
#[test]
fn requirements_on_nodes_have_other_names() {
    let required =
        json!({ "matchExpressions": [{ "key": "zone", "operator": "In", "values": ["z1"] }] });
    let preferred = json!([{ "weight": 5, "preference": required }]);
    let rest = json!({
        "targetFilter": { "selector": { "matchLabels": { "role": "worker" } }, "replicasPathList": ["spec.x"] },
        "scheduleStrategy": { "type": "Adaptive", "adaptive": { "rescheduleCriticalSeconds": 30 } },
    });
    let subset = json!({
        "name": "a", "maxReplicas": "30%", "tolerations": [{ "key": "k", "operator": "Exists" }],
        "patch": { "metadata": { "labels": { "a": null } } },
    });
    let in_version = |api_version: &str, names: [&str; 2]| {
        let mut subset = subset.clone();
        subset[names[0]] = required.clone();
        subset[names[1]] = preferred.clone();
        let mut object = object(api_version, &rest);
        object["spec"]["subsets"] = json!([subset]);
        object
    };
    let old = in_version(
        V1ALPHA1,
        ["requiredNodeSelectorTerm", "preferredNodeSelectorTerms"],
    );
    let new = in_version(V1BETA1, ["requiredNodeSelector", "preferredNodeSelector"]);
    assert_eq!(convert(old.clone(), V1BETA1).unwrap(), new);
    assert_eq!(convert(new, V1ALPHA1).unwrap(), old);
}

const TIME: &str = "2026-01-10T08:00:00Z";

fn with_condition(api_version: &str, condition: &Value) -> Value {
    let subset = json!({
        "name": "a", "replicas": 2, "missingReplicas": -1, "creatingPods": { "web-x": TIME },
        "deletingPods": { "web-y": TIME }, "conditions": [condition],
    });
    let mut object = object(api_version, &json!({}));
    object["status"] = json!({
        "observedGeneration": 3, "subsetStatuses": [subset],
        "versionedSubsetStatuses": { "versionIgnored": [subset], "abc": [] },
    });
    object
}

/// Of v1alpha1, and of v1beta1.
// WS-1
#[rstest]
#[case(
    json!({ "type": "Schedulable", "status": "False", "reason": "PodUnschedulable", "lastTransitionTime": TIME }),
    json!({
        "type": "Schedulable", "status": "False", "reason": "PodUnschedulable", "lastTransitionTime": TIME,
        "message": "",
    }),
)]
#[case(
    json!({ "type": "Schedulable", "status": "True", "message": "m" }),
    json!({
        "type": "Schedulable", "status": "True", "reason": "Unknown", "lastTransitionTime": null, "message": "m",
    }),
)]
fn conditions_of_v1alpha1_get_a_reason(#[case] old: Value, #[case] new: Value) {
    let (old, new) = (
        with_condition(V1ALPHA1, &old),
        with_condition(V1BETA1, &new),
    );
    assert_eq!(convert(old, V1BETA1).unwrap(), new);
}

// WS-1
#[test]
fn conditions_of_v1beta1_lose_their_generation() {
    let old = json!({
        "type": "Schedulable", "status": "True", "reason": "Sufficient", "lastTransitionTime": TIME, "message": "m",
    });
    let mut new = old.clone();
    new["observedGeneration"] = json!(4);
    let there = convert(with_condition(V1BETA1, &new), V1ALPHA1).unwrap();
    assert_eq!(there, with_condition(V1ALPHA1, &old));
}

fn white_list() -> WhiteList {
    let text = r#"{ "workloads": [
        { "Group": "kubeflow.org", "Kind": "TFJob", "subResources": [{ "Group": "x.io", "Kind": "Sub" }] },
        { "Group": "x.io", "Kind": "Job" }
    ] }"#;
    WhiteList::parse(text).unwrap()
}

// WS-2, WS-S31
#[rstest]
#[case("apps", "Deployment", true)]
#[case("apps", "ReplicaSet", true)]
#[case("apps", "StatefulSet", true)]
#[case("apps.kruise.io", "StatefulSet", true)]
#[case("apps.kruise.io", "CloneSet", true)]
#[case("batch", "Job", true)]
#[case("kubeflow.org", "TFJob", true)]
#[case::not_listed("x.io", "TFJob", false)]
#[case::sub_resource("x.io", "Sub", false)]
#[case::foreign_job("x.io", "Job", false)]
#[case("apps", "DaemonSet", false)]
#[case("apps", "CloneSet", false)]
fn workloads_are_those_of_kubernetes_and_of_the_white_list(
    #[case] group: &str,
    #[case] kind: &str,
    #[case] expected: bool,
) {
    assert_eq!(is_supported_workload(group, kind, &white_list()), expected);
    let api_version = format!("{group}/v7");
    let spec = json!({ "targetRef": { "apiVersion": api_version, "kind": kind } });
    let errors = validate(&spread("s", &spec), None, &white_list(), []);
    assert_eq!(errors.is_empty(), expected, "{errors}");
}

// WS-2, WS-S30
#[rstest]
#[case::itself("s", json!({}), false)]
#[case::another("t", json!({}), true)]
#[case::another_version("t", json!({ "targetRef": { "apiVersion": "apps.kruise.io/v1alpha1" } }), true)]
#[case::another_name("t", json!({ "targetRef": { "name": "db" } }), false)]
#[case::another_kind("t", json!({ "targetRef": { "kind": "StatefulSet" } }), false)]
fn a_workload_has_one(#[case] name: &str, #[case] stored: Value, #[case] is_refused: bool) {
    let new = spread("s", &json!({}));
    let errors = validate(&new, None, &WhiteList::default(), [&spread(name, &stored)]);
    assert_eq!(!errors.is_empty(), is_refused, "{errors}");
    assert_eq!(ANSWER_CODE, 400);
}

// WS-2, WS-S27
#[rstest]
#[case(2, 295)]
#[case(3, 147)]
#[case(4, 98)]
#[case(5, 73)]
fn all_subsets_but_the_last_share_the_time(#[case] n_subsets: usize, #[case] most: i32) {
    let subsets: Vec<_> = (0..n_subsets)
        .map(|n| json!({ "name": n.to_string() }))
        .collect();
    for (seconds, is_right) in [(most, true), (most + 1, false)] {
        let adaptive = json!({ "rescheduleCriticalSeconds": seconds });
        let spec = json!({ "subsets": subsets, "scheduleStrategy": { "type": "Adaptive", "adaptive": adaptive } });
        let errors = validate(&spread("s", &spec), None, &WhiteList::default(), []);
        assert_eq!(errors.is_empty(), is_right, "{seconds}: {errors}");
    }
}

fn expression(key: &str, operator: &str, values: &[&str]) -> Value {
    json!({ "matchExpressions": [{ "key": key, "operator": operator, "values": values }] })
}

fn field(key: &str, operator: &str, values: &[&str]) -> Value {
    json!({ "matchFields": [{ "key": key, "operator": operator, "values": values }] })
}

// WS-2: as Kubernetes judges pods.
#[rstest]
#[case(expression("a/b", "In", &["x", ""]), &[])]
#[case(expression("a", "NotIn", &[]), &["matchExpressions[0].values"])]
#[case(expression("a", "Exists", &["x"]), &["matchExpressions[0].values"])]
#[case(expression("a", "DoesNotExist", &[]), &[])]
#[case(expression("a", "Gt", &["3"]), &[])]
#[case(expression("a", "Lt", &["3", "4"]), &["matchExpressions[0].values"])]
#[case(expression("", "Is", &[]), &["matchExpressions[0].operator", "matchExpressions[0].key"])]
#[case(field("metadata.name", "In", &["node-1"]), &[])]
#[case(field("metadata.name", "NotIn", &["a", "b"]), &["matchFields[0].values"])]
#[case(field("metadata.name", "In", &["A_"]), &["matchFields[0].values[0]"])]
#[case(field("spec.x", "Exists", &[]), &["matchFields[0].operator", "matchFields[0].key"])]
fn requirements_on_nodes_are_judged(#[case] term: Value, #[case] expected: &[&str]) {
    let subset = json!({
        "name": "a", "requiredNodeSelector": term, "preferredNodeSelector": [{ "weight": 1, "preference": term }],
    });
    let paths = [
        "requiredNodeSelector",
        "preferredNodeSelector[0].preference",
    ];
    let expected: Vec<_> = paths
        .iter()
        .flat_map(|path| {
            expected
                .iter()
                .map(move |field| format!("spec.subsets[0].{path}.{field}"))
        })
        .collect();
    assert_eq!(refused(&json!({ "subsets": [subset] })), expected);
}

// WS-2: values are judged where nodes are required alone.
#[test]
fn values_that_no_label_can_have_are_refused_where_nodes_are_required() {
    let term = expression("a", "In", &["b", "-"]);
    let subset = json!({
        "name": "a", "requiredNodeSelector": term, "preferredNodeSelector": [{ "weight": 100, "preference": term }],
    });
    let expected = ["spec.subsets[0].requiredNodeSelector.matchExpressions[0].values[1]"];
    assert_eq!(refused(&json!({ "subsets": [subset] })), expected);
}

// WS-2
#[rstest]
#[case(json!({ "operator": "Exists" }), &[])]
#[case(json!({ "key": "a", "value": "b", "effect": "NoSchedule" }), &[])]
#[case(json!({ "key": "a", "effect": "NoExecute", "tolerationSeconds": 5 }), &[])]
#[case(json!({ "value": "b" }), &["operator"])]
#[case(json!({ "key": "a b" }), &["key"])]
#[case(json!({ "key": "a", "value": "-" }), &["value"])]
#[case(json!({ "key": "a", "operator": "In" }), &["operator"])]
#[case(json!({ "key": "a", "effect": "Never" }), &["effect"])]
#[case(json!({ "key": "a", "tolerationSeconds": 5 }), &["effect"])]
fn tolerations_are_judged(#[case] toleration: Value, #[case] expected: &[&str]) {
    let expected: Vec<_> = expected
        .iter()
        .map(|field| format!("spec.subsets[0].tolerations[0].{field}"))
        .collect();
    let spec = json!({ "subsets": [{ "name": "a", "tolerations": [toleration] }] });
    assert_eq!(refused(&spec), expected);
}

fn refused(spec: &Value) -> Vec<String> {
    let errors = validate(&spread("s", spec), None, &WhiteList::default(), []);
    errors.iter().map(|error| error.field.clone()).collect()
}

// WS-2, WS-P5
#[rstest]
#[case("apps.kruise.io/v1alpha1", "CloneSet", Some(("apps.kruise.io", "CloneSet")))]
#[case("apps/v1", "Deployment", Some(("apps", "Deployment")))]
#[case("batch/v1", "Job", Some(("batch", "Job")))]
#[case::of_kubernetes("apps.kruise.io/v1beta1", "StatefulSet", Some(("apps", "StatefulSet")))]
#[case::listed("kubeflow.org/v1", "TFJob", None)]
fn patches_are_tried_on_templates_of(
    #[case] api_version: &str,
    #[case] kind: &str,
    #[case] expected: Option<(&str, &str)>,
) {
    let target = json!({ "targetRef": { "apiVersion": api_version, "kind": kind } });
    assert_eq!(
        template_kind(&spread("s", &target).spec.target_ref),
        expected
    );
}

// WS-2, WS-P6
#[test]
fn a_patch_is_merged_with_the_template() {
    let template = json!({
        "metadata": { "labels": { "app": "web" } },
        "spec": { "containers": [{ "name": "app", "image": "acme/app:1" }], "volumes": [{ "name": "data" }] },
    });
    let patch = json!({
        "metadata": { "labels": { "subset": "b" } },
        "spec": { "containers": [{ "name": "app", "env": [{ "name": "A", "value": "b" }] }] },
    });
    let patched = patched_template(1, &patch, &template).unwrap();
    assert_eq!(
        patched["metadata"]["labels"],
        json!({ "app": "web", "subset": "b" })
    );
    assert_eq!(patched["spec"]["containers"][0]["image"], "acme/app:1");
    assert_eq!(patched["spec"]["containers"][0]["env"][0]["name"], "A");
    // With its defaults.
    assert_eq!(patched["spec"]["restartPolicy"], "Always");
}

// WS-2
#[rstest]
#[case::no_object(json!("x"))]
#[case::not_mergeable(json!({ "spec": { "containers": [{ "image": "acme/app:2" }] } }))]
#[case::no_template(json!({ "spec": { "containers": 5 } }))]
fn a_patch_that_makes_no_pod_is_refused(#[case] patch: Value) {
    let template = json!({ "spec": { "containers": [{ "name": "app" }] } });
    let error = patched_template(1, &patch, &template).unwrap_err();
    assert_eq!(error.field, "spec.subsets[1].patch");
}
