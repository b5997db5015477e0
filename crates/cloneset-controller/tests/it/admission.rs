//! Admission from the request to the answer, without a server.

use std::sync::{Arc, Mutex};

use cloneset_controller::{
    admission::{Validator, mutate, refusals},
    snapshot::Gates,
};
use futures::future::{BoxFuture, FutureExt};
use kruise_api::{
    conversion::convert,
    pod::Pod,
    resource::ObjectKey,
    validation::{FieldError, FieldErrors, FieldPath},
};
use kruise_runtime::{
    Metrics, ProtectionLabels, ProtectionLog, StatusCause,
    webhook::{
        Admission, AdmissionRequest, AdmissionResponse,
        kind::{NoTemplateCheck, TemplateCheck},
    },
};
use rstest::rstest;
use serde_json::{Value, json};

pub(crate) fn cloneset(version: &str, spec: Value) -> Value {
    json!({
        "apiVersion": format!("apps.kruise.io/{version}"),
        "kind": "CloneSet",
        "metadata": { "name": "web", "namespace": "shop", "uid": "set-uid" },
        "spec": spec,
    })
}

pub(crate) fn spec(patch: Value) -> Value {
    let mut spec = json!({
        "selector": { "matchLabels": { "app": "web" } },
        "template": {
            "metadata": { "labels": { "app": "web" } },
            "spec": { "containers": [{ "name": "app", "image": "acme/app:1" }] },
        },
    });
    for (field, value) in patch.as_object().unwrap() {
        spec[field] = value.clone();
    }
    spec
}

/// A request about these objects, as the API server sends it.
pub(crate) fn request(
    operation: &str,
    object: Option<&Value>,
    old: Option<&Value>,
) -> AdmissionRequest {
    let any = object.or(old).unwrap();
    let version = any["apiVersion"].as_str().unwrap().rsplit('/').next();
    review(json!({
        "operation": operation,
        "object": object,
        "oldObject": old,
        "resource": { "group": "apps.kruise.io", "version": version, "resource": "clonesets" },
    }))
}

fn review(patch: Value) -> AdmissionRequest {
    let mut request = json!({
        "uid": "r1",
        "kind": { "group": "apps.kruise.io", "version": "v1beta1", "kind": "CloneSet" },
        "name": "web",
        "namespace": "shop",
        "userInfo": { "username": "alice" },
    });
    for (field, value) in patch.as_object().unwrap() {
        request[field] = value.clone();
    }
    let review = json!({
        "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": request,
    });
    AdmissionRequest::from_review(review.to_string().as_bytes()).unwrap()
}

/// The object after the answer's patch.
pub(crate) fn patched(object: &Value, answer: &AdmissionResponse) -> Value {
    assert!(answer.is_allowed(), "{}", answer.message());
    let mut object = object.clone();
    json_patch::patch(&mut object, answer.operations()).unwrap();
    object
}

pub(crate) fn mutated(object: &Value, gates: &Gates) -> Value {
    patched(
        object,
        &mutate(&request("CREATE", Some(object), None), gates),
    )
}

fn validator() -> Validator {
    Validator {
        deletion_protection: true,
        find_pod: Box::new(|key: &ObjectKey| {
            let owner = json!([{ "apiVersion": "apps.kruise.io/v1beta1", "kind": "CloneSet",
                                 "name": "web", "uid": "set-uid", "controller": true }]);
            let pod = json!({ "metadata": { "ownerReferences": owner }, "spec": {}, "status": {} });
            let pod: Pod = serde_json::from_value(pod).unwrap();
            (*key == ObjectKey::new("shop", "web-a")).then(|| Arc::new(pod))
        }),
        template_check: Box::new(NoTemplateCheck),
        metrics: Metrics::unregistered(),
        protection_log: ProtectionLog::default(),
    }
}

fn answered(validator: &Validator, request: &AdmissionRequest) -> AdmissionResponse {
    // Nothing here waits for anybody.
    validator.admit(request).now_or_never().unwrap()
}

pub(crate) fn validated(request: &AdmissionRequest) -> AdmissionResponse {
    answered(&validator(), request)
}

