//! Volume mounts and devices that sidecars share with the pod's own containers (SS-115, SS-117, SS-119).

use std::collections::{HashMap, HashSet};

use serde_json::{Map, Value};

use super::pod::{Pod, elements, text};

const MOUNT_PATH: &str = "mountPath";
const DEVICE_PATH: &str = "devicePath";

/// Mounts, and the variables that their paths are made of.
#[derive(Default)]
pub(super) struct Mounts {
    pub(super) mounts: Vec<Value>,
    pub(super) env: Vec<Value>,
}

/// All mounts of the pod's own containers. A variable is copied once, however often paths name it: authors of pods decide how
/// often that is.
pub(super) fn shared(pod: &Pod<'_>) -> Mounts {
    let mut shared = Mounts::default();
    let mut copied = HashSet::new();
    for container in pod.own_containers() {
        // Of several variables with one name the last counts.
        let env = elements(container, "env").iter();
        let env: HashMap<&str, &Value> = env.map(|env| (text(env, "name"), env)).collect();
        for mount in elements(container, "volumeMounts") {
            for name in variables(text(mount, "subPathExpr")) {
                if let Some(env) = env.get(name)
                    && copied.insert(name)
                {
                    shared.env.push(Value::clone(env));
                }
            }
            shared.mounts.push(mount.clone());
        }
    }
    shared
}

/// A container's own mounts, and those shared ones whose path is free.
pub(super) fn with_shared(
    mut own: Vec<Value>,
    shared: Vec<Value>,
    container: &Map<String, Value>,
) -> Vec<Value> {
    let mut taken = paths(&own, MOUNT_PATH);
    taken.extend(paths(list(container, "volumeDevices"), DEVICE_PATH));
    for mount in shared {
        if taken.insert(text(&mount, MOUNT_PATH).to_owned()) {
            own.push(mount);
        }
    }
    own
}

/// A container's own devices, and those of the pod's own containers whose path is free.
pub(super) fn with_shared_devices(
    mut own: Vec<Value>,
    pod: &Pod<'_>,
    container: &Map<String, Value>,
) -> Vec<Value> {
    let shared = pod
        .own_containers()
        .flat_map(|container| elements(container, "volumeDevices"));
    let mut taken = paths(&own, DEVICE_PATH);
    taken.extend(paths(list(container, "volumeMounts"), MOUNT_PATH));
    for device in shared {
        if taken.insert(text(device, DEVICE_PATH).to_owned()) {
            own.push(device.clone());
        }
    }
    own
}

fn paths(list: &[Value], field: &str) -> HashSet<String> {
    list.iter().map(|it| text(it, field).to_owned()).collect()
}

fn list<'a>(container: &'a Map<String, Value>, name: &str) -> &'a [Value] {
    let list = container.get(name).and_then(Value::as_array);
    list.map(Vec::as_slice).unwrap_or_default()
}

/// The names in `$(NAME)`, as often as they are there.
fn variables(text: &str) -> impl Iterator<Item = &str> {
    // Whatever follows `$(` up to the first character that no name has: it is a name if that is `)`.
    text.split("$(").skip(1).filter_map(|rest| {
        let (name, _) = rest.split_once(')')?;
        let is_letter = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
        let begins = !name.starts_with(|c: char| c.is_ascii_digit());
        (begins && !name.is_empty() && name.chars().all(is_letter)).then_some(name)
    })
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    // SS-115: the author of a pod decides how often its paths name a variable.
    #[test]
    fn a_variable_is_copied_once() {
        let mount =
            |path: &str| json!({ "name": "v", "mountPath": path, "subPathExpr": "$(A)/$(A)" });
        let pod = json!({ "spec": { "containers": [{
            "name": "app",
            "env": [{ "name": "A", "value": "1" }],
            "volumeMounts": [mount("/a"), mount("/b")],
        }] } });
        let pod = Pod::read(&pod).unwrap();
        let Mounts { mounts, env } = shared(&pod);
        assert_eq!(env, [json!({ "name": "A", "value": "1" })]);
        assert_eq!(mounts.len(), 2);
    }

    // SS-115
    #[rstest]
    #[case("$(POD_NAME)", &["POD_NAME"])]
    #[case("a/$(A)/$(b.c-d)x$(_)", &["A", "b.c-d", "_"])]
    #[case("$$(A)", &["A"])]
    #[case("$($(A))", &["A"])]
    #[case("$(1A)", &[])]
    #[case("$()", &[])]
    #[case("$(A", &[])]
    #[case("$(A B)", &[])]
    #[case("(A)", &[])]
    fn names_are_found(#[case] text: &str, #[case] expected: &[&str]) {
        assert_eq!(Vec::from_iter(variables(text)), expected);
    }
}
