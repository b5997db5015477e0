use std::sync::{Arc, Mutex};

use http::StatusCode;
use serde_json::{Value, json};

use super::{super::conversion::TURN, *};

const V1ALPHA1: &str = "apps.kruise.io/v1alpha1";
const V1BETA1: &str = "apps.kruise.io/v1beta1";

#[derive(Debug, thiserror::Error)]
#[error("CloneSet {0}: spec can't be read")]
struct Failed(String, #[source] std::fmt::Error);

/// Fails for objects named `bad`, panics for those named `boom`.
fn service() -> WebhookService {
    super::service(Routes::default().conversion(|mut object: Value, to: &str| {
        match object["metadata"]["name"].as_str().unwrap() {
            "bad" => Err(Failed("ns/bad".to_owned(), std::fmt::Error)),
            "boom" => panic!("boom"),
            _ => {
                object["apiVersion"] = json!(to);
                object["converted"] = json!(true);
                Ok(object)
            }
        }
    }))
}

fn object(name: &str, version: &str) -> Value {
    json!({ "apiVersion": version, "kind": "CloneSet", "metadata": { "name": name } })
}

fn converted(name: &str, version: &str) -> Value {
    let mut object = object(name, version);
    object["converted"] = json!(true);
    object
}

fn review_of(objects: &Value) -> Value {
    json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "ConversionReview",
        "request": { "uid": "u1", "desiredAPIVersion": V1BETA1, "objects": objects },
    })
}

async fn convert(objects: &Value) -> Value {
    let answered = post(&service(), "/convert", &review_of(objects)).await;
    assert_eq!(answered.code, StatusCode::OK, "{}", answered.body);
    answered.json()["response"].clone()
}

#[tokio::test]
async fn a_mix_of_versions_keeps_its_order() {
    let objects = json!([
        object("a", V1ALPHA1),
        object("b", V1BETA1),
        object("c", V1ALPHA1),
        object("a", V1BETA1),
    ]);
    let expected = json!({
        "uid": "u1",
        "result": { "status": "Success" },
        "convertedObjects": [
            converted("a", V1BETA1),
            object("b", V1BETA1),
            converted("c", V1BETA1),
            object("a", V1BETA1),
        ],
    });
    assert_eq!(convert(&objects).await, expected);
}

