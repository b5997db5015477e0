//! The scenarios of the specification, by request: through the configuration that is installed, as users see the answers.
//! Metrics and the protection log are in `told`.

use deletion_protection_webhook::{NAME, protected::ProtectedKind::Ingress};
use kruise_api::{
    apps::v1beta1::CLONESETS,
    resource::{CUSTOM_RESOURCE_DEFINITIONS, NAMESPACES, PERSISTENT_VOLUME_CLAIMS, PODS, Resource},
};
use kruise_runtime::{Gate, RuntimeArgs};
use kruise_testkit::{
    builders,
    server::{Fault, Rule},
    world::flags,
};
use kube::api::DeleteParams;
use rstest::rstest;
use serde_json::{Value, json};

use crate::{
    cluster::{
        DEPLOYMENTS, NAMESPACE_CONTROLLER, ON, REPLICA_SETS, SERVICES, STATEFUL_SETS, USER,
        WIDGET_DEFINITION, WIDGETS, WITH_CUSTOM_RESOURCES, denied, forbidden, with,
    },
    requests::{LABEL, object},
};

fn replicas(replicas: i32) -> Value {
    json!({ "spec": { "replicas": replicas } })
}

/// The spec of a workload of ours.
fn custom_spec(members: &Value) -> Value {
    let mut spec = json!({
        "selector": { "matchLabels": { "app": "web" } },
        "template": builders::template("web", &[("app", "app:1")]),
    });
    for (member, value) in members.as_object().unwrap() {
        spec[member] = value.clone();
    }
    json!({ "spec": spec })
}

// DP-S1, DP-S2, DP-S30, DP-28: the pod webhook has nothing to do with it.
#[rstest]
#[case(ON)]
#[case("--feature-gates=ResourcesDeletionProtection=true,PodWebhook=false")]
fn a_deployment_stays_until_its_label_goes(#[case] gates: &str) {
    with(&[gates], async |cluster| {
        cluster.put(DEPLOYMENTS, "web", Some("Always"), replicas(0));
        let refused = forbidden("vbuiltindeployment.kb.io", "Always");
        assert_eq!(cluster.delete(DEPLOYMENTS, "web").await, refused);
        assert!(cluster.stays(DEPLOYMENTS, "web"));
        cluster.label(DEPLOYMENTS, "web", None).await;
        assert_eq!(cluster.delete(DEPLOYMENTS, "web").await, Ok(()));
        assert!(!cluster.stays(DEPLOYMENTS, "web"));
    });
}

// DP-S3, DP-S4
#[test]
fn a_deployment_that_is_scaled_down_may_go_before_its_pods() {
    with(&[ON], async |cluster| {
        cluster.put(DEPLOYMENTS, "web", Some("Cascading"), replicas(3));
        let refused = forbidden("vbuiltindeployment.kb.io", "Cascading and replicas 3>0");
        assert_eq!(cluster.delete(DEPLOYMENTS, "web").await, refused);
        for pod in ["web-a", "web-b", "web-c"] {
            cluster.put_pod(pod, "Running");
            cluster.hold_and_delete(PODS, pod);
        }
        cluster.patch(DEPLOYMENTS, "web", replicas(0)).await;
        assert_eq!(cluster.delete(DEPLOYMENTS, "web").await, Ok(()));
    });
}

// DP-S5, DP-S6
#[rstest]
#[case(REPLICA_SETS, "vbuiltinreplicaset.kb.io", 1)]
#[case(STATEFUL_SETS, "vbuiltinstatefulset.kb.io", 2)]
fn other_workloads_stay_while_they_have_replicas(
    #[case] resource: Resource,
    #[case] webhook: &str,
    #[case] wanted: i32,
) {
    with(&[ON], async |cluster| {
        cluster.put(resource, "web", Some("Cascading"), replicas(wanted));
        let refused = forbidden(webhook, &format!("Cascading and replicas {wanted}>0"));
        assert_eq!(cluster.delete(resource, "web").await, refused);
        cluster.patch(resource, "web", replicas(0)).await;
        assert_eq!(cluster.delete(resource, "web").await, Ok(()));
    });
}

