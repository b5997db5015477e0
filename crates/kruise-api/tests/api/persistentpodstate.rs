//! PersistentPodState: its versions, and what is refused.

use kruise_api::{
    apps::{v1alpha1, v1beta1::PersistentPodState},
    conversion::{convert, convert_typed},
    kinds::persistentpodstate::validation::{ANSWER_CODE, is_supported_workload, validate},
    white_list::WhiteList,
};
use rstest::rstest;
use serde_json::{Value, json};

use crate::every_kind::{Version, version};

pub(crate) fn versions() -> Vec<Version> {
    let judge = |state: PersistentPodState, stored: Option<PersistentPodState>| {
        validate(&state, stored.as_ref(), &WhiteList::default(), &stored)
    };
    vec![
        version(move |state: v1alpha1::PersistentPodState, stored| {
            let stored = stored.map(|stored| convert_typed(&stored).unwrap());
            judge(convert_typed(&state).unwrap(), stored)
        })
        .settles(settle_v1alpha1),
        version(judge),
    ]
}

/// PS-2, DV-PS1
fn settle_v1alpha1(object: &mut Value) {
    let Some(spec) = object["spec"].as_object_mut() else {
        return;
    };
    let is_known = |policy: &Value| policy == "WhenScaled" || policy == "WhenDeleted";
    spec.retain(|name, value| name != "persistentPodStateRetentionPolicy" || is_known(value));
    let preferred = spec.get_mut("preferredPersistentTopology");
    for term in preferred
        .and_then(Value::as_array_mut)
        .into_iter()
        .flatten()
    {
        if let Some(weight) = term["weight"].as_i64() {
            term["weight"] = json!(weight.max(0));
        }
    }
}

const V1ALPHA1: &str = "apps.kruise.io/v1alpha1";
const V1BETA1: &str = "apps.kruise.io/v1beta1";

fn object(api_version: &str, change: &Value) -> Value {
    let mut object = json!({
        "apiVersion": api_version,
        "kind": "PersistentPodState",
        "metadata": { "name": "p", "namespace": "ns1" },
        "spec": {
            "targetRef": { "apiVersion": "apps.kruise.io/v1beta1", "kind": "StatefulSet", "name": "web" },
        },
    });
    json_patch::merge(&mut object, change);
    object
}

/// Of v1alpha1, of v1beta1, and of v1alpha1 when it comes back.
// PS-1, PS-2, DV-PS1, PS-S18
#[rstest]
#[case::required(
    json!({ "spec": { "requiredPersistentTopology": { "nodeTopologyKeys": ["x", "y"] } } }),
    json!({ "spec": { "requiredPersistentTopology": { "keys": ["x", "y"] } } }),
    None,
)]
#[case::preferred(
    json!({ "spec": { "preferredPersistentTopology": [{ "weight": 7, "preference": { "nodeTopologyKeys": ["x"] } }] } }),
    json!({ "spec": { "preferredPersistentTopology": [{ "weight": 7, "preference": { "keys": ["x"] } }] } }),
    None,
)]
#[case::no_keys(
    json!({ "spec": {
        "requiredPersistentTopology": { "nodeTopologyKeys": [] },
        "preferredPersistentTopology": [{ "weight": 1, "preference": { "nodeTopologyKeys": [] } }],
    } }),
    json!({ "spec": {
        "requiredPersistentTopology": { "keys": [] },
        "preferredPersistentTopology": [{ "weight": 1, "preference": { "keys": [] } }],
    } }),
    None,
)]
#[case::what_is_empty(
    json!({
        "spec": { "persistentPodAnnotations": [], "preferredPersistentTopology": [] },
        "status": { "observedGeneration": 2, "podStates": {} },
    }),
    json!({ "status": { "observedGeneration": 2 } }),
    Some(json!({ "status": { "observedGeneration": 2 } })),
)]
#[case::negative_weight(
    json!({ "spec": { "preferredPersistentTopology": [{ "weight": -7, "preference": { "nodeTopologyKeys": [] } }] } }),
    json!({ "spec": { "preferredPersistentTopology": [{ "weight": 0, "preference": { "keys": [] } }] } }),
    Some(json!({ "spec": {
        "preferredPersistentTopology": [{ "weight": 0, "preference": { "nodeTopologyKeys": [] } }],
    } })),
)]
#[case::policy(
    json!({ "spec": { "persistentPodStateRetentionPolicy": "WhenDeleted" } }),
    json!({ "spec": { "persistentPodStateRetentionPolicy": "WhenDeleted" } }),
    None,
)]
#[case::unknown_policy(
    json!({ "spec": { "persistentPodStateRetentionPolicy": "Never" } }), json!({}), Some(json!({})),
)]
#[case::the_rest(
    json!({
        "metadata": { "annotations": { "a": "b" } },
        "spec": { "persistentPodAnnotations": [{ "key": "cni/ip" }] },
        "status": { "observedGeneration": 2, "podStates": {
            "web-0": { "nodeName": "n1", "nodeTopologyLabels": { "zone": "a" }, "annotations": { "cni/ip": "10.0.0.5" } },
            "web-1": {},
        } },
    }),
    json!({
        "metadata": { "annotations": { "a": "b" } },
        "spec": { "persistentPodAnnotations": [{ "key": "cni/ip" }] },
        "status": { "observedGeneration": 2, "podStates": {
            "web-0": { "nodeName": "n1", "nodeTopologyLabels": { "zone": "a" }, "annotations": { "cni/ip": "10.0.0.5" } },
            "web-1": {},
        } },
    }),
    None,
)]
fn keys_have_another_name(
    #[case] old: Value,
    #[case] new: Value,
    #[case] comes_back: Option<Value>,
) {
    let (old, new) = (object(V1ALPHA1, &old), object(V1BETA1, &new));
    assert_eq!(convert(old.clone(), V1BETA1).unwrap(), new);
    let comes_back = comes_back.map_or(old, |change| object(V1ALPHA1, &change));
    assert_eq!(convert(new, V1ALPHA1).unwrap(), comes_back);
}

