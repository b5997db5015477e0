//! The hashes by which one tells whether a pod has the containers of a SidecarSet (SS-16, SS-70, SS-71). They are those of
//! OpenKruise to the byte, so that pods which it injected stay as they are.

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::spec::{
    ObjectFieldSelector, ResourceExpr, ResourcesPolicy, ShareVolumePolicy, SidecarContainer,
    SidecarContainerUpgradeStrategy, TransferEnvVar,
};
use crate::{
    json::go_json,
    revision::{normal_form, safe_digit},
    well_known::annotations::{SIDECARSET_HASH, SIDECARSET_HASH_WITHOUT_IMAGE},
};

const IMAGE: &str = "image";

/// Both hashes of a SidecarSet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SidecarSetHashes {
    /// Of all that containers say.
    pub whole: String,
    /// Of all but their images. Pods that differ in it can't be updated in place.
    pub without_image: String,
}

impl SidecarSetHashes {
    /// The hashes of a SidecarSet with these containers, which have their defaults.
    #[must_use]
    pub fn of(containers: &[SidecarContainer], init_containers: &[SidecarContainer]) -> Self {
        let mut containers = forms(containers);
        let has_native = init_containers
            .iter()
            .any(SidecarContainer::is_native_sidecar);
        // Without a native sidecar among them, init containers make no difference to pods that run.
        let mut init_containers = forms(if has_native { init_containers } else { &[] });
        let whole = hash(&containers, &init_containers);
        for container in containers.iter_mut().chain(&mut init_containers) {
            container.shift_remove(IMAGE);
        }
        Self {
            without_image: hash(&containers, &init_containers),
            whole,
        }
    }

    /// The annotations that the SidecarSet has to have, whatever the user wrote there.
    #[must_use]
    pub fn annotations(self) -> [(&'static str, String); 2] {
        [
            (SIDECARSET_HASH, self.whole),
            (SIDECARSET_HASH_WITHOUT_IMAGE, self.without_image),
        ]
    }
}

fn hash(containers: &[Map<String, Value>], init_containers: &[Map<String, Value>]) -> String {
    let mut hashed = Map::new();
    let list = (!containers.is_empty()).then_some(containers);
    hashed.insert("containers".to_owned(), json!(list));
    if !init_containers.is_empty() {
        hashed.insert("initContainers".to_owned(), json!(init_containers));
    }
    let digest = Sha256::digest(go_json(&hashed));
    let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    hex.chars().map(safe_character).collect()
}

/// Hexadecimal digits as characters that can't form words.
fn safe_character(digit: char) -> char {
    match digit {
        'a' => 'v',
        'b' => 'w',
        'c' => 'x',
        'd' => 'z',
        'e' => '2',
        'f' => '4',
        other => safe_digit(other),
    }
}

/// Containers as Go writes them.
pub(super) fn forms(containers: &[SidecarContainer]) -> Vec<Map<String, Value>> {
    containers.iter().map(form).collect()
}

/// A container as Go writes it.
fn form(container: &SidecarContainer) -> Map<String, Value> {
    let SidecarContainer {
        pod_inject_policy,
        upgrade_strategy,
        share_volume_policy,
        share_volume_device_policy,
        transfer_env,
        resources_policy,
        unknown,
    } = container;
    let mut form = match normal_form("Container", &json!(unknown)) {
        Value::Object(form) => form,
        _ => Map::new(),
    };
    text(&mut form, "podInjectPolicy", pod_inject_policy.as_str());
    let upgrade = upgrade_strategy.as_ref().map(upgrade).unwrap_or_default();
    form.insert("upgradeStrategy".to_owned(), Value::Object(upgrade));
    let shared = share_volume_policy.as_ref().map(share).unwrap_or_default();
    form.insert("shareVolumePolicy".to_owned(), Value::Object(shared));
    if let Some(policy) = share_volume_device_policy {
        form.insert("shareVolumeDevicePolicy".to_owned(), json!(share(policy)));
    }
    if !transfer_env.is_empty() {
        let transferred: Vec<_> = transfer_env.iter().map(transferred).collect();
        form.insert("transferEnv".to_owned(), json!(transferred));
    }
    if let Some(policy) = resources_policy {
        form.insert("resourcesPolicy".to_owned(), json!(resources(policy)));
    }
    form
}

fn upgrade(strategy: &SidecarContainerUpgradeStrategy) -> Map<String, Value> {
    let SidecarContainerUpgradeStrategy {
        upgrade_type,
        hot_upgrade_empty_image,
        unknown: _,
    } = strategy;
    let mut form = Map::new();
    text(&mut form, "upgradeType", upgrade_type.as_str());
    text(&mut form, "hotUpgradeEmptyImage", hot_upgrade_empty_image);
    form
}

fn share(policy: &ShareVolumePolicy) -> Map<String, Value> {
    let ShareVolumePolicy { type_, unknown: _ } = policy;
    let mut form = Map::new();
    text(&mut form, "type", type_.as_str());
    form
}

fn transferred(env: &TransferEnvVar) -> Map<String, Value> {
    let TransferEnvVar {
        source_container_name,
        source_container_name_from,
        env_name,
        env_names,
        unknown: _,
    } = env;
    let mut form = Map::new();
    text(&mut form, "sourceContainerName", source_container_name);
    if let Some(source) = source_container_name_from {
        let mut from = Map::new();
        if let Some(field) = &source.field_ref {
            from.insert("fieldRef".to_owned(), json!(field_ref(field)));
        }
        form.insert("sourceContainerNameFrom".to_owned(), json!(from));
    }
    text(&mut form, "envName", env_name);
    if !env_names.is_empty() {
        form.insert("envNames".to_owned(), json!(env_names));
    }
    form
}

fn field_ref(field: &ObjectFieldSelector) -> Map<String, Value> {
    let ObjectFieldSelector {
        api_version,
        field_path,
        unknown: _,
    } = field;
    let mut form = Map::new();
    text(&mut form, "apiVersion", api_version);
    form.insert("fieldPath".to_owned(), json!(field_path));
    form
}

fn resources(policy: &ResourcesPolicy) -> Map<String, Value> {
    let ResourcesPolicy {
        target_containers_mode,
        target_containers_name_regex,
        resources_expr,
        unknown: _,
    } = policy;
    let mut form = Map::new();
    let mode = target_containers_mode.as_str();
    form.insert("targetContainersMode".to_owned(), json!(mode));
    let pattern = target_containers_name_regex.as_deref().unwrap_or_default();
    text(&mut form, "targetContainersNameRegex", pattern);
    let mut computed = Map::new();
    for (name, amounts) in [
        ("limits", &resources_expr.limits),
        ("requests", &resources_expr.requests),
    ] {
        if let Some(amounts) = amounts {
            computed.insert(name.to_owned(), json!(expressions(amounts)));
        }
    }
    form.insert("resourcesExpr".to_owned(), json!(computed));
    form
}

fn expressions(amounts: &ResourceExpr) -> Map<String, Value> {
    let ResourceExpr {
        cpu,
        memory,
        unknown: _,
    } = amounts;
    let mut form = Map::new();
    text(&mut form, "cpu", cpu);
    text(&mut form, "memory", memory);
    form
}

/// Writes a text, unless it is empty.
fn text(form: &mut Map<String, Value>, name: &str, text: &str) {
    if !text.is_empty() {
        form.insert(name.to_owned(), Value::from(text));
    }
}
