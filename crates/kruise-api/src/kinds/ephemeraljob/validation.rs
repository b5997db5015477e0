//! What admission refuses in an EphemeralJob (EJ-1 to EJ-5): only its containers are looked at, the same at creation
//! and at every update. What Kubernetes itself demands of env, envFrom and securityContext is for the API server to judge
//! (DV-EJ10), in a pod template of [`as_pod_template`].

use std::collections::HashSet;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::v1alpha1::EphemeralJobSpec;
use crate::{
    meta::{list, null_as_default},
    validation::{FieldError, FieldErrorKind, FieldErrors, FieldPath, dns_label},
};

/// Code of the answer to what is refused here (PF-211).
pub const ANSWER_CODE: u16 = 400;

const ROOT: &str = "ephemeralContainers";
/// Fields that Kubernetes allows in an ephemeral container (EJ-3).
const ALLOWED: [&str; 17] = [
    "name",
    "image",
    "command",
    "args",
    "workingDir",
    "envFrom",
    "env",
    "volumeMounts",
    "volumeDevices",
    "terminationMessagePath",
    "terminationMessagePolicy",
    "imagePullPolicy",
    "securityContext",
    "stdin",
    "stdinOnce",
    "tty",
    "targetContainerName",
];
/// Fields that the API server is asked about (EJ-4).
const JUDGED_BY_SERVER: [&str; 3] = ["env", "envFrom", "securityContext"];
const MESSAGE_POLICIES: [&str; 2] = ["File", "FallbackToLogsOnError"];
const PULL_POLICIES: [&str; 3] = ["Always", "IfNotPresent", "Never"];
const FORBIDDEN: &str = "can't be set for an ephemeral container";
const BLANKS: &str = "must not have leading or trailing blanks";
const NOT_EMPTY: &str = "must not be empty";
const ENV_NAME: &str = "must consist of letters, digits, '_', '-' and '.', not begin with a digit, and be no path \
                        upwards";

/// What is wrong with a spec.
pub fn validate(spec: &EphemeralJobSpec) -> FieldErrors {
    let path = FieldPath::new(ROOT);
    let mut errors = FieldErrors::new();
    let containers = match &spec.template.ephemeral_containers {
        Value::Null => &[],
        Value::Array(containers) => containers.as_slice(),
        _ => {
            errors.push(unreadable(&path, &"must be a list of containers"));
            return errors;
        }
    };
    let mut names = HashSet::new();
    for (index, container) in containers.iter().enumerate() {
        let path = path.index(index);
        let read = Container::deserialize(container).map_err(|why| unreadable(&path, &why));
        let Some(container) = errors.take(read) else {
            continue;
        };
        errors.extend(name(&container.name, &path));
        if !container.name.is_empty() && !names.insert(container.name.clone()) {
            let path = path.child("name");
            errors.push(FieldError::duplicate(&path, container.name.as_str()));
        }
        errors.extend(container.errors(&path));
    }
    errors
}

/// The containers as a pod template that the API server can judge, with what it is asked about (EJ-4). For specs in
/// which [`validate`] finds nothing.
#[must_use]
pub fn as_pod_template(spec: &EphemeralJobSpec) -> Value {
    let containers = spec.template.ephemeral_containers.as_array();
    let containers: Vec<Value> = containers
        .into_iter()
        .flatten()
        .map(|container| {
            let fields = ["name", "image"].into_iter().chain(JUDGED_BY_SERVER);
            let given = fields.filter_map(|field| {
                let value = container.get(field)?;
                Some((field.to_owned(), value.clone()))
            });
            Value::Object(given.collect())
        })
        .collect();
    json!({ "spec": { "containers": containers } })
}

/// An error about a template of [`as_pod_template`], which stands at `spec.template`, as one about the job.
#[must_use]
pub fn of_pod_template(error: FieldError) -> FieldError {
    match error.field.strip_prefix("spec.template.spec.containers") {
        Some(below) => FieldError {
            field: format!("{ROOT}{below}"),
            ..error
        },
        None => error,
    }
}

