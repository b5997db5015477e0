//! What a SidecarSet asks for at one moment.

use kruise_testkit::fields::{list, text};
use serde_json::Value;

use super::{Labels, PodSeen, Selector, texts};

/// What a SidecarSet asks for at one moment.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Terms {
    pub(crate) name: String,
    pub(crate) uid: String,
    pub(crate) hash: String,
    pub(crate) hash_without_image: String,
    selector: Option<Selector>,
    namespaces: Option<Selector>,
    pub(crate) sidecars: Vec<Sidecar>,
    pub(crate) init_sidecars: Vec<String>,
    /// Whether new pods get its containers (SS-103).
    pub(crate) injects: bool,
    /// The SidecarSet that it takes the place of, if it is a canary (SS-64).
    pub(crate) base: Option<String>,
    pub(crate) is_paused: bool,
    /// Whether pods are updated at all.
    pub(crate) is_rolling: bool,
    update_selector: Option<Selector>,
    /// As it is written, a number or text.
    partition: Value,
    max_unavailable: Value,
    pub(crate) history_limit: usize,
}

/// A container that runs beside those of the pod.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Sidecar {
    pub(crate) name: String,
    pub(crate) image: String,
    /// What an idle twin runs, if it is upgraded while it works.
    pub(crate) idle_image: Option<String>,
}

impl Terms {
    pub(crate) fn read(set: &Value) -> Self {
        let (metadata, spec) = (&set["metadata"], &set["spec"]);
        let annotation = |key: &str| text(&metadata["annotations"][key]);
        let (strategy, injection) = (&spec["updateStrategy"], &spec["injectionStrategy"]);
        let is_canary = annotation("apps.kruise.io/sidecarset-canary") == "true";
        let base = annotation("apps.kruise.io/sidecarset-base");
        let names = list(&spec["initContainers"]).iter();
        let limit = spec["revisionHistoryLimit"].as_u64().unwrap_or_default();
        Self {
            name: text(&metadata["name"]),
            uid: text(&metadata["uid"]),
            hash: annotation("kruise.io/sidecarset-hash"),
            hash_without_image: annotation("kruise.io/sidecarset-hash-without-image"),
            selector: Selector::read(&spec["selector"]),
            namespaces: Selector::read(&spec["namespaceSelector"]),
            sidecars: list(&spec["containers"])
                .iter()
                .map(Sidecar::read)
                .collect(),
            init_sidecars: names.map(|it| text(&it["name"])).collect(),
            injects: injection["paused"] != true,
            base: (is_canary && !base.is_empty()).then_some(base),
            is_paused: strategy["paused"] == true,
            is_rolling: strategy["type"] != "NotUpdate",
            update_selector: Selector::read(&strategy["selector"]),
            partition: strategy["partition"].clone(),
            max_unavailable: strategy["maxUnavailable"].clone(),
            history_limit: usize::try_from(limit).unwrap_or(usize::MAX).max(1),
        }
    }

    /// Whether its selectors take a pod with these labels (SS-104).
    pub(crate) fn selects(&self, labels: &Labels, namespace: Option<&Labels>) -> bool {
        let is_selected = self.selector.as_ref().is_some_and(|it| it.matches(labels));
        let of_namespace = |it: &Selector| namespace.is_some_and(|labels| it.matches(labels));
        is_selected && self.namespaces.as_ref().is_none_or(of_namespace)
    }

    /// Whether a pod is its business (SS-203 to SS-206).
    pub(crate) fn manages(&self, pod: &PodSeen, namespace: Option<&Labels>) -> bool {
        let has = |name: &str| {
            let mut all = pod.containers.iter().chain(&pod.init_containers);
            all.any(|it| it.name == name)
        };
        let has_sidecar = |sidecar: &Sidecar| {
            let works = sidecar.idle_image.is_none() || pod.working.contains_key(&sidecar.name);
            works && sidecar.containers().iter().all(|name| has(name))
        };
        pod.is_active()
            && pod.injected.contains(&self.name)
            && self.selects(&pod.labels, namespace)
            && self.sidecars.iter().all(has_sidecar)
    }

    /// SS-211
    pub(crate) fn is_updated(&self, pod: &PodSeen) -> bool {
        pod.hash(&self.name) == Some(&self.hash)
    }

    /// Names of all its containers in pods.
    fn containers(&self) -> Vec<String> {
        let sidecars = self.sidecars.iter();
        sidecars.flat_map(Sidecar::containers).collect()
    }

    /// The sidecar that a container of a pod is.
    pub(crate) fn sidecar_of(&self, container: &str) -> Option<&Sidecar> {
        let is_of = |it: &&Sidecar| it.containers().iter().any(|name| name == container);
        self.sidecars.iter().find(is_of)
    }

    /// SS-230, of all its containers.
    pub(crate) fn is_consistent(&self, pod: &PodSeen) -> bool {
        let names = self.containers();
        pod.is_consistent(&self.name, names.iter().map(String::as_str))
    }

    /// SS-231
    pub(crate) fn is_ready(&self, pod: &PodSeen) -> bool {
        let rests = |sidecar: &Sidecar| {
            let idle_image = sidecar.idle_image.as_deref().unwrap_or_default();
            idle_image.is_empty() || pod.image(&sidecar.idle_twin(pod)) == idle_image
        };
        let mut hot = self.sidecars.iter().filter(|it| it.idle_image.is_some());
        pod.is_serving() && hot.all(rests)
    }

