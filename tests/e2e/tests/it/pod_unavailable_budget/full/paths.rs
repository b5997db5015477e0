//! Each way on which a pod may go, while no replica runs, and while the webhooks are asked and say nothing: what passes,
//! what fails, and what goes on by itself afterwards (`docs/controllers/pub-webhook.md`).

use std::time::Duration;

use e2e::{
    Deployable, Namespace, PATIENCE, Part, Test, eventually, hold_for,
    names::{DEPLOYMENTS, NODES, POD_UNAVAILABLE_BUDGETS, PUB_WEBHOOK},
    pods::{is_ready, name_of},
    templates::template,
};
use k8s_openapi::api::core::v1::{Namespace as CoreNamespace, Pod};
use kube::{
    Api,
    api::{DeleteParams, Patch, PatchParams},
};
use serde_json::{Value, json};

use crate::pod_unavailable_budget::{bare, delete, evict, names, shop_of};

/// Pods to be deleted in one way or another, while nobody answers.
struct Scene {
    here: Namespace,
    /// It has no budget.
    elsewhere: Namespace,
    /// It is deleted.
    doomed: Namespace,
}

/// A pod with a link to the budget.
fn linked(change: &Value) -> Value {
    let mut pod = json!({ "metadata": { "annotations": { "pub.kruise.io/related-pub": "shop" } } });
    json_patch::merge(&mut pod, change);
    pod
}

/// A pod that never gets ready.
fn starting() -> Value {
    linked(
        &json!({ "spec": { "containers": [{ "name": "app", "image": "registry.local/none:1" }] } }),
    )
}

/// A namespace with two pods that a budget protects, one that has no link, and one that doesn't serve.
async fn shop_and_others(name: &str) -> Namespace {
    let namespace = Namespace::create(name).await;
    let mut template = template();
    template["metadata"]["labels"]["scene"] = json!(namespace.name);
    shop_of(&namespace, 2, json!(1), template).await;
    bare(&namespace, "bare", json!({})).await;
    bare(&namespace, "starting", starting()).await;
    namespace
}

async fn has_bare(namespace: &Namespace, pod: &str) {
    let ready = |pods: &[Pod]| pods.iter().any(|it| name_of(it) == pod && is_ready(it));
    namespace
        .pods()
        .when(&format!("{pod} is ready"), ready)
        .await;
}

impl Scene {
    async fn set(name: &str) -> Self {
        let (here, elsewhere, doomed) = tokio::join!(
            shop_and_others(name),
            Namespace::create("elsewhere"),
            shop_and_others("doomed")
        );
        bare(&elsewhere, "bare", json!({})).await;
        let exempt = linked(
            &json!({ "metadata": { "annotations": { "pub.kruise.io/no-protect": "true" } } }),
        );
        bare(&here, "exempt", exempt).await;
        // It goes with the Deployment.
        let deployment = here.workload(DEPLOYMENTS).get("web").await;
        let mut owned = starting();
        owned["metadata"]["ownerReferences"] = json!([{
            "apiVersion": "apps/v1", "kind": "Deployment", "name": "web", "uid": deployment["metadata"]["uid"],
        }]);
        bare(&here, "owned", owned).await;
        let budgets = here.workload(POD_UNAVAILABLE_BUDGETS);
        for name in ["spare", "late"] {
            let selector = json!({ "matchLabels": { "app": name } });
            let spec = json!({ "selector": selector, "maxUnavailable": 1 });
            budgets.create(name, spec).await.unwrap();
        }
        for (namespace, pod) in [
            (&here, "bare"),
            (&here, "exempt"),
            (&elsewhere, "bare"),
            (&doomed, "bare"),
        ] {
            has_bare(namespace, pod).await;
        }
        Self {
            here,
            elsewhere,
            doomed,
        }
    }

    /// Asks for all of it. Nothing is judged before somebody answers again: what is asked here would be in the way of
    /// other tests.
    async fn ask(&self) -> Result<(), String> {
        let Self {
            here, elsewhere, ..
        } = self;
        let web = web(here).await;
        let (one, other) = (&web[0], &web[1]);
        let pods = here.pods();
        let pods = pods.api();
        let label = Patch::Merge(json!({ "metadata": { "labels": { "tier": "a" } } }));
        let parameters = PatchParams::default();
        let budgets = here.workload(POD_UNAVAILABLE_BUDGETS);
        let spec = json!({ "selector": { "matchLabels": { "app": "new" } }, "maxUnavailable": 1 });
        let text = |error: kube::Error| error.to_string();
        let (passed, failed) = tokio::join!(
            async {
                [
                    ("deletion without link", delete(here, "bare").await),
                    (
                        "deletion of one that doesn't serve",
                        delete(here, "starting").await,
                    ),
                    (
                        "deletion of one that is exempt",
                        delete(here, "exempt").await,
                    ),
                    ("eviction elsewhere", evict(elsewhere, "bare").await),
                    (
                        "a label",
                        pods.patch(one, &parameters, &label)
                            .await
                            .map(drop)
                            .map_err(text),
                    ),
                    (
                        "deletion of a budget",
                        async {
                            let deleted = budgets
                                .api()
                                .delete("spare", &DeleteParams::default())
                                .await;
                            deleted.map(drop).map_err(text)
                        }
                        .await,
                    ),
                ]
            },
            async {
                [
                    ("deletion", delete(here, one).await),
                    ("eviction", evict(here, other).await),
                    (
                        "a new budget",
                        budgets.create("new", spec).await.map(drop).map_err(text),
                    ),
                ]
            }
        );
        bare(
            here,
            "new",
            json!({ "metadata": { "labels": { "app": "late" } } }),
        )
        .await;
        for (what, answer) in passed {
            answer.map_err(|error| format!("{what}: {error}"))?;
        }
        for (what, answer) in failed {
            let error = answer.err().ok_or_else(|| format!("{what} passes"))?;
            if !error.contains("failed calling webhook") {
                return Err(format!("{what}: {error}"));
            }
        }
        self.drain().await
    }