/// What is read of an ephemeral container. Containers stay raw, so that fields which this crate does not know reach the
/// pods.
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Container {
    #[serde(deserialize_with = "null_as_default")]
    name: String,
    #[serde(deserialize_with = "null_as_default")]
    image: String,
    #[serde(deserialize_with = "null_as_default")]
    termination_message_policy: String,
    #[serde(deserialize_with = "null_as_default")]
    image_pull_policy: String,
    #[serde(deserialize_with = "list")]
    env: Vec<Env>,
    #[serde(deserialize_with = "list")]
    env_from: Vec<EnvFrom>,
    #[serde(deserialize_with = "list")]
    volume_mounts: Vec<VolumeMount>,
    #[serde(flatten)]
    others: Map<String, Value>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Env {
    #[serde(deserialize_with = "null_as_default")]
    name: String,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct EnvFrom {
    #[serde(deserialize_with = "null_as_default")]
    prefix: String,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct VolumeMount {
    #[serde(deserialize_with = "null_as_default")]
    sub_path: String,
    #[serde(deserialize_with = "null_as_default")]
    sub_path_expr: String,
}

impl Container {
    fn errors(&self, path: &FieldPath) -> FieldErrors {
        let Self {
            name: _,
            image: of_image,
            termination_message_policy,
            image_pull_policy,
            env,
            env_from,
            volume_mounts,
            others,
        } = self;
        let mut errors = FieldErrors::new();
        errors.extend(image(of_image, &path.child("image")));
        for (field, word, words) in [
            (
                "terminationMessagePolicy",
                termination_message_policy,
                MESSAGE_POLICIES.as_slice(),
            ),
            ("imagePullPolicy", image_pull_policy, &PULL_POLICIES),
        ] {
            errors.extend(policy(word, words, &path.child(field)));
        }
        errors.extend(env_names(env, env_from, path));
        errors.extend(sub_paths(volume_mounts, &path.child("volumeMounts")));
        let forbidden = others
            .iter()
            .filter(|(field, value)| !ALLOWED.contains(&field.as_str()) && is_set(field, value));
        errors.extend(
            forbidden.map(|(field, _)| FieldError::forbidden(&path.child(field), FORBIDDEN)),
        );
        errors
    }
}

/// EJ-2
fn name(name: &str, path: &FieldPath) -> Option<FieldError> {
    let path = path.child("name");
    if name.is_empty() {
        return Some(FieldError::required(&path, NOT_EMPTY));
    }
    dns_label(name).map(|why| FieldError::invalid(&path, name, why))
}

/// EJ-2
fn image(image: &str, path: &FieldPath) -> Option<FieldError> {
    if image.is_empty() {
        return Some(FieldError::required(path, NOT_EMPTY));
    }
    (image.trim() != image).then(|| FieldError::invalid(path, image, BLANKS))
}

/// EJ-2. Nothing fills in a default.
fn policy(word: &str, words: &[&str], path: &FieldPath) -> Option<FieldError> {
    if word.is_empty() {
        let why = format!("must be one of {}", words.join(", "));
        return Some(FieldError::required(path, why));
    }
    (!words.contains(&word)).then(|| FieldError::not_supported(path, word, words))
}

/// EJ-4. The API server may take any name that can be printed, the reference does not. That a name is missing is for
/// the server to say.
fn env_names(env: &[Env], env_from: &[EnvFrom], path: &FieldPath) -> FieldErrors {
    let names = env.iter().enumerate().map(|(index, env)| {
        let path = path.child("env").index(index).child("name");
        (path, env.name.as_str())
    });
    let prefixes = env_from.iter().enumerate().map(|(index, from)| {
        let path = path.child("envFrom").index(index).child("prefix");
        (path, from.prefix.as_str())
    });
    names
        .chain(prefixes)
        .filter(|(_, name)| !name.is_empty() && !is_env_name(name))
        .map(|(path, name)| FieldError::invalid(&path, name, ENV_NAME))
        .collect()
}

fn is_env_name(name: &str) -> bool {
    let is_inner = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    name.bytes().all(is_inner)
        && !name.starts_with(|first: char| first.is_ascii_digit())
        && name != "."
        && !name.starts_with("..")
}

/// EJ-4
fn sub_paths(mounts: &[VolumeMount], path: &FieldPath) -> FieldErrors {
    let fields = mounts.iter().enumerate().flat_map(|(index, mount)| {
        let path = path.index(index);
        [
            (path.child("subPath"), mount.sub_path.as_str()),
            (path.child("subPathExpr"), mount.sub_path_expr.as_str()),
        ]
    });
    fields
        .filter(|(_, text)| !text.is_empty())
        .map(|(path, _)| FieldError::forbidden(&path, FORBIDDEN))
        .collect()
}

/// Whether anything is said by a field: `resources` is written empty by Go's types, other objects are not.
fn is_set(field: &str, value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(elements) => !elements.is_empty(),
        Value::Object(members) => field != "resources" || !members.is_empty(),
        Value::Bool(_) | Value::Number(_) => true,
    }
}

/// What has another shape than in a container.
fn unreadable(path: &FieldPath, why: &impl ToString) -> FieldError {
    FieldError {
        kind: FieldErrorKind::TypeInvalid,
        field: path.to_string(),
        value: None,
        detail: why.to_string(),
    }
}
