//! Which SidecarSets a pod gets, each in which revision.

use std::sync::Arc;

use kruise_api::{resource::CONTROLLER_REVISIONS, text_map::TextMap};
use kruise_runtime::{Store, chain};
use rstest::rstest;
use serde_json::{Value, json};
use sidecarset_controller::{
    choose::{Choice, chosen},
    index::SidecarSetIndex,
    prepared::PreparedSidecarSet,
    record::HashRecord,
    revisions::{Revision, RevisionIndex},
};

use crate::world::{decoded, set};

/// The namespace that revisions are in.
const INSTALLED_IN: &str = "kruise-system";

/// A revision that records a container named as the image tag says, and has hash `hash-<name>`.
fn revision(name: &str, number: i64, labels: Value) -> Value {
    json!({
        "metadata": {
            "name": name, "namespace": INSTALLED_IN, "uid": format!("uid-{name}"), "resourceVersion": "5",
            "labels": labels, "annotations": { "kruise.io/sidecarset-hash": format!("hash-{name}") },
        },
        "data": { "spec": {
            "$patch": "replace", "containers": [{ "name": name, "image": "agent:1" }],
            "imagePullSecrets": null, "initContainers": null, "patchPodMetadata": null, "volumes": null,
        } },
        "revision": number,
    })
}

fn of_log(version: &str) -> Value {
    json!({
        "kruise.io/sidecarset-name": "log", "apps.kruise.io/sidecarset-custom-version": version,
        "app": "not kept",
    })
}

fn revisions(all: &[Value]) -> RevisionIndex {
    let store = Store::<Revision>::new(CONTROLLER_REVISIONS);
    let index = RevisionIndex::new(INSTALLED_IN, store.clone());
    let followed = index.clone();
    store.follow(move |old, new| followed.change(old, new));
    let listed = all
        .iter()
        .map(|it| serde_json::from_str(&it.to_string()).unwrap());
    store.replace(listed.collect(), &[], "9");
    index
}

struct World {
    sets: Vec<Value>,
    revisions: Vec<Value>,
    labels: Value,
    of_namespace: Option<Value>,
    recorded: String,
    random: u64,
}

fn world(sets: &[Value]) -> World {
    World {
        sets: sets.to_vec(),
        revisions: vec![],
        labels: json!({ "app": "web" }),
        of_namespace: None,
        recorded: String::new(),
        random: 0,
    }
}

impl World {
    fn chosen(&self) -> Result<Vec<Arc<PreparedSidecarSet>>, String> {
        let index = SidecarSetIndex::default();
        for set in &self.sets {
            index.change(None, Some(&decoded(set)));
        }
        let labels: TextMap = serde_json::from_value(self.labels.clone()).unwrap();
        let of_namespace = self.of_namespace.clone();
        let of_namespace: Option<TextMap> =
            of_namespace.map(|labels| serde_json::from_value(labels).unwrap());
        let revisions = revisions(&self.revisions);
        let recorded = HashRecord::parse("hash", Some(&self.recorded)).unwrap();
        let choice = Choice {
            labels: &labels,
            of_namespace: of_namespace.as_ref(),
            recorded: &recorded,
            random: self.random,
            revision: &|set, wanted| revisions.wanted(set, wanted),
        };
        let candidates = index.candidates("shop", &labels);
        chosen(&candidates, &choice).map_err(|error| chain(&error))
    }

    /// Name and revision of each.
    fn versions(&self) -> Result<String, String> {
        let versions = self.chosen()?;
        let versions = versions.iter().map(|set| match set.revision.as_str() {
            "" => set.name.clone(),
            revision => format!("{}@{revision}", set.name),
        });
        Ok(Vec::from_iter(versions).join(" "))
    }
}

fn canary(name: &str, base: &str, spec: Value) -> Value {
    let mut set = set(name, spec);
    set["metadata"]["annotations"] = json!({
        "apps.kruise.io/sidecarset-canary": "true", "apps.kruise.io/sidecarset-base": base,
    });
    set
}

// SS-104, SS-A9
#[rstest]
#[case::selected(Some(json!({ "env": "prod" })), "log")]
#[case::not_selected(Some(json!({ "env": "test" })), "")]
#[case::unknown(None, "")]
fn the_namespace_has_to_be_selected(#[case] of_namespace: Option<Value>, #[case] expected: &str) {
    let selector = json!({ "matchLabels": { "env": "prod" } });
    let mut world = world(&[set("log", json!({ "namespaceSelector": selector }))]);
    world.of_namespace = of_namespace;
    assert_eq!(world.versions().unwrap(), expected);
}

