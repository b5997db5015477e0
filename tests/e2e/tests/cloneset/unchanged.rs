//! Writes that say nothing new, and manifests with what nobody filled in: the generation stays (DV-CS15).

use e2e::{Cluster, Namespace, namespace::in_place, pods::small, undisturbed};
use kube::{
    Api,
    api::{ApiResource, DynamicObject, GroupVersionKind, Patch, PatchParams, PostParams},
};
use serde_json::{Value, json};

const VERSIONS: [&str; 2] = ["v1alpha1", "v1beta1"];

fn api(test: &Namespace, version: &str) -> Api<DynamicObject> {
    let resource = ApiResource::from_gvk_with_plural(
        &GroupVersionKind::gvk("apps.kruise.io", version, "CloneSet"),
        "clonesets",
    );
    Api::namespaced_with(test.client.clone(), &test.name, &resource)
}

/// A manifest of a CloneSet without pods that updates in place, as users write it.
fn manifest(test: &Namespace, version: &str) -> Value {
    let mut spec = small(0, in_place(json!(1)));
    if version == "v1alpha1" {
        spec["updateStrategy"] = json!({ "type": "InPlaceIfPossible" });
        spec["scaleStrategy"] = json!({ "disablePVCReuse": false });
    } else {
        spec["scaleStrategy"] = json!({ "podsToDelete": [], "excludePreparingDelete": false });
    }
    spec["volumeClaimTemplates"] = json!([{
        "metadata": { "name": "data" },
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "resources": { "requests": { "storage": "1Mi" } },
        },
    }]);
    json!({
        "apiVersion": format!("apps.kruise.io/{version}"),
        "kind": "CloneSet",
        "metadata": { "name": format!("web-{version}"), "namespace": test.name },
        "spec": spec,
        "status": {},
    })
}

async fn kubectl_apply(manifest: &Value, more: &[&str]) {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), manifest.to_string()).unwrap();
    let mut arguments = vec!["apply", "-f", file.path().to_str().unwrap()];
    arguments.extend(more);
    let (ok, text) = Cluster::get().await.kubectl(&arguments);
    assert!(ok, "{text}");
}

async fn generation(test: &Namespace, version: &str) -> i64 {
    let set = api(test, version)
        .get(&format!("web-{version}"))
        .await
        .unwrap();
    set.metadata.generation.unwrap()
}

// CS-6 to CS-9
#[tokio::test(flavor = "multi_thread")]
async fn a_manifest_applied_again_changes_nothing() {
    let _guard = undisturbed().await;
    let test = Namespace::create("unchanged").await;
    for version in VERSIONS {
        let manifest = manifest(&test, version);
        for more in [&[][..], &["--server-side", "--force-conflicts"][..]] {
            kubectl_apply(&manifest, more).await;
            let before = generation(&test, version).await;
            for _ in 0..2 {
                kubectl_apply(&manifest, more).await;
                assert_eq!(
                    generation(&test, version).await,
                    before,
                    "{version} {more:?}"
                );
            }
        }
        // Whatever kubectl thinks of.
        assert_eq!(generation(&test, version).await, 1, "{version}");
    }
}

/// Reads an object and replaces it; again, when the controller has written its status in between.
async fn put(api: &Api<DynamicObject>, name: &str, change: impl Fn(&mut DynamicObject)) {
    loop {
        let mut read = api.get(name).await.unwrap();
        change(&mut read);
        match api.replace(name, &PostParams::default(), &read).await {
            Err(kube::Error::Api(status)) if status.code == 409 => {}
            put => {
                put.unwrap();
                return;
            }
        }
    }
}

// CS-1 to CS-4
#[tokio::test(flavor = "multi_thread")]
async fn a_label_changes_no_spec_in_either_version() {
    let _guard = undisturbed().await;
    let test = Namespace::create("labelled").await;
    for version in VERSIONS {
        kubectl_apply(&manifest(&test, version), &[]).await;
        let name = format!("web-{version}");
        let specs = async || {
            let mut specs = Vec::new();
            for version in VERSIONS {
                let set = api(&test, version).get(&name).await.unwrap();
                specs.push(set.data["spec"].clone());
            }
            specs
        };
        let before = specs().await;
        for writer in VERSIONS {
            let patch = json!({ "metadata": { "labels": { "written-as": writer } } });
            let api = api(&test, writer);
            api.patch(&name, &PatchParams::default(), &Patch::Merge(patch))
                .await
                .unwrap();
            assert_eq!(generation(&test, version).await, 1, "{version} as {writer}");
            assert_eq!(specs().await, before, "{version} as {writer}");
            // Read, and put back as it is.
            put(&api, &name, |_| {}).await;
            assert_eq!(generation(&test, version).await, 1, "{version} as {writer}");
        }
    }
}

// CS-65: nothing is left of a list whose names are gone.
#[tokio::test(flavor = "multi_thread")]
async fn an_emptied_list_is_absent() {
    let _guard = undisturbed().await;
    let test = Namespace::create("emptied").await;
    let mut spec = small(0, in_place(json!(1)));
    spec["scaleStrategy"] = json!({ "podsToDelete": ["gone"] });
    test.create_clone_set("web", spec).await.unwrap();
    e2e::eventually(
        "the name is taken off",
        e2e::namespace::PATIENCE,
        || async {
            let scale = test.clone_set("web").await["spec"]["scaleStrategy"].clone();
            if scale.get("podsToDelete").is_none() {
                Ok(())
            } else {
                Err(scale)
            }
        },
    )
    .await;
}

// CS-11: as exports, charts and other tools send it.
#[tokio::test(flavor = "multi_thread")]
async fn an_incomplete_status_is_taken_on_every_way() {
    let _guard = undisturbed().await;
    let test = Namespace::create("emptystatus").await;
    for version in VERSIONS {
        for (nth, status) in [json!({}), json!({ "replicas": 3 })]
            .into_iter()
            .enumerate()
        {
            let mut manifest = manifest(&test, version);
            let name = format!("web-{version}-{nth}");
            manifest["metadata"]["name"] = json!(name);
            manifest["status"] = status;
            let api = api(&test, version);
            let object: DynamicObject = serde_json::from_value(manifest.clone()).unwrap();
            api.create(&PostParams::default(), &object).await.unwrap();
            put(&api, &name, |set| {
                set.data["status"] = manifest["status"].clone();
            })
            .await;
            kubectl_apply(&manifest, &[]).await;
            kubectl_apply(&manifest, &["--server-side", "--force-conflicts"]).await;
            let patched = api
                .patch(
                    &name,
                    &PatchParams::apply("e2e").force(),
                    &Patch::Apply(&manifest),
                )
                .await;
            patched.unwrap();
        }
    }
}
