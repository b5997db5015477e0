//! Writes that say nothing new, and manifests with what nobody filled in: the generation stays (DV-CS15).

use e2e::{
    Cluster, Namespace, Test,
    cloneset::{claim_templates, in_place, small},
    names::{CLONESET_CONTROLLER, CLONESETS, CLONESETS_V1ALPHA1},
};
use kruise_api::resource::Resource;
use kube::{
    Api,
    api::{DynamicObject, Patch, PatchParams, PostParams},
};
use serde_json::{Value, json};

const VERSIONS: [Resource; 2] = [CLONESETS_V1ALPHA1, CLONESETS];

/// A manifest of a CloneSet without pods that updates in place, as users write it.
fn manifest(test: &Namespace, resource: Resource) -> Value {
    let mut spec = small(0, in_place(json!(1)));
    if resource == CLONESETS_V1ALPHA1 {
        spec["updateStrategy"] = json!({ "type": "InPlaceIfPossible" });
        spec["scaleStrategy"] = json!({ "disablePVCReuse": false });
    } else {
        spec["scaleStrategy"] = json!({ "podsToDelete": [], "excludePreparingDelete": false });
    }
    spec["volumeClaimTemplates"] = claim_templates("1Mi");
    let sets = test.workload(resource);
    let mut manifest = sets.object(&name(resource), spec);
    manifest["status"] = json!({});
    manifest
}

fn name(resource: Resource) -> String {
    format!("web-{}", resource.version)
}

async fn kubectl_apply(manifest: &Value, more: &[&str]) {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), manifest.to_string()).unwrap();
    let mut arguments = vec!["apply", "-f", file.path().to_str().unwrap()];
    arguments.extend(more);
    let (ok, text) = Cluster::get().await.kubectl(&arguments);
    assert!(ok, "{text}");
}

async fn generation(test: &Namespace, resource: Resource) -> i64 {
    let set = test.workload(resource).get(&name(resource)).await;
    set["metadata"]["generation"].as_i64().unwrap()
}

// CS-6 to CS-9
#[tokio::test(flavor = "multi_thread")]
async fn a_manifest_applied_again_changes_nothing() {
    let test = Test::of(CLONESET_CONTROLLER).begin().await;
    for resource in VERSIONS {
        let manifest = manifest(&test, resource);
        for more in [&[][..], &["--server-side", "--force-conflicts"][..]] {
            kubectl_apply(&manifest, more).await;
            let before = generation(&test, resource).await;
            for _ in 0..2 {
                kubectl_apply(&manifest, more).await;
                assert_eq!(
                    generation(&test, resource).await,
                    before,
                    "{resource} {more:?}"
                );
            }
        }
        // Whatever kubectl thinks of.
        assert_eq!(generation(&test, resource).await, 1, "{}", resource.version);
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
    let test = Test::of(CLONESET_CONTROLLER).begin().await;
    for made in VERSIONS {
        kubectl_apply(&manifest(&test, made), &[]).await;
        let name = name(made);
        let specs = async || {
            let mut specs = Vec::new();
            for version in VERSIONS {
                specs.push(test.workload(version).get(&name).await["spec"].clone());
            }
            specs
        };
        let before = specs().await;
        for writer in VERSIONS {
            let what = format!("{} as {}", made.version, writer.version);
            let sets = test.workload(writer);
            let label = json!({ "metadata": { "labels": { "written-as": writer.version } } });
            sets.patch(&name, label).await;
            assert_eq!(generation(&test, made).await, 1, "{what}");
            assert_eq!(specs().await, before, "{what}");
            // Read, and put back as it is.
            put(sets.api(), &name, |_| {}).await;
            assert_eq!(generation(&test, made).await, 1, "{what}");
        }
    }
}

// CS-65: nothing is left of a list whose names are gone.
#[tokio::test(flavor = "multi_thread")]
async fn an_emptied_list_is_absent() {
    let test = Test::of(CLONESET_CONTROLLER).begin().await;
    let sets = test.workload(CLONESETS);
    let mut spec = small(0, in_place(json!(1)));
    spec["scaleStrategy"] = json!({ "podsToDelete": ["gone"] });
    sets.create("web", spec).await.unwrap();
    sets.when("the name is taken off", "web", |set| {
        set["spec"]["scaleStrategy"].get("podsToDelete").is_none()
    })
    .await;
}

// CS-11: as exports, charts and other tools send it.
#[tokio::test(flavor = "multi_thread")]
async fn an_incomplete_status_is_taken_on_every_way() {
    let test = Test::of(CLONESET_CONTROLLER).begin().await;
    for resource in VERSIONS {
        for (nth, status) in [json!({}), json!({ "replicas": 3 })]
            .into_iter()
            .enumerate()
        {
            let mut manifest = manifest(&test, resource);
            let name = format!("{}-{nth}", name(resource));
            manifest["metadata"]["name"] = json!(name);
            manifest["status"] = status;
            let sets = test.workload(resource);
            sets.create_whole(manifest.clone()).await.unwrap();
            put(sets.api(), &name, |set| {
                set.data["status"] = manifest["status"].clone();
            })
            .await;
            kubectl_apply(&manifest, &[]).await;
            kubectl_apply(&manifest, &["--server-side", "--force-conflicts"]).await;
            let patched = sets
                .api()
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
