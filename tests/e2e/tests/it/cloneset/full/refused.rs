//! A policy does not let pods have the new image: they stay in service, it is told, and the API server is asked now
//! and then.

use std::time::Duration;

use e2e::{
    Namespace, PATIENCE, Test,
    cloneset::{in_place, small},
    eventually, hold_for,
    names::{CLONESET_CONTROLLER, CLONESETS},
    pods::{condition, is_ready},
    proxy::Proxy,
    templates::image,
    witness::Diary,
};
use k8s_openapi::api::admissionregistration::v1::{
    ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding,
};
use kube::{
    Api,
    api::{DeleteParams, Patch, PatchParams, PostParams},
};
use serde_json::json;

use crate::cloneset::controller;

const WORDS: &str = "this version is not approved yet";

/// A policy for the pods of one namespace. It is deleted at the end.
struct Policy {
    name: String,
    policies: Api<ValidatingAdmissionPolicy>,
    bindings: Api<ValidatingAdmissionPolicyBinding>,
}

impl Policy {
    /// Refuses this image, and waits until it does.
    async fn against(test: &Namespace, image: &str) -> Self {
        let policy = Self {
            name: format!("e2e-{}", test.name),
            policies: Api::all(test.client.clone()),
            bindings: Api::all(test.client.clone()),
        };
        let rule = json!({
            "apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE", "UPDATE"],
            "resources": ["pods"],
        });
        let expression = format!("object.spec.containers.all(it, it.image != '{image}')");
        let body = json!({
            "metadata": { "name": policy.name },
            "spec": {
                "failurePolicy": "Fail",
                "matchConstraints": { "resourceRules": [rule] },
                "validations": [{ "expression": expression, "message": WORDS }],
            },
        });
        let params = PostParams::default();
        let body = serde_json::from_value(body).unwrap();
        policy.policies.create(&params, &body).await.unwrap();
        let here = json!({ "matchLabels": { "kubernetes.io/metadata.name": test.name } });
        let body = json!({
            "metadata": { "name": policy.name },
            "spec": {
                "policyName": policy.name,
                "validationActions": ["Deny"],
                "matchResources": { "namespaceSelector": here },
            },
        });
        let body = serde_json::from_value(body).unwrap();
        policy.bindings.create(&params, &body).await.unwrap();

        let pod = test.pods().n(4).await.remove(0);
        let patch = json!({ "spec": { "containers": [{ "name": "app", "image": image }] } });
        let dry_run = PatchParams {
            dry_run: true,
            ..PatchParams::default()
        };
        eventually("the policy is in force", PATIENCE, || async {
            let tried = test
                .pods()
                .api()
                .patch(&pod, &dry_run, &Patch::Strategic(&patch))
                .await;
            match tried {
                Err(error) if error.to_string().contains(WORDS) => Ok(()),
                other => Err(other.map(drop)),
            }
        })
        .await;
        policy
    }

    async fn delete(&self) {
        let params = DeleteParams::default();
        let _ = self.bindings.delete(&self.name, &params).await;
        let _ = self.policies.delete(&self.name, &params).await;
    }
}

impl Drop for Policy {
    fn drop(&mut self) {
        tokio::task::block_in_place(|| {
            tokio::runtime::Handle::current().block_on(self.delete());
        });
    }
}

// CS-89, DV-IP15, DV-CS19
#[tokio::test(flavor = "multi_thread")]
async fn a_policy_against_the_new_image_takes_no_pod_out_of_service() {
    let Some(test) = Test::that_disturbs(CLONESET_CONTROLLER)
        .begin_locally()
        .await
    else {
        return;
    };
    let sets = test.workload(CLONESETS);
    let deployed = controller(&test).stand_down().await;
    let proxy = Proxy::start(test.cluster.config().await, 1).await;
    let only = format!("--namespace={}", test.name);
    let mut controller = deployed.start_locally(&proxy.url, &[&only]).await;
    sets.create("web", small(4, in_place(json!("50%"))))
        .await
        .unwrap();
    sets.rolled_out("web").await;
    let policy = Policy::against(&test, &image(2)).await;
    let diary = Diary::start(test.pods().api(), |pod| {
        let ready = condition(pod, "InPlaceUpdateReady");
        ready.map_or_else(String::new, |ready| ready.status.clone())
    })
    .await;

    sets.set_app_image("web", &image(2)).await;
    let told = sets.waits_for("web", "UpdateRefused").await;
    assert!(told.contains(WORDS), "{told}");
    let before = proxy.passed().len();
    let minute = Duration::from_secs(60);
    hold_for("all pods are in service", minute, || async {
        let pods = test.pods().active().await;
        let ready = pods.iter().filter(|pod| is_ready(pod)).count();
        if ready == 4 { Ok(()) } else { Err(ready) }
    })
    .await;
    let passed = proxy.passed();
    let calls: Vec<_> = passed[before..]
        .iter()
        .filter(|passed| ["pods", "clonesets"].contains(&passed.call.resource.as_str()))
        .collect();
    // Every 25 s by then, and a write of the status at most.
    assert!(calls.len() <= 8, "{calls:#?}");
    assert!(
        calls
            .iter()
            .all(|passed| passed.call.verb != "patch" || passed.call.resource != "pods")
    );
    assert_eq!(diary.order_of("False"), Vec::<String>::new());
    test.told("FailedUpdatePodInPlace", 1).await;

    policy.delete().await;
    let soon = Duration::from_secs(40);
    eventually("the roll-out goes on", soon, || async {
        match diary.order_of("False").len() {
            0 => Err("no pod is updated"),
            _ => Ok(()),
        }
    })
    .await;
    sets.rolled_out("web").await;
    sets.stops_waiting("web").await;
    controller.still_runs();
}
