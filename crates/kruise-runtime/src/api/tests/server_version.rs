use serde_json::json;

use crate::{
    api::server_version::ServerVersion,
    test_server::{Answer, TestServer},
};

// IP-30: read once, however long it takes.
#[tokio::test(start_paused = true)]
async fn the_version_is_asked_for_until_the_server_answers() {
    let mut answers = vec![
        Answer::Json(200, json!({ "major": "1", "gitVersion": "v1.33.1" })),
        Answer::status(503, "ServiceUnavailable"),
        Answer::Break,
    ];
    let server = TestServer::new(move |call| {
        assert_eq!(call.path, "/version");
        answers.pop().unwrap()
    });
    let version = ServerVersion::default();
    assert_eq!(version.get(), "");
    version.read(&server.client()).await;
    assert_eq!(version.get(), "v1.33.1");
    version.read(&server.client()).await;
    assert_eq!(server.calls().len(), 3);
}

// A server that does not tell is taken for an old one, and reconcilers begin.
#[tokio::test(start_paused = true)]
async fn a_server_that_does_not_tell_is_not_asked_again() {
    for answer in [
        || Answer::status(403, "Forbidden"),
        || Answer::status(404, "NotFound"),
        || Answer::Json(200, json!({})),
    ] {
        let server = TestServer::new(move |_| answer());
        let version = ServerVersion::default();
        version.read(&server.client()).await;
        assert_eq!(version.get(), "");
        assert_eq!(server.calls().len(), 1);
    }
}
