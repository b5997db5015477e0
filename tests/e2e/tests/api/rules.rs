//! The CEL rules of CRDs: what they refuse, what they let pass, and that they leave alone what is
//! stored already.

use e2e::{Namespace, eventually, namespace::PATIENCE, undisturbed};
use kube::api::{Patch, PatchParams, PostParams};
use serde_json::{Value, json};

use crate::scratch::Scratch;

/// A spec that is as it should be, and the patch.
fn spec(patch: &Value) -> Value {
    let mut spec = json!({
        "replicas": 3,
        "selector": { "matchLabels": { "app": "web" } },
        "template": { "metadata": { "labels": { "app": "web" } } },
    });
    for (field, value) in patch.as_object().unwrap() {
        spec[field] = value.clone();
    }
    spec
}

/// The terms of an update, where the version has them.
fn terms(version: &str, terms: Value) -> Value {
    match version {
        "v1beta1" => json!({ "updateStrategy": { "rollingUpdate": terms } }),
        _ => json!({ "updateStrategy": terms }),
    }
}

struct Case {
    version: &'static str,
    patch: Value,
    /// What the refusal names, if it is one.
    refused: Option<&'static str>,
}

fn passes(version: &'static str, patch: Value) -> Case {
    Case {
        version,
        patch,
        refused: None,
    }
}

fn refused(version: &'static str, patch: Value, names: &'static str) -> Case {
    Case {
        version,
        patch,
        refused: Some(names),
    }
}

/// CS-11 and the strategies of inplace-update.md section 4: the same in both versions.
fn common_cases(version: &'static str) -> Vec<Case> {
    let terms = |value: Value| terms(version, value);
    let passes = |patch: Value| passes(version, patch);
    let refused = |patch: Value, names: &'static str| refused(version, patch, names);
    vec![
        passes(json!({})),
        passes(json!({ "replicas": 0 })),
        refused(json!({ "replicas": -1 }), "spec.replicas"),
        refused(json!({ "selector": {} }), "spec.selector"),
        refused(
            json!({ "selector": { "matchLabels": {} } }),
            "spec.selector",
        ),
        passes(
            json!({ "selector": { "matchExpressions": [{ "key": "a", "operator": "Exists" }] } }),
        ),
        passes(
            json!({ "selector": { "matchExpressions": [{ "key": "a", "operator": "NotIn", "values": ["b"] }] } }),
        ),
        refused(
            json!({ "selector": { "matchExpressions": [{ "key": "a", "operator": "In" }] } }),
            "spec.selector.matchExpressions[0]",
        ),
        refused(
            json!({ "selector": { "matchExpressions": [{ "key": "a", "operator": "Exists", "values": ["b"] }] } }),
            "spec.selector.matchExpressions[0]",
        ),
        refused(
            json!({ "selector": { "matchExpressions": [{ "key": "a", "operator": "Like", "values": ["b"] }] } }),
            "spec.selector.matchExpressions[0]",
        ),
        passes(terms(json!({ "partition": 0 }))),
        passes(terms(json!({ "partition": "33.4%" }))),
        refused(terms(json!({ "partition": -1 })), "partition"),
        refused(terms(json!({ "partition": "5" })), "partition"),
        passes(terms(json!({ "maxUnavailable": "20%", "maxSurge": "10%" }))),
        refused(terms(json!({ "maxUnavailable": "5" })), "maxUnavailable"),
        refused(terms(json!({ "maxSurge": "5" })), "maxSurge"),
        // Both below 1.
        refused(terms(json!({ "maxUnavailable": 0 })), "maxUnavailable"),
        refused(
            terms(json!({ "maxUnavailable": "0%", "maxSurge": "0.0%" })),
            "maxUnavailable",
        ),
        passes(terms(json!({ "maxUnavailable": 0, "maxSurge": 1 }))),
        passes(terms(json!({ "maxUnavailable": 0, "maxSurge": "0.5%" }))),
        passes(terms(json!({ "maxUnavailable": "0.5%" }))),
        passes(terms(json!({ "maxSurge": 0 }))),
        // Priority and scatter.
        passes(terms(
            json!({ "priorityStrategy": { "orderPriority": [{ "orderedKey": "a" }] } }),
        )),
        passes(terms(json!({ "priorityStrategy": { "weightPriority": [
            { "weight": 0, "matchSelector": { "matchLabels": { "a": "b" } } },
            { "weight": 100, "matchSelector": { "matchExpressions": [{ "key": "a", "operator": "Exists" }] } },
        ], "orderPriority": [] } }))),
        refused(
            terms(
                json!({ "priorityStrategy": { "weightPriority": [{ "weight": 101, "matchSelector": { "matchLabels": { "a": "b" } } }] } }),
            ),
            "priorityStrategy.weightPriority[0].weight",
        ),
        refused(
            terms(
                json!({ "priorityStrategy": { "weightPriority": [{ "weight": 1, "matchSelector": {} }] } }),
            ),
            "priorityStrategy.weightPriority[0].matchSelector",
        ),
        refused(
            terms(json!({ "priorityStrategy": { "orderPriority": [{ "orderedKey": "" }] } })),
            "priorityStrategy.orderPriority[0].orderedKey",
        ),
        refused(
            terms(json!({ "priorityStrategy": {
                "orderPriority": [{ "orderedKey": "a" }],
                "weightPriority": [{ "weight": 1, "matchSelector": { "matchLabels": { "a": "b" } } }],
            } })),
            "priorityStrategy",
        ),
        passes(terms(
            json!({ "scatterStrategy": [{ "key": "a", "value": "" }] }),
        )),
        refused(
            terms(json!({ "scatterStrategy": [{ "key": "", "value": "a" }] })),
            "scatterStrategy[0].key",
        ),
    ]
}