    /// `kubectl drain` names the webhook, and gives up.
    async fn drain(&self) -> Result<(), String> {
        let facts = self.here.pods().facts().await;
        let web = facts.iter().find(|(pod, _)| pod.starts_with("web-"));
        let node = &web.expect("a pod").1.node;
        let node = NODES.into_iter().find(|it| it == node).expect("its node");
        let cluster = self.here.cluster;
        let _cordoned = cluster.cordon(node);
        let selector = format!("--pod-selector=scene={}", self.here.name);
        let (ok, said) = cluster.kubectl(&["drain", node, &selector]);
        if ok || !said.contains("failed calling webhook \"vpodeviction.kb.io\"") {
            return Err(format!("drained {node}: {said}"));
        }
        Ok(())
    }

    /// What Kubernetes' own controllers and kubelets do for those who ask them.
    async fn leave_to_others(&self) {
        self.here.workload(DEPLOYMENTS).delete("web").await;
        delete_namespace(&self.doomed).await;
        let left = async |namespace: &Namespace| {
            let all = namespace.pods().all().await;
            all.iter().map(name_of).collect::<Vec<_>>()
        };
        let are_web = |pods: &[String]| pods.iter().all(|pod| pod.starts_with("web-"));
        // What may go is gone, by the kubelet's last word.
        let gone = eventually("only what is protected is left", PATIENCE, || async {
            let here = left(&self.here).await;
            let here: Vec<String> = here.into_iter().filter(|pod| pod != "new").collect();
            let doomed = left(&self.doomed).await;
            let elsewhere = left(&self.elsewhere).await;
            if are_web(&here) && are_web(&doomed) && elsewhere.is_empty() {
                Ok(())
            } else {
                Err((here, doomed, elsewhere))
            }
        });
        gone.await;
        hold_for(
            "what is protected stays",
            Duration::from_secs(3),
            || async {
                let serving = [web(&self.here).await.len(), web(&self.doomed).await.len()];
                if serving == [2, 2] {
                    Ok(())
                } else {
                    Err(serving)
                }
            },
        )
        .await;
    }

    /// Somebody answers again.
    async fn ends(self) {
        // It was made while nobody was there to link it.
        let new_is_linked = |pods: &[Pod]| {
            let new = pods.iter().find(|pod| name_of(pod) == "new");
            let link = new.and_then(|pod| pod.metadata.annotations.as_ref());
            link.is_some_and(|all| {
                all.get("pub.kruise.io/related-pub")
                    .is_some_and(|it| it == "late")
            })
        };
        self.here.pods().when("new is linked", new_is_linked).await;
        eventually("all goes", PATIENCE, || async {
            let here = web(&self.here).await;
            let namespaces = Api::<CoreNamespace>::all(self.here.client.clone());
            match namespaces.get_opt(&self.doomed.name).await.unwrap() {
                None if here.is_empty() => Ok(()),
                doomed => Err((here, doomed.map(|it| it.status))),
            }
        })
        .await;
    }
}

/// Pods that the budget protects.
async fn web(namespace: &Namespace) -> Vec<String> {
    let mut names = names(namespace).await;
    names.retain(|name| name.starts_with("web-"));
    names
}

async fn delete_namespace(namespace: &Namespace) {
    let namespaces = Api::<CoreNamespace>::all(namespace.client.clone());
    let parameters = DeleteParams::default();
    let deleted = namespaces.delete(&namespace.name, &parameters).await;
    deleted.unwrap();
}

/// Decision 10, PF-S43, PF-230, DV-PB11.
#[tokio::test(flavor = "multi_thread")]
async fn every_path_of_deletion_without_an_answer() {
    let nodes = NODES.into_iter().map(Part::Node);
    let plan = nodes.fold(Test::that_disturbs(PUB_WEBHOOK), e2e::Plan::disturbs);
    let Some(test) = plan.begin_locally().await else {
        return;
    };
    let webhook = Deployable::of(&test.client, PUB_WEBHOOK);
    let (down, silent) = tokio::join!(Scene::set("down"), Scene::set("silent"));
    let stopped = webhook.stop().await;
    let told = async {
        down.ask()
            .await
            .map_err(|error| format!("without a replica: {error}"))?;
        down.leave_to_others().await;
        // Put back before there are replicas again.
        let silence = webhook.silence().await;
        let told = silent.ask().await;
        told.map_err(|error| format!("without a word: {error}"))?;
        silent.leave_to_others().await;
        drop(silence);
        Ok::<(), String>(())
    };
    let told = told.await;
    drop(stopped);
    told.unwrap();
    down.ends().await;
    silent.ends().await;
}