// DP-S10, DP-1: nobody asks about it, whatever its label says.
#[test]
fn a_daemon_set_is_not_protected() {
    with(&[ON], async |cluster| {
        let daemon_sets = kruise_api::apps::v1beta1::DAEMONSETS;
        cluster.world.install("apps.kruise.io_daemonsets.yaml");
        cluster.put(
            daemon_sets,
            "agent",
            Some("Always"),
            custom_spec(&json!({})),
        );
        assert_eq!(cluster.delete(daemon_sets, "agent").await, Ok(()));
        assert!(!cluster.stays(daemon_sets, "agent"));
    });
}

// DP-S11, DP-S12, DP-27
#[test]
fn a_service_knows_always_alone() {
    with(&[ON], async |cluster| {
        cluster.put(SERVICES, "web", Some("Always"), json!({}));
        let refused = forbidden("vservice.kb.io", "Always");
        assert_eq!(cluster.delete(SERVICES, "web").await, refused);
        assert!(cluster.stays(SERVICES, "web"));
        cluster.label(SERVICES, "web", Some("Cascading")).await;
        assert_eq!(cluster.delete(SERVICES, "web").await, Ok(()));
    });
}

// DP-S13: asked without a server, which knows no Ingresses in memory.
#[test]
fn an_ingress_stays() {
    with(&[ON], async |cluster| {
        let webhooks = cluster.world.webhooks_of(NAME);
        for (label, allowed) in [("Always", false), ("Cascading", true)] {
            for version in ["v1", "v1beta1"] {
                let old = object(Ingress, Some(label), json!({}));
                let kind =
                    json!({ "group": "networking.k8s.io", "version": version, "kind": "Ingress" });
                let review = json!({
                    "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
                    "request": {
                        "uid": "r1", "operation": "DELETE", "kind": kind, "name": "web", "namespace": "shop",
                        "resource": { "group": "networking.k8s.io", "version": version, "resource": "ingresses" },
                        "oldObject": old,
                    },
                });
                let answer = webhooks
                    .call("/validate-ingress", review.to_string().as_bytes())
                    .await;
                let answer: Value = serde_json::from_slice(&answer.unwrap().unwrap()).unwrap();
                assert_eq!(answer["response"]["allowed"], allowed, "{answer}");
            }
        }
    });
}

// DP-S14, DP-S15, DP-S16, DP-S17
#[test]
fn a_namespace_stays_while_something_in_it_is_active() {
    with(&[ON], async |cluster| {
        let refused = |what: &str| forbidden("vnamespace.kb.io", &format!("Cascading and {what}"));
        cluster.label(NAMESPACES, "shop", Some("Cascading")).await;
        cluster.put_pod("web-a", "Running");
        cluster.put_pod("web-b", "Running");
        cluster.put_pod("once", "Succeeded");
        cluster.put_pod("broken", "Failed");
        cluster.put_claim("bound", "Bound");
        cluster.put_claim("waiting", "Pending");
        cluster.put_claim("going", "Bound");
        cluster.hold_and_delete(PERSISTENT_VOLUME_CLAIMS, "going");
        let deleted = cluster.delete(NAMESPACES, "shop").await;
        assert_eq!(deleted, refused("active pods 2>0"));

        for pod in ["web-a", "web-b"] {
            cluster.hold_and_delete(PODS, pod);
        }
        cluster.put_pod("pending", "Pending");
        let deleted = cluster.delete(NAMESPACES, "shop").await;
        assert_eq!(deleted, refused("active pods 1>0"));

        cluster.hold_and_delete(PODS, "pending");
        let deleted = cluster.delete(NAMESPACES, "shop").await;
        assert_eq!(deleted, refused("\"Bound\" status pvc 1>0"));

        cluster.hold_and_delete(PERSISTENT_VOLUME_CLAIMS, "bound");
        cluster.world.install("apps.kruise.io_clonesets.yaml");
        let none = custom_spec(&json!({ "replicas": 0 }));
        cluster.put(CLONESETS, "web", None, none);
        let secrets = Resource {
            plural: "secrets",
            kind: "Secret",
            ..PODS
        };
        cluster.put(secrets, "password", None, json!({}));
        assert!(cluster.stays(NAMESPACES, "shop"));
        assert_eq!(cluster.delete(NAMESPACES, "shop").await, Ok(()));
        assert!(!cluster.stays(NAMESPACES, "shop"));
    });
}

