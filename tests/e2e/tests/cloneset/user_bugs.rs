//! What users of OpenKruise have met, and what only a real API server between the steps can show. The others are
//! in the planner's tests.

use e2e::{
    Namespace, disturbing, eventually,
    local::StoodDown,
    namespace::{PATIENCE, image, in_place, name_of, spec},
    proxy::{Passed, Proxy, Refused, Rules},
};
use kube::api::DeleteParams;
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn conflicts_and_fast_deletions() {
    let _alone = disturbing().await;
    let test = Namespace::create("userbugs").await;
    if !test.cluster.is_local("conflicts_and_fast_deletions") {
        return;
    }
    let deployed = StoodDown::new(test.client.clone()).await;
    let proxy = Proxy::start(test.cluster.config().await, 1).await;
    let only = format!("--namespace={}", test.name);
    let mut controller = deployed.start_locally(&proxy.url, &[&only]).await;
    test.create_clone_set("web", spec(2, in_place(json!(2))))
        .await
        .unwrap();
    test.rolled_out("web").await;

    the_drain_step_is_not_skipped_on_a_conflict_and_conflict_loops_end(&test, &proxy).await;
    nothing_leaks_after_a_create_and_a_fast_delete(&test, &proxy).await;
    controller.still_runs();
}

/// Every write of the update is refused some times as if somebody had been faster. It is done in the end, in order,
/// and nobody is told of a failure that was none (DV-D10).
async fn the_drain_step_is_not_skipped_on_a_conflict_and_conflict_loops_end(
    test: &Namespace,
    proxy: &Proxy,
) {
    let before = proxy.passed().len();
    let refuse = |subresource, times| Refused {
        resource: "pods",
        subresource,
        verb: "patch",
        times,
    };
    proxy.set(|rules| rules.refuse = vec![refuse("status", 6), refuse("", 3)]);
    test.set_app_image("web", &image(2)).await;
    test.rolled_out("web").await;
    proxy.set(|rules| *rules = Rules::default());

    let passed = proxy.passed();
    let patches: Vec<&Passed> = passed[before..]
        .iter()
        .filter(|passed| passed.call.verb == "patch" && passed.call.resource == "pods")
        .collect();
    let refused = patches.iter().filter(|passed| passed.status == 409);
    assert!(refused.count() >= 9, "{patches:#?}");
    for pod in test.active_pods().await {
        let name = name_of(&pod);
        let done: Vec<&str> = patches
            .iter()
            .filter(|passed| passed.call.name == name && passed.status == 200)
            .map(|passed| passed.call.subresource.as_str())
            .collect();
        // A refused change may be followed by a moment back in service, and then by the drain again.
        let before_it = done
            .iter()
            .take_while(|subresource| !subresource.is_empty());
        assert_eq!(
            before_it.count() % 2,
            1,
            "{name} is out of service: {done:?}"
        );
        let changes = done.iter().filter(|subresource| subresource.is_empty());
        assert_eq!(changes.count(), 1, "{name}: {done:?}");
        assert!(
            done.ends_with(&["status", "", "status"]),
            "{name}: out of service, changed, back: {done:?}"
        );
    }
    // Events are written in order, one after the other.
    eventually("success is told", PATIENCE, || async {
        match test.event_count("SuccessfulUpdatePodInPlace").await {
            2 => Ok(()),
            count => Err(count),
        }
    })
    .await;
    assert_eq!(test.event_count("FailedUpdatePodInPlace").await, 0);
    let status = test.clone_set("web").await["status"].clone();
    assert!(!status.to_string().contains("FailedUpdate"), "{status}");
}

/// A pod is deleted before the controller has seen that it made it.
async fn nothing_leaks_after_a_create_and_a_fast_delete(test: &Namespace, proxy: &Proxy) {
    let known: Vec<String> = test.active_pods().await.iter().map(name_of).collect();
    let late = std::time::Duration::from_secs(5);
    proxy.set(|rules| {
        rules.delay.insert("pods", late);
    });
    test.patch("web", json!({ "spec": { "replicas": 3 } }))
        .await;
    let third = eventually("a third pod", PATIENCE, || async {
        let pods: Vec<String> = test.active_pods().await.iter().map(name_of).collect();
        let new = pods.iter().find(|name| !known.contains(name)).cloned();
        new.ok_or(pods)
    })
    .await;
    test.pod_api()
        .delete(&third, &DeleteParams::default().grace_period(0))
        .await
        .unwrap();
    // The default time-out of expectations is five minutes; PATIENCE is less.
    test.rolled_out("web").await;
    proxy.set(|rules| *rules = Rules::default());
    let pods: Vec<String> = test.active_pods().await.iter().map(name_of).collect();
    assert_eq!(pods.len(), 3);
    assert!(
        !pods.contains(&third),
        "another one took its place: {pods:?}"
    );
    assert!(known.iter().all(|name| pods.contains(name)), "{pods:?}");
}
