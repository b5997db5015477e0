//! The CRDs as they are installed.

use e2e::Test;
use serde::Deserialize;
use serde_json::Value;

/// Warnings count as errors: the API server has some for CRDs that it takes but finds odd.
#[tokio::test(flavor = "multi_thread")]
async fn crds_are_accepted_without_warnings() {
    let test = Test::of_api_server().begin().await;
    let crds = concat!(env!("CARGO_MANIFEST_DIR"), "/../../crds");
    let manifests: Vec<_> = std::fs::read_dir(crds)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.file_name().unwrap().to_string_lossy().contains(".io_"))
        .collect();
    assert!(!manifests.is_empty());
    for manifest in manifests {
        let (ok, text) = test.cluster.kubectl(&[
            "apply",
            "--server-side",
            "--force-conflicts",
            "--dry-run=server",
            "--warnings-as-errors",
            "--filename",
            manifest.to_str().unwrap(),
        ]);
        assert!(ok, "{text}");
    }
}

/// What the server makes of the CRDs when nothing is installed that converts.
#[tokio::test(flavor = "multi_thread")]
async fn the_component_for_crds_alone_stops_serving_what_needs_a_converter() {
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/api/crds-only");
    let test = Test::of_api_server().begin().await;
    let cluster = test.cluster;
    let (ok, text) = cluster.kubectl(&["kustomize", directory]);
    assert!(ok, "{text}");
    let mut n_narrowed = 0;
    for crd in serde_yaml_ng::Deserializer::from_str(&text) {
        let crd = Value::deserialize(crd).unwrap();
        let is_converted = crd["spec"]["conversion"]["strategy"] == "Webhook";
        for version in crd["spec"]["versions"].as_array().unwrap() {
            let is_old = is_converted && version["name"] == "v1alpha1";
            assert_eq!(version["served"], !is_old, "{}", crd["metadata"]["name"]);
            n_narrowed += usize::from(is_old);
        }
    }
    assert!(n_narrowed > 0);
    let (ok, text) = cluster.kubectl(&[
        "apply",
        "--server-side",
        "--force-conflicts",
        "--dry-run=server",
        "--warnings-as-errors",
        "--kustomize",
        directory,
    ]);
    assert!(ok, "{text}");
}
