//! Objects that are in another namespace than their owner, which may be in none.

use super::*;

fn set() -> EventTarget {
    EventTarget {
        kind: "SidecarSet".to_owned(),
        name: "log".to_owned(),
        ..EventTarget::default()
    }
}

async fn carry_out(server: &TestServer, call: Call<'static>) -> Carried {
    let stages = [Stage::of(call)];
    let client = server.client();
    let remembered = Remembered::default();
    remembered.carry_out_for(set(), &client, &stages).await
}

fn of_pod() -> Call<'static> {
    patch("web-00", None)
        .in_namespace("shop")
        .telling("Succeeded", "it is done".to_owned())
        .warning_with("Failed", "it is not done: ")
}

// SS-253: events about a pod, and errors that name it.
#[tokio::test(start_paused = true)]
async fn a_call_is_made_and_told_where_its_object_is() {
    let done = carry_out(&willing(), of_pod().about_object("u")).await;
    done.result.as_ref().unwrap();
    assert_eq!(done.told(), ["Normal Succeeded"]);
    let about = json!({
        "apiVersion": "v1", "kind": "Pod", "namespace": "shop", "name": "web-00", "uid": "u",
        "resourceVersion": "",
    });
    assert_eq!(done.about, [about]);

    let server = refusing("web-00", || forbidden("no"));
    let failed = carry_out(&server, of_pod().about_object("u")).await;
    assert_eq!(failed.told(), ["Warning Failed"]);
    assert_eq!(failed.about[0]["namespace"], "shop");
    let words = &failed.events[0].1;
    assert!(
        words.starts_with("it is not done: patch Pod shop/web-00"),
        "{words}"
    );
    let paths: Vec<String> = server.calls().into_iter().map(|call| call.path).collect();
    assert_eq!(paths, ["/api/v1/namespaces/shop/pods/web-00"]);
}

#[tokio::test(start_paused = true)]
async fn otherwise_the_owner_is_told_of() {
    let done = carry_out(&willing(), of_pod()).await;
    assert_eq!(done.about[0]["kind"], "SidecarSet");
    assert_eq!(done.about[0]["name"], "log");
}

// A write is looked for where it was made.
#[tokio::test(start_paused = true)]
async fn what_is_written_is_noted_where_it_is() {
    let server = willing();
    let own_writes = OwnWrites::new(server.client(), Duration::MAX, Metrics::unregistered());
    let (recorder, _writer) = recorder("test", server.client(), Metrics::unregistered());
    let writer = own_writes.writer(OWNER, server.client());
    let executor = Executor::new(set(), writer, &recorder);
    let stages = [Stage::of(patch("web-00", None).in_namespace("shop"))];
    executor.stages(&stages).await.unwrap();
    sleep(Duration::from_secs(3)).await;
    let pods = crate::watch::store::Store::<Pod>::new(PODS);
    own_writes.settle(OWNER, &[&pods]).await;
    let read = server
        .calls()
        .into_iter()
        .filter(|call| call.method == Method::GET);
    let read: Vec<String> = read.map(|call| call.path).collect();
    assert_eq!(read, ["/api/v1/namespaces/shop/pods/web-00"]);
}
