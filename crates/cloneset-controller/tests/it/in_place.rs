//! What the controller makes of the in-place library: hooks that mark pods not ready, resources, and
//! environment from metadata.

use std::sync::Arc;

use cloneset_controller::plan::{Plan, Step};
use jiff::SignedDuration;
use kruise_api::inplace::Options;
use kruise_plan::InPlaceUpdate;
use serde_json::{Value, json};

use crate::world::{World, reasons, sized, spec, template, vertical_scaling};

const META: &str = "apps.kruise.io/runtime-containers-meta";

fn settled(replicas: i32, policy: &str, template: &Value) -> World {
    let mut spec = spec(
        replicas,
        json!({ "podUpdatePolicy": policy, "maxUnavailable": "100%" }),
    );
    spec["template"] = template.clone();
    let mut world = World::new(spec);
    world.gates.in_place = vertical_scaling();
    world.settle();
    world
}

/// The plan after the one that creates the revision of this template.
fn updated_to(world: &mut World, template: &Value) -> Plan {
    world.change(json!({ "spec": { "template": template } }));
    let first = world.reconcile();
    assert!(matches!(first.steps[..], [Step::CreateRevision { .. }]));
    world.reconcile()
}

fn the_update(plan: &Plan) -> &InPlaceUpdate {
    match &plan.steps[..] {
        [.., Step::UpdatePodsInPlace { updates }] => &updates[0],
        other => panic!("{other:#?}"),
    }
}

fn only_pod(world: &World) -> Arc<Value> {
    assert_eq!(world.pods.len(), 1);
    world.pods.values().next().unwrap()
}

fn label(world: &mut World, key: &str, value: Option<&str>) {
    for mut pod in world.pods.values_mut() {
        let labels = pod["metadata"]["labels"].as_object_mut().unwrap();
        match value {
            Some(value) => labels.insert(key.to_owned(), json!(value)),
            None => labels.remove(key),
        };
    }
}

fn state(world: &World) -> Value {
    only_pod(world)["metadata"]["labels"]["lifecycle.apps.kruise.io/state"].clone()
}

/// Status and message of `KruisePodReady`, and the status of `Ready`.
fn held(world: &World) -> (Value, Value, Value) {
    let pod = only_pod(world);
    let conditions = pod["status"]["conditions"].as_array().unwrap();
    let condition = |type_: &str| {
        let found = conditions
            .iter()
            .find(|condition| condition["type"] == type_);
        found.cloned().unwrap_or_default()
    };
    let kruise = condition("KruisePodReady");
    (
        kruise["status"].clone(),
        kruise["message"].clone(),
        condition("Ready")["status"].clone(),
    )
}

