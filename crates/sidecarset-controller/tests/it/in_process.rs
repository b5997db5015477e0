//! The whole deployable in process, on an API server in memory: what it serves there, and what its indexes tell admission.

use std::time::Duration;

use kruise_api::{
    apps::v1beta1::SIDECARSETS,
    resource::{CONFIG_MAPS, CONTROLLER_REVISIONS, NAMESPACES, ObjectKey},
};
use kruise_testkit::{
    builders, manifests,
    world::{World, flags, play},
};
use kube::api::{
    Api, ApiResource, DynamicObject, GroupVersionKind, Patch, PatchParams, PostParams,
};
use serde_json::{Value, json};
use sidecarset_controller::{NAME, SidecarSetArgs, app};

use crate::admission::{HASH, set, with_spec};

const USER: &str = "user";
/// Indexes are as new as the API server after this time.
const INDEXED: Duration = Duration::from_secs(2);

/// A cluster with the deployable, of which one replica runs and answers.
async fn cluster(world: &mut World) {
    world
        .server
        .put(USER, NAMESPACES, builders::namespace("kruise-system"));
    world.install("apps.kruise.io_sidecarsets.yaml");
    world.serve_webhooks(NAME, &[NAME]);
    world.serve_conversion("sidecarsets.apps.kruise.io", &[NAME]);
    world.run_app(NAME, &[], || vec![app(flags::<SidecarSetArgs>(&[]))]);
    let probe = set("v1beta1", json!({ "metadata": { "name": "probe" } }));
    for _ in 0..60 {
        let params = PostParams {
            dry_run: true,
            ..PostParams::default()
        };
        let object = serde_json::from_value(probe.clone()).unwrap();
        if api(world, "v1beta1").create(&params, &object).await.is_ok() {
            return;
        }
        world.run_for(Duration::from_secs(1)).await;
    }
    panic!("nobody answers");
}

/// The API as users speak to it: webhooks are asked.
fn api(world: &World, version: &str) -> Api<DynamicObject> {
    let kind = GroupVersionKind::gvk("apps.kruise.io", version, "SidecarSet");
    let resource = ApiResource::from_gvk_with_plural(&kind, "sidecarsets");
    Api::all_with(world.server.client_of(USER), &resource)
}

/// The stored object, or why it was refused.
async fn create(world: &World, object: Value) -> Result<Value, String> {
    let version = object["apiVersion"].as_str().unwrap().rsplit('/').next();
    let api = api(world, version.unwrap());
    let object = serde_json::from_value(object.clone()).unwrap();
    let created = api.create(&PostParams::default(), &object).await;
    created
        .map(|created| serde_json::to_value(created).unwrap())
        .map_err(|error| error.to_string())
}

async fn read(world: &World, version: &str, name: &str) -> Value {
    let object = api(world, version).get(name).await.unwrap();
    serde_json::to_value(object).unwrap()
}

// SS-A37, SS-1 to SS-3, SS-16
#[test]
fn both_versions_are_admitted_and_converted() {
    play(1, async |world| {
        cluster(world).await;
        let mut object = with_spec(
            "v1alpha1",
            json!({ "namespace": "ns1", "namespaceSelector": { "matchLabels": { "env": "x" } } }),
        );
        let version = "apps.kruise.io/sidecarset-custom-version";
        object["metadata"]["labels"] = json!({ version: "v3", "team": "a" });
        create(world, object).await.unwrap();

        let selector = json!({ "matchLabels": { "kubernetes.io/metadata.name": "ns1" } });
        let stored = read(world, "v1beta1", "log").await;
        assert_eq!(stored["spec"]["namespaceSelector"], selector);
        assert_eq!(stored["spec"]["customVersion"], "v3");
        assert_eq!(stored["metadata"]["labels"], json!({ "team": "a" }));
        assert!(stored["metadata"]["annotations"][HASH].is_string());
        assert_eq!(stored["spec"]["updateStrategy"]["maxUnavailable"], 1);

        let before = read(world, "v1alpha1", "log").await;
        assert_eq!(before["spec"].get("namespace"), None);
        assert_eq!(before["spec"]["namespaceSelector"], selector);
        assert_eq!(
            before["metadata"]["labels"],
            json!({ "team": "a", version: "v3" })
        );
        let annotations = |object: &Value| object["metadata"]["annotations"].clone();
        assert_eq!(annotations(&before), annotations(&stored));
    });
}

// SS-A34: by the index, across versions.
#[test]
fn what_others_put_into_pods_is_known() {
    play(2, async |world| {
        cluster(world).await;
        create(world, set("v1beta1", json!({}))).await.unwrap();
        world.run_for(INDEXED).await;
        let second = |app: &str| {
            let selector = json!({ "matchLabels": { "app": app } });
            let spec = json!({ "selector": selector });
            set(
                "v1alpha1",
                json!({ "metadata": { "name": "second" }, "spec": spec }),
            )
        };
        let refused = create(world, second("web")).await.unwrap_err();
        assert!(refused.contains("spec.containers[0].name"), "{refused}");
        create(world, second("db")).await.unwrap();
    });
}