// CS-6 to CS-9
#[rstest]
#[case("v1beta1", json!({
    "type": "RollingUpdate",
    "rollingUpdate": {
        "podUpdatePolicy": "ReCreate", "partition": 0, "maxUnavailable": "20%", "maxSurge": 0,
    },
}))]
#[case("v1alpha1", json!({
    "type": "ReCreate", "partition": 0, "maxUnavailable": "20%", "maxSurge": 0,
}))]
fn defaults_are_filled_in(#[case] version: &str, #[case] strategy: Value) {
    let object = cloneset(version, spec(json!({})));
    let object = mutated(&object, &Gates::default());
    assert_eq!(object["spec"]["replicas"], 1);
    assert_eq!(object["spec"]["revisionHistoryLimit"], 10);
    assert_eq!(object["spec"]["updateStrategy"], strategy);
    let pod = &object["spec"]["template"]["spec"];
    assert_eq!(pod["restartPolicy"], "Always");
    assert_eq!(pod["containers"][0]["imagePullPolicy"], "Always");
}

// PF-212: nothing is lost, and nothing is written that isn't a default.
#[test]
fn what_no_type_knows_stays() {
    let mut object = cloneset(
        "v1beta1",
        spec(json!({
            "fromTheFuture": { "a": null },
            "updateStrategy": { "rollingUpdate": { "soon": 1 }, "later": [] },
        })),
    );
    object["metadata"]["managedFields"] = json!([{ "manager": "kubectl" }]);
    object["metadata"]["creationTimestamp"] = Value::Null;
    object["spec"]["template"]["spec"]["containers"][0]["newer"] = json!({ "b": [1] });
    let after = mutated(&object, &Gates::default());
    assert_eq!(after["metadata"], object["metadata"]);
    assert_eq!(after["spec"]["fromTheFuture"], json!({ "a": null }));
    assert_eq!(after["spec"]["updateStrategy"]["rollingUpdate"]["soon"], 1);
    assert_eq!(after["spec"]["updateStrategy"]["later"], json!([]));
    assert_eq!(
        after["spec"]["template"]["spec"]["containers"][0]["newer"],
        json!({ "b": [1] })
    );
    assert_eq!(after.get("status"), None);
}

// CS-10
#[test]
fn nothing_to_fill_in_is_no_patch() {
    let object = cloneset(
        "v1beta1",
        spec(json!({ "volumeClaimTemplates": [{ "metadata": { "name": "data" } }] })),
    );
    let object = mutated(&object, &Gates::default());
    let answer = mutate(&request("CREATE", Some(&object), None), &Gates::default());
    assert!(answer.is_allowed());
    assert!(answer.operations().is_empty(), "{:?}", answer.operations());
}

// CS-9: (template changes, gate TemplateNoDefaults, template gets defaults)
#[rstest]
#[case(true, false, true)]
#[case(true, true, false)]
#[case(false, false, false)]
fn a_stored_template_stays_as_it_is(
    #[case] changes: bool,
    #[case] no_defaults: bool,
    #[case] defaulted: bool,
) {
    let old = cloneset("v1beta1", spec(json!({})));
    let mut new = old.clone();
    new["spec"]["replicas"] = json!(7);
    new["spec"]["volumeClaimTemplates"] = json!([{ "metadata": { "name": "data" } }]);
    if changes {
        new["spec"]["template"]["spec"]["containers"][0]["image"] = json!("acme/app:2");
    }
    let gates = Gates {
        template_no_defaults: no_defaults,
        ..Gates::default()
    };
    let answer = mutate(&request("UPDATE", Some(&new), Some(&old)), &gates);
    let after = patched(&new, &answer);
    assert_eq!(
        after["spec"]["template"]["spec"]["dnsPolicy"].is_string(),
        defaulted
    );
    assert_eq!(
        after["spec"]["volumeClaimTemplates"][0]["status"].is_object(),
        defaulted
    );
    assert_eq!(after["spec"]["updateStrategy"]["type"], "RollingUpdate");
}

