//! What a deployment that doesn't get to run says of itself.

use e2e::{
    Test,
    cloneset::{in_place, small},
    names::{CLONESET_CONTROLLER, CLONESETS},
};
use serde_json::json;

use crate::cloneset::undeploy::{Deployed, run};

const GATE: &str = "EnableExternalCerts=true";

// PF-223: with that gate somebody else makes the Secret, and nobody has.
#[tokio::test(flavor = "multi_thread")]
async fn a_deployment_that_gets_no_certificates_says_so() {
    let Some(test) = Test::that_disturbs(CLONESET_CONTROLLER)
        .begin_locally()
        .await
    else {
        return;
    };
    let sets = test.workload(CLONESETS);
    sets.create("web", small(2, in_place(json!(1))))
        .await
        .unwrap();
    sets.rolled_out("web").await;
    let before = test.pods().facts().await;

    let _deployed = Deployed;
    let (ok, text) = run(&["undeploy", "cloneset"]);
    assert!(ok, "{text}");
    let (ok, text) = run(&[
        "deploy",
        "cloneset",
        "--feature-gates",
        GATE,
        "--timeout",
        "20",
    ]);
    assert!(!ok, "{text}");
    let secret = "kruise-cloneset-controller-webhook-certs";
    assert!(
        text.contains("webhook-ready") && text.contains(secret),
        "the failing check in its own words: {text}"
    );
    let advice = text.split("what to do:").nth(1).unwrap_or_default();
    assert!(advice.contains("EnableExternalCerts"), "what to do: {text}");
    assert_eq!(test.pods().facts().await, before, "no pod changed");
}
