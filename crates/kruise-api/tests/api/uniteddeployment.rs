//! UnitedDeployment: its versions, its defaults, its four kinds of template. The rest of what is refused stands in
//! tests/validation.

use std::collections::BTreeMap;

use kruise_api::{
    apps::{v1alpha1, v1beta1},
    conversion::convert,
    int_or_string::IntOrString,
    kinds::uniteddeployment::{
        clone_set_template, defaults,
        size::{SizeError, resolve},
        validation::{ANSWER_CODE, validate},
    },
};
use rstest::rstest;
use serde_json::{Map, Value, json};

use crate::every_kind::{Version, version};

pub(crate) fn versions() -> Vec<Version> {
    let judge = |mut deployment: v1beta1::UnitedDeployment,
                 old: Option<v1beta1::UnitedDeployment>| {
        defaults::fill(&mut deployment.spec);
        if let Some(template) = &mut deployment.spec.template {
            defaults::fill_template(template);
        }
        validate(&deployment, old.as_ref())
    };
    vec![
        version(
            move |deployment: v1alpha1::UnitedDeployment, old: Option<_>| {
                judge(deployment.into(), old.map(v1alpha1::UnitedDeployment::into))
            },
        )
        .settles(settle_v1alpha1),
        version(judge).settles(settle_v1beta1),
    ]
}

const V1ALPHA1: &str = "apps.kruise.io/v1alpha1";
const V1BETA1: &str = "apps.kruise.io/v1beta1";

fn numbers(map: &Value) -> BTreeMap<String, Value> {
    serde_json::from_value(map.clone()).unwrap_or_default()
}

/// Sets a number in each status of this name, or in a new one.
fn set(statuses: &mut Vec<Value>, name: &str, field: &str, number: &Value) {
    let is_named = |status: &&mut Value| status["name"].as_str().unwrap_or_default() == name;
    let named: Vec<_> = statuses.iter_mut().filter(is_named).collect();
    if named.is_empty() {
        statuses.push(json!({ "name": name, field: number }));
    } else {
        for status in named {
            status[field] = number.clone();
        }
    }
}

/// A number of each named group; the last of several of a name counts.
fn by_name(statuses: &[Value], field: &str) -> Map<String, Value> {
    let named = statuses.iter().filter_map(|status| {
        let name = status["name"].as_str().filter(|name| !name.is_empty())?;
        let number = status[field].as_i64().unwrap_or(0);
        Some((name.to_owned(), json!(number)))
    });
    named.collect()
}

