//! Objects to create.

use kruise_testkit::random::Random;
use serde_json::{Value, json};

/// A pod that no scheduler takes: it is bound to a node that doesn't exist, or waits.
pub(super) fn pod(random: &mut Random) -> Value {
    let mut pod = json!({ "spec": pod_spec(random) });
    if random.chance(450) {
        pod["spec"]["nodeName"] = json!("<ghost>");
    }
    if random.chance(60) {
        // Only the status subresource writes it.
        pod["status"] = json!({ "phase": "Running", "podIP": "10.0.0.1" });
    }
    pod
}

fn pod_spec(random: &mut Random) -> Value {
    let mut container = json!({ "name": "main", "image": random.pick(&["app:1", "app:2", "registry.example/app", "app:latest"]) });
    if random.chance(200) {
        container["env"] = json!([{ "name": "A", "value": "1" }, { "name": "B", "value": "" }]);
    }
    if random.chance(250) {
        container["resources"] = random
            .pick(&[
                json!({ "requests": { "cpu": "100m", "memory": "64Mi" }, "limits": { "cpu": "200m", "memory": "128Mi" } }),
                json!({ "limits": { "cpu": "0.1" }, "requests": { "memory": "1024Ki" } }),
                json!({ "requests": { "cpu": "1000m" } }),
            ])
            .clone();
    }
    if random.chance(150) {
        container["ports"] = json!([{ "containerPort": 80 }, { "containerPort": 81, "name": "x", "protocol": "UDP" }]);
    }
    if random.chance(100) {
        container["readinessProbe"] =
            json!({ "httpGet": { "path": "/ready", "port": 80 }, "periodSeconds": 5 });
    }
    let mut containers = vec![container];
    if random.chance(200) {
        containers.push(json!({ "name": "side", "image": "side:1", "command": ["x"] }));
    }
    let mut spec = json!({
        "schedulerName": "nobody",
        "automountServiceAccountToken": false,
        "containers": containers,
    });
    if random.chance(300) {
        spec["terminationGracePeriodSeconds"] =
            random.pick(&[json!(0), json!(5), json!(60)]).clone();
    }
    if random.chance(200) {
        spec["readinessGates"] = json!([{ "conditionType": "InPlaceUpdateReady" }]);
    }
    if random.chance(100) {
        spec["initContainers"] = json!([{ "name": "init", "image": "init:1" }]);
    }
    if random.chance(100) {
        spec["restartPolicy"] = json!("Never");
    }
    if random.chance(100) {
        spec["volumes"] =
            json!([{ "name": "v", "emptyDir": {} }, { "name": "c", "configMap": { "name": "a" } }]);
    }
    if random.chance(100) {
        spec["tolerations"] = json!([{ "key": "x", "operator": "Exists" }]);
    }
    if random.chance(60) {
        spec["hostname"] = json!("h");
    }
    if random.chance(60) {
        spec["schedulingGates"] = json!([{ "name": "example.com/gate" }]);
    }
    spec
}

pub(super) fn config_map(random: &mut Random) -> Value {
    random
        .pick(&[
            json!({ "data": { "a": "1", "b": "" } }),
            json!({ "data": { "a": "1" }, "binaryData": { "c": "AAEC" } }),
            json!({}),
            json!({ "data": {} }),
            json!({ "data": null }),
            json!({ "data": { "a": "1" }, "immutable": true }),
        ])
        .clone()
}

pub(super) fn secret(random: &mut Random) -> Value {
    random
        .pick(&[
            json!({ "data": { "a": "MQ==" } }),
            json!({ "stringData": { "a": "1" } }),
            json!({ "stringData": { "a": "2" }, "data": { "a": "MQ==", "b": "Mg==" }, "type": "example.com/kind" }),
            json!({ "type": "Opaque" }),
            json!({ "data": { "a": "MQ==" }, "immutable": true }),
        ])
        .clone()
}

pub(super) fn lease(random: &mut Random) -> Value {
    random
        .pick(&[
            json!({ "spec": {
                "holderIdentity": "one",
                "leaseDurationSeconds": 15,
                "acquireTime": "2026-01-10T08:00:00.000000Z",
                "renewTime": "2026-01-10T08:00:01.5Z",
                "leaseTransitions": 0,
            } }),
            json!({ "spec": { "holderIdentity": "two" } }),
            json!({ "spec": {} }),
            json!({}),
        ])
        .clone()
}

pub(super) fn controller_revision(random: &mut Random) -> Value {
    random
        .pick(&[
            json!({ "data": { "spec": { "template": { "x": 1 } } }, "revision": 1 }),
            json!({ "data": { "a": [1, 2.5, "x"], "z": "" }, "revision": 2 }),
            json!({ "data": { "spec": {} }, "revision": 0 }),
        ])
        .clone()
}

/// A claim for a volume that doesn't exist: what binds claims leaves it alone.
pub(super) fn claim(random: &mut Random) -> Value {
    let mut claim = json!({ "spec": {
        "accessModes": ["ReadWriteOnce"],
        "volumeName": "ghost",
        "storageClassName": "none",
        "resources": { "requests": { "storage": random.pick(&["1Gi", "1024Mi", "500M", "0.5Gi"]) } },
    } });
    if random.chance(200) {
        claim["spec"]["volumeMode"] = json!("Block");
    }
    claim
}

pub(super) fn event(random: &mut Random) -> Value {
    json!({
        "involvedObject": { "kind": "Pod", "name": random.pick(&["a", "b"]), "namespace": "<namespace>" },
        "reason": random.pick(&["Made", "Gone"]),
        "message": "it was made",
        "type": random.pick(&["Normal", "Warning"]),
        "count": 1,
        "source": { "component": "conformance" },
        "firstTimestamp": "2026-01-10T08:00:00Z",
        "lastTimestamp": "2026-01-10T08:00:00Z",
    })
}

/// A CloneSet that is valid in each version. Rules written in CEL are for the real server alone, so none is broken.
pub(super) fn clone_set(random: &mut Random) -> Value {
    let mut set = json!({ "spec": {
        "selector": { "matchLabels": { "app": "a" } },
        "template": {
            "metadata": { "labels": { "app": "a" } },
            "spec": { "containers": [{ "name": "main", "image": "app:1" }] },
        },
    } });
    if random.chance(700) {
        set["spec"]["replicas"] = random.pick(&[json!(0), json!(1), json!(5)]).clone();
    }
    if random.chance(200) {
        set["spec"]["scaleStrategy"] = random
            .pick(&[
                json!({}),
                json!({ "maxUnavailable": "20%" }),
                json!({ "podsToDelete": ["x"], "maxUnavailable": 2 }),
            ])
            .clone();
    }
    if random.chance(100) {
        set["spec"]["minReadySeconds"] = json!(5);
    }
    if random.chance(60) {
        set["status"] = json!({ "replicas": 1, "readyReplicas": 1 });
    }
    if random.chance(60) {
        // What the schema lacks is dropped.
        set["spec"]["unknown"] = json!({ "x": 1 });
    }
    if random.chance(40) {
        set["spec"]["replicas"] = random.pick(&[json!("5"), json!(1.5), json!(true)]).clone();
    }
    if random.chance(30) {
        set["spec"]["volumeClaimTemplates"] = json!([{ "metadata": { "name": "v" }, "spec": {} }]);
    }
    set
}
