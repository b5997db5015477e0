//! Builds one container of a SidecarSet for one pod (SS-114 to SS-121).

use std::collections::BTreeSet;

use kruise_api::well_known::env::{SIDECARSET_VERSION, SIDECARSET_VERSION_ALT};
use serde_json::{Map, Value, json};

use super::{
    env,
    error::InjectError,
    list::Sidecar,
    mounts::{self, Mounts},
    pod::Pod,
    resources,
};
use crate::{
    prepared::{PreparedContainer, PreparedSidecarSet},
    record::Twin,
};

/// The container, or its twins. `names` are those that containers of SidecarSets have in pods.
pub(super) fn build(
    set: &PreparedSidecarSet,
    prepared: &PreparedContainer,
    pod: &Pod<'_>,
    names: &BTreeSet<String>,
) -> Result<Vec<Sidecar>, InjectError> {
    let mut container = prepared.container.clone();
    if let Some(policy) = &prepared.resources {
        let resources = resources::computed(policy, pod, names);
        let resources = resources.map_err(|(field, source)| InjectError::Resources {
            sidecar_set: set.name.clone(),
            container: prepared.name.clone(),
            field,
            source: Box::new(source),
        })?;
        container.insert("resources".to_owned(), resources);
    }
    let shared = prepared.shares_volumes.then(|| mounts::shared(pod));
    let Mounts { mounts, env } = shared.unwrap_or_default();
    put(&mut container, "volumeMounts", |own, container| {
        mounts::with_shared(own, mounts, container)
    });
    if prepared.shares_devices {
        put(&mut container, "volumeDevices", |own, container| {
            mounts::with_shared_devices(own, pod, container)
        });
    }
    let transferred = env::transferred(&prepared.transfer_env, pod);
    put(&mut container, "env", |own, _| {
        env::with_others(own, [transferred, env].concat())
    });
    Ok(match &prepared.idle_image {
        Some(idle_image) => twins(prepared, &container, idle_image).into(),
        None => vec![sidecar(prepared, prepared.name.clone(), container)],
    })
}

/// Replaces a list of the container by what is made of it. An empty one is left out.
fn put(
    container: &mut Map<String, Value>,
    name: &str,
    make: impl FnOnce(Vec<Value>, &Map<String, Value>) -> Vec<Value>,
) {
    let own = match container.get_mut(name).map(Value::take) {
        Some(Value::Array(own)) => own,
        _ => vec![],
    };
    let list = make(own, container);
    if list.is_empty() {
        container.shift_remove(name);
    } else {
        container.insert(name.to_owned(), Value::Array(list));
    }
}

fn sidecar(prepared: &PreparedContainer, name: String, container: Map<String, Value>) -> Sidecar {
    Sidecar {
        name,
        goes_before: prepared.goes_before,
        container,
    }
}

/// SS-121
fn twins(
    prepared: &PreparedContainer,
    container: &Map<String, Value>,
    idle_image: &str,
) -> [Sidecar; 2] {
    Twin::BOTH.map(|twin| {
        let mut container = container.clone();
        let name = twin.name(&prepared.name);
        container.insert("name".to_owned(), json!(name));
        if twin == Twin::Second {
            container.insert("image".to_owned(), json!(idle_image));
        }
        put(&mut container, "env", |mut env, _| {
            env.push(from_annotation(
                SIDECARSET_VERSION,
                &twin.version_key(&prepared.name),
            ));
            env.push(from_annotation(
                SIDECARSET_VERSION_ALT,
                &twin.version_alt_key(&prepared.name),
            ));
            env
        });
        sidecar(prepared, name, container)
    })
}

fn from_annotation(name: &str, key: &str) -> Value {
    let path = format!("metadata.annotations['{key}']");
    json!({ "name": name, "valueFrom": { "fieldRef": { "apiVersion": "v1", "fieldPath": path } } })
}
