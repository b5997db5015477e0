//! The webhook's configuration as it is found, and as it shall be. Pure.
//!
//! Of the object the process owns two match conditions of the entry for pods, two further entries, and one annotation. It
//! changes nothing else: what an administrator changes stays (DV-PF21), and the two entries follow it. Only the failure policy
//! is set where an annotation asks for it: an installation brings the entry with Ignore, since nobody answers yet.

use jiff::Timestamp;
use kruise_api::well_known::{
    annotations::{SIDECARSET_FAILURE_POLICY, SIDECARSET_SCOPE},
    labels::NAMESPACE_NAME,
    webhooks::{
        FRESH_PODS, FRESH_PODS_CONDITION, FRESH_PODS_PATH, NOT_FRESH_CONDITION, PODS,
        PODS_CONDITION, PODS_PATH, PROBE, PROBE_CONDITION, PROBE_NAME_PREFIX, PROBE_PATH,
    },
};
use serde_json::{Value, json};

use super::{
    anchor::Anchor,
    cel,
    extent::Extent,
    record::{Fresh, Record},
};

/// Seconds that the API server waits for the refusal of a probe. Where it gets none it goes on, and is asked again.
const PROBE_TIMEOUT: u32 = 1;

/// The configuration as it was read. It has an entry for pods.
#[derive(Debug, Clone)]
pub struct Configuration {
    object: Value,
    record: Record,
    /// Whether the entry for pods has the conditions that the record says.
    is_as_recorded: bool,
    /// Whether just the pods wait that the record says.
    is_fresh_as_recorded: bool,
}

/// What has to change.
#[derive(Debug, Clone, PartialEq)]
pub struct Revision {
    /// A merge patch. It holds for the version that was read.
    pub patch: Value,
    /// What will be recorded.
    pub record: Record,
    /// Whether entries change, and not the annotation alone.
    pub changes_entries: bool,
}

impl Configuration {
    /// Reads the object; `None` where it has no entry for pods, and so is none of ours.
    #[must_use]
    pub fn read(object: Value) -> Option<Self> {
        let pods = entry(&object, PODS)?;
        let annotations = object.pointer("/metadata/annotations");
        let annotation = annotations.and_then(|all| all.get(SIDECARSET_SCOPE));
        let record = Record::read(annotation.and_then(Value::as_str));
        let is_as_recorded = condition(pods, PODS_CONDITION) == record.extent.expression()
            && condition(pods, NOT_FRESH_CONDITION) == not_fresh(&record);
        let is_fresh_as_recorded = match entry(&object, FRESH_PODS) {
            None => record.fresh.is_empty(),
            Some(fresh) => {
                condition(fresh, FRESH_PODS_CONDITION) == record.fresh_extent().expression()
            }
        };
        Some(Self {
            is_as_recorded,
            is_fresh_as_recorded,
            record,
            object,
        })
    }