/// CS-11, CS-17, CS-18, CS-19
fn v1beta1_cases() -> Vec<Case> {
    let version = "v1beta1";
    let update = |update: Value| json!({ "updateStrategy": update });
    let in_place = |field: &str, value: Value| {
        terms(
            version,
            json!({ "inPlaceUpdateStrategy": { field: value } }),
        )
    };
    let surge = |surge: Value| {
        terms(
            version,
            json!({ "podUpdatePolicy": "InPlaceOnly", "maxSurge": surge }),
        )
    };
    let on_delete = |terms: Value| update(json!({ "type": "OnDelete", "rollingUpdate": terms }));
    let mut cases = common_cases(version);
    cases.extend([
        passes(version, update(json!({ "type": "" }))),
        passes(version, update(json!({ "type": "OnDelete" }))),
        refused(
            version,
            update(json!({ "type": "ReCreate" })),
            "spec.updateStrategy.type",
        ),
        passes(version, terms(version, json!({ "podUpdatePolicy": "" }))),
        passes(
            version,
            terms(version, json!({ "podUpdatePolicy": "InPlaceOnly" })),
        ),
        refused(
            version,
            terms(version, json!({ "podUpdatePolicy": "inplace" })),
            "podUpdatePolicy",
        ),
        passes(
            version,
            on_delete(json!({ "partition": 0, "maxUnavailable": 1 })),
        ),
        refused(
            version,
            on_delete(json!({ "maxUnavailable": 1 })),
            "rollingUpdate.partition",
        ),
        refused(
            version,
            on_delete(json!({ "partition": 0 })),
            "rollingUpdate.maxUnavailable",
        ),
        passes(version, surge(json!(0))),
        passes(version, surge(json!("0%"))),
        refused(version, surge(json!(1)), "rollingUpdate.maxSurge"),
        refused(version, surge(json!("0.5%")), "rollingUpdate.maxSurge"),
        passes(version, in_place("imagePreDownloadParallelism", json!(0))),
        passes(
            version,
            in_place("imagePreDownloadParallelism", json!("+5")),
        ),
        refused(
            version,
            in_place("imagePreDownloadParallelism", json!(-1)),
            "imagePreDownloadParallelism",
        ),
        refused(
            version,
            in_place("imagePreDownloadParallelism", json!("10%")),
            "imagePreDownloadParallelism",
        ),
        passes(
            version,
            in_place("imagePreDownloadTimeoutSeconds", json!(0)),
        ),
        refused(
            version,
            in_place("imagePreDownloadTimeoutSeconds", json!(-1)),
            "imagePreDownloadTimeoutSeconds",
        ),
        refused(
            version,
            in_place("imagePreDownloadMinUpdatedReadyPods", json!(-1)),
            "imagePreDownloadMinUpdatedReadyPods",
        ),
        // Not judged: CS-20.
        passes(version, json!({ "progressDeadlineSeconds": -1 })),
    ]);
    cases
}