/// UD-2 and UD-3: maps and statuses say the same.
fn settle_v1alpha1(object: &mut Value) {
    let status = &mut object["status"];
    let mut statuses = status["subsetStatuses"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    for (name, number) in numbers(&status["subsetReplicas"]) {
        set(&mut statuses, &name, "replicas", &number);
    }
    let update = status["updateStatus"].clone();
    for (name, number) in numbers(&update["currentPartitions"]) {
        set(&mut statuses, &name, "partition", &number);
    }
    let revision = update["updatedRevision"].as_str().unwrap_or_default();
    let members = status.as_object_mut().unwrap();
    members.remove("updateStatus");
    if !revision.is_empty() || !statuses.is_empty() {
        members.insert(
            "updateStatus".to_owned(),
            json!({ "updatedRevision": revision, "currentPartitions": by_name(&statuses, "partition") }),
        );
    }
    members.insert(
        "subsetReplicas".to_owned(),
        json!(by_name(&statuses, "replicas")),
    );
    members.insert("subsetStatuses".to_owned(), json!(statuses));
}

/// UD-3 and UD-2: of several statuses of a name, the last counts.
fn settle_v1beta1(object: &mut Value) {
    let Some(Value::Array(statuses)) = object.pointer_mut("/status/subsetStatuses") else {
        return;
    };
    for field in ["replicas", "partition"] {
        for (name, number) in by_name(statuses, field) {
            set(statuses, &name, field, &number);
        }
    }
}

fn object(api_version: &str, status: &Value) -> Value {
    let mut object = json!({
        "apiVersion": api_version,
        "kind": "UnitedDeployment",
        "metadata": { "name": "web" },
        "spec": { "selector": {}, "template": { "deploymentTemplate": { "spec": { "x": [null] } } } },
        "status": { "replicas": 3, "updatedReplicas": 0, "currentRevision": "web-1" },
    });
    json_patch::merge(&mut object["status"], status);
    object
}

// UD-1, UD-2
#[rstest]
#[case::nothing(json!({}), json!({}))]
#[case::revision(
    json!({ "updateStatus": { "updatedRevision": "web-2" } }),
    json!({ "updatedRevision": "web-2" }),
)]
#[case::maps_win(
    json!({
        "subsetReplicas": { "a": 2, "c": 3 },
        "updateStatus": { "updatedRevision": "web-2", "currentPartitions": { "a": 1, "b": 4 } },
        "subsetStatuses": [{ "name": "a", "replicas": 9, "readyReplicas": 1, "partition": 9 }],
    }),
    json!({
        "updatedRevision": "web-2",
        "subsetStatuses": [
            { "name": "a", "replicas": 2, "readyReplicas": 1, "partition": 1 },
            { "name": "c", "replicas": 3 },
            { "name": "b", "partition": 4 },
        ],
    }),
)]
fn maps_become_statuses(#[case] old: Value, #[case] new: Value) {
    let (old, new) = (object(V1ALPHA1, &old), object(V1BETA1, &new));
    assert_eq!(convert(old.clone(), V1BETA1).unwrap(), new);
    let typed: v1alpha1::UnitedDeployment = serde_json::from_value(old).unwrap();
    let typed: v1beta1::UnitedDeployment = typed.into();
    assert_eq!(typed, serde_json::from_value(new).unwrap());
}

// UD-1, UD-3
#[rstest]
#[case::nothing(json!({}), json!({}))]
#[case::revision_only(
    json!({ "updatedRevision": "web-2" }),
    json!({ "updateStatus": { "updatedRevision": "web-2" } }),
)]
#[case::zeros_count(
    json!({ "subsetStatuses": [{ "name": "a" }, { "name": "b", "replicas": 2, "partition": 1 }, { "replicas": 7 }] }),
    json!({
        "subsetReplicas": { "a": 0, "b": 2 },
        "updateStatus": { "currentPartitions": { "a": 0, "b": 1 } },
        "subsetStatuses": [{ "name": "a" }, { "name": "b", "replicas": 2, "partition": 1 }, { "replicas": 7 }],
    }),
)]
#[case::no_name(
    json!({ "subsetStatuses": [{ "replicas": 7 }] }),
    json!({ "updateStatus": {}, "subsetStatuses": [{ "replicas": 7 }] }),
)]
fn statuses_become_maps(#[case] new: Value, #[case] old: Value) {
    let (old, new) = (object(V1ALPHA1, &old), object(V1BETA1, &new));
    assert_eq!(convert(new.clone(), V1ALPHA1).unwrap(), old);
    let typed: v1beta1::UnitedDeployment = serde_json::from_value(new).unwrap();
    let typed: v1alpha1::UnitedDeployment = typed.into();
    assert_eq!(typed, serde_json::from_value(old).unwrap());
}