// What is in other namespaces doesn't count, and of many pages each does.
#[test]
fn all_pods_of_the_namespace_count_and_no_others() {
    with(&[ON], async |cluster| {
        cluster.put(NAMESPACES, "empty", Some("Cascading"), json!({}));
        cluster.label(NAMESPACES, "shop", Some("Cascading")).await;
        for number in 0..1_203 {
            let phase = if number % 3 == 0 {
                "Succeeded"
            } else {
                "Running"
            };
            cluster.put_pod(&format!("web-{number}"), phase);
        }
        let refused = forbidden("vnamespace.kb.io", "Cascading and active pods 802>0");
        assert_eq!(cluster.delete(NAMESPACES, "shop").await, refused);
        let requests = cluster.world.server.requests();
        let lists = requests
            .iter()
            .filter(|it| (it.by, it.verb, it.plural.as_str()) == (NAME, "list", "pods"));
        assert_eq!(lists.count(), 2, "pages of 500");
        assert_eq!(cluster.delete(NAMESPACES, "empty").await, Ok(()));
    });
}

// DP-S18
#[test]
fn an_empty_namespace_stays_if_it_always_does() {
    with(&[ON], async |cluster| {
        cluster.label(NAMESPACES, "shop", Some("Always")).await;
        let refused = forbidden("vnamespace.kb.io", "Always");
        assert_eq!(cluster.delete(NAMESPACES, "shop").await, refused);
    });
}

// DP-S19, DP-S22, DP-30
#[test]
fn without_its_gate_a_cascading_definition_always_stays() {
    with(&[ON], async |cluster| {
        cluster.install_widgets("Cascading", 0);
        let delete = async || {
            cluster
                .delete(CUSTOM_RESOURCE_DEFINITIONS, WIDGET_DEFINITION)
                .await
        };
        let gate = "feature-gate DeletionProtectionForCRDCascadingGate is not enabled";
        let webhook = "vcustomresourcedefinition.kb.io";
        assert_eq!(delete().await, denied(webhook, gate));
        cluster
            .label(
                CUSTOM_RESOURCE_DEFINITIONS,
                WIDGET_DEFINITION,
                Some("Always"),
            )
            .await;
        assert_eq!(delete().await, forbidden(webhook, "Always"));
    });
}

// DP-S20, DP-S21, DP-S22
#[test]
fn a_definition_stays_while_there_are_custom_resources() {
    with(&[WITH_CUSTOM_RESOURCES], async |cluster| {
        cluster.install_widgets("Cascading", 4);
        let delete = async || {
            cluster
                .delete(CUSTOM_RESOURCE_DEFINITIONS, WIDGET_DEFINITION)
                .await
        };
        let webhook = "vcustomresourcedefinition.kb.io";
        cluster.hold_and_delete(WIDGETS, "widget-0");
        let refused = forbidden(webhook, "Cascading and active CRs 3>0");
        assert_eq!(delete().await, refused);
        for number in 1..4 {
            cluster.hold_and_delete(WIDGETS, &format!("widget-{number}"));
        }
        cluster
            .label(
                CUSTOM_RESOURCE_DEFINITIONS,
                WIDGET_DEFINITION,
                Some("Always"),
            )
            .await;
        assert_eq!(delete().await, forbidden(webhook, "Always"));
        cluster
            .label(
                CUSTOM_RESOURCE_DEFINITIONS,
                WIDGET_DEFINITION,
                Some("Cascading"),
            )
            .await;
        assert_eq!(delete().await, Ok(()));
    });
}

