//! The CRDs as they are installed.

use e2e::Test;
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
async fn the_component_for_crds_alone_stops_serving_v1alpha1() {
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/api/crds-only");
    let test = Test::of_api_server().begin().await;
    let cluster = test.cluster;
    let (ok, text) = cluster.kubectl(&["kustomize", directory]);
    assert!(ok, "{text}");
    let crd: Value = serde_yaml_ng::from_str(&text).unwrap();
    let served: Vec<_> = crd["spec"]["versions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|version| {
            (
                version["name"].as_str().unwrap(),
                version["served"].as_bool().unwrap(),
            )
        })
        .collect();
    assert_eq!(served, [("v1alpha1", false), ("v1beta1", true)]);
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