/// CS-11, CS-13, CS-15
fn v1alpha1_cases() -> Vec<Case> {
    let version = "v1alpha1";
    let mut cases = common_cases(version);
    cases.extend([
        passes(
            version,
            terms(version, json!({ "type": "InPlaceIfPossible" })),
        ),
        refused(
            version,
            terms(version, json!({ "type": "OnDelete" })),
            "spec.updateStrategy.type",
        ),
        refused(
            version,
            terms(version, json!({ "type": "RollingUpdate" })),
            "spec.updateStrategy.type",
        ),
        passes(
            version,
            terms(version, json!({ "type": "ReCreate", "maxSurge": 1 })),
        ),
        refused(
            version,
            terms(version, json!({ "type": "InPlaceOnly", "maxSurge": 1 })),
            "spec.updateStrategy.maxSurge",
        ),
        passes(version, json!({ "progressDeadlineSeconds": 1 })),
        passes(
            version,
            json!({ "progressDeadlineSeconds": i32::MAX, "minReadySeconds": i32::MAX }),
        ),
        refused(
            version,
            json!({ "progressDeadlineSeconds": 10, "minReadySeconds": 10 }),
            "spec.progressDeadlineSeconds",
        ),
        refused(
            version,
            json!({ "progressDeadlineSeconds": -1 }),
            "spec.progressDeadlineSeconds",
        ),
        refused(
            version,
            json!({ "progressDeadlineSeconds": 0 }),
            "spec.progressDeadlineSeconds",
        ),
        // Dropped by conversion, so nobody judges them.
        passes(
            version,
            terms(
                version,
                json!({ "inPlaceUpdateStrategy": { "imagePreDownloadTimeoutSeconds": -1 } }),
            ),
        ),
    ]);
    cases
}