// DP-17, DP-18: the rights to list them are not there, as they are not without the component.
#[test]
fn a_definition_whose_custom_resources_cant_be_listed_stays() {
    with(&[WITH_CUSTOM_RESOURCES], async |cluster| {
        cluster.install_widgets("Cascading", 0);
        let forbid = Rule::new(Fault::Forbidden, 1000).of(NAME);
        let faults = cluster.world.server.faults();
        faults.set(vec![forbid.verbs(&["list"]).plurals(&["widgets"])]);
        let deleted = cluster
            .delete(CUSTOM_RESOURCE_DEFINITIONS, WIDGET_DEFINITION)
            .await;
        let (code, text) = deleted.unwrap_err();
        assert_eq!(code, 403);
        let why = "denied the request: failed to list CRs of example.com/v1, Kind=WidgetList: list \
                   widgets.example.com: forbidden: ";
        assert!(text.contains(why), "{text}");
    });
}

// DP-S23, DP-2, DV-PF21: the entries stay, and everything is allowed.
#[rstest]
#[case(&[])]
#[case(&["--feature-gates=ResourcesDeletionProtection=false"])]
fn without_the_gate_everything_may_go(#[case] flags: &[&str]) {
    with(flags, async |cluster| {
        cluster.put(DEPLOYMENTS, "web", Some("Always"), replicas(3));
        cluster.put(SERVICES, "web", Some("Always"), json!({}));
        cluster.install_widgets("Always", 1);
        cluster.label(NAMESPACES, "shop", Some("Always")).await;
        for (resource, name) in [
            (DEPLOYMENTS, "web"),
            (SERVICES, "web"),
            (CUSTOM_RESOURCE_DEFINITIONS, WIDGET_DEFINITION),
            (NAMESPACES, "shop"),
        ] {
            assert_eq!(cluster.delete(resource, name).await, Ok(()), "{resource}");
        }
    });
}

// DP-S24, DP-4, DP-31
#[test]
fn the_gate_of_custom_resources_reads_off_without_the_other() {
    let gates = "--feature-gates=ResourcesDeletionProtection=false,DeletionProtectionForCRDCascadingGate=true";
    let args: RuntimeArgs = flags(&[gates]);
    let gate = Gate::DeletionProtectionForCRDCascadingGate;
    assert!(!args.process.feature_gates.enabled(gate));
    let args: RuntimeArgs = flags(&[WITH_CUSTOM_RESOURCES]);
    assert!(args.process.feature_gates.enabled(gate));
    let args: RuntimeArgs = flags(&[]);
    let gates = args.process.feature_gates;
    assert!(!gates.enabled(Gate::ResourcesDeletionProtection));
    with(&[], async |cluster| {
        cluster.install_widgets("Cascading", 1);
        let definitions = CUSTOM_RESOURCE_DEFINITIONS;
        assert_eq!(cluster.delete(definitions, WIDGET_DEFINITION).await, Ok(()));
    });
}

// DP-S25, DP-5
#[test]
fn a_misspelt_value_protects_nothing() {
    with(&[ON], async |cluster| {
        cluster.put(DEPLOYMENTS, "web", Some("always"), replicas(3));
        assert_eq!(cluster.delete(DEPLOYMENTS, "web").await, Ok(()));
    });
}

// DP-S26
#[test]
fn what_is_on_its_way_out_may_be_deleted_again() {
    with(&[ON], async |cluster| {
        cluster.put(DEPLOYMENTS, "web", Some("Always"), replicas(3));
        cluster.hold_and_delete(DEPLOYMENTS, "web");
        assert_eq!(cluster.delete(DEPLOYMENTS, "web").await, Ok(()));
    });
}

// DP-S27, and the propagation policies: none exempts.
#[test]
fn however_it_is_deleted_it_is_refused() {
    with(&[ON], async |cluster| {
        cluster.put(DEPLOYMENTS, "web", Some("Always"), replicas(3));
        let refused = forbidden("vbuiltindeployment.kb.io", "Always");
        let dry_run = DeleteParams {
            dry_run: true,
            ..DeleteParams::default()
        };
        for params in [
            dry_run,
            DeleteParams::background(),
            DeleteParams::foreground(),
            DeleteParams::orphan(),
        ] {
            let deleted = cluster.delete_as(USER, DEPLOYMENTS, "web", &params).await;
            assert_eq!(deleted, refused);
        }
        let collector = "system:serviceaccount:kube-system:generic-garbage-collector";
        let params = DeleteParams::default();
        let deleted = cluster.delete_as(collector, DEPLOYMENTS, "web", &params);
        assert_eq!(deleted.await, refused);
        assert!(cluster.stays(DEPLOYMENTS, "web"));
    });
}

