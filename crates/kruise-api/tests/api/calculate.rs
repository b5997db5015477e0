use kruise_api::inplace::{
    NotInPlace, Options, Update, calculate as calculate_with, claim_templates_object,
};
use rstest::rstest;
use serde_json::{Value, json};

use crate::support::revision;

fn calculate(old: &Value, new: &Value) -> Result<Update, NotInPlace> {
    calculate_with(old, new, &Options::default())
}

fn container(change: &Value) -> Value {
    let mut container = json!({ "name": "app" });
    container
        .as_object_mut()
        .unwrap()
        .extend(change.as_object().unwrap().clone());
    json!({ "spec": { "containers": [container] } })
}

fn metadata(metadata: &Value) -> Value {
    json!({ "metadata": metadata })
}

// IP-4, IP-5
#[test]
fn image_changes_in_place_ip_5() {
    let update = calculate(
        &revision(&json!({})),
        &revision(&container(&json!({ "image": "acme/app:2" }))),
    );
    let update = update.unwrap();
    assert_eq!(
        update.images.into_iter().collect::<Vec<_>>(),
        [("app".to_owned(), "acme/app:2".to_owned())]
    );
    assert_eq!(update.metadata_patch, None);
}

// IP-12
#[test]
fn no_difference_is_an_update_in_place_ip_12() {
    let same = revision(&json!({}));
    assert_eq!(calculate(&same, &same).unwrap(), Update::default());
}

// IP-8, IP-10, IP-S5: (metadata before, after, patch)
#[rstest]
#[case::changed(
    json!({ "labels": { "tier": "a" } }), json!({ "labels": { "tier": "b" } }),
    json!({ "labels": { "tier": "b" } })
)]
#[case::removed(
    json!({ "labels": { "tier": "a" } }), json!({}),
    json!({ "labels": { "tier": null } })
)]
#[case::first_annotation(
    json!({}), json!({ "annotations": { "cfg": "v1" } }),
    json!({ "annotations": { "cfg": "v1" } })
)]
#[case::last_annotation_goes_alone(
    json!({ "annotations": { "cfg": "v1" } }), json!({}),
    json!({ "annotations": { "cfg": null } })
)]
#[case::slash_in_key(
    json!({ "annotations": { "a/b~c": "1" } }), json!({ "annotations": { "a/b~c": "2" } }),
    json!({ "annotations": { "a/b~c": "2" } })
)]
#[case::finalizers(
    json!({ "finalizers": ["f", "g"] }), json!({ "finalizers": ["g", "h"] }),
    json!({ "finalizers": ["h"], "$deleteFromPrimitiveList/finalizers": ["f"] })
)]
#[case::nothing_that_pods_take_over(
    json!({ "generation": 1 }), json!({ "generation": 2 }), json!({})
)]
fn metadata_changes_in_place_ip_10(
    #[case] before: Value,
    #[case] after: Value,
    #[case] patch: Value,
) {
    let update = calculate(&revision(&metadata(&before)), &revision(&metadata(&after))).unwrap();
    assert_eq!(update.metadata_patch, Some(patch));
    assert!(update.images.is_empty());
}

// IP-4, IP-S21, IP-S22, IP-S25: (change of the template, first path that is refused)
#[rstest]
#[case::env_with_image(
    container(&json!({ "image": "acme/app:2", "env": [{ "name": "MODE", "value": "slow" }] })),
    "/spec/containers/0/env"
)]
#[case::init_image(
    json!({ "spec": { "initContainers": [{ "name": "init", "image": "acme/init:2" }] } }),
    "/spec/initContainers/0/image"
)]
#[case::resources(
    container(&json!({ "resources": { "limits": { "cpu": "1" } } })),
    "/spec/containers/0/resources/limits"
)]
#[case::further_container(
    json!({ "spec": {
        "containers": [{ "name": "more", "image": "x" }],
        "$setElementOrder/containers": [{ "name": "app" }, { "name": "more" }],
    } }),
    "/spec/containers/1"
)]
#[case::command(container(&json!({ "command": ["sh"] })), "/spec/containers/0/command")]
#[case::volume(json!({ "spec": { "volumes": [{ "name": "v" }] } }), "/spec/volumes")]
#[case::host_network(json!({ "spec": { "hostNetwork": true } }), "/spec/hostNetwork")]
fn anything_else_needs_a_new_pod_ip_4(#[case] change: Value, #[case] path: &str) {
    let error = calculate(&revision(&json!({})), &revision(&change)).unwrap_err();
    assert!(error.path.starts_with(path), "{error}");
}