// PF-926
#[rstest]
#[case::nothing(json!({}), json!({}))]
#[case::v1beta1(
    json!({ "type": "OnDelete", "rollingUpdate": { "partition": 1 } }),
    json!({ "type": "OnDelete", "rollingUpdate": { "partition": 1 } }),
)]
#[case::rolling_update_wins(
    json!({ "rollingUpdate": { "partition": 1 }, "partition": 2, "maxSurge": 1 }),
    json!({ "rollingUpdate": { "partition": 1 } }),
)]
#[case::flat(
    json!({ "type": "InPlaceIfPossible", "partition": 2, "priorityStrategy": { "orderPriority": [] }, "futureField": 1 }),
    json!({
        "type": "RollingUpdate", "futureField": 1,
        "rollingUpdate": {
            "podUpdatePolicy": "InPlaceIfPossible", "partition": 2, "priorityStrategy": { "orderPriority": [] },
        },
    }),
)]
#[case::flat_without_type(
    json!({ "maxUnavailable": "5%" }),
    json!({ "type": "RollingUpdate", "rollingUpdate": { "maxUnavailable": "5%" } }),
)]
#[case::only_a_policy(
    json!({ "type": "InPlaceOnly" }),
    json!({ "type": "RollingUpdate", "rollingUpdate": { "podUpdatePolicy": "InPlaceOnly" } }),
)]
#[case::flat_on_delete(
    json!({ "type": "OnDelete", "paused": true }),
    json!({ "type": "OnDelete", "rollingUpdate": { "paused": true } }),
)]
#[case::type_only(json!({ "type": "RollingUpdate" }), json!({ "type": "RollingUpdate" }))]
fn clone_sets_are_read_in_both_forms(#[case] written: Value, #[case] expected: Value) {
    let spec = json!({
        "replicas": 3, "selector": {}, "template": {}, "updateStrategy": written,
        "scaleStrategy": { "enablePVCReuse": true },
    });
    let spec: v1beta1::CloneSetTemplateSpec = serde_json::from_value(spec).unwrap();
    let spec = serde_json::to_value(clone_set_template::into_v1beta1(spec)).unwrap();
    assert_eq!(spec["updateStrategy"], expected);
    assert_eq!(spec["scaleStrategy"], json!({ "enablePVCReuse": true }));
    let _: v1beta1::CloneSetSpec = serde_json::from_value(spec).unwrap();
}

fn spec(change: &Value) -> v1beta1::UnitedDeploymentSpec {
    let mut spec = json!({ "selector": { "matchLabels": { "app": "web" } } });
    json_patch::merge(&mut spec, change);
    serde_json::from_value(spec).unwrap()
}

// UD-4 to UD-8
#[rstest]
#[case::nothing(json!({}), json!(null))]
#[case::no_bounds(json!([{ "name": "a" }]), json!([{ "name": "a" }]))]
#[case::maximum(
    json!([{ "name": "a", "maxReplicas": 5 }, { "name": "b" }, { "name": "c", "minReplicas": "5%" }]),
    json!([
        { "name": "a", "maxReplicas": 5, "minReplicas": 0 }, { "name": "b", "minReplicas": 0 },
        { "name": "c", "minReplicas": "5%" },
    ]),
)]
#[case::sizes(
    json!([{ "name": "a", "maxReplicas": 5 }, { "name": "b", "replicas": 1 }]),
    json!([{ "name": "a", "maxReplicas": 5 }, { "name": "b", "replicas": 1 }]),
)]
fn what_is_left_open_gets_its_default(#[case] subsets: Value, #[case] expected: Value) {
    let topology = if subsets.is_array() {
        json!({ "subsets": subsets })
    } else {
        Value::Null
    };
    let mut spec = spec(&json!({ "topology": topology }));
    defaults::fill(&mut spec);
    let written = serde_json::to_value(&spec).unwrap();
    assert_eq!(written["replicas"], 1);
    assert_eq!(written["revisionHistoryLimit"], 10);
    assert_eq!(
        written["updateStrategy"],
        json!({ "type": "Manual", "manualUpdate": {} })
    );
    assert_eq!(written["topology"]["subsets"], expected);
}

