//! Which SidecarSets injected containers into a pod (SS-135), and with which containers (SS-136).

use std::collections::BTreeSet;

use kruise_api::apps::v1beta1::SidecarSetSpec;

/// Names of the SidecarSets that the annotation's value lists, each as often as it is there.
pub fn injected(list: &str) -> impl Iterator<Item = &str> {
    list.split(',').filter(|name| !name.is_empty())
}

/// The annotation's value with these names added: each once, in order (SS-135).
#[must_use]
pub fn injected_with<'a>(list: &'a str, names: impl IntoIterator<Item = &'a str>) -> String {
    let all: BTreeSet<&str> = injected(list).chain(names).collect();
    Vec::from_iter(all).join(",")
}

/// Names of the containers that run as long as the pod does, in order: all but ordinary init containers (SS-136, SS-P7). A
/// container with twins is one of them, by its own name.
#[must_use]
pub fn sidecar_list(spec: &SidecarSetSpec) -> Vec<String> {
    let init_containers = spec.init_containers.iter();
    let native = init_containers.filter(|container| container.is_native_sidecar());
    let names: BTreeSet<&str> = spec
        .containers
        .iter()
        .chain(native)
        .map(|container| container.name())
        .collect();
    names.into_iter().map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};

    use super::*;

    // SS-135
    #[rstest]
    #[case::first("", &["log"], "log")]
    #[case::sorted("mesh", &["log"], "log,mesh")]
    #[case::each_once("log,mesh", &["mesh", "log"], "log,mesh")]
    #[case::put_in_order("z,,a", &[], "a,z")]
    fn names_are_united(#[case] list: &str, #[case] names: &[&str], #[case] expected: &str) {
        assert_eq!(injected_with(list, names.iter().copied()), expected);
    }

    #[test]
    fn an_empty_list_names_nobody() {
        assert_eq!(injected("").count(), 0);
        assert_eq!(Vec::from_iter(injected("log,mesh")), ["log", "mesh"]);
    }

    // SS-136, SS-A36, SS-P7
    #[rstest]
    #[case::none(json!({}), &[])]
    #[case::sorted(json!({ "containers": [{ "name": "b" }, { "name": "a" }] }), &["a", "b"])]
    #[case::native_ones(
        json!({
            "containers": [{ "name": "m" }],
            "initContainers": [{ "name": "z", "restartPolicy": "Always" }, { "name": "setup" }],
        }),
        &["m", "z"],
    )]
    #[case::twins_by_one_name(
        json!({ "containers": [{ "name": "mesh", "upgradeStrategy": { "upgradeType": "HotUpgrade" } }] }),
        &["mesh"],
    )]
    fn containers_that_stay_are_listed(#[case] spec: Value, #[case] expected: &[&str]) {
        let spec: SidecarSetSpec = serde_json::from_value(spec).unwrap();
        assert_eq!(sidecar_list(&spec), expected);
    }
}