// CS-9: (gate, uses the host's network, host port)
#[rstest]
#[case(true, true, json!(80))]
#[case(true, false, Value::Null)]
#[case(false, true, Value::Null)]
fn host_ports_have_a_gate(#[case] gate: bool, #[case] host_network: bool, #[case] port: Value) {
    let mut object = cloneset("v1beta1", spec(json!({})));
    let pod = &mut object["spec"]["template"]["spec"];
    pod["hostNetwork"] = json!(host_network);
    pod["containers"][0]["ports"] =
        json!([{ "containerPort": 80 }, { "containerPort": 1, "hostPort": 2 }]);
    let gates = Gates {
        default_host_ports: gate,
        ..Gates::default()
    };
    let ports = &mutated(&object, &gates)["spec"]["template"]["spec"]["containers"][0]["ports"];
    assert_eq!(ports[0]["hostPort"], port);
    assert_eq!(ports[1]["hostPort"], 2);
}

// PF-213, and CS-6: only the resource itself is reviewed. (patch of the request, code)
#[rstest]
#[case(json!({ "resource": { "group": "apps.kruise.io", "version": "v1", "resource": "clonesets" } }), 400)]
#[case(json!({ "resource": { "group": "apps.kruise.io", "version": "v1beta1", "resource": "statefulsets" } }), 400)]
#[case(json!({ "resource": { "group": "apps", "version": "v1beta1", "resource": "clonesets" } }), 400)]
#[case(json!({ "subResource": "scale", "object": { "kind": "Scale" } }), 200)]
#[case(json!({ "object": { "apiVersion": "apps.kruise.io/v1beta1", "kind": "CloneSet", "spec": { "replicas": "x" } } }), 400)]
#[case(json!({ "object": { "apiVersion": "apps.kruise.io/v1alpha1", "kind": "CloneSet" } }), 400)]
#[case(json!({ "object": null }), 400)]
fn what_is_not_a_cloneset(#[case] patch: Value, #[case] code: u16) {
    let mut of = json!({
        "operation": "CREATE",
        "object": cloneset("v1beta1", spec(json!({}))),
        "resource": { "group": "apps.kruise.io", "version": "v1beta1", "resource": "clonesets" },
    });
    for (field, value) in patch.as_object().unwrap() {
        of[field] = value.clone();
    }
    let request = review(of);
    assert_eq!(mutate(&request, &Gates::default()).code(), code);
    assert_eq!(validated(&request).code(), code);
}

// PF-211
#[test]
fn a_refusal_is_422_and_lists_what_is_wrong() {
    let object = cloneset(
        "v1beta1",
        spec(json!({ "replicas": -1, "updateStrategy": { "type": "Never" } })),
    );
    let answer = validated(&request("CREATE", Some(&object), None));
    assert_eq!(answer.code(), 422);
    assert!(
        answer
            .message()
            .starts_with("[spec.replicas: Invalid value: -1: "),
        "{}",
        answer.message()
    );
    assert!(
        answer
            .message()
            .contains("spec.updateStrategy.type: Unsupported value: \"Never\"")
    );
}

// PF-211: the reference can't decode it.
#[test]
fn a_template_that_is_none_is_400() {
    let object = cloneset(
        "v1beta1",
        spec(json!({ "template": { "spec": { "containers": "app" } } })),
    );
    assert_eq!(
        validated(&request("CREATE", Some(&object), None)).code(),
        400
    );
}

// PF-907: an absent field is what it will be read as, also where no webhook filled it in.
#[rstest]
#[case("v1beta1")]
#[case("v1alpha1")]
fn what_was_not_defaulted_is_valid(#[case] version: &str) {
    let object = cloneset(version, spec(json!({})));
    let answer = validated(&request("CREATE", Some(&object), None));
    assert!(answer.is_allowed(), "{}", answer.message());
}

// CS-14: pods are looked for in the request's namespace.
#[test]
fn pods_to_delete_are_looked_for() {
    let with = |name: &str| {
        cloneset(
            "v1alpha1",
            spec(json!({ "scaleStrategy": { "podsToDelete": [name] } })),
        )
    };
    let old = cloneset("v1alpha1", spec(json!({})));
    assert!(validated(&request("UPDATE", Some(&with("web-a")), Some(&old))).is_allowed());
    let refused = validated(&request("UPDATE", Some(&with("web-b")), Some(&old)));
    assert_eq!(refused.code(), 422);
}