fn by(key: &str) -> (Value, Value, Value) {
    let message = format!(r#"[{{"userAgent":"Lifecycle","key":"{key}"}}]"#);
    (json!("False"), json!(message), json!("False"))
}

fn hooks(world: &mut World, hooks: &Value) {
    world.change(json!({ "spec": { "lifecycle": hooks } }));
    world.settle();
}

// CS-62, CS-98, IP-S13: one write holds the pod and takes it out of service.
#[test]
fn pre_delete_hook_takes_the_pod_out_of_service_cs_98() {
    let mut world = settled(1, "InPlaceIfPossible", &template("acme/app:1"));
    label(&mut world, "hold", Some("true"));
    let hook = json!({ "labelsHandler": { "hold": "true" }, "markPodNotReady": true });
    hooks(&mut world, &json!({ "preDelete": hook }));
    world.change(json!({ "spec": { "replicas": 0 } }));
    world.count_anew();
    let plan = world.settle();
    assert_eq!(world.pod_writes(), 1);
    assert_eq!(reasons(&plan), ["Hook"]);
    assert_eq!(state(&world), "PreparingDelete");
    assert_eq!(held(&world), by("preDeleteHook"));

    // CS-62: whoever takes the key away finds it back.
    let name = world.pods.keys().next().unwrap();
    world.pods.get_mut(&name).unwrap()["status"]["conditions"]
        .as_array_mut()
        .unwrap()
        .retain(|condition| condition["type"] != "KruisePodReady");
    world.settle();
    assert_eq!(held(&world), by("preDeleteHook"));

    label(&mut world, "hold", None);
    world.settle();
    assert!(world.pods.is_empty());
}

// CS-56, IP-69, DV-IP6: wanted again after the hook's wish was withdrawn, the pod serves again.
#[test]
fn pod_wanted_again_is_let_go_ip_69() {
    let mut world = settled(1, "InPlaceIfPossible", &template("acme/app:1"));
    label(&mut world, "hold", Some("true"));
    let hook = |marks: bool| json!({ "preDelete": { "labelsHandler": { "hold": "true" }, "markPodNotReady": marks } });
    hooks(&mut world, &hook(true));
    world.change(json!({ "spec": { "replicas": 0 } }));
    world.settle();
    world.change(json!({ "spec": { "replicas": 1 } }));
    world.settle();
    assert_eq!(state(&world), "PreparingDelete", "not while the hook marks");
    hooks(&mut world, &hook(false));
    assert_eq!(state(&world), "Normal");
    assert_eq!(held(&world), (json!("True"), json!("[]"), json!("True")));
}

// CS-88, CS-97, CS-98, IP-67: around an update in place, and once more from Updated.
#[test]
fn in_place_hook_takes_the_pod_out_of_service_cs_98() {
    let mut world = settled(1, "InPlaceIfPossible", &template("acme/app:1"));
    world.pods.values_mut().for_each(|mut pod| {
        pod["metadata"]["finalizers"] = json!(["acme.io/serve"]);
    });
    let hook = json!({
        "labelsHandler": { "hold": "true" },
        "finalizersHandler": ["acme.io/serve"],
        "markPodNotReady": true,
    });
    label(&mut world, "hold", Some("true"));
    hooks(&mut world, &json!({ "inPlaceUpdate": hook }));
    world.set_image("acme/app:2");
    let plan = world.settle();
    assert_eq!(reasons(&plan), ["Hook"]);
    assert_eq!(state(&world), "PreparingUpdate");
    assert_eq!(held(&world), by("preUpdateHook"));
    assert_eq!(world.images(), ["acme/app:1"]);

    let release = |world: &mut World| {
        label(world, "hold", None);
        world.pods.values_mut().for_each(|mut pod| {
            pod["metadata"]["finalizers"] = json!([]);
        });
    };
    release(&mut world);
    world.settle();
    assert_eq!(world.images(), ["acme/app:2"]);
    assert_eq!(state(&world), "Updated");
    assert_eq!(held(&world), (json!("True"), json!("[]"), json!("True")));

    // The status can't carry the finalizers that come back: two writes, the state in the second.
    world.change(json!({ "spec": { "template": template("acme/app:3") } }));
    world.reconcile();
    let plan = world.reconcile();
    let [.., Step::PatchPods { patches }] = &plan.steps[..] else {
        panic!("{plan:#?}")
    };
    let places: Vec<_> = patches[0]
        .writes
        .iter()
        .map(|write| write.subresource)
        .collect();
    assert_eq!(places, [Some("status"), None]);
    world.settle();
    assert_eq!(state(&world), "PreparingUpdate");
    assert_eq!(held(&world), by("preUpdateHook"));
    assert_eq!(only_pod(&world)["metadata"]["labels"]["hold"], "true");
    assert_eq!(
        only_pod(&world)["metadata"]["finalizers"],
        json!(["acme.io/serve"])
    );

    release(&mut world);
    world.settle();
    label(&mut world, "hold", Some("true"));
    world.pods.values_mut().for_each(|mut pod| {
        pod["metadata"]["finalizers"] = json!(["acme.io/serve"]);
    });
    world.settle();
    assert_eq!(state(&world), "Normal");
    assert_eq!(world.images(), ["acme/app:3"]);
}

fn places(update: &InPlaceUpdate) -> Vec<Option<&'static str>> {
    update
        .writes()
        .map(|(subresource, _)| subresource)
        .collect()
}

// IP-S7, IP-30, IP-31: the resize comes before the pod, and the pod stays in service.
#[test]
fn resources_change_before_the_pod_ip_31() {
    let mut world = settled(1, "InPlaceIfPossible", &sized("1", "NotRequired"));
    let uids = world.uids();
    let plan = updated_to(&mut world, &sized("2", "NotRequired"));
    let update = the_update(&plan);
    assert_eq!(places(update), [Some("resize"), None]);
    assert_eq!(update.start.get("spec"), None);
    assert_eq!(held(&world).2, "True");
    world.settle();
    assert_eq!(world.uids(), uids);
    let limits = &only_pod(&world)["spec"]["containers"][0]["resources"]["limits"];
    assert_eq!(limits["cpu"], "2");
    assert_eq!(state(&world), "Normal");
    assert_eq!(world.status("updatedAvailableReplicas"), json!(1));
}

// IP-16, IP-S28
#[test]
fn resize_that_restarts_takes_the_pod_out_of_service_ip_16() {
    let mut world = settled(1, "InPlaceIfPossible", &sized("1", "RestartContainer"));
    let plan = updated_to(&mut world, &sized("2", "RestartContainer"));
    assert_eq!(
        places(the_update(&plan)),
        [Some("status"), Some("resize"), None]
    );
    world.settle();
    assert_eq!(state(&world), "Normal");
}

