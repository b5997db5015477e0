//! The whole deployable in process, which an API server in memory asks about new pods.

use std::time::Duration;

use kruise_api::{
    apps::v1beta1::SIDECARSETS,
    resource::{CONTROLLER_REVISIONS, NAMESPACES, ObjectKey},
};
use kruise_testkit::{
    builders::namespace,
    server::Webhook,
    world::{World, flags, play},
};
use kube::api::{Api, ApiResource, DynamicObject, GroupVersionKind, PostParams};
use rstest::rstest;
use serde_json::{Value, json};
use sidecarset_controller::{NAME, SidecarSetArgs, app};

use crate::world::{annotation, container, names, pod, set};

const USER: &str = "user";

/// Runs the deployable until it has read everything.
async fn run(world: &mut World, args: &[&str]) {
    for name in ["kruise-system", "shop"] {
        let mut namespace = namespace(name);
        namespace["metadata"]["labels"] = json!({ "kubernetes.io/metadata.name": name });
        world.server.put(USER, NAMESPACES, namespace);
    }
    let webhooks = world.webhooks_of(NAME);
    let webhook = Webhook {
        name: "mpod.kb.io".to_owned(),
        group: String::new(),
        versions: vec!["v1".to_owned()],
        plural: "pods".to_owned(),
        subresource: String::new(),
        operations: vec!["CREATE".to_owned()],
        fails: true,
    };
    world.server.set_mutating(webhook, move |review| {
        let webhooks = webhooks.clone();
        async move {
            let review = review.to_string();
            let answer = webhooks.call("/mutate-pod", review.as_bytes()).await;
            let answer = answer.ok_or("connect: connection refused")??;
            serde_json::from_slice(&answer).map_err(|error| error.to_string())
        }
    });
    world.run_app(NAME, args, || vec![app(flags::<SidecarSetArgs>(&[]))]);
    world.run_for(Duration::from_secs(60)).await;
}

/// The pod as it is stored, or why it is not.
async fn created(world: &World, name: &str) -> Result<Value, String> {
    let mut pod = pod(json!([{ "name": "main", "image": "main:1" }]));
    pod["metadata"]["name"] = json!(name);
    let kind = ApiResource::from_gvk(&GroupVersionKind::gvk("", "v1", "Pod"));
    let pods: Api<DynamicObject> =
        Api::namespaced_with(world.server.client_of(USER), "shop", &kind);
    let pod = serde_json::from_value(pod).unwrap();
    let created = pods.create(&PostParams::default(), &pod).await;
    created
        .map(|pod| serde_json::to_value(pod).unwrap())
        .map_err(|error| error.to_string())
}

fn log(image: &str) -> Value {
    let mut log = set(
        "log",
        json!({
            "namespaceSelector": { "matchLabels": { "kubernetes.io/metadata.name": "shop" } },
            "containers": [{ "name": "agent", "image": image }],
        }),
    );
    log["metadata"] = json!({ "name": "log" });
    log
}

// SS-A1, SS-102: by what the watches bring, and as they bring it.
#[test]
fn a_pod_gets_what_the_sidecar_sets_say_now() {
    play(1, async |world| {
        world.install("apps.kruise.io_sidecarsets.yaml");
        world.server.put(USER, SIDECARSETS, log("agent:1"));
        run(world, &[]).await;
        let pod = created(world, "web-1").await.unwrap();
        assert_eq!(names(&pod, "containers"), ["agent", "main"]);
        assert_eq!(
            annotation(&pod, "kruise.io/sidecarset-injected-list"),
            Some("log")
        );

        let key = ObjectKey::new("", "log");
        world.server.change(USER, SIDECARSETS, &key, |log| {
            log["spec"]["containers"][0]["image"] = json!("agent:2");
        });
        world.run_for(Duration::from_secs(1)).await;
        let pod = created(world, "web-2").await.unwrap();
        assert_eq!(container(&pod, "agent")["image"], "agent:2");

        world.server.delete(USER, SIDECARSETS, &key);
        world.run_for(Duration::from_secs(1)).await;
        let pod = created(world, "web-3").await.unwrap();
        assert_eq!(names(&pod, "containers"), ["main"]);
    });
}

// SS-A25, SS-A27
#[test]
fn a_revision_comes_from_the_installations_namespace() {
    play(2, async |world| {
        world.install("apps.kruise.io_sidecarsets.yaml");
        let mut log = log("agent:2");
        log["spec"]["injectionStrategy"] = json!({ "revision": { "customVersion": "v1" } });
        world.server.put(USER, SIDECARSETS, log);
        run(world, &[]).await;
        let refused = created(world, "web-1").await.unwrap_err();
        assert!(
            refused.contains("ControllerRevision v1 not found"),
            "{refused}"
        );

        let revision = json!({
            "apiVersion": "apps/v1", "kind": "ControllerRevision",
            "metadata": { "name": "log-1", "namespace": "kruise-system", "labels": {
                "kruise.io/sidecarset-name": "log", "apps.kruise.io/sidecarset-custom-version": "v1",
            } },
            "data": { "spec": { "$patch": "replace", "containers": [{ "name": "agent", "image": "agent:1" }] } },
            "revision": 1,
        });
        world.server.put(USER, CONTROLLER_REVISIONS, revision);
        world.run_for(Duration::from_secs(1)).await;
        let pod = created(world, "web-1").await.unwrap();
        assert_eq!(container(&pod, "agent")["image"], "agent:1");
        let recorded = annotation(&pod, "kruise.io/sidecarset-hash").unwrap();
        assert!(
            recorded.contains(r#""controllerRevision":"log-1""#),
            "{recorded}"
        );
    });
}

// PF-214, DV-PF4: pods go on as they are.
#[rstest]
#[case::no_crd(false, &[])]
#[case::no_gate(true, &["--feature-gates=PodWebhook=false"])]
fn without_sidecar_sets_pods_go_on(#[case] has_crd: bool, #[case] args: &[&str]) {
    play(3, async |world| {
        if has_crd {
            world.install("apps.kruise.io_sidecarsets.yaml");
            world.server.put(USER, SIDECARSETS, log("agent:1"));
        }
        run(world, args).await;
        let pod = created(world, "web-1").await.unwrap();
        assert_eq!(names(&pod, "containers"), ["main"]);
    });
}
