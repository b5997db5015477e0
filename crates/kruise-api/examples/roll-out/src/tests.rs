//! The example at work: on a cluster in memory, with the real controller.

use cloneset_controller::{CloneSetArgs, NAME, app};
use kruise_api::resource::{NAMESPACES, NODES};
use kruise_testkit::{
    builders,
    world::{World, flags, play},
};

use super::*;

/// A cluster with a node and the controller.
fn prepare(world: &mut World) {
    for definition in world.install("apps.kruise.io_clonesets.yaml") {
        world.serve_conversion(&definition, &[NAME]);
    }
    world.serve_webhooks(NAME, &[NAME]);
    let namespace = builders::namespace("kruise-system");
    world.server.put("user", NAMESPACES, namespace);
    world.server.put("user", NODES, builders::node("node1"));
    world.run_app(NAME, &[], || vec![app(flags::<CloneSetArgs>(&[]))]);
}

#[test]
fn a_cloneset_is_created_and_rolled_out() -> Result<()> {
    play(1, async |world| {
        prepare(world);
        // The controller answers for admission, so it has to be there first.
        world.run_for(Duration::from_secs(30)).await;
        roll_out(world.server.client_of("user"), "web", "acme/web:1").await
    })
}

#[test]
fn without_a_controller_the_program_gives_up() {
    let why = play(1, async |world| {
        world.install("apps.kruise.io_clonesets.yaml");
        let client = world.server.client_of("user");
        roll_out(client, "web", "acme/web:1").await
    });
    let why = why.err().map(|error| error.to_string());
    assert_eq!(
        why.as_deref(),
        Some("CloneSet web is not rolled out after 300s")
    );
}

/// What the README of kruise-api shows of this program is a part of it. There it can't be compiled: that crate knows no
/// client.
#[test]
fn the_readme_shows_this_program() {
    let readme = include_str!("../../../README.md");
    let program = include_str!("main.rs");
    let shown = readme
        .split("```rust,ignore\n")
        .nth(1)
        .and_then(|after| after.split("```").next())
        .unwrap_or_default();
    assert!(shown.lines().count() > 20);
    for part in shown.split("\n\n").map(str::trim) {
        assert!(program.contains(part), "{part}");
    }
}
