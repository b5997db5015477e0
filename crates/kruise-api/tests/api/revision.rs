use kruise_api::{defaults, hash, revision};
use rstest::rstest;
use serde_json::{Value, json};

// IP-129
#[rstest]
#[case(r#"{"spec":{"template":{"$patch":"replace"}}}"#, 0, "589f85db5b")]
#[case(DEMO, 0, "788944f45")]
#[case(DEMO, 1, "788944f44")]
fn hash_ip_129(#[case] data: &str, #[case] collision_count: i32, #[case] expected: &str) {
    assert_eq!(revision::hash(data.as_bytes(), collision_count), expected);
}

const DEMO: &str = r#"{"spec":{"template":{"$patch":"replace","metadata":{"creationTimestamp":null,"labels":{"app":"demo"}},"spec":{"containers":[{"image":"nginx:1.25","name":"main","resources":{}}]}}}}"#;

#[test]
fn data_ip_133() {
    let template = json!({
        "metadata": { "labels": { "app": "demo" } },
        "spec": { "containers": [{ "name": "main", "image": "nginx:1.25" }] },
    });
    assert_eq!(revision::data(&template), DEMO);
}

// IP-127: the text that is hashed.
#[rstest]
#[case(r#"{"image":"nginx:1.25","name":"main"}"#, 436_018_172)]
#[case(
    r#"{"name":"main","image":"nginx:1.25","resources":{},"terminationMessagePath":"/dev/termination-log","terminationMessagePolicy":"File","imagePullPolicy":"IfNotPresent"}"#,
    2_052_289_395
)]
fn json_hash_ip_127(#[case] json: &str, #[case] expected: u32) {
    assert_eq!(hash::go_bytes_hash(json), expected);
}

#[test]
fn runtime_annotation_text_ip_127() {
    let hash = hash::go_bytes_hash(r#"{"image":"nginx:1.25","name":"main"}"#);
    assert_eq!(format!("{hash:x}"), "19fd1bfc");
}

// IP-133: (template's spec, what becomes of it).
#[rstest]
#[case::unknown_field(json!({ "futureField": 1 }), json!({}))]
#[case::empty_optional(json!({ "hostNetwork": false, "nodeName": "", "volumes": [] }), json!({}))]
#[case::empty_pointer(json!({ "securityContext": {} }), json!({ "securityContext": {} }))]
#[case::false_pointer(json!({ "hostUsers": false }), json!({ "hostUsers": false }))]
#[case::null(json!({ "affinity": null, "tolerations": null }), json!({}))]
#[case::quantity(
    json!({ "overhead": { "cpu": "1000m", "memory": "1024Mi" } }),
    json!({ "overhead": { "cpu": "1", "memory": "1Gi" } })
)]
#[case::embedded_claim(
    json!({ "volumes": [{ "name": "v", "ephemeral": { "volumeClaimTemplate": {} } }] }),
    json!({ "volumes": [{ "name": "v", "ephemeral": { "volumeClaimTemplate": {
        "metadata": { "creationTimestamp": null }, "spec": { "resources": {} },
    } } }] })
)]
#[case::always_written(
    json!({ "volumes": [{ "name": "v", "projected": {} }] }),
    json!({ "volumes": [{ "name": "v", "projected": { "sources": null } }] })
)]
fn normal_form_ip_133(#[case] spec: Value, #[case] expected: Value) {
    let mut expected_spec = json!({ "containers": [] });
    expected_spec
        .as_object_mut()
        .unwrap()
        .extend(expected.as_object().unwrap().clone());
    let mut spec_with_containers = spec;
    spec_with_containers["containers"] = json!([]);
    let data: Value =
        serde_json::from_str(&revision::data(&json!({ "spec": spec_with_containers }))).unwrap();
    assert_eq!(
        data,
        json!({ "spec": { "template": {
            "$patch": "replace",
            "metadata": { "creationTimestamp": null },
            "spec": expected_spec,
        } } })
    );
}

#[test]
fn keys_are_sorted_and_html_escaped_ip_133() {
    let template = json!({
        "metadata": { "annotations": { "b": "<&>\u{2028}\u{2029}", "Z": "é", "a/b": "\"" } },
        "spec": { "containers": [] },
    });
    assert_eq!(
        revision::data(&template),
        r#"{"spec":{"template":{"$patch":"replace","metadata":{"annotations":{"Z":"é","a/b":"\"","b":"\u003c\u0026\u003e\u2028\u2029"},"creationTimestamp":null},"spec":{"containers":[]}}}}"#
    );
}

