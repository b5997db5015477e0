//! Volume mounts and devices that sidecars share with the pod's own containers (SS-115, SS-117, SS-119).

use serde_json::{Map, Value};

use super::{
    env,
    pod::{Pod, elements, text},
};

const MOUNT_PATH: &str = "mountPath";
const DEVICE_PATH: &str = "devicePath";

/// Mounts, and the variables that their paths are made of.
#[derive(Default)]
pub(super) struct Mounts {
    pub(super) mounts: Vec<Value>,
    pub(super) env: Vec<Value>,
}

/// All mounts of the pod's own containers.
pub(super) fn shared(pod: &Pod<'_>) -> Mounts {
    let mut shared = Mounts::default();
    for container in pod.own_containers() {
        for mount in elements(container, "volumeMounts") {
            let names = variables(text(mount, "subPathExpr"));
            let env = names.filter_map(|name| env::of_name(container, name));
            shared.env.extend(env);
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
    for mount in shared {
        let path = text(&mount, MOUNT_PATH);
        if !has(&own, MOUNT_PATH, path) && !has(list(container, "volumeDevices"), DEVICE_PATH, path)
        {
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
    for device in shared {
        let path = text(device, DEVICE_PATH);
        if !has(&own, DEVICE_PATH, path) && !has(list(container, "volumeMounts"), MOUNT_PATH, path)
        {
            own.push(device.clone());
        }
    }
    own
}

fn has(list: &[Value], field: &str, path: &str) -> bool {
    list.iter().any(|it| text(it, field) == path)
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

    use super::*;

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