// SS-110, SS-A38
#[rstest]
#[case::instead(json!({ "app": "web", "tier": "beta" }), json!({}), "log-canary")]
#[case::not_selected(json!({ "app": "web" }), json!({}), "log")]
#[case::paused(json!({ "app": "web", "tier": "beta" }), json!({ "paused": true }), "log")]
fn a_canary_comes_in_the_place_of_its_base(
    #[case] labels: Value,
    #[case] injection: Value,
    #[case] expected: &str,
) {
    let selector = json!({ "matchLabels": { "tier": "beta" } });
    let spec = json!({ "selector": selector, "injectionStrategy": injection });
    let mut world = world(&[set("log", json!({})), canary("log-canary", "log", spec)]);
    world.labels = labels;
    assert_eq!(world.versions().unwrap(), expected);
}

fn latest(injection: Value, update: Value) -> Value {
    let mut set = set(
        "log",
        json!({
            "containers": [{ "name": "agent", "image": "agent:2" }],
            "injectionStrategy": { "revision": injection },
            "updateStrategy": update,
        }),
    );
    set["status"] = json!({ "latestRevision": "now" });
    set["metadata"]["annotations"] = json!({ "kruise.io/sidecarset-hash": "hash-now" });
    set
}

// SS-106, SS-107, SS-A26
#[rstest]
#[case::no_name(json!({}), json!({}), 0, "now")]
#[case::by_name(json!({ "revisionName": "log-1" }), json!({}), 0, "log-1")]
#[case::the_name_goes_first(json!({ "revisionName": "log-1", "customVersion": "v2" }), json!({}), 0, "log-1")]
// SS-A25
#[case::by_version(json!({ "customVersion": "v1" }), json!({}), 0, "log-1")]
#[case::the_newest_of_a_version(json!({ "customVersion": "v2" }), json!({}), 0, "log-3")]
#[case::of_another_set(json!({ "revisionName": "mesh-1" }), json!({}), 0, "mesh-1")]
#[case::always_whatever_the_selector_says(
    json!({ "customVersion": "v1", "policy": "Always" }),
    json!({ "selector": { "matchLabels": { "app": "db" } } }),
    0,
    "log-1",
)]
#[case::all_of_them(json!({ "customVersion": "v1", "policy": "Partial" }), json!({ "partition": "100%" }), 9_999, "log-1")]
#[case::none_of_them(json!({ "customVersion": "v1", "policy": "Partial" }), json!({ "partition": "0%" }), 0, "now")]
#[case::in_the_share(json!({ "customVersion": "v1", "policy": "Partial" }), json!({ "partition": "30%" }), 12_999, "log-1")]
#[case::out_of_the_share(json!({ "customVersion": "v1", "policy": "Partial" }), json!({ "partition": "30%" }), 13_000, "now")]
#[case::a_number(json!({ "customVersion": "v1", "policy": "Partial" }), json!({ "partition": 3 }), 0, "now")]
#[case::no_partition(json!({ "customVersion": "v1", "policy": "Partial" }), json!(null), 0, "now")]
#[case::paused(json!({ "customVersion": "v1", "policy": "Partial" }), json!({ "paused": true }), 0, "log-1")]
#[case::not_selected(
    json!({ "customVersion": "v1", "policy": "Partial" }),
    json!({ "selector": { "matchLabels": { "app": "db" } } }),
    0,
    "log-1",
)]
#[case::selected(
    json!({ "customVersion": "v1", "policy": "Partial" }),
    json!({ "selector": { "matchLabels": { "app": "web" } } }),
    0,
    "now",
)]
fn an_older_revision_is_injected(
    #[case] injection: Value,
    #[case] update: Value,
    #[case] random: u64,
    #[case] expected: &str,
) {
    let mut world = world(&[latest(injection, update)]);
    world.random = random;
    // SS-73, SS-108: by number, then by time, then by name.
    let mut third = revision("log-3", 3, of_log("v2"));
    third["metadata"]["creationTimestamp"] = json!("2026-01-02T00:00:00Z");
    let mut second = revision("log-9", 3, of_log("v2"));
    second["metadata"]["creationTimestamp"] = json!("2026-01-01T00:00:00Z");
    let mut elsewhere = revision("log-8", 8, of_log("v2"));
    elsewhere["metadata"]["namespace"] = json!("elsewhere");
    world.revisions = vec![
        third,
        second,
        elsewhere,
        revision("log-1", 1, of_log("v1")),
        revision("mesh-1", 7, json!({})),
    ];
    assert_eq!(world.versions().unwrap(), format!("log@{expected}"));
    // SS-109: all that is recorded is of that revision.
    let set = world.chosen().unwrap().remove(0);
    assert_eq!(set.hash, format!("hash-{expected}"));
    let container = if expected == "now" { "agent" } else { expected };
    assert_eq!(set.sidecar_list, [container]);
}

