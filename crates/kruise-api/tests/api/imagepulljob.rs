//! ImagePullJob on the wire: its versions, its defaults, and how images are named.

use kruise_api::{
    apps::{v1alpha1, v1beta1},
    conversion::convert,
    crd,
    image_name::ImageName,
    kinds::imagepulljob::{
        defaults,
        validation::{ANSWER_CODE, PULL_SECRETS_ANSWER_CODE, pull_secrets, validate},
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
    let judge = |spec: &mut v1beta1::ImagePullJobSpec, old: Option<&v1beta1::ImagePullJobSpec>| {
        defaults::fill(spec);
        let mut errors = validate(spec);
        errors.extend(old.and_then(|old| pull_secrets(spec, old)));
        errors
    };
    vec![
        version(
            move |mut job: v1alpha1::ImagePullJob, old: Option<v1alpha1::ImagePullJob>| {
                judge(&mut job.spec, old.as_ref().map(|old| &old.spec))
            },
        ),
        version(
            move |mut job: v1beta1::ImagePullJob, old: Option<v1beta1::ImagePullJob>| {
                judge(&mut job.spec, old.as_ref().map(|old| &old.spec))
            },
        ),
    ]
}

proptest! {
    #![proptest_config(config())]

    // PF-402, for both kinds of jobs.
    #[test]
    fn versions_differ_in_nothing_but_their_name(
        object in prop_oneof![
            objects("ImagePullJob", "v1alpha1", true),
            objects("ImageListPullJob", "v1alpha1", true),
        ],
    ) {
        let there = convert(object.clone(), "apps.kruise.io/v1beta1").unwrap();
        let mut expected = object.clone();
        expected["apiVersion"] = json!("apps.kruise.io/v1beta1");
        prop_assert_eq!(&there, &expected);
        prop_assert_eq!(&convert(there, "apps.kruise.io/v1alpha1").unwrap(), &object);
    }

    // IJ-10: what is in its normal form has no other, and no text breaks the reader.
    #[test]
    fn a_normal_form_is_read_as_itself(text in "[a-zA-Z0-9./:@_-]{0,24}|\\PC{0,12}") {
        if let Ok(image) = ImageName::parse(&text) {
            let separator = if image.has_digest() { "@" } else { ":" };
            let again = format!("{}{separator}{}", image.name, image.tag);
            prop_assert_eq!(ImageName::parse(&again), Ok(image));
        }
    }
}

// PF-402
#[test]
fn the_definition_prints_the_message_in_v1alpha1_alone() {
    let crds = crd::all();
    let mut crds = crds.iter();
    let crd = crds
        .find(|crd| crd["metadata"]["name"] == "imagepulljobs.apps.kruise.io")
        .unwrap();
    assert_eq!(crd["spec"]["conversion"], json!({ "strategy": "None" }));
    let versions = crd["spec"]["versions"].as_array().unwrap();
    assert_eq!(versions[0]["schema"], versions[1]["schema"]);
    let columns = |index: usize| {
        let columns = versions[index]["additionalPrinterColumns"].as_array();
        columns.unwrap().clone()
    };
    let mut longer = columns(1);
    longer.push(json!({ "name": "MESSAGE", "type": "string", "jsonPath": ".status.message" }));
    assert_eq!(columns(0), longer);
}

// IJ-1, IJ-S9
#[rstest]
#[case(json!({ "image": "a" }), json!({
    "image": "a", "completionPolicy": { "type": "Always" },
    "pullPolicy": { "timeoutSeconds": 600, "backoffLimit": 3 }, "imagePullPolicy": "IfNotPresent",
}))]
// DV-IJ1
#[case(
    json!({
        "image": "a", "completionPolicy": { "type": "", "ttlSecondsAfterFinished": 0 },
        "pullPolicy": { "backoffLimit": 0 }, "imagePullPolicy": "", "pullSecrets": [],
    }),
    json!({
        "image": "a", "completionPolicy": { "type": "Always", "ttlSecondsAfterFinished": 0 },
        "pullPolicy": { "timeoutSeconds": 600, "backoffLimit": 0 }, "imagePullPolicy": "IfNotPresent",
        "pullSecrets": [],
    }),
)]
#[case(
    json!({
        "image": "a", "completionPolicy": { "type": "Later" }, "pullPolicy": { "timeoutSeconds": 0 },
        "imagePullPolicy": "Sometimes",
    }),
    json!({
        "image": "a", "completionPolicy": { "type": "Later" },
        "pullPolicy": { "timeoutSeconds": 0, "backoffLimit": 3 }, "imagePullPolicy": "Sometimes",
    }),
)]
fn what_is_left_open_gets_its_default(#[case] spec: Value, #[case] expected: Value) {
    let mut spec: v1beta1::ImagePullJobSpec = serde_json::from_value(spec).unwrap();
    defaults::fill(&mut spec);
    assert_eq!(serde_json::to_value(&spec).unwrap(), json!(expected));
    let once = spec.clone();
    defaults::fill(&mut spec);
    assert_eq!(spec, once);
}

