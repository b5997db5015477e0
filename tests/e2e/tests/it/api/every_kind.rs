//! Every kind that kruise-api knows, whether its deployable exists or not, on a real API server: copies of the CRDs
//! are installed, and the test's process converts.

use std::{collections::BTreeMap, path::PathBuf};

use e2e::{Test, converter::Converter};
use futures::future::join_all;
use http::{Method, Request};
use kruise_api::{
    conversion::{ConversionError, convert},
    crd,
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::scratch::{Scratch, suffix};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Every kind's name.
fn kinds() -> Vec<String> {
    let name = |crd: &Value| crd["spec"]["names"]["kind"].as_str().unwrap().to_owned();
    crd::all().iter().map(name).collect()
}

/// Sends an object, and returns what the server makes of it. A field that it doesn't know is an error.
async fn send(
    test: &Test,
    method: Method,
    path: &str,
    object: &Value,
    dry_run: bool,
) -> Result<Value, kube::Error> {
    let dry_run = if dry_run { "&dryRun=All" } else { "" };
    let uri = format!("{path}?fieldValidation=Strict{dry_run}");
    let request = Request::builder()
        .method(method)
        .uri(uri)
        .header(http::header::CONTENT_TYPE, "application/json")
        .body(object.to_string().into_bytes())
        .unwrap();
    test.client.request(request).await
}

async fn get(test: &Test, path: &str) -> Value {
    let request = Request::get(path).body(vec![]).unwrap();
    test.client.request(request).await.unwrap()
}

/// Samples of a kind, by file.
fn samples(kind: &str) -> BTreeMap<String, Value> {
    let directory = root().join("deploy/samples").join(kind.to_lowercase());
    let files = directory
        .read_dir()
        .unwrap()
        .map(|file| file.unwrap().path());
    let mut samples = BTreeMap::new();
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        let stem = file.file_stem().unwrap().to_string_lossy().into_owned();
        for (index, document) in serde_yaml_ng::Deserializer::from_str(&text).enumerate() {
            let sample = Value::deserialize(document).unwrap();
            // Other kinds of the same file are for people.
            if sample["kind"] == kind {
                let name = if index == 0 {
                    stem.clone()
                } else {
                    format!("{stem}-{index}")
                };
                samples.insert(name, sample);
            }
        }
    }
    samples
}

/// Fills in what the schema has defaults for, as the server does.
fn with_defaults(schema: &Value, value: &mut Value) {
    match value {
        Value::Object(members) => {
            for (name, property) in schema["properties"].as_object().into_iter().flatten() {
                if let Some(default) = property.get("default") {
                    members.entry(name).or_insert_with(|| default.clone());
                }
                if let Some(member) = members.get_mut(name) {
                    with_defaults(property, member);
                }
            }
            if let Some(values) = schema.get("additionalProperties") {
                members
                    .values_mut()
                    .for_each(|value| with_defaults(values, value));
            }
        }
        Value::Array(items) => {
            items
                .iter_mut()
                .for_each(|item| with_defaults(&schema["items"], item));
        }
        _ => {}
    }
}

/// Each sample is created in each version, without warnings, and read in each.
async fn samples_are_read_in_every_version(test: &Test, kind: &str) -> Vec<String> {
    let converter = Converter::serve(&suffix(test)).await;
    let scratch = Scratch::converted(test, kind, true, converter.strategy()).await;
    let mut wrong = Vec::new();
    let mut n_read = 0;
    for (name, sample) in samples(kind) {
        let stored = sample["apiVersion"].as_str().unwrap();
        let (group, _) = stored.split_once('/').unwrap();
        let in_version = |object: &Value, version: &str| {
            let to = format!("{group}/{version}");
            if object["apiVersion"] == to {
                return Some(object.clone());
            }
            match convert(object.clone(), &to) {
                Ok(object) => Some(object),
                Err(ConversionError::NoForm { .. }) => None,
                Err(error) => panic!("{error}"),
            }
        };
        for written in scratch.versions() {
            let Some(mut object) = in_version(&sample, written) else {
                continue;
            };
            let name = format!("{name}-{written}");
            object["metadata"]["name"] = json!(name);
            let path = scratch.path(written);
            let created = send(test, Method::POST, &path, &scratch.copied(&object), false).await;
            created.unwrap_or_else(|error| panic!("{kind} {name}: {error}"));
            for read in scratch.versions() {
                let Some(expected) = in_version(&object, read) else {
                    continue;
                };
                let mut expected = scratch.copied(&expected);
                with_defaults(
                    &scratch.schema(read)["properties"]["spec"],
                    &mut expected["spec"],
                );
                let found = get(test, &format!("{}/{name}", scratch.path(read))).await;
                for part in [
                    "/apiVersion",
                    "/spec",
                    "/metadata/labels",
                    "/metadata/annotations",
                ] {
                    let (expected, found) = (expected.pointer(part), found.pointer(part));
                    if expected != found {
                        wrong.push(format!(
                            "{kind} {name} in {read}, {part}: wanted {expected:?}, got {found:?}"
                        ));
                    }
                }
                n_read += 1;
            }
        }
    }
    let n_versions = scratch.versions().count();
    assert!(n_read >= 2 * n_versions * n_versions, "{kind}: {n_read}");
    wrong
}

