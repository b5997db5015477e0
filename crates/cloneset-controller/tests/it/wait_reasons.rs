//! Every reason for doing nothing can be met, and is told where a person looks for it.

use std::collections::BTreeSet;

use jiff::SignedDuration;
use kruise_api::inplace::Options;
use kruise_plan::WaitReason;
use serde_json::{Value, json};

use crate::world::{
    Edit, World, claims::claim_template, in_place, reasons, settled, spec, template,
    vertical_scaling,
};

/// All reasons. A new variant doesn't compile here, and then wants a scene below.
fn name(reason: &WaitReason) -> &'static str {
    match reason {
        // Before a plan is made; the reconciler counts it in the metric, and it is gone within seconds.
        WaitReason::OwnWritesUnseen { .. } => "OwnWritesUnseen",
        WaitReason::NamespaceTerminating => "NamespaceTerminating",
        WaitReason::InvalidSpec { .. } => "InvalidSpec",
        WaitReason::ScaleUpLimited => "ScaleUpLimited",
        WaitReason::ClaimsInUse { .. } => "ClaimsInUse",
        WaitReason::DeletionLimited => "DeletionLimited",
        WaitReason::Hook { .. } => "Hook",
        WaitReason::MaxUnavailableReached { .. } => "MaxUnavailableReached",
        WaitReason::PartitionReached => "PartitionReached",
        WaitReason::Paused { .. } => "Paused",
        WaitReason::OnDelete => "OnDelete",
        WaitReason::NotInPlace { .. } => "NotInPlace",
        WaitReason::GracePeriod { .. } => "GracePeriod",
        WaitReason::NodeDaemon { .. } => "NodeDaemon",
        WaitReason::BudgetRefused { .. } => "BudgetRefused",
        WaitReason::BudgetUnreadable { .. } => "BudgetUnreadable",
        WaitReason::ResizeRefused { .. } => "ResizeRefused",
        WaitReason::UpdateRefused { .. } => "UpdateRefused",
        WaitReason::DeletionRefused { .. } => "DeletionRefused",
        WaitReason::BrokenUpdateState { .. } => "BrokenUpdateState",
        WaitReason::PodsNotAvailable { .. } => "PodsNotAvailable",
        // Those of jobs: no CloneSet has them.
        WaitReason::PausedByFailure { .. }
        | WaitReason::ParallelismReached { .. }
        | WaitReason::PodsNotEnded { .. }
        | WaitReason::PodsTerminating { .. }
        | WaitReason::NoNodeFits
        | WaitReason::NamesTaken { .. }
        // Those of sidecars.
        | WaitReason::KindNotInstalled { .. }
        | WaitReason::SidecarsNotEnded { .. }
        | WaitReason::NotUpdate
        | WaitReason::NotSelected
        | WaitReason::SidecarPartitionReached
        | WaitReason::SidecarMaxUnavailableReached { .. }
        | WaitReason::NotUpgradable { .. }
        | WaitReason::SidecarsInFlight { .. } => "",
    }
}

const ALL_PLANNED: [&str; 20] = [
    "BrokenUpdateState",
    "BudgetRefused",
    "BudgetUnreadable",
    "ClaimsInUse",
    "DeletionLimited",
    "DeletionRefused",
    "GracePeriod",
    "Hook",
    "InvalidSpec",
    "MaxUnavailableReached",
    "NamespaceTerminating",
    "NodeDaemon",
    "NotInPlace",
    "OnDelete",
    "PartitionReached",
    "Paused",
    "PodsNotAvailable",
    "ResizeRefused",
    "ScaleUpLimited",
    "UpdateRefused",
];

fn settled_as(spec: Value) -> World {
    let mut world = World::new(spec);
    world.settle();
    world
}

fn rolling_update(patch: Value) -> Value {
    json!({ "spec": { "updateStrategy": { "rollingUpdate": patch } } })
}

fn first_pod(world: &mut World) -> Edit<'_> {
    world.pods.values_mut().next().unwrap()
}

