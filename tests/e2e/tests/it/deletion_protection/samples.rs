//! The samples, as a user applies them.

use super::of_webhook;

#[tokio::test(flavor = "multi_thread")]
async fn the_samples_are_what_a_server_takes() {
    let test = of_webhook().begin().await;
    let directory = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../deploy/samples/deletion-protection"
    );
    // Their image is not in the registry of the tests.
    let (ok, said) = test.cluster.kubectl(&[
        "apply",
        "--dry-run=server",
        "--warnings-as-errors",
        "--namespace",
        &test.name,
        "--filename",
        directory,
    ]);
    assert!(ok, "{said}");
}