/// A case in tests/validation, where its README says what it means.
#[derive(Deserialize)]
struct Case {
    #[serde(default)]
    object: Value,
    stored: Option<Value>,
    version: Option<String>,
    #[serde(default)]
    refused: BTreeMap<String, String>,
    crd: Option<String>,
}

impl Case {
    /// The fields of which the server names one in its refusal; none if it takes the object.
    fn refused(&self) -> Vec<&str> {
        match self.crd.as_deref() {
            Some("passes") => vec![],
            Some(field) => vec![field],
            None => self.refused.keys().map(String::as_str).collect(),
        }
    }
}

/// Each case is judged by the CRD alone, as it says.
async fn the_server_refuses_what_the_table_says(test: &Test, kind: &str) -> Vec<String> {
    let scratch = Scratch::create(test, kind, true).await;
    let table = root()
        .join("tests/validation")
        .join(format!("{}.yaml", kind.to_lowercase()));
    let cases: Vec<Case> =
        serde_yaml_ng::from_str(&std::fs::read_to_string(table).unwrap()).unwrap();
    let sample = samples(kind).remove("minimal").unwrap();
    let mut wrong = Vec::new();
    for version in scratch.versions() {
        let api_version = sample["apiVersion"].as_str().unwrap();
        let to = format!("{}/{version}", api_version.split('/').next().unwrap());
        let minimal = if api_version == to {
            sample.clone()
        } else {
            convert(sample.clone(), &to).unwrap()
        };
        let about_it = cases
            .iter()
            .enumerate()
            .filter(|(_, case)| case.version.as_deref().is_none_or(|it| it == version));
        for (index, case) in about_it {
            let patched = |patch: &Value| {
                let mut object = minimal.clone();
                object["metadata"]["name"] = json!(format!("case-{index}-{version}"));
                json_patch::merge(&mut object, patch);
                scratch.copied(&object)
            };
            let mut object = patched(&case.object);
            let path = scratch.path(version);
            let answer = match &case.stored {
                None => send(test, Method::POST, &path, &object, true).await,
                Some(stored) => {
                    let stored = send(test, Method::POST, &path, &patched(stored), false).await;
                    let stored =
                        stored.unwrap_or_else(|error| panic!("{kind}: {}: {error}", case.object));
                    object["metadata"]["resourceVersion"] =
                        stored["metadata"]["resourceVersion"].clone();
                    let name = stored["metadata"]["name"].as_str().unwrap();
                    send(test, Method::PUT, &format!("{path}/{name}"), &object, true).await
                }
            };
            let refused = case.refused();
            let is_right = match &answer {
                Ok(_) => refused.is_empty(),
                // As the server writes it: `is invalid: FIELD: Invalid value`.
                Err(error) => {
                    let error = error.to_string();
                    error.contains("is invalid")
                        && refused
                            .iter()
                            .any(|field| error.contains(&format!("{field}: ")))
                }
            };
            if !is_right {
                let answer = answer.map(|_| "it is taken");
                wrong.push(format!(
                    "{kind} {version} {}: wanted {refused:?}, got {answer:?}",
                    case.object
                ));
            }
        }
    }
    wrong
}

// PF-402
#[tokio::test(flavor = "multi_thread")]
async fn samples_of_every_kind_are_taken_in_each_version_and_read_in_each() {
    // The API server has to reach this process.
    let Some(test) = Test::of_api_server().begin_locally().await else {
        return;
    };
    let kinds = kinds();
    let wrong = join_all(
        kinds
            .iter()
            .map(|kind| samples_are_read_in_every_version(&test, kind)),
    );
    let wrong = wrong.await.concat();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_crd_of_every_kind_refuses_what_admission_would_and_nothing_else() {
    let test = Test::of_api_server().begin().await;
    let kinds = kinds();
    // CloneSet's cases are judged in `rules`.
    let kinds = kinds.iter().filter(|kind| *kind != "CloneSet");
    let wrong = join_all(kinds.map(|kind| the_server_refuses_what_the_table_says(&test, kind)));
    let wrong = wrong.await.concat();
    assert!(wrong.is_empty(), "{wrong:#?}");
}
