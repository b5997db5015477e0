//! What holds for all pods and SidecarSets.

use std::{sync::Arc, time::Duration};

use proptest::prelude::*;
use serde_json::{Value, json};
use sidecarset_controller::{
    inject::{InjectOptions, inject},
    prepared::PreparedSidecarSet,
};

use crate::world::{options, pod, prepared, set};

fn any_env() -> impl Strategy<Value = Value> {
    let one = ("[A-C]", "[0-2]").prop_map(|(name, value)| json!({ "name": name, "value": value }));
    prop::collection::vec(one, 0..3).prop_map(Value::from)
}

fn any_mounts(path: &'static str) -> impl Strategy<Value = Value> {
    let one = ("[u-w]", "/[a-d]", prop::option::of("\\$\\([A-C]\\)"));
    let one = one.prop_map(
        move |(name, at, expression)| json!({ "name": name, path: at, "subPathExpr": expression }),
    );
    prop::collection::vec(one, 0..3).prop_map(Value::from)
}

/// A container of these names, as pods have them.
fn any_container(names: &'static str) -> impl Strategy<Value = Value> {
    (
        names,
        any_env(),
        any_mounts("mountPath"),
        any_mounts("devicePath"),
    )
        .prop_map(|(name, env, mounts, devices)| {
            json!({
                "name": name, "image": "i:1", "env": env, "volumeMounts": mounts,
                "volumeDevices": devices, "resources": { "limits": { "cpu": "1" } },
            })
        })
}

