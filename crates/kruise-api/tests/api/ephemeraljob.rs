//! EphemeralJob on the wire, and what is refused that the table in tests/validation can't say.

use kruise_api::{
    apps::v1alpha1::{EphemeralJob, EphemeralJobPhase, EphemeralJobSpec},
    kinds::ephemeraljob::validation,
    validation::{FieldError, FieldPath},
};
use rstest::rstest;
use serde_json::{Value, json};

use crate::{
    every_kind::{Version, version},
    instances::{definition, schema},
};

pub(crate) fn versions() -> Vec<Version> {
    vec![version(|job: EphemeralJob, _| {
        validation::validate(&job.spec)
    })]
}

fn spec(containers: &Value) -> EphemeralJobSpec {
    let spec = json!({ "selector": {}, "template": { "ephemeralContainers": containers } });
    serde_json::from_value(spec).unwrap()
}

/// What is wrong with a container in which these fields are changed.
fn refused(change: &Value) -> Vec<String> {
    let mut container = json!({
        "name": "debug", "image": "busybox:1.36", "imagePullPolicy": "IfNotPresent", "terminationMessagePolicy": "File",
    });
    json_patch::merge(&mut container, change);
    let errors = validation::validate(&spec(&json!([container])));
    errors.iter().map(|error| error.field.clone()).collect()
}

// EphemeralJob, 2
#[test]
fn the_definition_has_one_version_with_columns_and_no_rules() {
    let crd = definition("EphemeralJob");
    assert_eq!(crd["spec"]["names"]["shortNames"], json!(["ejob"]));
    let version = &crd["spec"]["versions"][0];
    assert_eq!(version["subresources"], json!({ "status": {} }));
    let columns = version["additionalPrinterColumns"].as_array().unwrap();
    let names: Vec<&str> = columns
        .iter()
        .map(|it| it["name"].as_str().unwrap())
        .collect();
    assert_eq!(
        names,
        [
            "STATUS", "MATCH", "SUCCEED", "FAILED", "RUNNING", "WAITING", "AGE"
        ]
    );
    assert!(!crd.to_string().contains("x-kubernetes-validations"));
    let spec = &schema("EphemeralJob", "v1alpha1")["properties"]["spec"];
    assert_eq!(spec["required"], json!(["selector", "template"]));
}

// EJ-24: no selector selects nothing, an empty one everything.
#[test]
fn an_absent_selector_is_no_empty_one() {
    let absent: EphemeralJobSpec = serde_json::from_value(json!({ "template": {} })).unwrap();
    assert!(absent.selector.is_none());
    assert!(spec(&json!([])).selector.is_some());
}

// EphemeralJob, 2: counts and phase are always written.
#[test]
fn a_fresh_status_has_counts_and_an_empty_phase() {
    let job = EphemeralJob::default();
    assert_eq!(
        serde_json::to_value(job).unwrap()["status"],
        json!({ "phase": "", "match": 0, "running": 0, "succeeded": 0, "waiting": 0, "failed": 0 })
    );
    assert_eq!(EphemeralJobPhase::from("Paused"), EphemeralJobPhase::Paused);
}

// EJ-3
#[rstest]
#[case::absent("ports", json!(null), true)]
#[case::empty("ports", json!([]), true)]
#[case::ports("ports", json!([{ "containerPort": 80 }]), false)]
#[case::empty_resources("resources", json!({}), true)]
#[case::resources("resources", json!({ "limits": { "cpu": "1" } }), false)]
#[case::probe("livenessProbe", json!({}), false)]
#[case::restart_policy("restartPolicy", json!("Always"), false)]
#[case::resize_policy("resizePolicy", json!([{ "resourceName": "cpu", "restartPolicy": "NotRequired" }]), false)]
#[case::of_the_future("futureField", json!(false), false)]
#[case::target("targetContainerName", json!("nobody"), true)]
#[case::tty("tty", json!(true), true)]
#[case::devices("volumeDevices", json!([{ "name": "a", "devicePath": "/dev/a" }]), true)]
fn only_some_fields_may_be_set(
    #[case] field: &str,
    #[case] value: Value,
    #[case] is_allowed: bool,
) {
    let errors = refused(&json!({ field: value }));
    let expected = (!is_allowed).then(|| format!("ephemeralContainers[0].{field}"));
    assert_eq!(errors, expected.into_iter().collect::<Vec<_>>());
}

// EJ-4: without the relaxations of newer servers.
#[rstest]
#[case("PATH", true)]
#[case("a.b-c_1", true)]
#[case("1A", false)]
#[case("a$b", false)]
#[case(".", false)]
#[case("..a", false)]
fn names_in_the_environment_are_strict(#[case] name: &str, #[case] is_right: bool) {
    let errors = refused(&json!({
        "env": [{ "name": "A" }, { "name": name, "value": "v" }],
        "envFrom": [{ "prefix": name, "secretRef": { "name": "s" } }],
    }));
    let expected: &[&str] = if is_right {
        &[]
    } else {
        &[
            "ephemeralContainers[0].env[1].name",
            "ephemeralContainers[0].envFrom[0].prefix",
        ]
    };
    assert_eq!(errors, expected);
}

// PF-211: an object that can't be decoded.
#[rstest]
#[case(json!("none"), "ephemeralContainers")]
#[case(json!([5]), "ephemeralContainers[0]")]
#[case(json!([{ "name": {} }]), "ephemeralContainers[0]")]
#[case(json!([{ "env": "A" }]), "ephemeralContainers[0]")]
fn what_is_no_container_is_told(#[case] containers: Value, #[case] field: &str) {
    let errors = validation::validate(&spec(&containers));
    let told: Vec<_> = errors
        .iter()
        .map(|error| (error.field.as_str(), error.kind.reason()))
        .collect();
    assert_eq!(told, [(field, "FieldValueTypeInvalid")]);
}

// EJ-4, DV-EJ10
#[test]
fn the_server_is_asked_about_env_and_security() {
    let spec = spec(&json!([{
        "name": "debug", "image": "busybox:1.36", "imagePullPolicy": "Always", "targetContainerName": "app",
        "env": [{ "name": "A", "valueFrom": {} }], "securityContext": { "runAsUser": -1 },
        "volumeMounts": [{ "name": "data", "mountPath": "/data" }],
    }]));
    assert_eq!(
        validation::as_pod_template(&spec),
        json!({ "spec": { "containers": [{
            "name": "debug", "image": "busybox:1.36",
            "env": [{ "name": "A", "valueFrom": {} }], "securityContext": { "runAsUser": -1 },
        }] } })
    );
    for (told, expected) in [
        (
            "spec.template.spec.containers[0].env[0].valueFrom",
            "ephemeralContainers[0].env[0].valueFrom",
        ),
        ("spec.template.spec", "spec.template.spec"),
    ] {
        let error = FieldError::required(&FieldPath::new(told), "must specify one");
        let error = validation::of_pod_template(error);
        assert_eq!(error.field, expected);
        assert_eq!(error.detail, "must specify one");
    }
}