// UD-9
#[test]
fn only_stateful_sets_of_kubernetes_get_defaults_here() {
    let pods = || json!({ "spec": { "containers": [{ "name": "app" }] } });
    let template = json!({
        "statefulSetTemplate": { "spec": { "template": pods(), "volumeClaimTemplates": [{ "spec": {} }] } },
        "advancedStatefulSetTemplate": { "spec": { "selector": {}, "template": pods() } },
        "cloneSetTemplate": { "spec": { "selector": {}, "template": pods() } },
        "deploymentTemplate": { "spec": { "template": pods() } },
    });
    let mut filled: v1beta1::SubsetTemplate = serde_json::from_value(template.clone()).unwrap();
    defaults::fill_template(&mut filled);
    let mut filled = serde_json::to_value(filled).unwrap();
    let stateful = filled["statefulSetTemplate"]["spec"].take();
    assert_eq!(stateful["template"]["spec"]["restartPolicy"], "Always");
    assert_eq!(
        stateful["template"]["spec"]["containers"][0]["imagePullPolicy"],
        "Always"
    );
    assert_eq!(
        stateful["volumeClaimTemplates"][0]["status"]["phase"],
        "Pending"
    );
    let mut others = template;
    others["statefulSetTemplate"]["spec"] = Value::Null;
    assert_eq!(filled, others);
}

// UD-23
#[rstest]
#[case(json!(0), Some(5), Ok(0))]
#[case(json!(7), None, Ok(7))]
#[case(json!(-1), Some(5), Err(SizeError::Unreadable))]
#[case(json!("50%"), Some(5), Ok(3))]
#[case(json!("49%"), Some(5), Ok(2))]
#[case(json!("30%"), Some(5), Ok(2))]
#[case(json!("29%"), Some(5), Ok(1))]
#[case(json!("100%"), Some(i32::MAX), Ok(i32::MAX))]
#[case(json!("50%"), None, Err(SizeError::OfNothing))]
#[case(json!("101%"), Some(5), Err(SizeError::Unreadable))]
#[case(json!("5"), Some(5), Err(SizeError::Unreadable))]
#[case(json!("-5%"), Some(5), Err(SizeError::Unreadable))]
#[case(json!("0.5%"), Some(5), Err(SizeError::Unreadable))]
fn sizes_round_half_up(
    #[case] size: Value,
    #[case] total: Option<i32>,
    #[case] expected: Result<i32, SizeError>,
) {
    let size: IntOrString = serde_json::from_value(size).unwrap();
    assert_eq!(resolve(&size, total), expected);
}

fn with_template(template: &Value, reserves: bool) -> v1beta1::UnitedDeployment {
    let topology = json!({
        "subsets": [{ "name": "a" }],
        "scheduleStrategy": { "type": "Adaptive", "adaptive": { "reserveUnschedulablePods": reserves } },
    });
    let mut deployment = v1beta1::UnitedDeployment {
        spec: spec(&json!({ "template": template, "topology": topology })),
        ..Default::default()
    };
    defaults::fill(&mut deployment.spec);
    deployment
}

fn stateful(change: &Value) -> Value {
    let mut template = json!({ "statefulSetTemplate": {
        "metadata": { "labels": { "app": "web" } },
        "spec": { "template": { "metadata": { "labels": { "app": "web" } }, "spec": { "restartPolicy": "Always" } } },
    } });
    json_patch::merge(&mut template["statefulSetTemplate"], change);
    template
}

fn advanced(change: &Value) -> Value {
    let mut template = json!({ "advancedStatefulSetTemplate": {
        "metadata": { "labels": { "app": "web" } },
        "spec": { "selector": {}, "template": { "metadata": { "labels": { "app": "web" } } } },
    } });
    json_patch::merge(&mut template["advancedStatefulSetTemplate"], change);
    template
}

fn clone_set() -> Value {
    json!({ "cloneSetTemplate": { "spec": { "selector": {}, "template": {} } } })
}

fn rolling(terms: &Value) -> Value {
    json!({ "spec": { "updateStrategy": { "type": "RollingUpdate", "rollingUpdate": terms } } })
}

