//! NodePodProbe on the wire. Nobody fills in defaults, and nothing is refused.

use kruise_api::{
    apps::v1alpha1::{ContainerProbe, NODEPODPROBES, NodePodProbe, ProbeState},
    resource::ObjectKey,
    validation::FieldErrors,
};
use rstest::rstest;
use serde_json::json;

use crate::{
    every_kind::{Version, version},
    instances::definition,
};

pub(crate) fn versions() -> Vec<Version> {
    vec![version(|_: NodePodProbe, _| FieldErrors::new())]
}

// PodProbeMarker, 2: cluster-scoped, no columns, no short names, no rules.
#[test]
fn the_definition_says_nothing_but_names_and_fields() {
    let crd = definition("NodePodProbe");
    assert_eq!(crd["spec"]["scope"], "Cluster");
    assert_eq!(crd["spec"]["conversion"], json!({ "strategy": "None" }));
    assert!(crd["spec"]["names"].get("shortNames").is_none());
    let versions = crd["spec"]["versions"].as_array().unwrap();
    assert_eq!(versions.len(), 1);
    assert_eq!(versions[0]["subresources"], json!({ "status": {} }));
    assert!(versions[0].get("additionalPrinterColumns").is_none());
    assert!(!crd.to_string().contains("x-kubernetes-validations"));
    let key = ObjectKey::new("", "node1");
    assert_eq!(
        NODEPODPROBES.object_path(&key, Some("status")),
        "/apis/apps.kruise.io/v1alpha1/nodepodprobes/node1/status"
    );
}

#[test]
fn the_ip_has_upper_case_and_states_are_words() {
    let object = json!({
        "apiVersion": "apps.kruise.io/v1alpha1",
        "kind": "NodePodProbe",
        "metadata": { "name": "node1" },
        "spec": { "podProbes": [{ "name": "web-1", "namespace": "shop", "uid": "u", "IP": "10.0.0.7" }] },
        "status": { "podProbeStatuses": [{
            "name": "web-1", "namespace": "shop", "uid": "u",
            "probeStates": [{ "name": "web#idle", "state": "Failed", "lastProbeTime": "2026-01-10T08:00:00Z" }],
        }] },
    });
    let typed: NodePodProbe = serde_json::from_value(object.clone()).unwrap();
    assert_eq!(typed.spec.pod_probes[0].ip, "10.0.0.7");
    let state = &typed.status.pod_probe_statuses[0].probe_states[0].state;
    assert_eq!(state, &ProbeState::Failed);
    assert_eq!(serde_json::to_value(typed).unwrap(), object);
}

// PP-14, PP-17, PP-24
#[rstest]
#[case("web#idle", Some(("web", "idle")))]
#[case("web#", Some(("web", "")))]
#[case("web", None)]
fn a_name_tells_where_a_probe_comes_from(#[case] name: &str, #[case] origin: Option<(&str, &str)>) {
    assert_eq!(ContainerProbe::origin_of(name), origin);
    if let Some((marker, probe)) = origin {
        assert_eq!(ContainerProbe::name_of(marker, probe), name);
    }
}