/// What a revision of an ordinary template is, to the byte.
#[test]
fn data_of_a_defaulted_template_ip_133() {
    let mut template = json!({
        "metadata": { "labels": { "app": "web" } },
        "spec": { "containers": [{
            "name": "app",
            "image": "acme/app:1",
            "ports": [{ "containerPort": 80 }],
            "readinessProbe": { "httpGet": { "port": 80 } },
            "resources": { "requests": { "cpu": "0.5", "memory": "1024Mi" } },
        }] },
    });
    defaults::pod_template(&mut template);
    assert_eq!(
        revision::data(&template),
        concat!(
            r#"{"spec":{"template":{"$patch":"replace","metadata":{"creationTimestamp":null,"#,
            r#""labels":{"app":"web"}},"spec":{"containers":[{"image":"acme/app:1","#,
            r#""imagePullPolicy":"Always","name":"app","#,
            r#""ports":[{"containerPort":80,"protocol":"TCP"}],"#,
            r#""readinessProbe":{"failureThreshold":3,"#,
            r#""httpGet":{"path":"/","port":80,"scheme":"HTTP"},"#,
            r#""periodSeconds":10,"successThreshold":1,"timeoutSeconds":1},"#,
            r#""resources":{"requests":{"cpu":"500m","memory":"1Gi"}},"#,
            r#""terminationMessagePath":"/dev/termination-log","#,
            r#""terminationMessagePolicy":"File"}],"dnsPolicy":"ClusterFirst","#,
            r#""restartPolicy":"Always","schedulerName":"default-scheduler","#,
            r#""securityContext":{},"terminationGracePeriodSeconds":30}}}}"#,
        )
    );
}

// IP-11
#[test]
fn claim_template_hash_ip_11() {
    let claim = json!({
        "metadata": { "name": "data", "labels": { "left": "out" } },
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "resources": { "requests": { "storage": "1Gi" } },
        },
        "status": { "phase": "Pending" },
    });
    assert_eq!(
        revision::volume_claim_template_hash(Some(&[claim])),
        "3636919212"
    );
    assert_eq!(revision::volume_claim_template_hash(Some(&[])), "");
    assert_eq!(revision::volume_claim_template_hash(None), "");
}

#[test]
fn claim_templates_are_hashed_in_the_order_of_their_names_ip_11() {
    let claim = |name: &str| json!({ "metadata": { "name": name } });
    assert_eq!(
        revision::volume_claim_template_hash(Some(&[claim("a"), claim("b")])),
        revision::volume_claim_template_hash(Some(&[claim("b"), claim("a")])),
    );
}

// CS-39
#[rstest]
#[case("web-aaa", "web-aaa", true)]
#[case("aaa", "web-aaa", true)]
#[case("other-aaa", "web-aaa", true)]
#[case("web-aab", "web-aaa", false)]
#[case("", "web-aaa", false)]
fn label_names_revision_cs_39(#[case] label: &str, #[case] name: &str, #[case] expected: bool) {
    assert_eq!(revision::label_names(label, name), expected);
}

// IP-134
#[rstest]
#[case(Some("444"), Some("444"), true)]
#[case(Some("444"), Some("445"), false)]
#[case(Some("444"), Some("44b"), true)]
#[case(Some("444"), None, true)]
#[case(Some("9999999999"), Some("444"), true)]
fn hash_labels_ip_134(#[case] a: Option<&str>, #[case] b: Option<&str>, #[case] expected: bool) {
    assert_eq!(revision::hash_labels_agree(a, b), expected);
}

#[test]
fn data_is_compared_whatever_the_order_of_keys_ip_134() {
    let a: Value = serde_json::from_str(r#"{"a":1,"b":{"c":2,"d":3}}"#).unwrap();
    let b: Value = serde_json::from_str(r#"{"b":{"d":3,"c":2},"a":1}"#).unwrap();
    assert!(revision::same_data(&a, &b));
}

#[test]
fn name_is_cut_ip_129() {
    let name = revision::name(&"x".repeat(300), "abc");
    assert_eq!(name.len(), 227);
    assert!(name.ends_with("x-abc"));
    assert_eq!(revision::name("web", "abc"), "web-abc");
    assert_eq!(revision::short_hash("my-web-abc"), "abc");
}
