//! What is counted, by which lists, and what becomes of lists that fail. The API server is a script of answers.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::Duration,
};

use deletion_protection_webhook::{
    count::{Counter, PATIENCE},
    judge::{Below, Counted},
};
use kruise_api::resource::NamedResource;
use kruise_runtime::{ApiClient, Metrics};
use serde_json::{Value, json};
use tokio::time::Instant;

/// What the server does about one request.
pub(crate) enum Page {
    /// These objects, and whether there are more.
    Of(Vec<Value>, bool),
    /// An error of this code.
    Fails(u16),
    /// No answer.
    Hangs,
}

/// A request: its path with the query, and what form of answer it asks for.
type Asked = (String, String);

/// A client of a server that answers so, and what it was asked.
pub(crate) fn client(pages: Vec<Page>) -> (ApiClient, Arc<Mutex<Vec<Asked>>>) {
    let asked: Arc<Mutex<Vec<Asked>>> = Arc::default();
    let pages = Arc::new(Mutex::new(VecDeque::from(pages)));
    let seen = Arc::clone(&asked);
    let service = tower::service_fn(move |request: http::Request<kube::client::Body>| {
        let accept = request.headers()["accept"].to_str().unwrap().to_owned();
        let path = request.uri().path_and_query().unwrap().to_string();
        seen.lock().unwrap().push((path, accept));
        let page = pages.lock().unwrap().pop_front();
        async move {
            let (code, body) = match page.unwrap() {
                Page::Of(items, more) => {
                    let next = if more { "next page" } else { "" };
                    (
                        200,
                        json!({ "metadata": { "resourceVersion": "7", "continue": next }, "items": items }),
                    )
                }
                Page::Fails(code) => (code, json!({ "message": "no", "code": code })),
                Page::Hangs => std::future::pending().await,
            };
            let body = kube::client::Body::from(body.to_string().into_bytes());
            let response = http::Response::builder().status(code).body(body);
            Ok::<_, std::convert::Infallible>(response.unwrap())
        }
    });
    let client = kube::Client::new(service, "default");
    (
        ApiClient::new(client, "test", Metrics::unregistered()),
        asked,
    )
}

fn object(terminating: bool, phase: Option<&str>) -> Value {
    let mut object = json!({ "metadata": { "name": "a" } });
    if terminating {
        object["metadata"]["deletionTimestamp"] = json!("2026-01-10T08:00:00Z");
    }
    if let Some(phase) = phase {
        object["status"] = json!({ "phase": phase });
    }
    object
}

fn pods() -> Below {
    let namespace = "team".to_owned();
    Below::Pods { namespace }
}

fn claims() -> Below {
    let namespace = "team".to_owned();
    Below::Claims { namespace }
}

fn widgets() -> Below {
    Below::CustomResources {
        resource: NamedResource {
            group: "example.com".into(),
            version: "v1".into(),
            plural: "widgets".into(),
        },
        list_kind: "WidgetList".to_owned(),
    }
}

async fn counted(below: &Below, pages: Vec<Page>) -> (Counted, Vec<Asked>) {
    let (client, asked) = client(pages);
    let until = Instant::now() + PATIENCE;
    let counted = Counter::new(client).count(below, until).await;
    let asked = std::mem::take(&mut *asked.lock().unwrap());
    (counted, asked)
}

fn all(active: usize) -> Counted {
    Counted {
        active,
        missing: None,
    }
}

const METADATA: &str = "as=PartialObjectMetadataList";

// DP-15, DV-DP3: which pods have ended the server knows by itself, and nothing of them is sent but their metadata.
#[tokio::test(start_paused = true)]
async fn pods_that_have_not_ended_count() {
    let first = vec![object(false, None), object(true, None), object(false, None)];
    let pages = vec![
        Page::Of(first, true),
        Page::Of(vec![object(false, None)], false),
    ];
    let (counted, asked) = counted(&pods(), pages).await;
    assert_eq!(counted, all(3));
    let [first, second] = &asked[..] else {
        panic!("{asked:?}");
    };
    let selected = "fieldSelector=status.phase%21%3DSucceeded%2Cstatus.phase%21%3DFailed&limit=500";
    let path = format!("/api/v1/namespaces/team/pods?{selected}");
    assert_eq!(first.0, path);
    assert_eq!(second.0, format!("{path}&continue=next%20page"));
    assert!(first.1.contains(METADATA), "{}", first.1);
}

// DP-15
#[tokio::test(start_paused = true)]
async fn bound_claims_that_stay_count() {
    let items = vec![
        object(false, Some("Bound")),
        object(true, Some("Bound")),
        object(false, Some("Pending")),
        object(false, Some("Lost")),
        object(false, None),
    ];
    let (counted, asked) = counted(&claims(), vec![Page::Of(items, false)]).await;
    assert_eq!(counted, all(1));
    let path = "/api/v1/namespaces/team/persistentvolumeclaims?limit=500";
    assert_eq!(asked, [(path.to_owned(), "application/json".to_owned())]);
}

// DP-17, DP-18: in all namespaces.
#[tokio::test(start_paused = true)]
async fn custom_resources_that_stay_count() {
    let items = vec![object(false, None), object(true, None)];
    let (counted, asked) = counted(&widgets(), vec![Page::Of(items, false)]).await;
    assert_eq!(counted, all(1));
    let [(path, accept)] = &asked[..] else {
        panic!("{asked:?}");
    };
    assert_eq!(path, "/apis/example.com/v1/widgets?limit=500");
    assert!(accept.contains(METADATA), "{accept}");
}

// DV-DP3: what is known already counts, and why there is not more.
#[tokio::test(start_paused = true)]
async fn a_list_that_breaks_off_has_counted_what_it_has() {
    let page = || Page::Of(vec![object(false, None)], true);
    for (breaks, why) in [
        (Page::Fails(410), "list pods: gone: no"),
        (Page::Fails(403), "list pods: forbidden: no"),
        (Page::Hangs, "not listed within 8 s"),
        (
            Page::Of(vec![json!({ "metadata": "?" })], false),
            "an object in the list can't be read",
        ),
    ] {
        let (counted, _) = counted(&pods(), vec![page(), page(), breaks]).await;
        assert_eq!(counted.active, 2);
        let missing = counted.missing.unwrap();
        assert!(missing.starts_with(why), "{missing}");
    }
}

// DP-15, DP-17
#[tokio::test(start_paused = true)]
async fn a_list_that_fails_says_why() {
    for (below, why) in [
        (pods(), "list pods: forbidden: no"),
        (claims(), "list persistentvolumeclaims: forbidden: no"),
        (widgets(), "list widgets.example.com: forbidden: no"),
    ] {
        let (counted, _) = counted(&below, vec![Page::Fails(403)]).await;
        assert_eq!((counted.active, counted.missing.as_deref()), (0, Some(why)));
    }
}

// DV-DP3: one time for the whole request, which is less than the API server waits.
#[tokio::test(start_paused = true)]
async fn lists_end_in_time() {
    let begun = Instant::now();
    let (client, _) = client(vec![Page::Hangs, Page::Hangs]);
    let counter = Counter::new(client);
    let until = begun + PATIENCE;
    for below in [pods(), claims()] {
        let counted = counter.count(&below, until).await;
        assert_eq!(counted.missing.as_deref(), Some("not listed within 8 s"));
    }
    assert_eq!(begun.elapsed(), PATIENCE);
    assert_eq!(PATIENCE, Duration::from_secs(8));
}
