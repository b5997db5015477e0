//! AdvancedCronJob on the wire: its versions, its defaults, and what may change.

use kruise_api::{
    apps::{v1alpha1, v1beta1},
    conversion::{convert, convert_typed},
    kinds::advancedcronjob::{
        defaults,
        validation::{ANSWER_CODE, pod_templates, validate, warnings},
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
        version(
            |mut job: v1alpha1::AdvancedCronJob, old: Option<v1alpha1::AdvancedCronJob>| {
                defaults::fill_v1alpha1(&mut job.spec);
                let newer = |job| convert_typed::<_, v1beta1::AdvancedCronJob>(&job).unwrap();
                let (job, old) = (newer(job), old.map(newer));
                validate(&job.metadata, &job.spec, old.as_ref().map(|old| &old.spec))
            },
        ),
        version(
            |mut job: v1beta1::AdvancedCronJob, old: Option<v1beta1::AdvancedCronJob>| {
                defaults::fill_v1beta1(&mut job.spec);
                validate(&job.metadata, &job.spec, old.as_ref().map(|old| &old.spec))
            },
        )
        .converts_if(has_no_images),
    ]
}

/// AC-2
fn has_no_images(object: &Value) -> bool {
    let images = object.pointer("/spec/template/imageListPullJobTemplate");
    images.is_none_or(Value::is_null)
}

proptest! {
    #![proptest_config(config())]

    // AC-5, AC-6
    #[test]
    fn defaults_are_filled_in_once(object in objects("AdvancedCronJob", "v1beta1", true)) {
        let mut once: v1beta1::AdvancedCronJobSpec = serde_json::from_value(object["spec"].clone()).unwrap();
        let fill = |spec: &mut v1beta1::AdvancedCronJobSpec| {
            defaults::fill_v1beta1(spec);
            let template = &mut spec.template;
            defaults::fill_pod_template(&mut template.job_template, template.broadcast_job_template.as_mut());
        };
        fill(&mut once);
        let mut twice = once.clone();
        fill(&mut twice);
        prop_assert_eq!(twice, once);
    }
}

fn images(spec: &Value) -> Value {
    let mut full = json!({ "images": ["nginx"], "completionPolicy": {} });
    json_patch::merge(&mut full, spec);
    json!({ "imageListPullJobTemplate": { "spec": full } })
}

// AC-2, AC-S30
#[test]
fn a_template_of_images_has_no_form_in_v1alpha1() {
    let object = json!({
        "apiVersion": "apps.kruise.io/v1beta1", "kind": "AdvancedCronJob",
        "metadata": { "name": "a", "namespace": "b" },
        "spec": { "schedule": "@daily", "template": images(&json!({})) },
    });
    let error = convert(object, "apps.kruise.io/v1alpha1").unwrap_err();
    assert_eq!(
        error.to_string(),
        "AdvancedCronJob b/a: spec.template.imageListPullJobTemplate has no form in the version that was asked for"
    );
}

// AC-5, AC-7
#[rstest]
#[case(json!({ "template": { "jobTemplate": {} } }), json!({ "template": { "jobTemplate": {} }, "concurrencyPolicy": "Allow" }))]
#[case(
    json!({ "template": images(&json!({})) }),
    json!({
        "template": images(&json!({
            "completionPolicy": { "type": "Always" }, "pullPolicy": { "timeoutSeconds": 600, "backoffLimit": 3 },
            "imagePullPolicy": "IfNotPresent",
        })),
        "concurrencyPolicy": "Replace",
    }),
)]
#[case(
    json!({ "template": images(&json!({ "completionPolicy": { "type": "Always" } })), "concurrencyPolicy": "Forbid" }),
    json!({ "template": images(&json!({ "completionPolicy": { "type": "Always" } })), "concurrencyPolicy": "Forbid" }),
)]
fn what_is_left_open_gets_its_default(#[case] spec: Value, #[case] expected: Value) {
    let mut full = json!({ "schedule": "@daily" });
    json_patch::merge(&mut full, &spec);
    let mut spec: v1beta1::AdvancedCronJobSpec = serde_json::from_value(full).unwrap();
    defaults::fill_v1beta1(&mut spec);
    let mut all = json!({
        "schedule": "@daily", "paused": false, "successfulJobsHistoryLimit": 3, "failedJobsHistoryLimit": 1,
    });
    json_patch::merge(&mut all, &expected);
    assert_eq!(serde_json::to_value(&spec).unwrap(), all);
}

