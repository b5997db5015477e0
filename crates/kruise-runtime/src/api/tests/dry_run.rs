use std::time::Duration;

use http::Method;
use kruise_api::resource::{ObjectKey, POD_TEMPLATES, PODS, PatchKind};
use serde_json::json;

use crate::{
    api::error::{ApiError, StatusCause},
    leader::election::{Election, ElectionConfig},
    tell::metrics::Metrics,
    test_server::{Answer, TestServer},
};

const PATIENCE: Duration = Duration::from_secs(1);

fn refusal(code: u16) -> Answer {
    let cause =
        json!({ "reason": "FieldValueInvalid", "field": "template.labels", "message": "no" });
    Answer::Json(
        code,
        json!({ "kind": "Status", "code": code, "reason": "Invalid", "message": "is invalid",
                "details": { "causes": [cause] } }),
    )
}

// DV-CS10: a dry run stores nothing, so it doesn't matter who leads.
#[tokio::test(start_paused = true)]
async fn a_dry_run_is_sent_without_leading() {
    let server = TestServer::new(|call| Answer::Json(201, call.body.clone()));
    let config = ElectionConfig {
        enabled: true,
        namespace: "ns".into(),
        name: "test".into(),
        lease_duration: Duration::from_secs(15),
        renew_deadline: Duration::from_secs(10),
        retry_period: Duration::from_secs(2),
        allow_kruise_manager: false,
    };
    let election = Election::new(config, server.client(), Metrics::unregistered());
    let client = server.client().with_fence(election.leadership().fence());
    let object = json!({ "template": {} });
    let written = client.create(&POD_TEMPLATES, "shop", &object).await;
    assert!(matches!(written, Err(ApiError::NotLeader { .. })));
    client
        .dry_run_create(&POD_TEMPLATES, "shop", &object, PATIENCE)
        .await
        .unwrap();
    let [call] = &server.calls()[..] else {
        panic!("{:?}", server.calls())
    };
    assert_eq!(call.method, Method::POST);
    assert_eq!(call.path, "/api/v1/namespaces/shop/podtemplates");
    assert_eq!(call.query, "dryRun=All&fieldManager=test");
    assert_eq!(call.body, object);
}

// DV-CS10: 422 is told apart from 400, and says what is wrong with which field.
#[tokio::test(start_paused = true)]
async fn a_refusal_has_its_code_and_causes() {
    for expected in [400, 422] {
        let server = TestServer::new(move |_| refusal(expected));
        let answer = server
            .client()
            .dry_run_create(&POD_TEMPLATES, "shop", &json!({}), PATIENCE)
            .await;
        let Err(ApiError::Invalid { code, causes, .. }) = answer else {
            panic!("{answer:?}")
        };
        assert_eq!(code, expected);
        let cause = StatusCause {
            reason: "FieldValueInvalid".to_owned(),
            field: "template.labels".to_owned(),
            message: "no".to_owned(),
        };
        assert_eq!(causes, [cause]);
    }
}

// DV-CS10: a dry run takes at most a second.
#[tokio::test(start_paused = true)]
async fn a_dry_run_is_given_up_in_time() {
    let server = TestServer::new(|_| Answer::Hang);
    let before = tokio::time::Instant::now();
    let answer = server
        .client()
        .dry_run_create(&POD_TEMPLATES, "shop", &json!({}), PATIENCE)
        .await;
    assert!(matches!(answer, Err(ApiError::Ambiguous { .. })));
    assert_eq!(before.elapsed(), PATIENCE);
}

// DV-IP15
#[tokio::test(start_paused = true)]
async fn a_patch_is_tried_and_changes_nothing() {
    let server = TestServer::new(|call| Answer::Json(200, call.body.clone()));
    let key = ObjectKey::new("shop", "web-a");
    let patch = json!({ "spec": { "containers": [] } });
    let tried = server
        .client()
        .dry_run_patch(&PODS, &key, Some("resize"), PatchKind::Strategic, &patch)
        .await;
    tried.unwrap();
    let [call] = &server.calls()[..] else {
        panic!("{:?}", server.calls())
    };
    assert_eq!(call.method, Method::PATCH);
    assert_eq!(call.path, "/api/v1/namespaces/shop/pods/web-a/resize");
    assert_eq!(call.query, "dryRun=All&fieldManager=test");
    assert_eq!(call.body, patch);
}

// DV-IP15
#[tokio::test(start_paused = true)]
async fn calls_that_were_waited_for_before_go_out_at_once() {
    let server = TestServer::new(|_| Answer::Json(200, json!({})));
    let client = server.client().with_limits(1.0, 1);
    let key = ObjectKey::new("shop", "web-a");
    let start = tokio::time::Instant::now();
    let prepaid = client.prepaid(3).await;
    let waited = start.elapsed();
    assert!(waited >= Duration::from_secs(2), "{waited:?}");
    for _ in 0..3 {
        prepaid.get(&PODS, &key).await.unwrap();
    }
    assert_eq!(start.elapsed(), waited);
    // The fourth call waits as any other.
    prepaid.get(&PODS, &key).await.unwrap();
    assert!(start.elapsed() > waited);
}