// DP-S28
#[test]
fn a_namespace_whose_pods_cant_be_listed_stays() {
    for (plural, what) in [("pods", "pods"), ("persistentvolumeclaims", "pvc")] {
        with(&[ON], async |cluster| {
            cluster.label(NAMESPACES, "shop", Some("Cascading")).await;
            let fail = Rule::new(Fault::Internal, 1000).of(NAME).verbs(&["list"]);
            let faults = cluster.world.server.faults();
            faults.set(vec![fail.plurals(&[plural])]);
            let (code, text) = cluster.delete(NAMESPACES, "shop").await.unwrap_err();
            assert_eq!(code, 403);
            let why = format!(
                "denied the request: forbidden by ResourcesProtectionDeletion for list {what} error: list {plural}: "
            );
            assert!(text.contains(&why), "{text}");
            faults.stop();
            assert_eq!(cluster.delete(NAMESPACES, "shop").await, Ok(()));
        });
    }
}

// DV-DP3: no answer in time refuses, in words and before the API server gives up.
#[test]
fn a_namespace_whose_pods_are_not_listed_in_time_stays() {
    with(&[ON], async |cluster| {
        cluster.label(NAMESPACES, "shop", Some("Cascading")).await;
        let hang = Rule::new(Fault::HangBefore, 1000).of(NAME);
        let faults = cluster.world.server.faults();
        faults.set(vec![hang.verbs(&["list"]).plurals(&["pods"])]);
        let why =
            "forbidden by ResourcesProtectionDeletion for list pods error: not listed within 8 s";
        let deleted = cluster.delete(NAMESPACES, "shop").await;
        assert_eq!(deleted, denied("vnamespace.kb.io", why));
    });
}

// DP-S29
#[test]
fn of_a_collection_what_is_protected_stays() {
    with(&[ON], async |cluster| {
        cluster.put(DEPLOYMENTS, "a", None, replicas(1));
        cluster.put(DEPLOYMENTS, "b", Some("Always"), replicas(1));
        cluster.put(DEPLOYMENTS, "c", None, replicas(1));
        let refused = forbidden("vbuiltindeployment.kb.io", "Always");
        assert_eq!(cluster.delete_all(DEPLOYMENTS).await, refused);
        assert!(cluster.stays(DEPLOYMENTS, "b"));
        cluster.label(DEPLOYMENTS, "b", None).await;
        assert_eq!(cluster.delete_all(DEPLOYMENTS).await, Ok(()));
    });
}

// Section 7: what a namespace holds that is on its way out.
#[test]
fn a_namespace_that_goes_waits_for_what_is_protected_in_it() {
    with(&[ON], async |cluster| {
        cluster.put(DEPLOYMENTS, "web", Some("Always"), replicas(0));
        let params = DeleteParams::default();
        let delete = async || {
            cluster
                .delete_as(NAMESPACE_CONTROLLER, DEPLOYMENTS, "web", &params)
                .await
        };
        let webhook = "vbuiltindeploymentnamespacedeletion.kb.io";
        assert_eq!(delete().await, forbidden(webhook, "Always"));
        cluster.label(DEPLOYMENTS, "web", None).await;
        assert_eq!(delete().await, Ok(()));
    });
}

// DP-6: what is created or changed is no concern of this webhook.
#[test]
fn the_label_is_anybodys_to_change() {
    with(&[ON], async |cluster| {
        cluster.put(DEPLOYMENTS, "web", None, replicas(3));
        for label in [Some("Always"), Some("nonsense"), None, Some("Cascading")] {
            cluster.label(DEPLOYMENTS, "web", label).await;
        }
        let key = kruise_api::resource::ObjectKey::new("shop", "web");
        let stored = cluster.world.server.get(DEPLOYMENTS, &key).unwrap();
        assert_eq!(stored["metadata"]["labels"][LABEL], "Cascading");
    });
}