// AC-6, AC-15
#[test]
fn pod_templates_are_found_and_filled_in() {
    let pod = json!({ "spec": { "containers": [] } });
    let template = json!({
        "jobTemplate": { "spec": { "template": pod } },
        "broadcastJobTemplate": { "spec": { "template": pod } },
    });
    let mut template: v1beta1::CronJobTemplate = serde_json::from_value(template).unwrap();
    defaults::fill_pod_template(
        &mut template.job_template,
        template.broadcast_job_template.as_mut(),
    );
    let found: Vec<_> = pod_templates(&template)
        .map(|(path, pod)| (path.to_string(), pod["spec"]["dnsPolicy"].clone()))
        .collect();
    let policy = json!("ClusterFirst");
    assert_eq!(
        found,
        [
            (
                "spec.template.jobTemplate.spec.template".to_owned(),
                policy.clone()
            ),
            (
                "spec.template.broadcastJobTemplate.spec.template".to_owned(),
                policy
            ),
        ]
    );
}

// AC-15: Kubernetes refuses a template without containers, so it has to be asked.
#[rstest]
#[case(json!({ "jobTemplate": {} }), 1)]
#[case(json!({ "broadcastJobTemplate": {} }), 1)]
#[case(json!({ "broadcastJobTemplate": { "spec": {} } }), 1)]
#[case(json!({ "imageListPullJobTemplate": {} }), 0)]
#[case(json!({ "jobTemplate": null }), 0)]
fn a_missing_pod_template_is_found(#[case] template: Value, #[case] n_found: usize) {
    let template: v1beta1::CronJobTemplate = serde_json::from_value(template).unwrap();
    let found: Vec<_> = pod_templates(&template).map(|(_, pod)| pod).collect();
    assert_eq!(found, vec![&Value::Null; n_found]);
}

fn refused(name: &str, spec: &Value, old: Option<&Value>) -> Vec<String> {
    let read = |spec: &Value| {
        let mut full = json!({ "schedule": "@daily" });
        json_patch::merge(&mut full, spec);
        let mut spec: v1beta1::AdvancedCronJobSpec = serde_json::from_value(full).unwrap();
        defaults::fill_v1beta1(&mut spec);
        spec
    };
    let metadata = serde_json::from_value(json!({ "name": name })).unwrap();
    let old = old.map(read);
    let errors = validate(&metadata, &read(spec), old.as_ref());
    errors.iter().map(|error| error.field.clone()).collect()
}

fn job(pod: &Value) -> Value {
    json!({ "template": { "jobTemplate": { "spec": { "template": { "spec": pod } } } } })
}

// AC-10, AC-37
#[rstest]
#[case("a", None, 0, &[])]
#[case("a.b", None, 0, &["metadata.name"])]
#[case(&"n".repeat(52), None, 0, &[])]
#[case(&"n".repeat(53), None, 1, &[])]
#[case(&"n".repeat(64), None, 1, &["metadata.name"])]
#[case("a", Some(0), 1, &[])]
#[case("a", Some(1), 0, &[])]
fn what_will_hardly_work_has_a_warning(
    #[case] name: &str,
    #[case] deadline: Option<i64>,
    #[case] n_warnings: usize,
    #[case] expected: &[&str],
) {
    let mut spec = job(&json!({}));
    spec["startingDeadlineSeconds"] = json!(deadline);
    assert_eq!(refused(name, &spec, None), expected);
    let metadata: ObjectMeta = serde_json::from_value(json!({ "name": name })).unwrap();
    spec["schedule"] = json!("@daily");
    let spec = serde_json::from_value(spec).unwrap();
    assert_eq!(warnings(&metadata, &spec).len(), n_warnings);
    assert_eq!(ANSWER_CODE, 422);
}