const SPEC: &str = "spec.template.statefulSetTemplate.spec";

// UD-11
#[rstest]
#[case::right(stateful(&json!({})), false, &[])]
#[case::reserving(stateful(&json!({})), true, &["spec.topology.scheduleStrategy"])]
#[case::not_a_set(stateful(&json!({ "spec": { "replicas": "x" } })), false, &[".spec"])]
#[case::not_metadata(stateful(&json!({ "metadata": { "labels": 1 } })), false, &[".metadata"])]
#[case::labels(stateful(&json!({ "metadata": null })), false, &[".metadata.labels"])]
#[case::replicas(stateful(&json!({ "spec": { "replicas": 0 } })), false, &[".spec.replicas"])]
#[case::partition(
    stateful(&rolling(&json!({ "partition": 0 }))), false, &[".spec.updateStrategy.rollingUpdate.partition"],
)]
#[case::no_type(stateful(&json!({ "spec": { "updateStrategy": { "rollingUpdate": { "partition": 3 } } } })), false, &[])]
#[case::policy(stateful(&json!({ "spec": { "podManagementPolicy": "Random" } })), false, &[".spec.podManagementPolicy"])]
#[case::type_(stateful(&json!({ "spec": { "updateStrategy": { "type": "Never" } } })), false, &[".spec.updateStrategy.type"])]
#[case::on_delete(
    stateful(&json!({ "spec": { "updateStrategy": { "type": "OnDelete", "rollingUpdate": {} } } })), false,
    &[".spec.updateStrategy.rollingUpdate"],
)]
#[case::zero(
    stateful(&rolling(&json!({ "maxUnavailable": "0%" }))), false, &[".spec.updateStrategy.rollingUpdate.maxUnavailable"],
)]
#[case::above_all(
    stateful(&rolling(&json!({ "maxUnavailable": "101%" }))), false, &[".spec.updateStrategy.rollingUpdate.maxUnavailable"],
)]
#[case::retention(
    stateful(&json!({ "spec": { "persistentVolumeClaimRetentionPolicy": { "whenScaled": "Drop" } } })), false,
    // Nor is the other word filled in.
    &[
        ".spec.persistentVolumeClaimRetentionPolicy.whenDeleted", ".spec.persistentVolumeClaimRetentionPolicy.whenScaled",
    ],
)]
#[case::negative(
    stateful(&json!({ "spec": { "minReadySeconds": -1, "ordinals": { "start": -1 } } })), false,
    &[".spec.minReadySeconds", ".spec.ordinals.start"],
)]
#[case::pod_labels(
    stateful(&json!({ "spec": { "template": { "metadata": { "labels": { "app": "other", "-": "x" } } } } })), false,
    &[".spec.template.labels", ".spec.template.metadata.labels"],
)]
#[case::restart_policy_left_open(
    stateful(&json!({ "spec": { "template": { "spec": { "restartPolicy": null } } } })), false,
    &[".spec.template.spec.restartPolicy"],
)]
#[case::restart_policy(
    stateful(&json!({ "spec": { "template": { "spec": { "restartPolicy": "Never", "activeDeadlineSeconds": 5 } } } })), false,
    &[".spec.template.spec.restartPolicy", ".spec.template.spec.activeDeadlineSeconds"],
)]
#[case::advanced(advanced(&json!({ "spec": { "podManagementPolicy": "Random" } })), false, &[])]
#[case::advanced_reserving(advanced(&json!({})), true, &["spec.topology.scheduleStrategy"])]
#[case::advanced_labels(advanced(&json!({ "metadata": null })), false, &[".metadata.labels"])]
#[case::clone_set(clone_set(), true, &[])]
fn templates_have_the_rules_of_their_kinds(
    #[case] template: Value,
    #[case] reserves: bool,
    #[case] expected: &[&str],
) {
    let errors = validate(&with_template(&template, reserves), None);
    let fields: Vec<_> = errors.iter().map(|error| error.field.as_str()).collect();
    let at = SPEC.strip_suffix(".spec").unwrap();
    let expected = expected.iter().map(|field| {
        if field.starts_with('.') {
            format!("{at}{field}")
        } else {
            (*field).to_owned()
        }
    });
    assert_eq!(fields, expected.collect::<Vec<_>>(), "{errors}");
    assert_eq!(ANSWER_CODE, 422);
}