// IP-S8
#[test]
fn older_server_takes_resources_with_the_pod_ip_30() {
    let mut world = settled(1, "InPlaceIfPossible", &sized("1", "NotRequired"));
    world.gates.in_place.resize_subresource = false;
    world.change(json!({ "spec": { "template": sized("2", "NotRequired") } }));
    world.reconcile();
    // The server of the tests is no older one.
    let plan = world.reconcile_without_executing();
    let update = the_update(&plan);
    assert_eq!(places(update), [None]);
    assert_eq!(
        update.start["spec"]["containers"],
        json!([{ "name": "app", "resources": { "limits": { "cpu": "2" } } }])
    );
}

// IP-31: killed between the two writes, the rest is done later and nothing is resized twice.
#[test]
fn start_goes_on_after_a_crash_ip_31() {
    let mut world = settled(1, "InPlaceIfPossible", &sized("1", "NotRequired"));
    world.change(json!({ "spec": { "template": sized("2", "NotRequired") } }));
    world.reconcile();
    world.set_writes_left(Some(1));
    world.reconcile();
    world.set_writes_left(None);
    let plan = world.reconcile();
    assert_eq!(places(the_update(&plan)), [None]);
    world.settle();
    assert_eq!(state(&world), "Normal");
}

// IP-S25
#[test]
fn resources_need_new_pods_without_the_gate_ip_4() {
    let mut world = settled(1, "InPlaceIfPossible", &sized("1", "NotRequired"));
    world.gates.in_place = Options::default();
    let plan = updated_to(&mut world, &sized("2", "NotRequired"));
    assert!(matches!(plan.steps[..], [Step::MarkPodsForRecreate { .. }]));
}

fn configured(value: &str) -> Value {
    let mut template = template("acme/app:1");
    template["metadata"]["annotations"] = json!({ "cfg": value });
    template["spec"]["containers"][0]["env"] = json!([{
        "name": "CFG", "valueFrom": { "fieldRef": { "fieldPath": "metadata.annotations['cfg']" } },
    }]);
    template
}

// DV-IP12: a daemon that doesn't report is waited for, and not for ever.
#[test]
fn environment_waits_for_the_daemon_dv_ip12() {
    let mut world = settled(1, "InPlaceIfPossible", &configured("v1"));
    let plan = updated_to(&mut world, &configured("v2"));
    assert!(plan.steps.is_empty(), "{:#?}", plan.steps);
    assert_eq!(reasons(&plan), ["NodeDaemon"]);
    let again = plan.requeue_after.unwrap();
    assert!((1..=10).contains(&again.as_secs()), "{again:?}");
    world.pass(SignedDuration::from_secs(10));
    let plan = world.reconcile();
    assert!(matches!(plan.steps[..], [Step::MarkPodsForRecreate { .. }]));
    world.settle();
    assert_eq!(only_pod(&world)["metadata"]["annotations"]["cfg"], "v2");
}

// DV-IP12, CS-90
#[test]
fn in_place_only_says_that_the_daemon_is_missing_dv_ip12() {
    let mut world = settled(1, "InPlaceOnly", &configured("v1"));
    let uids = world.uids();
    world.pass(SignedDuration::from_secs(60));
    world.change(json!({ "spec": { "template": configured("v2") } }));
    let plan = world.settle();
    assert_eq!(reasons(&plan), ["NotInPlace"]);
    assert!(plan.waiting_on[0].to_string().contains("node daemon"));
    assert_eq!(world.uids(), uids);
}

// IP-9, DV-IP12: a daemon that has reported once is counted on.
#[test]
fn environment_changes_where_the_daemon_reports_ip_9() {
    let mut world = settled(1, "InPlaceIfPossible", &configured("v1"));
    world.pods.values_mut().for_each(|mut pod| {
        pod["metadata"]["annotations"][META] = json!("{}");
    });
    let plan = updated_to(&mut world, &configured("v2"));
    let start = &the_update(&plan).start;
    assert_eq!(start["metadata"]["annotations"]["cfg"], "v2");
    let plan = world.settle();
    assert_eq!(reasons(&plan), ["PodsNotAvailable"]);
    assert!(
        plan.waiting_on[0].to_string().contains("environment"),
        "{:?}",
        plan.waiting_on
    );
}

// IP-9: with the gate off it is a label like any other.
#[test]
fn environment_is_plain_metadata_without_the_gate_ip_9() {
    let mut world = settled(1, "InPlaceIfPossible", &configured("v1"));
    world.gates.in_place.env_from_metadata = false;
    let uids = world.uids();
    updated_to(&mut world, &configured("v2"));
    world.settle();
    assert_eq!(world.uids(), uids);
    assert_eq!(only_pod(&world)["metadata"]["annotations"]["cfg"], "v2");
    assert_eq!(state(&world), "Normal");
}
