//! `kruise_api::strategic_merge` against the API server whose work it repeats.
//!
//! Each case is sent as a patch, and what the library makes of it as a whole object, both as dry runs.
//! The server must answer the same to both: so it is the server itself that adds defaults and drops what
//! is empty, and only what it takes for a difference is one.

use std::{collections::BTreeSet, fmt::Write as _};

use e2e::{Namespace, PATIENCE, Test, eventually};
use http::{Method, Request};
use kruise_api::strategic_merge::{MergedList, Schema, apply};
use serde::Deserialize;
use serde_json::{Value, json};

/// A file of tests/strategic-merge. `result` is not looked at: here the server says what is right.
#[derive(Deserialize)]
struct Cases {
    object: Value,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    patch: Value,
    error: Option<String>,
    #[serde(default)]
    subresource: String,
    #[serde(default)]
    invalid: bool,
}

#[tokio::test(flavor = "multi_thread")]
async fn pod_templates_are_merged_as_the_server_does() {
    let cases = include_str!("../../../../strategic-merge/pod_template.yaml");
    compare(Schema::PodTemplate, "podtemplates", cases).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pods_are_merged_as_the_server_does() {
    let cases = include_str!("../../../../strategic-merge/pod.yaml");
    compare(Schema::Pod, "pods", cases).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn claims_are_merged_as_the_server_does() {
    let cases = include_str!("../../../../strategic-merge/claim.yaml");
    compare(
        Schema::PersistentVolumeClaim,
        "persistentvolumeclaims",
        cases,
    )
    .await;
}

async fn compare(schema: Schema, plural: &str, yaml: &str) {
    let test = Test::of_api_server().begin().await;
    let Cases { object, cases } = serde_yaml_ng::from_str(yaml).unwrap();
    let server = Server {
        collection: format!("/api/v1/namespaces/{}/{plural}", test.name),
        test: &test,
    };
    let original = server.create(&object).await;

    let mut failures = String::new();
    for case in &cases {
        if let Err(why) = server.compare(schema, &original, case).await {
            writeln!(failures, "{}: {why}", case.name).unwrap();
        }
    }
    assert!(failures.is_empty(), "\n{failures}");
}

struct Server<'a> {
    test: &'a Namespace,
    collection: String,
}

impl Server<'_> {
    /// Creates the object with all of its parts, and returns it as the server then has it.
    async fn create(&self, object: &Value) -> Value {
        let mut bare = object.clone();
        let status = bare.as_object_mut().unwrap().remove("status");
        let spec = bare.get_mut("spec").and_then(Value::as_object_mut);
        let ephemeral = spec.and_then(|spec| spec.remove("ephemeralContainers"));

        // A new namespace lacks its service account for a moment, without which there are no pods.
        eventually("the object is created", PATIENCE, || {
            self.send(Method::POST, &self.collection, &bare)
        })
        .await;
        let path = format!(
            "{}/{}",
            self.collection,
            bare["metadata"]["name"].as_str().unwrap()
        );
        let parts = [
            ("status", status.map(|status| json!({ "status": status }))),
            (
                "ephemeralcontainers",
                ephemeral.map(|list| json!({ "spec": { "ephemeralContainers": list } })),
            ),
        ];
        for (subresource, part) in parts {
            if let Some(part) = part {
                self.send(Method::PATCH, &format!("{path}/{subresource}"), &part)
                    .await
                    .unwrap();
            }
        }
        self.send(Method::GET, &path, &Value::Null).await.unwrap()
    }

    async fn compare(&self, schema: Schema, original: &Value, case: &Case) -> Result<(), String> {
        let name = original["metadata"]["name"].as_str().unwrap();
        let mut path = format!("{}/{name}", self.collection);
        if !case.subresource.is_empty() {
            write!(path, "/{}", case.subresource).unwrap();
        }
        let dry_run = format!("{path}?dryRun=All");
        let answer = self.send(Method::PATCH, &dry_run, &case.patch).await;

        let merged = match (apply(schema, original, &case.patch), &case.error) {
            (Ok(merged), None) => merged,
            (Err(error), Some(expected)) if error.to_string() == *expected => {
                return match answer {
                    // The codes with which the server refuses to merge; a merged but invalid object
                    // would be 422.
                    Err(kube::Error::Api(status)) if [400, 500].contains(&status.code) => Ok(()),
                    answer => Err(format!(
                        "we refuse it ({error}), the server says {answer:?}"
                    )),
                };
            }
            (merged, expected) => return Err(format!("{merged:?} instead of {expected:?}")),
        };
        // Strict: a directive that stayed in the object would be refused.
        let strict = format!("{dry_run}&fieldValidation=Strict");
        let whole = self
            .send(Method::PUT, &strict, &without_versions(merged))
            .await;
        match (answer, whole) {
            (Ok(answer), Ok(whole)) if !case.invalid => {
                let (answer, whole) = (without_versions(answer), without_versions(whole));
                let same = answer == whole;
                same.then_some(())
                    .ok_or_else(|| format!("the server makes\n  {answer}\nof it, we\n  {whole}"))
            }
            (Err(answer), Err(whole))
                if case.invalid && answer.to_string() == whole.to_string() =>
            {
                Ok(())
            }
            (answer, whole) => Err(format!(
                "the server says\n  {answer:?}\nto the patch,\n  {whole:?}\nto our object"
            )),
        }
    }

    async fn send(&self, method: Method, path: &str, body: &Value) -> kube::Result<Value> {
        let content_type = match method {
            Method::PATCH => "application/strategic-merge-patch+json",
            _ => "application/json",
        };
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(http::header::CONTENT_TYPE, content_type)
            .body(serde_json::to_vec(body).unwrap())
            .unwrap();
        self.test.client.request(request).await
    }
}

