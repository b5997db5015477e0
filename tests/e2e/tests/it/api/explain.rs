//! What `kubectl explain` tells of our types.

use e2e::Test;

fn explain(test: &Test, field: &str) -> String {
    let (ok, text) = test.cluster.kubectl(&["explain", field]);
    assert!(ok, "{text}");
    // Where lines end depends on kubectl.
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[tokio::test(flavor = "multi_thread")]
async fn kubectl_explains_the_update_strategy() {
    let test = Test::of_api_server().begin().await;
    assert_eq!(
        explain(&test, "cloneset.spec.updateStrategy"),
        "GROUP: apps.kruise.io KIND: CloneSet VERSION: v1beta1 \
         FIELD: updateStrategy <Object> \
         DESCRIPTION: How pods are moved to a new template. \
         FIELDS: \
         rollingUpdate <Object> The terms of a rolling update. \
         type <string> `RollingUpdate` (the default), or `OnDelete`: only pods that are made anew get the \
         new template."
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn kubectl_explains_units_and_defaults() {
    let test = Test::of_api_server().begin().await;
    let terms = explain(&test, "cloneset.spec.updateStrategy.rollingUpdate");
    for text in [
        "partition <Object> How many pods keep their old revision: a number, or a percentage of replicas, \
         rounded up. Defaults to 0.",
        "podUpdatePolicy <string> `ReCreate` (the default), `InPlaceIfPossible` or `InPlaceOnly`.",
    ] {
        assert!(terms.contains(text), "{terms}");
    }
}