#[tokio::test]
async fn an_object_of_that_version_goes_back_as_it_came() {
    let sent = format!(r#"{{ "apiVersion" : "{V1BETA1}", "n": 1.50 }}"#);
    let body = review_of(&json!(["PLACE"]))
        .to_string()
        .replace(r#""PLACE""#, &sent);
    let answered = call(&service(), request("/convert", body)).await;
    assert!(answered.body.contains(&sent), "{}", answered.body);
}

#[tokio::test]
async fn others_get_their_turn_between_two_objects() {
    let order = Arc::<Mutex<Vec<String>>>::default();
    let noted = Arc::clone(&order);
    let routes = Routes::default().conversion(move |object: Value, _: &str| {
        let name = object["metadata"]["name"].as_str().unwrap();
        noted.lock().unwrap().push(name.to_owned());
        std::thread::sleep(TURN);
        Ok::<_, std::fmt::Error>(object)
    });
    let limits = Limits {
        small_at_once: 1,
        ..Limits::default()
    };
    let service = WebhookService::new(routes, limits, WebhookMetrics::default()).unwrap();
    let objects = |names: [&str; 2]| review_of(&json!(names.map(|name| object(name, V1ALPHA1))));
    let (first, second) = (objects(["a1", "a2"]), objects(["b1", "b2"]));
    let answers = futures::join!(
        post(&service, "/convert", &first),
        post(&service, "/convert", &second)
    );
    assert_eq!(
        (answers.0.code, answers.1.code),
        (StatusCode::OK, StatusCode::OK)
    );
    let order = order.lock().unwrap();
    assert_eq!(order[..2], ["a1", "b1"], "{order:?}");
}

#[tokio::test]
async fn nothing_to_convert_is_a_success() {
    for objects in [json!([]), json!(null)] {
        let response = convert(&objects).await;
        assert_eq!(response["result"], json!({ "status": "Success" }));
        assert_eq!(response["convertedObjects"], json!([]));
    }
}

#[tokio::test]
async fn the_first_failure_fails_all_and_names_the_object() {
    let objects = json!([object("a", V1ALPHA1), object("bad", V1ALPHA1), 7]);
    let expected = json!({
        "uid": "u1",
        "result": {
            "status": "Failure",
            "message": "objects[1]: CloneSet ns/bad: spec can't be read: an error occurred when \
                        formatting an argument",
        },
        "convertedObjects": [],
    });
    assert_eq!(convert(&objects).await, expected);
}

#[tokio::test]
async fn what_isnt_an_object_is_a_failure() {
    let response = convert(&json!([7])).await;
    assert_eq!(response["result"]["status"], "Failure");
    let message = response["result"]["message"].as_str().unwrap();
    assert!(message.starts_with("objects[0]: invalid type"), "{message}");
}

#[tokio::test]
async fn a_panic_of_the_converter_is_500_for_this_request() {
    let service = service();
    let review = review_of(&json!([object("boom", V1ALPHA1)]));
    let answered = post(&service, "/convert", &review).await;
    assert_eq!(answered.code, StatusCode::INTERNAL_SERVER_ERROR);
    let answered = post(&service, "/convert", &review_of(&json!([]))).await;
    assert_eq!(answered.code, StatusCode::OK);
}

#[tokio::test]
async fn a_review_is_answered_in_its_own_version() {
    for version in ["apiextensions.k8s.io/v1", "apiextensions.k8s.io/v1beta1"] {
        let mut review = review_of(&json!([]));
        review["apiVersion"] = json!(version);
        let answered = post(&service(), "/convert?timeout=30s", &review)
            .await
            .json();
        assert_eq!(answered["apiVersion"], version);
        assert_eq!(answered["kind"], "ConversionReview");
    }
}

#[rstest::rstest]
#[case::not_json("]", "the review can't be read: ")]
#[case::other_version(
    r#"{"apiVersion":"apiextensions.k8s.io/v2","kind":"ConversionReview"}"#,
    "apiextensions.k8s.io/v1 or apiextensions.k8s.io/v1beta1 ConversionReview is answered here, \
     not \"apiextensions.k8s.io/v2 ConversionReview\""
)]
#[case::admission(
    r#"{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview"}"#,
    "apiextensions.k8s.io/v1 or apiextensions.k8s.io/v1beta1 ConversionReview is answered here, "
)]
#[case::no_request(
    r#"{"apiVersion":"apiextensions.k8s.io/v1","kind":"ConversionReview"}"#,
    "the review has no request"
)]
#[tokio::test]
async fn what_isnt_a_review_is_400(#[case] body: &'static str, #[case] text: &str) {
    let answered = call(&service(), request("/convert", body)).await;
    assert_eq!(answered.code, StatusCode::BAD_REQUEST);
    assert!(answered.body.starts_with(text), "{}", answered.body);
}

#[tokio::test]
async fn clonesets_are_converted() {
    let service = super::service(Routes::default().conversion(kruise_api::conversion::convert));
    let mut set = object("a", V1ALPHA1);
    set["spec"] = json!({
        "selector": { "matchLabels": { "a": "b" } },
        "template": { "metadata": { "labels": { "a": "b" } } },
        "updateStrategy": { "type": "InPlaceIfPossible" },
    });
    let answered = post(&service, "/convert", &review_of(&json!([set]))).await;
    let response = answered.json()["response"].clone();
    assert_eq!(response["result"], json!({ "status": "Success" }));
    assert_eq!(response["convertedObjects"][0]["apiVersion"], V1BETA1);
}
