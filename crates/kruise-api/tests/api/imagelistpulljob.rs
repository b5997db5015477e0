//! ImageListPullJob: its defaults, and how many images it may have.

use kruise_api::{
    apps::{v1alpha1, v1beta1},
    kinds::imagelistpulljob::{
        defaults,
        validation::{ANSWER_CODE, validate},
    },
};
use rstest::rstest;
use serde_json::{Value, json};

use crate::every_kind::{Version, version};

pub(crate) fn versions() -> Vec<Version> {
    let judge = |spec: &mut v1beta1::ImageListPullJobSpec| {
        defaults::fill(spec);
        validate(spec)
    };
    vec![
        version(move |mut job: v1alpha1::ImageListPullJob, _| judge(&mut job.spec)),
        version(move |mut job: v1beta1::ImageListPullJob, _| judge(&mut job.spec)),
    ]
}

// IJ-2
#[rstest]
#[case(json!({ "images": [] }), json!({
    "images": [], "completionPolicy": { "type": "Always" }, "pullPolicy": { "timeoutSeconds": 600, "backoffLimit": 3 },
}))]
#[case(
    json!({ "images": [], "completionPolicy": { "type": "Never" }, "pullPolicy": { "timeoutSeconds": 5 } }),
    json!({
        "images": [], "completionPolicy": { "type": "Never" },
        "pullPolicy": { "timeoutSeconds": 5, "backoffLimit": 3 },
    }),
)]
fn what_is_left_open_gets_its_default(#[case] spec: Value, #[case] expected: Value) {
    let mut spec: v1beta1::ImageListPullJobSpec = serde_json::from_value(spec).unwrap();
    defaults::fill(&mut spec);
    assert_eq!(serde_json::to_value(&spec).unwrap(), expected);
}

// IJ-7, IJ-S25
#[rstest]
#[case(255, "")]
#[case(256, "spec.images: Too many: 256: must have at most 255 items")]
fn there_is_a_limit_to_images(#[case] n_images: usize, #[case] expected: &str) {
    let images: Vec<_> = (0..n_images)
        .map(|index| format!("image-{index}"))
        .collect();
    let mut spec = serde_json::from_value(json!({ "images": images })).unwrap();
    defaults::fill(&mut spec);
    let errors: Vec<_> = validate(&spec).iter().map(ToString::to_string).collect();
    assert_eq!(errors.join(", "), expected);
    assert_eq!(ANSWER_CODE, 400);
}