// AC-18, AC-S14
#[rstest]
#[case::same_in_other_words(
    job(&json!({ "containers": [{ "name": "a", "image": "b" }] })),
    job(&json!({
        "dnsPolicy": "ClusterFirst",
        "containers": [{ "name": "a", "image": "b", "imagePullPolicy": "Always", "resources": {} }],
    })),
    &[],
)]
#[case::job(
    job(&json!({ "containers": [{ "name": "a", "image": "b" }] })),
    job(&json!({ "containers": [{ "name": "a", "image": "c" }] })),
    &["spec"],
)]
#[case::broadcast_job(
    json!({ "template": { "broadcastJobTemplate": { "spec": { "template": {} } } } }),
    json!({ "template": { "broadcastJobTemplate": { "spec": { "template": {}, "parallelism": 1 } } } }),
    &["spec"],
)]
#[case::empty_metadata(
    json!({ "template": { "broadcastJobTemplate": { "spec": { "template": {} } } } }),
    json!({ "template": { "broadcastJobTemplate": { "spec": { "template": {} }, "metadata": {} } } }),
    &[],
)]
// What Go's types leave out, and what they write.
#[case::job_as_openkruise_stores_it(
    json!({ "template": { "jobTemplate": {
        "metadata": { "creationTimestamp": null },
        "spec": { "template": {
            "metadata": { "creationTimestamp": null },
            "spec": { "containers": [{ "name": "a", "image": "b", "env": [{ "name": "A" }], "resources": {} }] },
        } },
    } } }),
    json!({ "template": { "jobTemplate": {
        "metadata": { "labels": {} },
        "spec": { "template": { "spec": {
            "hostNetwork": false, "volumes": [],
            "containers": [{ "name": "a", "image": "b", "tty": false, "env": [{ "name": "A", "value": "" }] }],
        } } },
    } } }),
    &[],
)]
#[case::broadcast_job_as_openkruise_stores_it(
    json!({ "template": { "broadcastJobTemplate": {
        "metadata": {},
        "spec": { "template": { "metadata": {}, "spec": {} }, "completionPolicy": {}, "failurePolicy": {} },
    } } }),
    json!({ "template": { "broadcastJobTemplate": { "spec": {
        "template": { "spec": { "hostNetwork": false } }, "paused": false,
        "failurePolicy": { "type": "", "restartLimit": 0 },
    } } } }),
    &[],
)]
#[case::host_network(
    job(&json!({ "containers": [] })), job(&json!({ "containers": [], "hostNetwork": true })), &["spec"],
)]
#[case::zero_that_says_something(
    job(&json!({ "containers": [] })), job(&json!({ "containers": [], "automountServiceAccountToken": false })), &["spec"],
)]
#[case::newer_field(
    job(&json!({ "containers": [], "future": 1 })), job(&json!({ "containers": [], "future": 2 })), &["spec"],
)]
#[case::images(
    json!({ "template": images(&json!({})) }), json!({ "template": images(&json!({ "images": ["busybox"] })) }), &[],
)]
#[case::to_images(job(&json!({})), json!({ "template": images(&json!({})) }), &["spec"])]
#[case::from_images(json!({ "template": images(&json!({})) }), job(&json!({})), &["spec"])]
#[case::images_gone(json!({ "template": images(&json!({})) }), json!({ "template": {} }), &["spec.template"])]
#[case::both(
    json!({ "template": images(&json!({})) }),
    json!({ "template": { "jobTemplate": {}, "imageListPullJobTemplate": images(&json!({}))["imageListPullJobTemplate"] } }),
    &["spec.template", "spec"],
)]
fn what_is_made_may_not_change(
    #[case] old: Value,
    #[case] mut new: Value,
    #[case] expected: &[&str],
) {
    let other = json!({
        "schedule": "@every 5m", "timeZone": "UTC", "startingDeadlineSeconds": 5, "paused": true,
        "concurrencyPolicy": "Forbid", "successfulJobsHistoryLimit": 0, "failedJobsHistoryLimit": 0,
    });
    json_patch::merge(&mut new, &other);
    assert_eq!(refused("a", &new, Some(&old)), expected);
}