fn claim() -> Value {
    json!({ "metadata": { "name": "data" }, "spec": { "resources": { "requests": { "storage": "1Gi" } } } })
}

const ADVANCED: &str = "spec.template.advancedStatefulSetTemplate.spec";

// UD-13
#[rstest]
#[case::what_may_change(
    stateful(&json!({ "spec": { "podManagementPolicy": "OrderedReady" } })),
    stateful(&json!({ "spec": {
        "minReadySeconds": 5, "ordinals": { "start": 1 }, "updateStrategy": { "type": "OnDelete" },
        "persistentVolumeClaimRetentionPolicy": { "whenDeleted": "Retain", "whenScaled": "Delete" }, "serviceName": "",
        "volumeClaimTemplates": [],
        "template": { "metadata": { "annotations": { "a": "b" } } }, "selector": { "matchLabels": {} },
    } })),
    None,
)]
#[case::defaults_of_claims(
    stateful(&json!({ "spec": { "volumeClaimTemplates": [claim()] } })),
    stateful(&json!({ "spec": { "volumeClaimTemplates": [{
        "metadata": { "name": "data" }, "status": { "phase": "Pending" },
        "spec": { "resources": { "requests": { "storage": "1024Mi" } } },
    }] } })),
    None,
)]
#[case::claims(
    stateful(&json!({ "spec": { "volumeClaimTemplates": [claim()] } })), stateful(&json!({})), Some(SPEC),
)]
#[case::service(stateful(&json!({})), stateful(&json!({ "spec": { "serviceName": "web" } })), Some(SPEC))]
#[case::policy(
    stateful(&json!({})), stateful(&json!({ "spec": { "podManagementPolicy": "Parallel" } })), Some(SPEC),
)]
#[case::advanced(
    advanced(&json!({})),
    advanced(&json!({ "spec": {
        "updateStrategy": { "type": "OnDelete" }, "template": { "metadata": { "annotations": { "a": "b" } } },
    } })),
    None,
)]
// OpenKruise writes the strategy empty where nothing was said.
#[case::advanced_empty(
    advanced(&json!({ "spec": {
        "volumeClaimUpdateStrategy": {}, "updateStrategy": {}, "volumeClaimTemplates": [], "selector": { "matchLabels": {} },
    } })),
    advanced(&json!({})),
    None,
)]
#[case::advanced_selector(
    advanced(&json!({})), advanced(&json!({ "spec": { "selector": { "matchLabels": { "app": "web" } } } })), Some(ADVANCED),
)]
#[case::advanced_other(
    advanced(&json!({})), advanced(&json!({ "spec": { "reserveOrdinals": [1] } })), Some(ADVANCED),
)]
#[case::other_kind(stateful(&json!({})), advanced(&json!({ "spec": { "reserveOrdinals": [1] } })), None)]
#[case::clone_set(
    clone_set(), json!({ "cloneSetTemplate": { "spec": { "selector": {}, "template": {}, "minReadySeconds": 5 } } }), None,
)]
fn templates_change_only_in_part(
    #[case] old: Value,
    #[case] new: Value,
    #[case] expected: Option<&str>,
) {
    let errors = validate(
        &with_template(&new, false),
        Some(&with_template(&old, false)),
    );
    let fields: Vec<_> = errors.iter().map(|error| error.field.as_str()).collect();
    assert_eq!(fields, Vec::from_iter(expected), "{errors}");
}