fn any_sidecar(names: &'static str) -> impl Strategy<Value = Value> {
    let words = |words: &[&'static str]| prop::sample::select(words.to_vec());
    let policy = words(&["BeforeAppContainer", "AfterAppContainer", ""]);
    let shares = words(&["enabled", "disabled"]);
    let parts = (
        policy,
        shares.clone(),
        shares,
        words(&["HotUpgrade", "ColdUpgrade"]),
    );
    let transfer = ("[m-o]", "[A-C]");
    let expression = prop::option::of(words(&["cpu*50%", "max(cpu, 1)", "100m"]));
    let restart = prop::option::of(Just("Always"));
    (any_container(names), parts, transfer, expression, restart).prop_map(
        |(mut container, (place, mounts, devices, upgrade), (source, env), expression, restart)| {
            json_patch::merge(&mut container, &json!({
                "restartPolicy": restart,
                "podInjectPolicy": place,
                "shareVolumePolicy": { "type": mounts },
                "shareVolumeDevicePolicy": { "type": devices },
                "upgradeStrategy": { "upgradeType": upgrade, "hotUpgradeEmptyImage": "idle" },
                "transferEnv": [{ "sourceContainerName": source, "envName": env }],
                "resourcesPolicy": expression.map(|expression| json!({
                    "targetContainersMode": "sum", "targetContainersNameRegex": ".*",
                    "resourcesExpr": { "limits": { "cpu": expression }, "requests": { "cpu": "1" } },
                })),
            }));
            container
        },
    )
}

/// Containers of one kind, each name once.
fn once(mut containers: Vec<Value>) -> Value {
    let mut seen = std::collections::BTreeSet::new();
    containers.retain(|container| seen.insert(container["name"].to_string()));
    json!(containers)
}

/// A SidecarSet with a container and perhaps more. Those of different sets have different names.
fn any_set(
    name: &'static str,
    names: &'static str,
    init_names: &'static str,
) -> impl Strategy<Value = Value> {
    let containers = prop::collection::vec(any_sidecar(names), 1..3);
    let init_containers = prop::collection::vec(any_sidecar(init_names), 0..3);
    let annotations = (
        "[k-l]",
        "[0-2]",
        prop::sample::select(vec!["Retain", "Overwrite"]),
    );
    let merged = prop::sample::select(vec![r#"{"a":1}"#, r#"{"a":null,"b":{}}"#, "[1]"]);
    (containers, init_containers, annotations, merged).prop_map(
        move |(containers, init_containers, (key, value, policy), merged)| {
            set(
                name,
                json!({
                    "containers": once(containers),
                    "initContainers": once(init_containers),
                    "volumes": [{ "name": "u" }, { "name": "v" }],
                    "imagePullSecrets": [{ "name": name }, { "name": "common" }],
                    "patchPodMetadata": [
                        { "annotations": { key: value }, "patchPolicy": policy },
                        { "annotations": { "m": merged }, "patchPolicy": "MergePatchJson" },
                    ],
                }),
            )
        },
    )
}

fn any_sets() -> impl Strategy<Value = Vec<Value>> {
    (
        any_set("s1", "[a-d]", "[e-f]"),
        any_set("s2", "[p-s]", "[t-w]"),
    )
        .prop_flat_map(|(first, second)| prop::sample::subsequence(vec![first, second], 1..=2))
}

/// Pods have containers of their own, and some with names that sidecars have.
fn any_pod() -> impl Strategy<Value = Value> {
    let containers = prop::collection::vec(any_container("[m-o]|a|p"), 1..4);
    let init_containers = prop::collection::vec(any_container("[x-z]|e|t"), 0..3);
    (containers, init_containers).prop_map(|(containers, init_containers)| {
        let mut pod = pod(once(containers));
        // The one that resources are taken from.
        pod["spec"]["containers"]
            .as_array_mut()
            .unwrap()
            .push(json!({
                "name": "main", "resources": { "limits": { "cpu": "1" } },
            }));
        pod["spec"]["initContainers"] = once(init_containers);
        pod["spec"]["volumes"] = json!([{ "name": "v", "own": true }]);
        pod["metadata"]["annotations"] = json!({ "m": r#"{"a":0}"#, "k": "0" });
        pod
    })
}

fn list<'a>(pod: &'a Value, list: &str) -> &'a [Value] {
    pod["spec"][list]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default()
}

fn names_of(list: &[Value]) -> Vec<&str> {
    list.iter().map(|it| it["name"].as_str().unwrap()).collect()
}

fn injected(pod: &Value, sets: &[Arc<PreparedSidecarSet>]) -> Value {
    inject(pod, sets, options()).unwrap()
}

/// As [`injected`], when the webhook is asked again.
fn injected_later(pod: &Value, sets: &[Arc<PreparedSidecarSet>]) -> Value {
    let InjectOptions { now, .. } = options();
    let later = InjectOptions {
        now: now + Duration::from_secs(1),
        ..options()
    };
    inject(pod, sets, later).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases / 4, ..ProptestConfig::default() })]

    // PF-909
    #[test]
    fn twice_is_once(
        pod in any_pod(),
        sets in any_sets(),
        at_the_end in any::<bool>(),
        theirs in any_container("foreign"),
    ) {
        let sets = prepared(&sets);
        let once = injected(&pod, &sets);
        prop_assert_eq!(&injected_later(&once, &sets), &once);
        let mut between = once;
        for list in ["containers", "initContainers"] {
            if let Some(list) = between["spec"][list].as_array_mut() {
                let place = if at_the_end { list.len() } else { 0 };
                list.insert(place, theirs.clone());
            }
        }
        prop_assert_eq!(&injected_later(&between, &sets), &between);
    }

    // SS-132: what is not replaced stays as it was, and in its order. No name is there twice.
    #[test]
    fn the_pods_own_containers_stay(pod in any_pod(), sets in any_sets()) {
        let changed = injected(&pod, &prepared(&sets));
        for kind in ["containers", "initContainers"] {
            let sidecars: Vec<&str> = sets.iter().flat_map(|set| names_of(list(set, kind))).collect();
            let is_own = |it: &&Value| !sidecars.contains(&it["name"].as_str().unwrap());
            let own: Vec<&Value> = list(&pod, kind).iter().filter(is_own).collect();
            let names = names_of(list(&changed, kind));
            let stayed: Vec<&Value> = list(&changed, kind).iter()
                .filter(|it| own.iter().any(|own| own["name"] == it["name"]))
                .collect();
            prop_assert_eq!(stayed, own);
            let mut once = names.clone();
            once.sort_unstable();
            once.dedup();
            prop_assert_eq!(once.len(), names.len());
            let before = names_of(list(&pod, kind));
            let same = names.iter().filter(|name| before.contains(name)).copied();
            prop_assert_eq!(Vec::from_iter(same), before);
        }
        prop_assert_eq!(&changed["spec"]["volumes"][0], &pod["spec"]["volumes"][0]);
        prop_assert_eq!(&changed["metadata"]["labels"], &pod["metadata"]["labels"]);
    }

    // SS-17
    #[test]
    fn nothing_of_sidecar_sets_gets_into_containers(pod in any_pod(), sets in any_sets()) {
        let changed = injected(&pod, &prepared(&sets));
        for container in [list(&changed, "containers"), list(&changed, "initContainers")].concat() {
            for field in [
                "podInjectPolicy", "upgradeStrategy", "shareVolumePolicy", "shareVolumeDevicePolicy",
                "transferEnv", "resourcesPolicy",
            ] {
                prop_assert_eq!(container.get(field), None);
            }
        }
    }
}