fn state(name: &str, api_version: &str, kind: &str) -> PersistentPodState {
    let change = json!({
        "metadata": { "name": name },
        "spec": {
            "targetRef": { "apiVersion": api_version, "kind": kind },
            "requiredPersistentTopology": { "keys": ["zone"] },
        },
    });
    serde_json::from_value(object(V1BETA1, &change)).unwrap()
}

fn white_list() -> WhiteList {
    WhiteList::parse(
        r#"{ "workloads": [{ "Group": "game.io", "Version": "v1", "Kind": "GameSet" }] }"#,
    )
    .unwrap()
}

// PS-7, PS-S12, PS-S13, PS-S15
#[rstest]
#[case("apps/v1", "StatefulSet", true)]
#[case("apps.kruise.io/v1alpha1", "StatefulSet", true)]
#[case("game.io/v2", "GameSet", true)]
#[case("game.io/v1", "StatefulSet", false)]
#[case("apps/v1", "Deployment", false)]
#[case("v1", "StatefulSet", false)]
#[case("apps/v1/x", "StatefulSet", false)]
fn workloads_are_statefulsets_and_those_of_the_white_list(
    #[case] api_version: &str,
    #[case] kind: &str,
    #[case] expected: bool,
) {
    let state = state("p", api_version, kind);
    let target = &state.spec.target_ref;
    assert_eq!(
        is_supported_workload(target.group(), kind, &white_list()),
        expected
    );
    assert_eq!(
        validate(&state, None, &white_list(), []).is_empty(),
        expected
    );
}

// PS-6, PS-7, PS-8, PS-S15
#[test]
fn an_empty_reference_is_refused_for_two_reasons() {
    let change = json!({ "spec": { "targetRef": { "apiVersion": "", "kind": "", "name": "" } } });
    let state = serde_json::from_value(object(V1BETA1, &change)).unwrap();
    let errors = validate(&state, None, &WhiteList::default(), []);
    let fields: Vec<_> = errors.iter().map(|error| error.field.as_str()).collect();
    assert_eq!(fields, ["spec.targetRef", "spec.targetRef", "spec"]);
    assert_eq!(ANSWER_CODE, 400);
}

// PS-10, PS-S16
#[rstest]
#[case::itself("p", "apps.kruise.io/v1beta1", "StatefulSet", false)]
#[case::another_version("q", "apps.kruise.io/v1alpha1", "StatefulSet", true)]
#[case::another_group("q", "apps/v1", "StatefulSet", false)]
#[case::another_kind("q", "apps.kruise.io/v1beta1", "GameSet", false)]
fn a_workload_has_one(
    #[case] name: &str,
    #[case] api_version: &str,
    #[case] kind: &str,
    #[case] is_refused: bool,
) {
    let new = state("p", "apps.kruise.io/v1beta1", "StatefulSet");
    let stored = state(name, api_version, kind);
    let errors = validate(&new, None, &WhiteList::default(), [&stored]);
    assert_eq!(!errors.is_empty(), is_refused, "{errors}");
}