// CS-12, and CS-13 for an object made through v1beta1 (CS-S37)
#[test]
fn updates_are_compared_with_what_is_there() {
    let old = cloneset("v1beta1", spec(json!({})));
    let mut new = old.clone();
    new["spec"]["selector"] =
        json!({ "matchExpressions": [{ "key": "app", "operator": "Exists" }] });
    let refused = validated(&request("UPDATE", Some(&new), Some(&old)));
    assert_eq!(
        (refused.code().as_u16(), refused.message()),
        (422, "spec: Forbidden: spec.selector can't be changed")
    );

    let on_delete = cloneset(
        "v1beta1",
        spec(json!({ "updateStrategy": { "type": "OnDelete" } })),
    );
    assert!(validated(&request("UPDATE", Some(&on_delete), Some(&old))).is_allowed());
    let as_v1alpha1 = convert(on_delete, "apps.kruise.io/v1alpha1").unwrap();
    let refused = validated(&request("UPDATE", Some(&as_v1alpha1), Some(&as_v1alpha1)));
    assert!(
        refused
            .message()
            .starts_with("spec.updateStrategy.type: Unsupported value: \"OnDelete\""),
        "{}",
        refused.message()
    );
}

fn protected(version: &str, label: &str, replicas: Value) -> Value {
    let mut set = cloneset(version, spec(json!({ "replicas": replicas })));
    set["metadata"]["labels"] = json!({ "policy.kruise.io/delete-protection": label });
    set
}

// CS-21, DP-8 to DP-13, DP-21, DP-23, DP-25, DP-S8
#[rstest]
#[case("v1beta1")]
#[case("v1alpha1")]
fn a_protected_set_is_not_deleted(#[case] version: &str) {
    let log = tempfile::TempDir::new().unwrap();
    let mut validator = Validator {
        protection_log: ProtectionLog::open(log.path()).unwrap(),
        ..validator()
    };
    let refused = protected(version, "Cascading", json!(3));
    let request_for = |set: &Value| request("DELETE", None, Some(set));
    let answer = answered(&validator, &request_for(&refused));
    assert_eq!(answer.code(), 403);
    assert!(
        answer.message().ends_with("=Cascading and replicas 3>0"),
        "{}",
        answer.message()
    );
    let labels = ProtectionLabels {
        kind_namespace_name: "CloneSet_shop_web".to_owned(),
        username: "alice".to_owned(),
    };
    let count = |validator: &Validator| {
        let counter = &validator.metrics.workload_deletion_protection;
        counter.get_or_create(&labels).get()
    };
    assert_eq!(count(&validator), 1);

    for allowed in [
        protected(version, "Cascading", json!(0)),
        protected(version, "Cascading", Value::Null),
        cloneset(version, spec(json!({ "replicas": 3 }))),
    ] {
        assert!(answered(&validator, &request_for(&allowed)).is_allowed());
    }
    // DP-8
    let nothing = review(json!({
        "operation": "DELETE",
        "resource": { "group": "apps.kruise.io", "version": version, "resource": "clonesets" },
    }));
    assert!(answered(&validator, &nothing).is_allowed());
    // DP-10: the gate is off.
    validator.deletion_protection = false;
    assert!(answered(&validator, &request_for(&refused)).is_allowed());
    assert_eq!(count(&validator), 1);
    let written = std::fs::read_to_string(log.path().join("protection.log")).unwrap();
    let lines: Vec<Value> = written
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(
        lines,
        [json!({
            "Event": "DeletionProtection", "Kind": "CloneSet", "Namespace": "shop", "Name": "web",
            "UserAgent": "alice",
        })]
    );
}

/// Refuses every template, and remembers it.
#[derive(Clone, Default)]
struct Refusing(Arc<Mutex<Vec<(String, Value)>>>);

