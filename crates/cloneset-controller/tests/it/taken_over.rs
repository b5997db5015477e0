//! CloneSets whose template was stored with other defaults than ours: by OpenKruise with gate `TemplateNoDefaults`,
//! before a webhook was installed, or before a gate was switched (CS-9, CS-37, DV-CS20).

use cloneset_controller::gates::Gates;
use kruise_api::revision;
use kruise_plan::workload::Filled;
use rstest::rstest;
use serde_json::{Value, json};

use crate::world::{World, in_place, spec};

/// A template that differs with each kind of defaults.
fn written() -> Value {
    json!({
        "metadata": { "labels": { "app": "web" } },
        "spec": {
            "hostNetwork": true,
            "containers": [{
                "name": "app", "image": "acme/app:1", "ports": [{ "containerPort": 80 }],
            }],
        },
    })
}

fn filled(filled: Filled) -> Value {
    let mut template = written();
    filled.fill(&mut template);
    template
}

fn gates(no_defaults: bool, host_ports: bool) -> Gates {
    Gates {
        template_no_defaults: no_defaults,
        default_host_ports: host_ports,
        ..Gates::default()
    }
}

/// A CloneSet with a template stored in one form, and pods at a revision that has another.
fn taken_over(stored: Filled, known: Filled, gates: Gates) -> World {
    let mut spec = spec(2, in_place(json!(1)));
    spec["template"] = filled(known);
    let mut world = World::new(spec);
    // In this way nothing is added to it.
    world.gates.template_no_defaults = true;
    world.settle();
    world.gates = gates;
    // A webhook is not asked about what is stored already: no new generation.
    world.edit_set()["spec"]["template"] = filled(stored);
    world
}

// With each choice of the gates; the same data is stored as before, whichever way it was.
#[rstest]
fn a_template_that_is_known_with_other_defaults_makes_no_revision(
    #[values(false, true)] no_defaults: bool,
    #[values(false, true)] host_ports: bool,
    #[values(
        (Filled::Nothing, Filled::Nothing),
        (Filled::Nothing, Filled::Defaults),
        (Filled::Nothing, Filled::DefaultsAndHostPorts),
        (Filled::Defaults, Filled::Defaults),
        (Filled::Defaults, Filled::DefaultsAndHostPorts),
        (Filled::DefaultsAndHostPorts, Filled::DefaultsAndHostPorts),
    )]
    (stored, known): (Filled, Filled),
) {
    let mut world = taken_over(stored, known, gates(no_defaults, host_ports));
    let (uids, revisions) = (world.uids(), world.revisions.all());
    world.settle();
    assert_eq!(world.uids(), uids);
    assert_eq!(world.revisions.all(), revisions);
    // A new pod is as the others are.
    world.change(json!({ "spec": { "replicas": 3 } }));
    world.settle();
    assert_eq!(world.revisions.all(), revisions);
    let containers: Vec<Value> = world
        .pods
        .values()
        .map(|pod| pod["spec"]["containers"].clone())
        .collect();
    assert!(
        containers.iter().all(|its| *its == containers[0]),
        "{containers:#?}"
    );
}

// What is changed since is new, in the form that the gates want.
#[rstest]
fn a_changed_template_is_stored_as_the_gates_want_it(
    #[values(false, true)] no_defaults: bool,
    #[values(false, true)] host_ports: bool,
) {
    let gates = gates(no_defaults, host_ports);
    let mut world = taken_over(Filled::Nothing, Filled::Nothing, gates);
    world.settle();
    let mut changed = written();
    changed["spec"]["containers"][0]["image"] = json!("acme/app:2");
    world.change(json!({ "spec": { "template": changed } }));
    world.settle();
    gates.filled().fill(&mut changed);
    let data: Value = serde_json::from_str(&revision::data(&changed)).unwrap();
    assert!(
        world
            .revisions
            .values()
            .any(|revision| revision["data"] == data)
    );
    assert_eq!(world.revisions.len(), 2);
    // Back again: the old revision is the one.
    world.change(json!({ "spec": { "template": written() } }));
    world.settle();
    assert_eq!(world.revisions.len(), 2);
    assert_eq!(world.images(), ["acme/app:1"; 2]);
}

// IP-135: where a revision equals what the gates ask for, no other form is looked at.
#[test]
fn the_form_that_the_gates_want_comes_first() {
    let mut world = taken_over(Filled::Nothing, Filled::Nothing, gates(true, false));
    world.settle();
    let undefaulted = world.status("updateRevision");
    world.change(json!({ "spec": { "template": filled(Filled::Defaults) } }));
    world.settle();
    let defaulted = world.status("updateRevision");
    assert_ne!(undefaulted, defaulted);
    world.change(json!({ "spec": { "template": null } }));
    world.change(json!({ "spec": { "template": written() } }));
    world.settle();
    assert_eq!(world.status("updateRevision"), undefaulted);
}
