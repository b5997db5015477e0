//! The demo's story: a CloneSet gets a new image in place, then another by ReCreate, and the two are compared. Where
//! it plays is a [`Ground`]: a real cluster, or one in memory.

use std::time::Duration;

use anyhow::{Result, bail};
use jiff::Timestamp;
use localkube::{
    object_watch::Change,
    pod_writes::{PodWrites, Span},
    progress::say,
};
use serde_json::{Value, json};

mod compare;
mod pods;
mod stage;
mod table;

pub use pods::PodView;

use compare::{Outcome, Pods};
use stage::Stage;

/// Everything of the demo is in this namespace.
pub const NAMESPACE: &str = "demo";
/// The CloneSet.
pub const CLONESET: &str = "web";
/// How many pods it has.
const REPLICAS: usize = 6;
const MAX_UNAVAILABLE: usize = 2;
/// Writes that belong to a roll-out come within this time after its last pod is in service.
const AFTERMATH: Duration = Duration::from_millis(1500);

/// Where the story plays.
pub trait Ground {
    /// The demo's image without its tag; tags 1, 2 and 3 can be pulled.
    fn image(&self) -> String;

    /// What time it is there.
    fn now(&self) -> Timestamp;

    /// Creates the CloneSet, in a namespace that is there and empty.
    ///
    /// # Errors
    /// It was refused.
    fn create_cloneset(&mut self, cloneset: &Value) -> Result<()>;

    /// Changes the CloneSet by a JSON patch.
    ///
    /// # Errors
    /// It was refused.
    fn change_cloneset(&mut self, patch: &Value) -> Result<()>;

    /// The next change of a pod; none if there was none for a moment.
    ///
    /// # Errors
    /// The watch broke off, or the user ended the demo.
    fn next_change(&mut self) -> Result<Option<Change<PodView>>>;

    /// What the controller wrote to pods; none where nobody counts.
    ///
    /// # Errors
    /// What was counted can't be read.
    fn writes(&self, span: Span<'_>) -> Result<Option<PodWrites>>;

    /// What the seconds of the comparison are worth.
    fn about_seconds(&self) -> &'static str;
}

/// The three phases and what is learned from them.
///
/// # Errors
/// A phase did not come to its end, or an update in place did not keep what it must.
pub fn play(ground: &mut dyn Ground) -> Result<()> {
    let image = ground.image();
    let about_seconds = ground.about_seconds();
    let mut stage = Stage::new(ground);
    stage.begin(&format!(
        "1. CloneSet {NAMESPACE}/{CLONESET}: {REPLICAS} pods of two containers, image {image}:1"
    ))?;
    stage.ground().create_cloneset(&cloneset(&image, "1"))?;
    let took = stage.follow_until("the first pods", |pods| all_serve(pods, "1"))?;
    say(&format!(
        "{REPLICAS} pods in service after {:.1} s",
        took.as_secs_f64()
    ))?;
    stage.follow_for(AFTERMATH)?;

    stage.begin(&format!(
        "2. In place: app gets {image}:2, at most {MAX_UNAVAILABLE} pods at a time"
    ))?;
    let in_place = roll_out(&mut stage, "2", "InPlaceIfPossible")?;
    let violations = compare::in_place_violations(&in_place.before, &in_place.after);
    if !violations.is_empty() {
        bail!(
            "this was no update in place:\n  {}",
            violations.join("\n  ")
        );
    }
    say(&format!(
        "{REPLICAS} pods updated in {:.1} s: every UID, IP and node is what it was; app restarted once, \
         sidecar never",
        in_place.took.as_secs_f64()
    ))?;

    stage.begin(&format!(
        "3. The same by ReCreate: app gets {image}:3, at most {MAX_UNAVAILABLE} pods at a time"
    ))?;
    let recreate = roll_out(&mut stage, "3", "ReCreate")?;
    say(&format!(
        "{REPLICAS} pods replaced in {:.1} s",
        recreate.took.as_secs_f64()
    ))?;

    say("")?;
    for line in compare::comparison(&in_place, &recreate) {
        say(&line)?;
    }
    say(about_seconds)
}

/// One roll-out from the change to the last pod in service.
fn roll_out(stage: &mut Stage<'_>, tag: &str, policy: &str) -> Result<Outcome> {
    let before = stage.pods().clone();
    let image = stage.ground().image();
    let from = stage.ground().now();
    stage
        .ground()
        .change_cloneset(&update(&image, tag, policy))?;
    let took = stage.follow_until("the roll-out", |pods| all_serve(pods, tag))?;
    stage.follow_until("old pods to go", |pods| pods.len() == REPLICAS)?;
    stage.follow_for(AFTERMATH)?;
    let span = Span {
        namespace: NAMESPACE,
        from,
        to: stage.ground().now(),
    };
    let writes = stage.ground().writes(span)?;
    if writes.is_some_and(|writes| writes.total() == 0) {
        bail!("no write by the controller was counted");
    }
    Ok(Outcome {
        took,
        before,
        after: stage.pods().clone(),
        writes,
    })
}

/// As many pods as wanted are in service, and no other is in the way but those that leave.
fn all_serve(pods: &Pods, tag: &str) -> bool {
    let staying = pods.values().filter(|pod| !pod.terminating);
    staying.clone().count() == REPLICAS && staying.clone().all(|pod| pod.serves(tag))
}

/// A new image for the app, and the way pods get it.
fn update(image: &str, tag: &str, pod_update_policy: &str) -> Value {
    json!([
        {"op": "test", "path": "/spec/template/spec/containers/0/name", "value": pods::APP},
        {"op": "replace", "path": "/spec/template/spec/containers/0/image", "value": format!("{image}:{tag}")},
        {"op": "replace", "path": "/spec/updateStrategy/rollingUpdate/podUpdatePolicy",
         "value": pod_update_policy},
    ])
}

fn cloneset(image: &str, tag: &str) -> Value {
    let image = format!("{image}:{tag}");
    json!({
        "apiVersion": "apps.kruise.io/v1beta1",
        "kind": "CloneSet",
        "metadata": {"name": CLONESET, "namespace": NAMESPACE},
        "spec": {
            "replicas": REPLICAS,
            "selector": {"matchLabels": {"app": CLONESET}},
            "updateStrategy": {
                "type": "RollingUpdate",
                "rollingUpdate": {
                    "podUpdatePolicy": "InPlaceIfPossible",
                    "maxUnavailable": MAX_UNAVAILABLE,
                },
            },
            "template": {
                "metadata": {"labels": {"app": CLONESET}},
                "spec": {
                    "containers": [
                        {"name": pods::APP, "image": image},
                        // Two servers on one port would not get on.
                        {"name": pods::SIDECAR, "image": image,
                         "command": ["/bin/sh", "-c", "trap 'exit 0' TERM; sleep 1000000 & wait"]},
                    ],
                },
            },
        },
    })
}
