//! SidecarSets and pods as users write them.

use kruise_testkit::random::Random;
use serde_json::{Value, json};

/// Namespaces that pods are in.
pub(super) const NAMESPACES: [&str; 2] = ["default", "shop"];
/// What an idle twin runs.
const IDLE: &str = "example/idle:1";

/// A SidecarSet of the stories.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    /// Its containers restart with a new image.
    Cold,
    /// One of its containers has a twin.
    Hot,
    /// Of the first one, a canary.
    Canary,
    /// It never updates pods.
    Still,
}

impl Kind {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Cold => "log",
            Self::Hot => "mesh",
            Self::Canary => "log-beta",
            Self::Still => "audit",
        }
    }

    /// Its containers: a name, and whether it has a twin.
    fn containers(self) -> &'static [(&'static str, bool)] {
        match self {
            Self::Cold => &[("log-agent", false), ("log-rotate", false)],
            Self::Hot => &[("mesh", true), ("mesh-probe", false)],
            Self::Canary => &[("log-agent", false)],
            Self::Still => &[("audit", false)],
        }
    }

    /// Whether it may ever update pods: a canary never does (SS-64).
    pub(super) fn may_roll(self) -> bool {
        !matches!(self, Self::Canary | Self::Still)
    }

    /// The SidecarSet as it is made first.
    pub(super) fn object(self, random: &mut Random) -> Value {
        let n_containers = 1 + random.below(self.containers().len());
        let containers = self.containers().iter().take(n_containers);
        let containers: Vec<Value> = containers.map(|it| container(*it)).collect();
        let mut labels = json!({ "app": "web" });
        if self == Self::Canary {
            labels["tier"] = json!("beta");
        }
        let mut spec = json!({
            "selector": { "matchLabels": labels }, "containers": containers,
            "revisionHistoryLimit": *random.pick(&[1, 2, 2, 10]),
        });
        if random.chance(200) {
            spec["namespaceSelector"] = namespaces(random);
        }
        if random.chance(200) {
            spec["initContainers"] =
                json!([{ "name": format!("{}-init", self.name()), "image": "example/init:1" }]);
        }
        spec["updateStrategy"] = match self.may_roll() {
            true => strategy(random),
            false => json!({ "type": "NotUpdate" }),
        };
        let mut metadata = json!({ "name": self.name() });
        if self == Self::Canary {
            metadata["annotations"] = json!({
                "apps.kruise.io/sidecarset-canary": "true",
                "apps.kruise.io/sidecarset-base": Self::Cold.name(),
            });
        }
        if self == Self::Cold && random.chance(300) {
            spec["patchPodMetadata"] = patched(1);
        }
        json!({
            "apiVersion": "apps.kruise.io/v1beta1", "kind": "SidecarSet", "metadata": metadata, "spec": spec,
        })
    }
}

fn namespaces(random: &mut Random) -> Value {
    let by_name = json!({ "matchLabels": { "kubernetes.io/metadata.name": "shop" } });
    let by_label = json!({ "matchLabels": { "env": "prod" } });
    random.pick(&[by_name, by_label.clone(), by_label]).clone()
}

/// Annotations of pods, which change with a number.
pub(super) fn patched(number: usize) -> Value {
    let annotations = json!({ "example.com/patched-by-log": number.to_string() });
    json!([{ "annotations": annotations, "patchPolicy": "Overwrite" }])
}

fn container((name, is_hot): (&str, bool)) -> Value {
    let mut container = json!({ "name": name, "image": format!("example/{name}:1") });
    if is_hot {
        container["upgradeStrategy"] =
            json!({ "upgradeType": "HotUpgrade", "hotUpgradeEmptyImage": IDLE });
    }
    container
}

/// How pods are updated first.
fn strategy(random: &mut Random) -> Value {
    let mut strategy = limits(random);
    if let Some(strategy) = strategy.as_object_mut() {
        strategy.retain(|_, value| !value.is_null());
    }
    match random.below(6) {
        0 => {
            strategy["priorityStrategy"] = json!({ "orderPriority": [{ "orderedKey": "rank" }] });
        }
        1 => {
            let selector = json!({ "matchLabels": { "zone": "a" } });
            let term = json!({ "weight": 50, "matchSelector": selector });
            strategy["priorityStrategy"] = json!({ "weightPriority": [term] });
        }
        2 => strategy["scatterStrategy"] = json!([{ "key": "zone", "value": "a" }]),
        _ => {}
    }
    strategy
}

/// Which pods are updated, and how many at a time; a merge patch.
pub(super) fn limits(random: &mut Random) -> Value {
    let unavailable = [
        json!(1),
        json!(1),
        json!(2),
        json!(0),
        json!("25%"),
        json!("50%"),
        json!("100%"),
    ];
    let mut limits = json!({ "maxUnavailable": random.pick(&unavailable).clone() });
    // Both at once are refused (SS-46).
    if random.chance(200) {
        limits["partition"] = json!(0);
        limits["selector"] = json!({ "matchLabels": { "canary": "true" } });
    } else {
        limits["partition"] = partition(random);
        limits["selector"] = Value::Null;
    }
    limits
}

fn partition(random: &mut Random) -> Value {
    let partitions = [
        json!(0),
        json!(0),
        json!(0),
        json!(0),
        json!(0),
        json!(1),
        json!(2),
        json!("30%"),
        json!("90%"),
        json!("100%"),
    ];
    random.pick(&partitions).clone()
}

/// A pod that users want.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    pub(super) name: String,
    pub(super) namespace: &'static str,
    labels: Value,
    has_init: bool,
}

impl Wanted {
    /// The pod of this number.
    pub(super) fn new(number: usize, random: &mut Random) -> Self {
        let mut labels = json!({
            "app": if random.chance(900) { "web" } else { "other" },
            "tier": *random.pick(&["front", "front", "beta"]),
            "zone": *random.pick(&["a", "b"]),
            "rank": random.below(4).to_string(),
        });
        if random.chance(350) {
            labels["canary"] = json!("true");
        }
        if random.chance(80) {
            labels["sidecarset.kruise.io/inject"] = json!("false");
        }
        Self {
            // Of both namespaces, so that a name is that of one pod alone.
            name: format!("web-{number}"),
            namespace: random.pick::<&'static str>(&NAMESPACES),
            labels,
            has_init: random.chance(150),
        }
    }

    /// The pod as it is made.
    pub(super) fn object(&self) -> Value {
        let containers = json!([
            { "name": "app", "image": "example/app:1" },
            { "name": "helper", "image": "example/helper:1" },
        ]);
        let mut spec = json!({ "containers": containers, "terminationGracePeriodSeconds": 5 });
        if self.has_init {
            spec["initContainers"] = json!([{ "name": "setup", "image": "example/setup:1" }]);
        }
        json!({
            "apiVersion": "v1", "kind": "Pod", "spec": spec,
            "metadata": { "name": self.name, "namespace": self.namespace, "labels": self.labels },
        })
    }
}