// PF-909: a webhook that is asked again decides as before, whatever chance says now.
#[rstest]
#[case::older("hash-log-1", 9_999, "log@log-1")]
#[case::latest("hash-now", 0, "log@now")]
#[case::another("hash-then", 0, "log@log-1")]
fn chance_decides_once(#[case] recorded: &str, #[case] random: u64, #[case] expected: &str) {
    let injection = json!({ "customVersion": "v1", "policy": "Partial" });
    let mut world = world(&[latest(injection, json!({ "partition": "50%" }))]);
    world.revisions = vec![revision("log-1", 1, of_log("v1"))];
    world.recorded = json!({ "log": recorded }).to_string();
    world.random = random;
    assert_eq!(world.versions().unwrap(), expected);
}

// SS-105, SS-108, SS-289, SS-A27
#[rstest]
#[case::no_such_name(json!({ "revisionName": "log-7" }), json!({}), "ControllerRevision log-7 not found")]
#[case::no_such_version(json!({ "customVersion": "v7" }), json!({}), "ControllerRevision v7 not found")]
#[case::not_in_the_installations_namespace(json!({ "revisionName": "away" }), json!({}), "ControllerRevision away not found")]
#[case::of_another_set(json!({ "customVersion": "v9" }), json!({}), "ControllerRevision v9 not found")]
#[case::no_sidecar_set(json!({ "revisionName": "broken" }), json!({}), "ControllerRevision broken can't be read: missing field `spec`")]
#[case::no_percentage(
    json!({ "revisionName": "log-1", "policy": "Partial" }),
    json!({ "partition": "5" }),
    "updateStrategy.partition: \"5\" is neither a number nor a percentage: it does not end in %",
)]
fn a_pod_without_its_revision_is_refused(
    #[case] injection: Value,
    #[case] update: Value,
    #[case] why: &str,
) {
    let mut world = world(&[latest(injection, update)]);
    let mut away = revision("away", 1, of_log("v8"));
    away["metadata"]["namespace"] = json!("elsewhere");
    let mut broken = revision("broken", 1, json!({}));
    broken["data"] = json!({ "template": {} });
    let mut other = revision("mesh-1", 1, of_log("v9"));
    other["metadata"]["labels"]["kruise.io/sidecarset-name"] = json!("mesh");
    world.revisions = vec![away, broken, other, revision("log-1", 1, of_log("v1"))];
    let error = world.versions().unwrap_err();
    let expected = format!("SidecarSet log can't be injected: {why}");
    assert!(error.starts_with(&expected), "{error}");
}

// SS-108: a label that comes later, or goes, counts at once (SS-77).
#[test]
fn revisions_are_found_by_the_labels_that_they_have_now() {
    let store = Store::<Revision>::new(CONTROLLER_REVISIONS);
    let index = RevisionIndex::new(INSTALLED_IN, store.clone());
    let followed = index.clone();
    store.follow(move |old, new| followed.change(old, new));
    let wanted = |version: &str| {
        let wanted =
            sidecarset_controller::index::WantedRevision::CustomVersion(version.to_owned());
        index
            .wanted("log", &wanted)
            .map(|it| it.metadata.name.clone())
    };
    let at = |version: &str, labels: Value| {
        let mut revision = revision("log-1", 1, labels);
        revision["metadata"]["resourceVersion"] = json!(version);
        serde_json::from_str(&revision.to_string()).unwrap()
    };
    store.apply(at("5", json!({ "kruise.io/sidecarset-name": "log" })));
    assert_eq!(wanted("v1"), None);
    store.apply(at("6", of_log("v1")));
    assert_eq!(wanted("v1").as_deref(), Some("log-1"));
    store.apply(at("7", of_log("v2")));
    assert_eq!(
        (wanted("v1"), wanted("v2").as_deref()),
        (None, Some("log-1"))
    );
    store.apply_deleted(&at("8", of_log("v2")));
    assert_eq!(wanted("v2"), None);
}

// SS-109: it is restored once, and again when the revision changes.
#[test]
fn a_revision_is_restored_once() {
    let index = SidecarSetIndex::default();
    index.change(
        None,
        Some(&decoded(&latest(
            json!({ "revisionName": "log-1" }),
            json!({}),
        ))),
    );
    let labels = TextMap::from_iter([("app", "web")]);
    let candidate = index.candidates("shop", &labels).remove(0);
    let choose = |number: i64, version: &str| {
        let mut revision = revision("log-1", number, of_log("v1"));
        revision["metadata"]["resourceVersion"] = json!(version);
        let revision: Arc<Revision> =
            Arc::new(serde_json::from_str(&revision.to_string()).unwrap());
        let choice = Choice {
            labels: &labels,
            of_namespace: None,
            recorded: &HashRecord::default(),
            random: 0,
            revision: &|_, _| Some(Arc::clone(&revision)),
        };
        chosen(&[Arc::clone(&candidate)], &choice)
            .unwrap()
            .remove(0)
    };
    let first = choose(1, "5");
    assert!(Arc::ptr_eq(&first, &choose(1, "5")));
    assert!(!Arc::ptr_eq(&first, &choose(1, "6")));
}