    /// SS-221
    pub(crate) fn is_upgradable(&self, pod: &PodSeen) -> bool {
        let entry = pod.hashes_without_image.get(&self.name);
        entry.is_some_and(|entry| entry.hash == self.hash_without_image)
    }

    /// Whether an update before is still under way in a container that is ready (SS-222).
    pub(crate) fn is_in_flight(&self, pod: &PodSeen) -> bool {
        let is_ready = |name: &str| pod.container(name).is_some_and(|it| it.is_ready);
        let is_in_flight =
            |name: &String| is_ready(name) && !pod.is_consistent(&self.name, [name.as_str()]);
        self.containers().iter().any(is_in_flight)
    }

    /// Whether pods of these labels may be updated (SS-220).
    pub(crate) fn updates(&self, pod: &PodSeen) -> bool {
        let selector = self.update_selector.as_ref();
        selector.is_none_or(|it| it.matches(&pod.labels))
    }

    /// Whether it would be its turn (SS-220).
    pub(crate) fn is_waiting(&self, pod: &PodSeen) -> bool {
        !self.is_updated(pod)
            && self.updates(pod)
            && self.is_upgradable(pod)
            && !self.is_in_flight(pod)
    }

    /// How many of so many pods stay as they are (SS-228, IP-162).
    pub(crate) fn kept(&self, n_pods: usize) -> usize {
        let kept = part(&self.partition, n_pods).unwrap_or_default();
        let is_all = self.partition.is_string() && kept == n_pods && self.partition != "100%";
        if is_all && n_pods > 1 {
            return n_pods - 1;
        }
        kept.min(n_pods)
    }

    /// How many of so many pods may be updated and not ready yet (SS-229).
    pub(crate) fn most_unavailable(&self, n_pods: usize) -> usize {
        part(&self.max_unavailable, n_pods).unwrap_or(1)
    }

    /// What a new pod lacks of what it should have of these terms, or has and shouldn't have (SS-118, SS-121, SS-136);
    /// nothing, if it is whole.
    pub(crate) fn lacks(&self, pod: &PodSeen) -> Option<String> {
        let (entry, other) = (
            pod.hashes.get(&self.name),
            pod.hashes_without_image.get(&self.name),
        );
        let (Some(entry), Some(other)) = (entry, other) else {
            return Some("an entry of its hashes".to_owned());
        };
        if entry.hash != self.hash || other.hash != self.hash_without_image {
            return Some("the right hashes".to_owned());
        }
        let mut names: Vec<&String> = self.sidecars.iter().map(|it| &it.name).collect();
        names.sort();
        if entry.sidecars.iter().ne(names.iter().copied()) || entry.sidecars != other.sidecars {
            return Some(format!("the sidecarList {names:?}"));
        }
        let has_init = |name: &&String| {
            let mut inits = pod.init_containers.iter();
            inits.any(|it| it.name == **name && it.is_injected)
        };
        if let Some(name) = self.init_sidecars.iter().find(|name| !has_init(name)) {
            return Some(format!("init container {name}"));
        }
        self.sidecars.iter().find_map(|it| it.lacks(pod))
    }
}

impl Sidecar {
    fn read(container: &Value) -> Self {
        let upgrade = &container["upgradeStrategy"];
        let is_hot = upgrade["upgradeType"] == "HotUpgrade";
        Self {
            name: text(&container["name"]),
            image: text(&container["image"]),
            idle_image: is_hot.then(|| text(&upgrade["hotUpgradeEmptyImage"])),
        }
    }

    /// Names of its containers in a pod.
    pub(crate) fn containers(&self) -> Vec<String> {
        match self.idle_image {
            Some(_) => self.twins().to_vec(),
            None => vec![self.name.clone()],
        }
    }

    pub(crate) fn twins(&self) -> [String; 2] {
        [1, 2].map(|number| format!("{}-{number}", self.name))
    }

    /// The twin that doesn't work.
    pub(crate) fn idle_twin(&self, pod: &PodSeen) -> String {
        let [first, second] = self.twins();
        if pod.working.get(&self.name) == Some(&first) {
            second
        } else {
            first
        }
    }

    fn lacks(&self, pod: &PodSeen) -> Option<String> {
        let Some(idle_image) = &self.idle_image else {
            return lacks(pod, &self.name, &self.image);
        };
        let [first, second] = self.twins();
        let versions = [pod.versions_of(&first), pod.versions_of(&second)];
        if versions != [["1", "0"], ["0", "1"]] {
            return Some(format!("the versions of {}", self.name));
        }
        if pod.working.get(&self.name) != Some(&first) {
            return Some(format!("{first} as the one that works"));
        }
        lacks(pod, &first, &self.image).or_else(|| lacks(pod, &second, idle_image))
    }
}

fn lacks(pod: &PodSeen, name: &str, image: &str) -> Option<String> {
    let is_whole = |name: &str| {
        let container = pod.container(name);
        container.is_some_and(|it| it.is_injected && it.image == image)
    };
    (!is_whole(name)).then(|| format!("container {name} of {image}"))
}

/// A number, or a part of so many, rounded up.
fn part(value: &Value, of: usize) -> Option<usize> {
    let Some(text) = value.as_str() else {
        let number = value.as_u64();
        return number.map(|number| usize::try_from(number).unwrap_or(usize::MAX));
    };
    let percent: usize = text.trim_end_matches('%').parse().unwrap_or_default();
    Some((percent * of).div_ceil(100))
}

/// The labels of a namespace.
pub(crate) fn labels_of(namespace: &Value) -> Labels {
    texts(&namespace["metadata"]["labels"])
}