fn unready(pod: &mut Value) {
    for condition in pod["status"]["conditions"].as_array_mut().unwrap() {
        if condition["type"] == "Ready" {
            condition["status"] = json!("False");
        }
    }
}

fn with_budget(budget: Value) -> World {
    let mut world = settled(2, in_place(json!("100%")));
    for mut pod in world.pods.values_mut() {
        pod["metadata"]["annotations"]["pub.kruise.io/related-pub"] = json!("shop");
    }
    world.budgets.insert(budget);
    world.set_image("acme/app:2");
    world
}

fn budget(spec: Value) -> Value {
    json!({
        "metadata": { "name": "shop", "namespace": "ns", "uid": "b", "resourceVersion": "7" },
        "spec": spec,
        "status": { "desiredAvailable": 2, "unavailableAllowed": 0 },
    })
}

/// Worlds in which nothing, or not more, is done, by the reason.
fn scene(reason: &str) -> World {
    match reason {
        "InvalidSpec" => {
            let mut spec = spec(1, json!({}));
            spec["template"]["metadata"]["labels"] = json!({ "app": "other" });
            World::new(spec)
        }
        "NamespaceTerminating" => {
            let mut world = World::new(spec(1, json!({})));
            world.memory.namespace_terminates = true;
            world
        }
        "ScaleUpLimited" => {
            let mut spec = spec(3, json!({}));
            spec["scaleStrategy"] = json!({ "maxUnavailable": 1 });
            let mut world = World::new(spec);
            world.reconcile();
            world.reconcile();
            world
        }
        "ClaimsInUse" => {
            let mut spec = spec(2, json!({}));
            spec["volumeClaimTemplates"] = json!([claim_template("data", "1Gi")]);
            spec["scaleStrategy"] = json!({ "enablePVCReuse": true });
            let mut world = settled_as(spec);
            first_pod(&mut world)["status"]["phase"] = json!("Failed");
            world
        }
        "DeletionLimited" => {
            let mut world = settled(2, json!({ "maxUnavailable": 1 }));
            unready(&mut first_pod(&mut world));
            let last = world.pods.keys().last().unwrap();
            world.pods.get_mut(&last).unwrap()["metadata"]["labels"]["apps.kruise.io/specified-delete"] =
                json!("true");
            world
        }
        "Hook" => {
            let mut spec = spec(2, json!({}));
            spec["lifecycle"] = json!({ "preDelete": { "labelsHandler": { "hold": "yes" } } });
            spec["template"]["metadata"]["labels"]["hold"] = json!("yes");
            let mut world = settled_as(spec);
            world.change(json!({ "spec": { "replicas": 1 } }));
            world.reconcile();
            world
        }
        "MaxUnavailableReached" => {
            let mut world = settled(
                3,
                json!({ "podUpdatePolicy": "InPlaceIfPossible", "maxUnavailable": 1 }),
            );
            world.set_image("acme/app:bad");
            world.settle();
            world
        }
        "PartitionReached" => {
            let mut world = settled(2, in_place(json!("100%")));
            world.change(rolling_update(json!({ "partition": 1 })));
            world.set_image("acme/app:2");
            world.settle();
            world
        }
        "Paused" => {
            let mut world = settled(2, in_place(json!("100%")));
            world.change(rolling_update(json!({ "paused": true })));
            world.set_image("acme/app:2");
            world.settle();
            world
        }
        "OnDelete" => {
            let mut spec = spec(2, json!({}));
            spec["updateStrategy"] = json!({ "type": "OnDelete" });
            let mut world = settled_as(spec);
            world.set_image("acme/app:2");
            world.settle();
            world
        }
        "NotInPlace" => {
            let mut world = settled(2, json!({ "podUpdatePolicy": "InPlaceOnly" }));
            let mut other = template("acme/app:2");
            other["spec"]["hostNetwork"] = json!(true);
            world.change(json!({ "spec": { "template": other } }));
            world.settle();
            world
        }
        "GracePeriod" => {
            let mut graceful = in_place(json!("100%"));
            graceful["inPlaceUpdateStrategy"] = json!({ "gracePeriodSeconds": 60 });
            let mut world = settled(1, graceful);
            world.set_image("acme/app:2");
            world.reconcile();
            world.reconcile();
            world
        }
        "NodeDaemon" => {
            let with = |value: &str| {
                let mut template = template("acme/app:1");
                template["metadata"]["annotations"] = json!({ "cfg": value });
                template["spec"]["containers"][0]["env"] = json!([{ "name": "CFG", "valueFrom": {
                    "fieldRef": { "fieldPath": "metadata.annotations['cfg']" } } }]);
                template
            };
            let mut spec = spec(1, in_place(json!("100%")));
            spec["template"] = with("v1");
            let mut world = World::new(spec);
            world.gates.in_place = Options::default();
            world.settle();
            world.change(json!({ "spec": { "template": with("v2") } }));
            world.reconcile();
            world
        }
        "BudgetRefused" => {
            let mut world = with_budget(budget(json!({})));
            world.reconcile();
            world
        }
        "BudgetUnreadable" => {
            let selector = json!({ "matchExpressions": [{ "key": "app", "operator": "Like" }] });
            let mut world = with_budget(budget(json!({ "ignoredPodSelector": selector })));
            world.reconcile();
            world
        }
        "ResizeRefused" => {
            let sized = |cpu: &str| {
                let mut template = template("acme/app:1");
                template["spec"]["containers"][0]["resources"] =
                    json!({ "limits": { "cpu": cpu } });
                template
            };
            let mut spec = spec(1, in_place(json!("100%")));
            spec["template"] = sized("1");
            let mut world = World::new(spec);
            world.gates.in_place = vertical_scaling();
            world.settle();
            world.policy.refuses_resize_of = world.pods.keys().next();
            world.change(json!({ "spec": { "template": sized("64") } }));
            world.settle();
            world
        }
        "UpdateRefused" => {
            let mut world = settled(2, in_place(json!("100%")));
            world.policy.refuses = Some("acme/app:2");
            world.set_image("acme/app:2");
            world.reconcile();
            world.reconcile();
            world
        }
        "DeletionRefused" => {
            let mut world = settled(2, json!({}));
            world.policy.refuses_deletions = true;
            world.change(json!({ "spec": { "replicas": 1 } }));
            world.reconcile();
            world
        }
        "BrokenUpdateState" => {
            let mut world = settled(1, in_place(json!("100%")));
            first_pod(&mut world)["metadata"]["annotations"]["apps.kruise.io/inplace-update-state"] =
                json!("{");
            world
        }
        "PodsNotAvailable" => {
            let mut world = settled(1, json!({}));
            unready(&mut first_pod(&mut world));
            world
        }
        other => panic!("no scene for {other}"),
    }
}

// DV-D8: after 10 s a person finds the reason with kubectl describe, and what it is about.
#[test]
fn every_reason_is_reachable_and_told() {
    let mut met = BTreeSet::new();
    for reason in ALL_PLANNED {
        let mut world = scene(reason);
        let plan = world.reconcile();
        assert!(reasons(&plan).contains(&reason), "{reason}: {plan:#?}");
        for waits in &plan.waiting_on {
            assert_eq!(name(waits), waits.reason());
            assert!(!waits.to_string().is_empty());
            met.insert(waits.reason());
        }
        // The daemon is waited for no longer than that, and a namespace on its way out takes no events.
        if ["NodeDaemon", "NamespaceTerminating"].contains(&reason) {
            continue;
        }
        world.pass(SignedDuration::from_secs(11));
        world.reconcile();
        let told = world.condition("Waiting").unwrap_or_default();
        assert_eq!(told["reason"], reason, "{reason}: {told}");
        assert_eq!(told["status"], "True");
        let message = told["message"].as_str().unwrap();
        assert!(message.len() > 20, "{message}");
    }
    assert_eq!(met, BTreeSet::from(ALL_PLANNED));
}
