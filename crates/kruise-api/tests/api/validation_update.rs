//! What may change in a CloneSet (CS-12, CS-14, CS-16).

use std::sync::Arc;

use kruise_api::{
    apps::{v1alpha1, v1beta1},
    kinds::cloneset::{defaults, validation},
    pod::Pod,
    validation::{FieldErrorKind, FieldErrors},
};
use rstest::rstest;
use serde_json::{Value, json};

fn spec(patch: &Value) -> Value {
    let mut spec = json!({
        "replicas": 3,
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

fn v1alpha1(spec: &Value) -> v1alpha1::CloneSet {
    let object = json!({
        "apiVersion": "apps.kruise.io/v1alpha1",
        "kind": "CloneSet",
        "metadata": { "name": "web", "uid": "set-uid" },
        "spec": spec,
    });
    let mut set: v1alpha1::CloneSet = serde_json::from_value(object).unwrap();
    defaults::fill_v1alpha1(&mut set.spec);
    set
}

fn v1beta1(spec: &Value) -> v1beta1::CloneSet {
    let mut set: v1beta1::CloneSet = v1alpha1(spec).into();
    defaults::fill_v1beta1(&mut set.spec);
    set
}

/// Pods by name: one of the CloneSet, one that is being deleted, those without a controller, and one of
/// somebody else.
fn find_pod(name: &str) -> Option<Arc<Pod>> {
    let owner = |uid: &str, controller: bool| {
        json!([{ "apiVersion": "v1", "kind": "CloneSet", "name": "web", "uid": uid,
                 "controller": controller }])
    };
    let metadata = match name {
        "ours" => json!({ "ownerReferences": owner("set-uid", true) }),
        "going" => json!({
            "ownerReferences": owner("set-uid", true),
            "deletionTimestamp": "2026-01-10T08:00:00Z",
        }),
        "orphan" => json!({ "ownerReferences": owner("set-uid", false) }),
        "lone" => json!({}),
        "other" => json!({ "ownerReferences": owner("other-uid", true) }),
        _ => return None,
    };
    let pod = json!({ "metadata": metadata, "spec": {}, "status": {} });
    Some(Arc::new(serde_json::from_value(pod).unwrap()))
}

fn fields(errors: &FieldErrors) -> Vec<String> {
    errors.iter().map(|error| error.field.clone()).collect()
}

// CS-12
#[test]
fn the_selector_stays() {
    let old = spec(&json!({}));
    let new = spec(
        &json!({ "selector": { "matchExpressions": [{ "key": "app", "operator": "Exists" }] } }),
    );
    let v1alpha1_errors =
        validation::validate_v1alpha1(&v1alpha1(&new), Some(&v1alpha1(&old)), &find_pod);
    let v1beta1_errors = validation::validate_v1beta1(&v1beta1(&new), Some(&v1beta1(&old)));
    for errors in [v1alpha1_errors, v1beta1_errors] {
        assert_eq!(fields(&errors), ["spec"]);
        assert_eq!(
            errors.iter().next().unwrap().kind,
            FieldErrorKind::Forbidden
        );
    }
}

// CS-12: absent and empty are the same to the reference.
#[test]
fn an_empty_list_of_expressions_is_none() {
    let new =
        spec(&json!({ "selector": { "matchLabels": { "app": "web" }, "matchExpressions": [] } }));
    let old = v1beta1(&spec(&json!({})));
    assert_eq!(
        fields(&validation::validate_v1beta1(&v1beta1(&new), Some(&old))),
        [""; 0]
    );
}

// CS-12: everything else may change.
#[test]
fn all_else_may_change() {
    let new = spec(&json!({
        "replicas": 5,
        "template": { "metadata": { "labels": { "app": "web", "b": "c" } }, "spec": {} },
        "scaleStrategy": { "maxUnavailable": 1 },
        "updateStrategy": { "type": "InPlaceIfPossible", "partition": 1 },
        "minReadySeconds": 1,
        "lifecycle": { "preDelete": { "finalizersHandler": ["a/b"] } },
        "revisionHistoryLimit": 1,
        "volumeClaimTemplates": [{ "metadata": { "name": "data" } }],
        "progressDeadlineSeconds": 9,
    }));
    let old = spec(&json!({}));
    let errors = validation::validate_v1alpha1(&v1alpha1(&new), Some(&v1alpha1(&old)), &find_pod);
    assert!(errors.is_empty(), "{errors}");
    let errors = validation::validate_v1beta1(&v1beta1(&new), Some(&v1beta1(&old)));
    assert!(errors.is_empty(), "{errors}");
}

// CS-12: all rules of creation hold for what an update leaves, changed or not.
#[test]
fn what_was_wrong_before_is_refused_again() {
    let wrong = v1beta1(&spec(&json!({ "replicas": -1 })));
    assert_eq!(
        fields(&validation::validate_v1beta1(&wrong, Some(&wrong))),
        ["spec.replicas"]
    );
}

// CS-14, CS-P7: (names added, names there before, places of those refused)
#[rstest]
#[case(&["ours"], &[], &[])]
#[case(&["going"], &[], &[0])]
#[case(&["orphan"], &[], &[0])]
#[case(&["lone"], &[], &[0])]
#[case(&["other", "ours", "gone"], &[], &[0, 2])]
#[case(&["gone", "other"], &["gone"], &[1])]
#[case(&["gone", "other"], &["other", "gone"], &[])]
fn names_to_delete_are_pods_of_the_set(
    #[case] names: &[&str],
    #[case] before: &[&str],
    #[case] refused: &[usize],
) {
    let with = |names: &[&str]| spec(&json!({ "scaleStrategy": { "podsToDelete": names } }));
    let (new, old) = (with(names), with(before));
    let expected: Vec<_> = refused
        .iter()
        .map(|index| format!("spec.scaleStrategy.podsToDelete[{index}]"))
        .collect();
    let errors = validation::validate_v1alpha1(&v1alpha1(&new), Some(&v1alpha1(&old)), &find_pod);
    assert_eq!(fields(&errors), expected);
    // CS-20
    let errors = validation::validate_v1beta1(&v1beta1(&new), Some(&v1beta1(&old)));
    assert!(errors.is_empty(), "{errors}");
}

// CS-11: after a duplicate nothing else is looked at.
#[test]
fn a_name_given_twice_is_the_only_error() {
    let new = spec(&json!({ "scaleStrategy": { "podsToDelete": ["gone", "gone"] } }));
    let errors = validation::validate_v1alpha1(&v1alpha1(&new), None, &find_pod);
    assert_eq!(fields(&errors), ["spec.scaleStrategy.podsToDelete[1]"]);
}

/// A template whose pod spec is that of [`spec`] with this merged in.
fn template(pod_spec: &Value) -> Value {
    let mut template = spec(&json!({}))["template"].clone();
    for (field, value) in pod_spec.as_object().unwrap() {
        template["spec"][field] = value.clone();
    }
    template
}

// CS-16, CS-S30: (changes of the pod's spec, accepted)
#[rstest]
#[case::nothing(json!({}), true)]
#[case::image(json!({ "containers": [{ "name": "app", "image": "acme/app:2" }] }), true)]
#[case::env(
    json!({ "containers": [{ "name": "app", "image": "acme/app:1", "env": [{ "name": "A" }] }] }),
    false
)]
#[case::another_container(
    json!({ "containers": [{ "name": "app", "image": "acme/app:1" }, { "name": "b", "image": "b" }] }),
    false
)]
#[case::init_image(json!({ "initContainers": [{ "name": "i", "image": "i" }] }), false)]
#[case::no_image(json!({ "containers": [{ "name": "app" }] }), false)]
// A webhook that was installed meanwhile writes these defaults.
#[case::a_default(json!({ "dnsPolicy": "ClusterFirst", "restartPolicy": "Always" }), true)]
fn in_place_only_takes_images_only(#[case] pod_spec: Value, #[case] accepted: bool) {
    let update = json!({ "type": "InPlaceOnly" });
    let old = v1alpha1(&spec(&json!({})));
    let new = json!({ "template": template(&pod_spec), "updateStrategy": update });
    let errors = validation::validate_v1alpha1(&v1alpha1(&spec(&new)), Some(&old), &find_pod);
    let expected: &[&str] = if accepted { &[] } else { &["spec"] };
    assert_eq!(fields(&errors), expected);
    // CS-20: the same change is no error in v1beta1, nor at creation.
    let errors =
        validation::validate_v1beta1(&v1beta1(&spec(&new)), Some(&v1beta1(&spec(&json!({})))));
    assert!(errors.is_empty(), "{errors}");
    let errors = validation::validate_v1alpha1(&v1alpha1(&spec(&new)), None, &find_pod);
    assert!(errors.is_empty(), "{errors}");
}

// CS-16: the template's own metadata is not compared.
#[test]
fn in_place_only_takes_other_labels() {
    let new = spec(&json!({
        "template": {
            "metadata": { "labels": { "app": "web", "b": "c" } },
            "spec": template(&json!({}))["spec"],
        },
        "updateStrategy": { "type": "InPlaceOnly" },
    }));
    let old = v1alpha1(&spec(&json!({})));
    let errors = validation::validate_v1alpha1(&v1alpha1(&new), Some(&old), &find_pod);
    assert!(errors.is_empty(), "{errors}");
}
