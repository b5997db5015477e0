use kruise_api::{apps::v1beta1::CloneSetSpec, defaults, kinds::cloneset};
use rstest::rstest;
use serde_json::{Value, json};

fn defaulted(spec: &Value) -> Value {
    let mut template = json!({ "spec": spec });
    defaults::pod_template(&mut template);
    template["spec"].take()
}

#[test]
fn pod_defaults_cs_9() {
    assert_eq!(
        defaulted(&json!({})),
        json!({
            "dnsPolicy": "ClusterFirst",
            "restartPolicy": "Always",
            "terminationGracePeriodSeconds": 30,
            "schedulerName": "default-scheduler",
            "securityContext": {},
        })
    );
}

#[test]
fn what_is_set_stays_cs_9() {
    let spec = json!({
        "dnsPolicy": "None",
        "restartPolicy": "Never",
        "terminationGracePeriodSeconds": 0,
        "schedulerName": "mine",
        "securityContext": { "runAsUser": 1 },
    });
    assert_eq!(defaulted(&spec), spec);
}

// CS-9: (image, pull policy of an init container)
#[rstest]
#[case("nginx", "Always")]
#[case("nginx:latest", "Always")]
#[case("nginx:1", "IfNotPresent")]
#[case("reg:5000/nginx", "Always")]
#[case("reg:5000/nginx:1", "IfNotPresent")]
#[case("nginx@sha256:0a", "IfNotPresent")]
#[case("nginx:1@sha256:0a", "IfNotPresent")]
fn pull_policy_cs_9(#[case] image: &str, #[case] init: &str) {
    let container = json!({ "name": "c", "image": image });
    let spec = defaulted(&json!({ "containers": [container], "initContainers": [container] }));
    assert_eq!(spec["initContainers"][0]["imagePullPolicy"], init);
    assert_eq!(spec["containers"][0]["imagePullPolicy"], "Always");
}

#[test]
fn container_defaults_cs_9() {
    let spec = defaulted(&json!({ "containers": [{
        "name": "c",
        "image": "nginx:1",
        "ports": [{ "containerPort": 80 }, { "containerPort": 53, "protocol": "UDP" }],
        "env": [{ "name": "A", "valueFrom": { "fieldRef": { "fieldPath": "status.podIP" } } }],
        "livenessProbe": { "httpGet": { "port": 80 }, "timeoutSeconds": 0, "periodSeconds": 5 },
        "lifecycle": { "preStop": { "httpGet": { "port": 80, "path": "/bye" } } },
        "resources": { "limits": { "cpu": "0.1234567", "memory": "1024Mi" } },
    }] }));
    assert_eq!(
        spec["containers"][0],
        json!({
            "name": "c",
            "image": "nginx:1",
            "ports": [
                { "containerPort": 80, "protocol": "TCP" },
                { "containerPort": 53, "protocol": "UDP" },
            ],
            "env": [{ "name": "A", "valueFrom": { "fieldRef": {
                "fieldPath": "status.podIP", "apiVersion": "v1",
            } } }],
            "livenessProbe": {
                "httpGet": { "port": 80, "path": "/", "scheme": "HTTP" },
                "timeoutSeconds": 1, "periodSeconds": 5, "successThreshold": 1,
                "failureThreshold": 3,
            },
            "lifecycle": { "preStop": { "httpGet": {
                "port": 80, "path": "/bye", "scheme": "HTTP",
            } } },
            "resources": { "limits": { "cpu": "124m", "memory": "1024Mi" } },
            "imagePullPolicy": "Always",
            "terminationMessagePath": "/dev/termination-log",
            "terminationMessagePolicy": "File",
        })
    );
}

// CS-9
#[rstest]
#[case(json!({}), json!({ "emptyDir": {} }))]
#[case(json!({ "hostPath": { "path": "/x" } }), json!({ "hostPath": { "path": "/x", "type": "" } }))]
#[case(json!({ "secret": {} }), json!({ "secret": { "defaultMode": 420 } }))]
#[case(json!({ "configMap": { "defaultMode": 0 } }), json!({ "configMap": { "defaultMode": 0 } }))]
#[case(
    json!({ "projected": { "sources": [
        { "serviceAccountToken": {} },
        { "downwardAPI": { "items": [{ "fieldRef": {} }] } },
    ] } }),
    json!({ "projected": { "defaultMode": 420, "sources": [
        { "serviceAccountToken": { "expirationSeconds": 3600 } },
        { "downwardAPI": { "items": [{ "fieldRef": { "apiVersion": "v1" } }] } },
    ] } })
)]
fn volume_defaults_cs_9(#[case] volume: Value, #[case] expected: Value) {
    assert_eq!(
        defaulted(&json!({ "volumes": [volume] }))["volumes"][0],
        expected
    );
}

#[test]
fn claim_template_defaults_cs_9() {
    let mut claim = json!({ "spec": { "resources": { "requests": { "storage": "1n" } } } });
    defaults::volume_claim_template(&mut claim);
    assert_eq!(
        claim,
        json!({
            "spec": { "resources": { "requests": { "storage": "1m" } } },
            "status": { "phase": "Pending" },
        })
    );
}

// CS-6, CS-8: (spec's update strategy, what becomes of it)
#[rstest]
#[case::nothing(json!({}), json!({
    "type": "RollingUpdate",
    "rollingUpdate": {
        "podUpdatePolicy": "ReCreate", "partition": 0, "maxUnavailable": "20%", "maxSurge": 0,
    },
}))]
#[case::in_place(json!({ "rollingUpdate": { "podUpdatePolicy": "InPlaceOnly", "maxSurge": 1 } }),
    json!({
        "type": "RollingUpdate",
        "rollingUpdate": {
            "podUpdatePolicy": "InPlaceOnly", "partition": 0, "maxUnavailable": "20%",
            "maxSurge": 1, "inPlaceUpdateStrategy": {},
        },
    })
)]
#[case::on_delete(json!({ "type": "OnDelete" }), json!({ "type": "OnDelete" }))]
fn cloneset_defaults_cs_8(#[case] strategy: Value, #[case] expected: Value) {
    let mut spec: CloneSetSpec = serde_json::from_value(json!({
        "selector": {}, "template": {}, "updateStrategy": strategy,
    }))
    .unwrap();
    cloneset::defaults::fill_v1beta1(&mut spec);
    assert_eq!(
        (spec.replicas, spec.revision_history_limit),
        (Some(1), Some(10))
    );
    assert_eq!(
        serde_json::to_value(spec.update_strategy).unwrap(),
        expected
    );
    assert_eq!(spec.template, json!({}));
}