// SS-A14, SS-60: whatever is configured counts without a restart, in the installation's namespace alone.
#[test]
fn the_whitelist_is_that_of_the_cluster() {
    play(3, async |world| {
        cluster(world).await;
        let object = || {
            with_spec(
                "v1beta1",
                json!({ "patchPodMetadata": [{ "annotations": { "team/x": "a" } }] }),
            )
        };
        let configuration = |namespace: &str, name: &str| {
            let rules = json!({ "rules": [{ "allowedAnnotationKeyExprs": ["^team/"] }] });
            json!({
                "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "namespace": namespace, "name": name },
                "data": { "SidecarSet_PatchPodMetadata_WhiteList": rules.to_string() },
            })
        };
        world.server.put(
            USER,
            CONFIG_MAPS,
            configuration("default", "kruise-configuration"),
        );
        world
            .server
            .put(USER, CONFIG_MAPS, configuration("kruise-system", "another"));
        world.run_for(INDEXED).await;
        let refused = create(world, object()).await.unwrap_err();
        assert!(refused.contains("spec.patchPodMetadata"), "{refused}");
        world.server.put(
            USER,
            CONFIG_MAPS,
            configuration("kruise-system", "kruise-configuration"),
        );
        world.run_for(INDEXED).await;
        create(world, object()).await.unwrap();
    });
}

// SS-A27, SS-44, SS-108: in the installation's namespace alone; one that is deleted blocks later updates.
#[test]
fn a_revision_that_is_deleted_blocks_updates() {
    play(4, async |world| {
        cluster(world).await;
        let revision = |namespace: &str| {
            let labels = json!({
                "kruise.io/sidecarset-name": "log", "apps.kruise.io/sidecarset-custom-version": "v1",
            });
            json!({
                "apiVersion": "apps/v1", "kind": "ControllerRevision", "revision": 1,
                "metadata": { "namespace": namespace, "name": "log-1", "labels": labels },
            })
        };
        let object = |revision: Value| {
            with_spec(
                "v1beta1",
                json!({ "injectionStrategy": { "revision": revision } }),
            )
        };
        let by_name = || object(json!({ "revisionName": "log-1" }));
        world
            .server
            .put(USER, CONTROLLER_REVISIONS, revision("default"));
        world.run_for(INDEXED).await;
        for wanted in [by_name(), object(json!({ "customVersion": "v1" }))] {
            let refused = create(world, wanted).await.unwrap_err();
            assert!(
                refused.contains("spec.injectionStrategy.revision"),
                "{refused}"
            );
        }
        world
            .server
            .put(USER, CONTROLLER_REVISIONS, revision("kruise-system"));
        world.run_for(INDEXED).await;
        create(world, by_name()).await.unwrap();

        let patch = |image: &str| {
            let containers = json!([{ "name": "agent", "image": image }]);
            Patch::Merge(json!({ "spec": { "containers": containers } }))
        };
        let api = api(world, "v1beta1");
        let params = PatchParams::default();
        api.patch("log", &params, &patch("acme/agent:2"))
            .await
            .unwrap();
        let key = ObjectKey::new("kruise-system", "log-1");
        world.server.delete(USER, CONTROLLER_REVISIONS, &key);
        world.run_for(INDEXED).await;
        let refused = api.patch("log", &params, &patch("acme/agent:3")).await;
        let refused = refused.unwrap_err().to_string();
        assert!(
            refused.contains("spec.injectionStrategy.revision"),
            "{refused}"
        );
    });
}

// SS-53: once for each state of containers and volumes, in the installation's namespace, and as a dry run.
#[test]
fn the_server_is_asked_about_containers_in_the_namespace_of_the_installation() {
    play(5, async |world| {
        cluster(world).await;
        let asked = |world: &World| {
            let requests = world.server.requests().into_iter();
            let asked = requests.filter(|request| request.plural == "podtemplates");
            let asked = asked.map(|it| (it.verb, it.dry_run, it.key.namespace));
            asked.collect::<Vec<_>>()
        };
        let before = asked(world).len();
        create(world, set("v1beta1", json!({}))).await.unwrap();
        let api = api(world, "v1beta1");
        let patch = Patch::Merge(json!({ "spec": { "updateStrategy": { "paused": true } } }));
        api.patch("log", &PatchParams::default(), &patch)
            .await
            .unwrap();
        let asked = asked(world).split_off(before);
        assert_eq!(asked, [("create", true, "kruise-system".to_owned())]);
    });
}

// Beside each other, as somebody applies them who tries them out.
#[test]
fn the_samples_are_accepted() {
    play(6, async |world| {
        cluster(world).await;
        for file in ["minimal", "every-field"] {
            for sample in manifests::read(&format!("deploy/samples/sidecarset/{file}.yaml")) {
                create(world, sample).await.unwrap();
                world.run_for(INDEXED).await;
            }
        }
        assert_eq!(world.server.list(SIDECARSETS).len(), 4);
    });
}