/// Without what every write changes.
fn without_versions(mut object: Value) -> Value {
    let metadata = object["metadata"].as_object_mut().unwrap();
    for name in ["managedFields", "resourceVersion", "generation"] {
        metadata.remove(name);
    }
    object
}

// ---- The merge keys

#[tokio::test(flavor = "multi_thread")]
async fn the_server_merges_the_same_lists_by_the_same_keys() {
    let test = Test::of_api_server().begin().await;
    let request = Request::get("/openapi/v3/api/v1").body(Vec::new()).unwrap();
    let api: Value = test.client.request(request).await.unwrap();
    for (schema, type_name) in [
        (Schema::Pod, "Pod"),
        (Schema::PodTemplate, "PodTemplate"),
        (Schema::PodTemplateSpec, "PodTemplateSpec"),
        (Schema::PersistentVolumeClaim, "PersistentVolumeClaim"),
        (Schema::Object, "ConfigMap"),
    ] {
        let mut theirs = BTreeSet::new();
        let type_name = format!("io.k8s.api.core.v1.{type_name}");
        merged_lists(&api["components"]["schemas"], &type_name, "", &mut theirs);
        let ours: BTreeSet<_> = schema
            .merged_lists()
            .into_iter()
            .map(|MergedList { path, merge_key }| (path, merge_key.map(str::to_owned)))
            .collect();
        assert_eq!(ours, theirs, "{type_name}");
    }
}

/// The merged lists of a type as the server describes it. What is in lists that are replaced is never
/// merged, whatever its type says.
fn merged_lists(
    types: &Value,
    type_name: &str,
    path: &str,
    lists: &mut BTreeSet<(String, Option<String>)>,
) {
    let properties = types[type_name]["properties"].as_object();
    for (name, property) in properties.into_iter().flatten() {
        let separator = if path.is_empty() { "" } else { "." };
        let path = format!("{path}{separator}{name}");
        let is_list = property["type"] == "array";
        let strategy = property["x-kubernetes-patch-strategy"]
            .as_str()
            .unwrap_or_default();
        let is_merged = strategy.split(',').any(|word| word == "merge");
        if is_list && !is_merged {
            continue;
        }
        if is_list {
            let key = property["x-kubernetes-patch-merge-key"].as_str();
            lists.insert((path.clone(), key.map(str::to_owned)));
        } else {
            // An object could also be replaced as a whole, which none of these types does.
            assert_eq!(strategy, "", "{path}");
        }
        let described = if is_list {
            &property["items"]
        } else {
            property
        };
        if let Some(inner) = referenced(described) {
            merged_lists(types, inner, &path, lists);
        }
    }
}

fn referenced(described: &Value) -> Option<&str> {
    let reference = described
        .get("$ref")
        .or_else(|| described.pointer("/allOf/0/$ref"));
    reference?.as_str()?.rsplit('/').next()
}