impl TemplateCheck for Refusing {
    fn check<'a>(&'a self, namespace: &'a str, template: &'a Value) -> BoxFuture<'a, FieldErrors> {
        self.0
            .lock()
            .unwrap()
            .push((namespace.to_owned(), template.clone()));
        let error = FieldError::required(&FieldPath::new("spec.template.spec.a"), "");
        async { [error].into_iter().collect() }.boxed()
    }
}

fn refusing() -> (Validator, Refusing) {
    let check = Refusing::default();
    let validator = Validator {
        template_check: Box::new(check.clone()),
        ..validator()
    };
    (validator, check)
}

// DV-CS10: each claim is a volume by then.
#[test]
fn a_new_template_is_judged_with_its_claims() {
    let (validator, check) = refusing();
    let object = cloneset(
        "v1beta1",
        spec(json!({ "volumeClaimTemplates": [{ "metadata": { "name": "data" } }] })),
    );
    let answer = answered(&validator, &request("CREATE", Some(&object), None));
    assert_eq!(
        (answer.code().as_u16(), answer.message()),
        (422, "spec.template.spec.a: Required value")
    );
    let asked = check.0.lock().unwrap().clone();
    let mut template = object["spec"]["template"].clone();
    template["spec"]["volumes"] =
        json!([{ "name": "data", "persistentVolumeClaim": { "claimName": "data" } }]);
    let expected = json!({
        "apiVersion": "v1",
        "kind": "PodTemplate",
        "metadata": { "generateName": "kruise-cloneset-" },
        "template": template,
    });
    assert_eq!(asked, [("shop".to_owned(), expected)]);
}

// DV-CS10: (patch of the new object's spec, judged)
#[rstest]
#[case::same(json!({ "replicas": 9 }), false)]
#[case::other_template(json!({ "template": { "metadata": { "labels": { "app": "web" } }, "spec": {} } }), true)]
#[case::other_claims(json!({ "volumeClaimTemplates": [{ "metadata": { "name": "data" } }] }), true)]
// What is wrong is told without the server.
#[case::wrong(json!({ "replicas": -1, "template": { "metadata": { "labels": { "app": "web" } } } }), false)]
fn only_a_new_template_is_judged(#[case] patch: Value, #[case] judged: bool) {
    let (validator, check) = refusing();
    let old = cloneset("v1beta1", spec(json!({})));
    let new = cloneset("v1beta1", spec(patch));
    let _ = answered(&validator, &request("UPDATE", Some(&new), Some(&old)));
    assert_eq!(check.0.lock().unwrap().len(), usize::from(judged));
}

/// A cause as in tests/cloneset-rules/pod-template.json, which a real API server gives in the end-to-end
/// tests.
#[derive(serde::Deserialize)]
struct Said {
    reason: String,
    field: String,
    message: String,
    tolerated: bool,
}

// CS-11, DV-CS10
#[test]
fn what_the_server_says_counts_unless_it_is_tolerated() {
    let file = include_str!("../../../../tests/cloneset-rules/pod-template.json");
    let file: Value = serde_json::from_str(file).unwrap();
    let said: Vec<Said> = serde_json::from_value(file["causes"].clone()).unwrap();
    assert!(said.iter().any(|said| said.tolerated));
    for Said {
        reason,
        field,
        message,
        tolerated,
    } in said
    {
        let expected = (!tolerated).then(|| format!("spec.{field}: {message}"));
        let cause = StatusCause {
            reason,
            field,
            message,
        };
        let told = refusals(&[cause])
            .into_iter()
            .map(|error| error.to_string());
        assert_eq!(told.collect::<Vec<_>>(), Vec::from_iter(expected));
    }
}

// DV-CS10: a policy of somebody's about PodTemplates is none about CloneSets.
#[rstest]
#[case("")]
#[case("metadata.labels")]
fn what_is_not_about_the_template_lets_pass(#[case] field: &str) {
    let cause = StatusCause {
        reason: "FieldValueInvalid".to_owned(),
        field: field.to_owned(),
        message: "Invalid value: \"x\": a valid label must be".to_owned(),
    };
    assert!(refusals(&[cause]).is_empty());
}
