use kruise_api::inplace::calculate;
use rstest::rstest;
use serde_json::{Value, json};

use crate::support::revision;

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
    assert_eq!(
        calculate(&same, &same).unwrap(),
        kruise_api::inplace::Update::default()
    );
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

fn reads(annotation: &str, env: &str) -> Value {
    container(&json!({ "env": [{
        "name": env,
        "valueFrom": { "fieldRef": { "fieldPath": format!("metadata.annotations['{annotation}']") } },
    }] }))
}

// IP-9: environment from metadata is not updated in place yet; IP-S26 stays possible.
#[rstest]
#[case::changed(json!({ "cfg": "v1" }), json!({ "cfg": "v2" }), "CFG", false)]
#[case::added(json!({ "x": "" }), json!({ "x": "", "cfg": "v2" }), "CFG", false)]
#[case::removed(json!({ "x": "", "cfg": "v1" }), json!({ "x": "" }), "CFG", true)]
#[case::first_of_all(json!({}), json!({ "cfg": "v2" }), "CFG", true)]
#[case::not_counted(json!({ "cfg": "v1" }), json!({ "cfg": "v2" }), "SIDECARSET_VERSION", true)]
#[case::another(json!({ "y": "1" }), json!({ "y": "2" }), "CFG", true)]
fn metadata_that_env_reads_ip_9(
    #[case] before: Value,
    #[case] after: Value,
    #[case] env: &str,
    #[case] possible: bool,
) {
    let with = |annotations: &Value| {
        let mut template = reads("cfg", env);
        template["metadata"] = json!({ "annotations": annotations });
        revision(&template)
    };
    let result = calculate(&with(&before), &with(&after));
    assert_eq!(result.is_ok(), possible, "{result:?}");
}