// IJ-1
#[test]
fn the_finalizer_is_added_once() {
    let mut metadata = ObjectMeta::default();
    metadata.finalizers.push("other".to_owned());
    defaults::add_finalizer(&mut metadata);
    defaults::add_finalizer(&mut metadata);
    assert_eq!(
        metadata.finalizers,
        ["other", "apps.kruise.io/deletion-protection"]
    );
}

// IJ-3 to IJ-5, PF-211
#[test]
fn answers_have_codes() {
    assert_eq!((ANSWER_CODE, PULL_SECRETS_ANSWER_CODE), (400, 403));
}

const DIGEST: &str = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

// IJ-10
#[rstest]
#[case("nginx", "nginx", "latest")]
#[case("docker.io/library/nginx:1.2", "nginx", "1.2")]
#[case("index.docker.io/nginx", "nginx", "latest")]
#[case("library/nginx", "nginx", "latest")]
#[case("docker.io/library/a/b", "library/a/b", "latest")]
#[case("docker.io/acme/app", "acme/app", "latest")]
#[case("acme/app:v1", "acme/app", "v1")]
#[case("reg.io:5000/a/b:c", "reg.io:5000/a/b", "c")]
#[case("localhost/a", "localhost/a", "latest")]
#[case("localhost:5000/a", "localhost:5000/a", "latest")]
#[case("localhost:5000", "localhost", "5000")]
#[case("Registry/a", "Registry/a", "latest")]
#[case("[2001:db8::1]:5000/a", "[2001:db8::1]:5000/a", "latest")]
#[case("a.b_c/d", "a.b_c/d", "latest")]
#[case("a__b--c.d", "a__b--c.d", "latest")]
#[case(
    "ubuntu:20.04@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
    "ubuntu",
    DIGEST
)]
#[case("a:_", "a", "_")]
fn images_have_one_name(#[case] text: &str, #[case] name: &str, #[case] tag: &str) {
    let image = ImageName::parse(text).unwrap();
    assert_eq!((image.name.as_str(), image.tag.as_str()), (name, tag));
    assert_eq!(image.has_digest(), tag == DIGEST);
}

// IJ-10
#[rstest]
#[case("")]
#[case(" nginx")]
#[case("nginx:")]
#[case("nginx@")]
#[case("a:b:c")]
#[case("Nginx")]
#[case("acme/App")]
#[case("a//b")]
#[case("/a")]
#[case("a/")]
#[case("a..b")]
#[case("a___b")]
#[case("-a")]
#[case("a.io:/b")]
#[case("a.io:x/b")]
#[case("-.io/b")]
#[case("a:.b")]
#[case("a:é")]
#[case("a@sha256:abc")]
#[case("a@md5:0123456789abcdef0123456789abcdef")]
#[case("a@sha256:0123456789ABCDEF0123456789abcdef0123456789abcdef0123456789abcdef")]
#[case("0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef")]
#[case(&"a".repeat(256))]
#[case(&format!("a:{}", "b".repeat(129)))]
fn what_names_no_image_is_refused(#[case] text: &str) {
    assert!(ImageName::parse(text).is_err());
}