    /// Names the entries that the API server has now.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.record.number
    }

    /// Which pods the API server asks about, or `unknown` if somebody else wrote the condition.
    fn extent(&self, unknown: Extent) -> Extent {
        if self.is_as_recorded {
            return self.record.extent.clone();
        }
        let pods = entry(&self.object, PODS);
        let has = |name| pods.and_then(|pods| condition(pods, name)).is_some();
        let has_conditions = [PODS_CONDITION, NOT_FRESH_CONDITION].into_iter().any(has);
        if has_conditions {
            unknown
        } else {
            Extent::everything()
        }
    }

    /// Which pods the API server is sure to ask about.
    #[must_use]
    pub fn sure_extent(&self) -> Extent {
        self.extent(Extent::nothing())
    }

    /// Which pods the API server may be asking about.
    #[must_use]
    pub fn widest_extent(&self) -> Extent {
        self.extent(Extent::everything())
    }

    /// What was admitted lately.
    #[must_use]
    pub fn fresh(&self) -> &[Fresh] {
        &self.record.fresh
    }

    /// Whether pods are asked about, and wait, that the anchor admits, and go on to for some time.
    #[must_use]
    pub fn covers(&self, anchor: &Anchor, until: Timestamp) -> bool {
        let lasts = |fresh: &&Fresh| fresh.until >= until;
        let fresh = self.record.fresh.iter().filter(lasts);
        let fresh = Extent::of(fresh.map(|fresh| &fresh.anchor));
        let is_probed = entry(&self.object, PROBE).is_some();
        self.sure_extent().covers(anchor)
            && self.is_fresh_as_recorded
            && is_probed
            && fresh.covers(anchor)
    }

    /// Whether the conditions that were written are there. An API server that doesn't know match conditions drops them.
    #[must_use]
    pub fn keeps_conditions(&self) -> bool {
        let probe = entry(&self.object, PROBE);
        self.is_as_recorded
            && self.is_fresh_as_recorded
            && probe.is_none_or(|probe| condition(probe, PROBE_CONDITION).is_some())
    }

    /// What has to change so that the API server asks about these pods, and has those wait; `None`: nothing. Probes are
    /// created in the namespace of the installation.
    #[must_use]
    pub fn revise(
        &self,
        extent: Extent,
        fresh: Vec<Fresh>,
        namespace: &str,
        now: Timestamp,
    ) -> Option<Revision> {
        let mut record = Record {
            number: self.record.number,
            extent,
            fresh,
        };
        let found = self.object.get("webhooks");
        let mut entries = self.entries(&record, namespace);
        let changes_entries = found != Some(&entries);
        if changes_entries {
            record.number = next_number(record.number, now);
            entries = self.entries(&record, namespace);
        }
        if !changes_entries && record == self.record {
            return None;
        }
        let version = self.object.pointer("/metadata/resourceVersion");
        let mut patch = json!({
            "metadata": {
                "resourceVersion": version,
                "annotations": { SIDECARSET_SCOPE: record.text() },
            },
        });
        if changes_entries && let Some(patch) = patch.as_object_mut() {
            patch.insert("webhooks".to_owned(), entries);
        }
        Some(Revision {
            patch,
            record,
            changes_entries,
        })
    }

    /// All entries: ours as the record says, at the end where they are new, and all others as they are.
    fn entries(&self, record: &Record, namespace: &str) -> Value {
        let found = self.object.get("webhooks").and_then(Value::as_array);
        let found = found.map(Vec::as_slice).unwrap_or_default();
        let pods = found.iter().find(|entry| name(entry) == PODS);
        let pods = pods.map(|pods| self.with_policy(pods));
        let mut own: Vec<Value> = match &pods {
            Some(pods) if !record.fresh.is_empty() => vec![
                fresh_entry(pods, &record.fresh_extent()),
                probe_entry(pods, record.number, namespace),
            ],
            _ => vec![],
        };
        let mut entries = vec![];
        for entry in found {
            match name(entry) {
                PODS => {
                    let pods = pods.as_ref().unwrap_or(entry);
                    let pods = conditioned(pods, PODS_CONDITION, record.extent.expression());
                    entries.push(conditioned(&pods, NOT_FRESH_CONDITION, not_fresh(record)));
                }
                FRESH_PODS | PROBE => {
                    if let Some(at) = own.iter().position(|own| name(own) == name(entry)) {
                        entries.push(own.remove(at));
                    }
                }
                _ => entries.push(entry.clone()),
            }
        }
        entries.append(&mut own);
        entries.into()
    }

    /// The entry for pods with the failure policy that is asked for. A webhook that the API server does not trust yet must
    /// not be one that fails.
    fn with_policy(&self, pods: &Value) -> Value {
        let mut pods = pods.clone();
        let annotations = self.object.pointer("/metadata/annotations");
        let asked = annotations.and_then(|all| all.get(SIDECARSET_FAILURE_POLICY));
        let bundle = pods.pointer("/clientConfig/caBundle");
        let is_trusted = bundle
            .and_then(Value::as_str)
            .is_some_and(|it| !it.is_empty());
        match asked.and_then(Value::as_str) {
            Some("Fail") if is_trusted => set(&mut pods, "failurePolicy", json!("Fail")),
            Some("Ignore") => set(&mut pods, "failurePolicy", json!("Ignore")),
            _ => {}
        }
        pods
    }
}

/// Name of the Lease whose refusal says that the API server has the configuration of this number.
pub(crate) fn probe_name(number: u64) -> String {
    format!("{PROBE_NAME_PREFIX}{number}")
}

/// The condition that leaves waiting pods to the entry for these; none where no pod waits.
fn not_fresh(record: &Record) -> Option<String> {
    (!record.fresh.is_empty()).then(|| cel::not(record.fresh_extent().expression()))
}