#[test]
fn removed_image_needs_a_new_pod_ip_4() {
    let without = revision(&container(&json!({ "image": null })));
    let error = calculate(&revision(&json!({})), &without).unwrap_err();
    assert_eq!(error.path, "/spec/containers/0/image");
}

// IP-1, DV-IP1
#[rstest]
#[case(json!(null))]
#[case(json!([]))]
#[case(json!({}))]
#[case(json!({ "spec": { "template": "x" } }))]
#[case(json!({ "spec": { "template": { "spec": { "containers": {} } } } }))]
#[case(json!({ "spec": { "template": { "metadata": { "labels": { "a": 1 } } } } }))]
fn what_holds_no_template_is_refused_ip_1(#[case] data: Value) {
    let good = revision(&json!({}));
    assert!(calculate(&data, &good).is_err());
    assert!(calculate(&good, &data).is_err());
}

// DV-IP1
#[test]
fn image_that_is_no_text_is_refused() {
    let mut data = revision(&json!({}));
    data["spec"]["template"]["spec"]["containers"][0]["image"] = json!(5);
    assert!(calculate(&revision(&json!({})), &data).is_err());
}

#[test]
fn difference_outside_of_the_template_is_refused_ip_4() {
    let mut data = revision(&json!({}));
    data["spec"]["replicas"] = json!(5);
    assert_eq!(
        calculate(&revision(&json!({})), &data).unwrap_err().path,
        "/spec/replicas"
    );
    let mut data = revision(&json!({}));
    data["spec"]["template"]["$patch"] = json!("merge");
    assert_eq!(
        calculate(&revision(&json!({})), &data).unwrap_err().path,
        "/$patch"
    );
}

// IP-11, IP-S27: (annotation before, after, whether they object)
#[rstest]
#[case(Some("3636919212"), Some("2656862266"), true)]
#[case(Some("3636919212"), Some("3636919212"), false)]
#[case(Some(""), Some("2656862266"), true)]
#[case(None, Some("2656862266"), false)]
#[case(Some("3636919212"), None, false)]
#[case(None, None, false)]
fn claim_templates_ip_11(
    #[case] before: Option<&str>,
    #[case] after: Option<&str>,
    #[case] object: bool,
) {
    let annotations = |hash: Option<&str>| {
        let key = "kruise.io/cloneset-volumeclaimtemplate-hash".to_owned();
        hash.map(|hash| (key, hash.to_owned()))
            .into_iter()
            .collect()
    };
    assert_eq!(
        claim_templates_object(&annotations(before), &annotations(after)),
        object
    );
}

/// Whether two values of a field of the pod's spec count as equal.
// IP-2
#[rstest]
#[case::numbers_as_doubles(json!(30), json!(30.0), true)]
#[case::null_on_both_sides(json!(null), json!(null), true)]
#[case::null_to_something(json!(null), json!(1), false)]
#[case::something_to_null(json!(1), json!(null), false)]
#[case::another_type(json!("1"), json!(1), false)]
#[case::longer_list(json!([{ "a": {} }]), json!([{ "a": {} }, { "a": {} }]), false)]
#[case::shorter_list(json!([1, 2]), json!([1]), false)]
#[case::moved_in_a_list(json!([1, 2]), json!([2, 1]), false)]
fn what_is_a_difference_ip_2(#[case] old: Value, #[case] new: Value, #[case] same: bool) {
    let data = |value: &Value| json!({ "spec": { "template": { "spec": { "containers": [], "field": value } } } });
    let answer = calculate(&data(&old), &data(&new));
    assert_eq!(answer.is_ok(), same, "{answer:?}");
    if let Err(refused) = answer {
        assert!(refused.path.starts_with("/spec/field"), "{refused:?}");
    }
}
