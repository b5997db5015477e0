use clap::Parser;
use kruise_api::well_known::CONVERT_PATH;
use serde_json::{Value, json};
use tokio::time::{Duration, timeout};
use tokio_util::sync::CancellationToken;

use crate::{
    App, Clock, InProcess, RuntimeArgs,
    test_server::{Answer, TestServer},
    webhook::{AdmissionRequest, AdmissionResponse, InProcessWebhooks},
};

#[derive(Parser)]
struct Command {
    #[command(flatten)]
    runtime: RuntimeArgs,
}

fn review() -> Vec<u8> {
    let kind = json!({ "group": "", "version": "v1", "kind": "Pod" });
    let resource = json!({ "group": "", "version": "v1", "resource": "pods" });
    let request = json!({
        "uid": "u", "kind": kind, "resource": resource, "operation": "CREATE", "name": "a",
        "userInfo": {}, "object": { "metadata": { "name": "a" } },
    });
    let review = json!({ "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": request });
    serde_json::to_vec(&review).unwrap()
}

#[tokio::test(start_paused = true)]
async fn webhooks_answer_as_long_as_the_process_lives() {
    let server = TestServer::new(|_| Answer::Hang);
    let webhooks = InProcessWebhooks::default();
    let app = App::new("app", |setup| {
        setup.mutating_webhook("/mutate", |_: &AdmissionRequest| AdmissionResponse::allow());
        let convert = |object, _: &str| Ok::<_, std::fmt::Error>(object);
        setup.conversion("apps.x", "App", convert);
        Ok(())
    });
    let process = InProcess {
        args: Command::parse_from(["test"]).runtime,
        apps: vec![app],
        client: server.kube_client(),
        clock: Clock::system(),
        webhooks: webhooks.clone(),
    };
    assert!(webhooks.call("/mutate", &review()).await.is_none());
    let running = Box::pin(process.run(CancellationToken::new()));
    let (ended, _) = tokio::join!(timeout(Duration::from_secs(2), running), async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(webhooks.paths(), [CONVERT_PATH, "/mutate"]);
        let answer = webhooks.call("/mutate", &review()).await.unwrap().unwrap();
        let answer: Value = serde_json::from_slice(&answer).unwrap();
        assert_eq!(answer["response"]["allowed"], json!(true));
        assert!(webhooks.call("/mutate", b"{").await.unwrap().is_err());
        assert!(webhooks.call("/validate", &review()).await.is_none());
    });
    assert!(ended.is_err());
    assert!(webhooks.call("/mutate", &review()).await.is_none());
}