#[tokio::test(flavor = "multi_thread")]
async fn rules_of_cloneset_refuse_what_admission_would_and_nothing_else() {
    let _guard = undisturbed().await;
    let test = Namespace::create("rules").await;
    let scratch = Scratch::create(&test, "CloneSet", true).await;
    let mut wrong = Vec::new();
    for case in v1beta1_cases().into_iter().chain(v1alpha1_cases()) {
        let Case {
            version,
            patch,
            refused,
        } = case;
        let answer = scratch.judge(version, &spec(&patch)).await;
        let is_right = match (&answer, refused) {
            (Ok(()), None) => true,
            // As the server writes it: `is invalid: FIELD: Invalid value`.
            (Err(error), Some(field)) => {
                error.contains("is invalid") && error.contains(&format!("{field}: "))
            }
            _ => false,
        };
        if !is_right {
            wrong.push(format!(
                "{version} {patch}: wanted {refused:?}, got {answer:?}"
            ));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// An object that was stored when there were no rules stays writable, by everyone, in what they do not
/// forbid anew.
#[tokio::test(flavor = "multi_thread")]
async fn rules_of_cloneset_leave_alone_what_is_stored() {
    let _guard = undisturbed().await;
    let test = Namespace::create("stored").await;
    let scratch = Scratch::create(&test, "CloneSet", false).await;
    let bad_weight = json!({ "weightPriority": [{ "weight": 101, "matchSelector": {} }] });
    let stored = [
        (
            "v1beta1",
            "policy",
            terms("v1beta1", json!({ "podUpdatePolicy": "Tomorrow" })),
        ),
        (
            "v1beta1",
            "zero",
            terms("v1beta1", json!({ "partition": "5", "maxUnavailable": 0 })),
        ),
        (
            "v1beta1",
            "surge",
            terms(
                "v1beta1",
                json!({ "podUpdatePolicy": "InPlaceOnly", "maxSurge": 1 }),
            ),
        ),
        (
            "v1beta1",
            "weight",
            terms("v1beta1", json!({ "priorityStrategy": bad_weight })),
        ),
        (
            "v1beta1",
            "partition",
            json!({ "updateStrategy": { "type": "OnDelete", "rollingUpdate": { "maxUnavailable": 1 } } }),
        ),
        (
            "v1beta1",
            "selector",
            json!({ "selector": { "matchExpressions": [{ "key": "a", "operator": "Like" }] } }),
        ),
        (
            "v1alpha1",
            "type",
            terms("v1alpha1", json!({ "type": "OnDelete" })),
        ),
        (
            "v1alpha1",
            "deadline",
            json!({ "progressDeadlineSeconds": 1, "minReadySeconds": 1 }),
        ),
    ];
    for (version, name, patch) in &stored {
        scratch
            .api(version)
            .create(
                &PostParams::default(),
                &scratch.object(version, name, &spec(patch)),
            )
            .await
            .unwrap();
    }
    scratch.add_rules().await;
    eventually("the rules are in force", PATIENCE, || async {
        match scratch
            .judge("v1beta1", &spec(&json!({ "replicas": -1 })))
            .await
        {
            Err(_) => Ok(()),
            Ok(()) => Err("no refusal yet"),
        }
    })
    .await;

    let params = PatchParams::default();
    for (version, name, _) in &stored {
        let api = scratch.api(version);
        let status = json!({ "status": {
            "replicas": 1, "readyReplicas": 0, "availableReplicas": 0, "updatedReplicas": 0,
            "updatedReadyReplicas": 0,
        } });
        let writes = [
            (
                "status",
                api.patch_status(name, &params, &Patch::Merge(status))
                    .await
                    .map(drop),
            ),
            (
                "scale",
                api.patch_scale(
                    name,
                    &params,
                    &Patch::Merge(json!({ "spec": { "replicas": 5 } })),
                )
                .await
                .map(drop),
            ),
            (
                "label",
                api.patch(
                    name,
                    &params,
                    &Patch::Merge(json!({ "metadata": { "labels": { "a": "b" } } })),
                )
                .await
                .map(drop),
            ),
            (
                "another field",
                api.patch(
                    name,
                    &params,
                    &Patch::Merge(json!({ "spec": { "revisionHistoryLimit": 3 } })),
                )
                .await
                .map(drop),
            ),
        ];
        for (what, result) in writes {
            if let Err(error) = result {
                panic!("{version} {name}: {what} can't be written: {error}");
            }
        }
    }

    // What is changed must be right.
    let patch = terms("v1beta1", json!({ "maxUnavailable": "0%" }));
    let error = scratch
        .api("v1beta1")
        .patch("surge", &params, &Patch::Merge(json!({ "spec": patch })))
        .await
        .unwrap_err();
    assert!(error.to_string().contains("maxSurge: "), "{error}");
    let error = scratch
        .api("v1alpha1")
        .patch(
            "deadline",
            &params,
            &Patch::Merge(json!({ "spec": { "progressDeadlineSeconds": 0 } })),
        )
        .await
        .unwrap_err();
    assert!(
        error.to_string().contains("spec.progressDeadlineSeconds: "),
        "{error}"
    );
}
