//! The history of a workload's template: what is stored of a template, how it is named, and when two
//! revisions are the same (IP-129 to IP-134).
//!
//! Names and data must equal those that OpenKruise wrote, byte for byte, or every workload would roll
//! when it changes hands.

mod normal;

use serde_json::{Value, json};

pub(crate) use normal::{form as normal_form, whole_form};

use crate::{hash, json as wire};

/// Longest part of a workload's name that a revision's name keeps, in bytes.
const MAX_NAME_PREFIX: usize = 223;

/// What a revision stores of a template: compact JSON, keys sorted, every field as Kubernetes 1.32 writes
/// it, without newer fields. The template must already have its defaults
/// ([`crate::defaults::pod_template`]).
#[must_use]
pub fn data(template: &Value) -> String {
    let mut template = normal::form("PodTemplateSpec", template);
    if let Some(template) = template.as_object_mut() {
        template.insert("$patch".to_owned(), Value::from("replace"));
    }
    canonical(json!({ "spec": { "template": template } }))
}

/// A revision's data as [`data`] writes it, whatever order its keys have: equal data give equal text
/// (IP-134).
#[must_use]
pub fn canonical(data: Value) -> String {
    wire::go_json(&wire::sort_keys(data))
}

/// Hash of a revision's data. `collision_count` is how often a name was found taken before.
#[must_use]
pub fn hash(data: &[u8], collision_count: i32) -> String {
    let count = collision_count.to_string();
    let hash = hash::fnv1_32(data.iter().copied().chain(count.bytes()));
    hash.to_string().chars().map(safe_digit).collect()
}

/// Name of the revision of this workload with this hash.
#[must_use]
pub fn name(workload: &str, hash: &str) -> String {
    let mut end = workload.len().min(MAX_NAME_PREFIX);
    while !workload.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}-{hash}", workload.get(..end).unwrap_or(workload))
}

/// The short form of a revision's name: what is after the last `-`, or all of it.
#[must_use]
pub fn short_hash(revision: &str) -> &str {
    revision.rsplit_once('-').map_or(revision, |(_, hash)| hash)
}

/// Whether a pod's `controller-revision-hash` label, in its long or short form, names the revision
/// (CS-39).
#[must_use]
pub fn label_names(label: &str, revision_name: &str) -> bool {
    label == revision_name || short_hash(label) == short_hash(revision_name)
}

/// The pod template in a stored revision's data, with its `$patch` member.
#[must_use]
pub fn template(data: &Value) -> Option<&Value> {
    data.pointer("/spec/template")
}

/// Whether two revisions store the same data, whatever the order of keys. Compare their hash labels
/// too, with [`hash_labels_agree`].
#[must_use]
pub fn same_data(a: &Value, b: &Value) -> bool {
    a == b
}

/// Whether two revisions may be the same by their hash labels. They may not if both labels are numbers, and
/// differ.
#[must_use]
pub fn hash_labels_agree(a: Option<&str>, b: Option<&str>) -> bool {
    let number = |label: Option<&str>| {
        label
            .filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))
            .and_then(|text| text.parse::<i32>().ok())
    };
    match (number(a), number(b)) {
        (Some(a), Some(b)) => a == b,
        _ => true,
    }
}

/// Value of the annotation that tells revisions with different volume claim templates apart (IP-11):
/// empty without templates, else a decimal number.
#[must_use]
pub fn volume_claim_template_hash(templates: Option<&[Value]>) -> String {
    let templates = templates.unwrap_or_default();
    if templates.is_empty() {
        return String::new();
    }
    let name = |claim: &Value| {
        claim
            .pointer("/metadata/name")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    let mut sorted: Vec<&Value> = templates.iter().collect();
    sorted.sort_by_key(|claim| name(claim));
    let reduced: Vec<Value> = sorted
        .into_iter()
        .map(|claim| {
            json!({
                "metadata": normal::form("ObjectMeta", &json!({ "name": name(claim) })),
                "spec": normal::form(
                    "PersistentVolumeClaimSpec",
                    claim.get("spec").unwrap_or(&Value::Null),
                ),
                "status": {},
            })
        })
        .collect();
    hash::go_bytes_hash(&wire::go_json(&reduced)).to_string()
}

/// Digits as characters that can't form words, as Kubernetes' `SafeEncodeString` does.
pub(crate) fn safe_digit(digit: char) -> char {
    match digit {
        '0' => '4',
        '1' => '5',
        '2' => '6',
        '3' => '7',
        '4' => '8',
        '5' => '9',
        '6' => 'b',
        '7' => 'c',
        '8' => 'd',
        '9' => 'f',
        other => other,
    }
}
