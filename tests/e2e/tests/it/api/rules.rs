//! The CEL rules of CRDs: what they refuse, what they let pass, and that they leave alone what is
//! stored already.

use e2e::{PATIENCE, Test, eventually};
use kube::api::{Patch, PatchParams, PostParams};
use serde::Deserialize;
use serde_json::{Value, json};

use super::scratch::Scratch;

/// A spec that is as it should be, and the patch.
fn spec(patch: &Value) -> Value {
    let mut spec = json!({
        "replicas": 3,
        "selector": { "matchLabels": { "app": "web" } },
        "template": { "metadata": { "labels": { "app": "web" } } },
    });
    for (field, value) in patch.as_object().into_iter().flatten() {
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

/// The cases in tests/cloneset-rules, by which the webhook is judged as well.
#[derive(Deserialize)]
struct Cases {
    both: Vec<Case>,
    v1beta1: Vec<Case>,
    v1alpha1: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    #[serde(default)]
    spec: Value,
    terms: Option<Value>,
    /// What the webhook's refusal names, if it is one.
    field: Option<String>,
    /// What the rules' refusal names, where that differs.
    #[serde(default, deserialize_with = "given")]
    crd: Option<Option<String>>,
}

/// Tells `null` from what isn't there.
fn given<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Option<String>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

impl Case {
    fn patch(&self, version: &str) -> Value {
        match &self.terms {
            Some(value) => terms(version, value.clone()),
            None => self.spec.clone(),
        }
    }

    fn refused(&self) -> Option<&String> {
        self.crd.as_ref().unwrap_or(&self.field).as_ref()
    }
}

// CS-11, CS-13, CS-15, CS-17 to CS-20
#[tokio::test(flavor = "multi_thread")]
async fn rules_of_cloneset_refuse_what_admission_would_and_nothing_else() {
    let test = Test::of_api_server().begin().await;
    let scratch = Scratch::create(&test, "CloneSet", true).await;
    let cases = include_str!("../../../../cloneset-rules/cases.yaml");
    let cases: Cases = serde_yaml_ng::from_str(cases).unwrap();
    let mut wrong = Vec::new();
    for (version, own) in [("v1beta1", &cases.v1beta1), ("v1alpha1", &cases.v1alpha1)] {
        for case in cases.both.iter().chain(own) {
            let patch = case.patch(version);
            let answer = scratch.judge(version, &spec(&patch)).await;
            let is_right = match (&answer, case.refused()) {
                (Ok(()), None) => true,
                // As the server writes it: `is invalid: FIELD: Invalid value`.
                (Err(error), Some(field)) => {
                    error.contains("is invalid") && error.contains(&format!("{field}: "))
                }
                _ => false,
            };
            if !is_right {
                let wanted = case.refused();
                wrong.push(format!(
                    "{version} {patch}: wanted {wanted:?}, got {answer:?}"
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// An object that was stored when there were no rules stays writable, by everyone, in what they do not
/// forbid anew.
#[tokio::test(flavor = "multi_thread")]
async fn rules_of_cloneset_leave_alone_what_is_stored() {
    let test = Test::of_api_server().begin().await;
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

    // CS-12: an empty part of a selector is as good as none.
    let same = json!({ "spec": { "selector": { "matchExpressions": [] } } });
    let api = scratch.api("v1beta1");
    api.patch("zero", &params, &Patch::Merge(same))
        .await
        .unwrap();

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