fn next_number(number: u64, now: Timestamp) -> u64 {
    let now = u64::try_from(now.as_millisecond()).unwrap_or_default();
    now.max(number.saturating_add(1))
}

/// The entry for pods once more, for those that wait.
fn fresh_entry(pods: &Value, extent: &Extent) -> Value {
    let entry = conditioned(pods, PODS_CONDITION, None);
    let entry = conditioned(&entry, NOT_FRESH_CONDITION, None);
    let mut entry = conditioned(&entry, FRESH_PODS_CONDITION, extent.expression());
    rename(&mut entry, FRESH_PODS, FRESH_PODS_PATH);
    entry
}

fn probe_entry(pods: &Value, number: u64, namespace: &str) -> Value {
    let mut entry = pods.clone();
    rename(&mut entry, PROBE, PROBE_PATH);
    let selector = json!({ "matchExpressions": [
        { "key": NAMESPACE_NAME, "operator": "In", "values": [namespace] },
    ] });
    let condition =
        json!({ "name": PROBE_CONDITION, "expression": cel::is_named(&probe_name(number)) });
    let rule = json!({
        "apiGroups": ["coordination.k8s.io"], "apiVersions": ["v1"], "operations": ["CREATE"],
        "resources": ["leases"], "scope": "Namespaced",
    });
    set(&mut entry, "rules", json!([rule]));
    set(&mut entry, "namespaceSelector", selector);
    set(&mut entry, "objectSelector", json!({}));
    set(&mut entry, "failurePolicy", json!("Ignore"));
    set(&mut entry, "timeoutSeconds", json!(PROBE_TIMEOUT));
    set(&mut entry, "reinvocationPolicy", json!("Never"));
    set(&mut entry, "matchConditions", json!([condition]));
    entry
}

fn rename(entry: &mut Value, name: &str, path: &str) {
    set(entry, "name", json!(name));
    if let Some(service) = entry.pointer_mut("/clientConfig/service") {
        set(service, "path", json!(format!("{PODS_PATH}{path}")));
    } else if let Some(url) = entry.pointer_mut("/clientConfig/url")
        && let Some(text) = url.as_str()
    {
        *url = json!(format!("{}{path}", text.trim_end_matches('/')));
    }
}

/// The entry with this condition, or without it. Other conditions stay where they are.
fn conditioned(entry: &Value, condition: &str, expression: Option<String>) -> Value {
    let mut entry = entry.clone();
    let mut all: Vec<Value> = conditions(&entry).to_vec();
    let wanted = expression.map(|text| json!({ "name": condition, "expression": text }));
    let place = all.iter().position(|own| name(own) == condition);
    match (place, wanted) {
        (None, None) => return entry,
        (None, Some(wanted)) => all.push(wanted),
        (Some(at), None) => drop(all.remove(at)),
        (Some(at), Some(wanted)) => {
            if let Some(own) = all.get_mut(at) {
                *own = wanted;
            }
        }
    }
    if let Some(members) = entry.as_object_mut() {
        // Not `null`, which a list in a merge patch would keep.
        members.shift_remove("matchConditions");
        if !all.is_empty() {
            members.insert("matchConditions".to_owned(), all.into());
        }
    }
    entry
}

fn entry<'a>(object: &'a Value, wanted: &str) -> Option<&'a Value> {
    let entries = object.get("webhooks")?.as_array()?;
    entries.iter().find(|entry| name(entry) == wanted)
}

fn condition(entry: &Value, wanted: &str) -> Option<String> {
    let mut all = conditions(entry).iter();
    let own = all.find(|own| name(own) == wanted)?;
    let expression = own.get("expression").and_then(Value::as_str);
    Some(expression.unwrap_or_default().to_owned())
}

fn conditions(entry: &Value) -> &[Value] {
    let all = entry.get("matchConditions").and_then(Value::as_array);
    all.map(Vec::as_slice).unwrap_or_default()
}

fn name(value: &Value) -> &str {
    let name = value.get("name").and_then(Value::as_str);
    name.unwrap_or_default()
}

fn set(object: &mut Value, member: &str, value: Value) {
    if let Some(members) = object.as_object_mut() {
        members.insert(member.to_owned(), value);
    }
}

#[cfg(test)]
mod tests;
