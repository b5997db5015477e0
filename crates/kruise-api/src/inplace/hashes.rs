//! Hashes of containers, by which the node daemon reports what really runs (IP-127, IP-128).

use serde::Serialize;

use crate::{
    hash::go_bytes_hash,
    json::go_json,
    pod::{Container, Pod},
    text::Text,
};

/// Variables that SidecarSet's hot upgrade sets and changes. They don't count as a change of the
/// environment.
const NOT_COUNTED: [&str; 2] = ["SIDECARSET_VERSION", "SIDECARSET_VERSION_ALT"];

/// Whether this is the container's plain hash. Kubelets since 1.31 compute it in one way, earlier kubelets
/// in another. It is not known which of them the node has, so either will do.
pub(super) fn is_plain(container: &Container, hash: u64) -> bool {
    hash == plain(container) || container.plain_hash.map(u64::from) == Some(hash)
}

/// Hash of a container as kubelets since 1.31 compute it: from its name and image.
fn plain(container: &Container) -> u64 {
    #[derive(Serialize)]
    struct Hashed<'a> {
        image: &'a str,
        name: &'a str,
    }
    hash(&Hashed {
        image: &container.image,
        name: &container.name,
    })
}

/// Hash of those environment variables that come from the pod's labels and annotations, with the values
/// that these have on the pod now.
pub(super) fn env_from_metadata(container: &Container, pod: &Pod) -> u64 {
    #[derive(Serialize)]
    struct Hashed<'a> {
        name: &'a str,
        #[serde(skip_serializing_if = "str::is_empty")]
        value: &'a str,
    }
    let mut env: Vec<Hashed<'_>> = container
        .env
        .iter()
        .filter(|env| !NOT_COUNTED.contains(&env.name.as_str()))
        .filter_map(|env| {
            let (map, key) = metadata_key(env.field_path()?)?;
            let map = match map {
                "labels" => &pod.metadata.labels,
                _ => &pod.metadata.annotations,
            };
            Some(Hashed {
                name: &env.name,
                value: map.get(key).map_or("", Text::as_str),
            })
        })
        .collect();
    env.sort_by_key(|env| env.name);
    // Go writes a list to which nothing was added as null.
    if env.is_empty() {
        hash(&())
    } else {
        hash(&env)
    }
}

/// `labels` or `annotations`, and the key, of a path such as `metadata.labels['app']`.
pub(super) fn metadata_key(path: &str) -> Option<(&str, &str)> {
    let (map, key) = path.strip_suffix("']")?.split_once("['")?;
    match map {
        "metadata.labels" => Some(("labels", key)),
        "metadata.annotations" => Some(("annotations", key)),
        _ => None,
    }
}

/// Whether an environment variable of this name doesn't count.
pub(super) fn is_not_counted(env_name: &str) -> bool {
    NOT_COUNTED.contains(&env_name)
}

fn hash(value: &impl Serialize) -> u64 {
    u64::from(go_bytes_hash(&go_json(value)))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    #[test]
    fn plain_hash_ip_127() {
        let container = Container {
            name: "main".into(),
            image: "nginx:1.25".into(),
            ..Container::default()
        };
        assert_eq!(plain(&container), 436_018_172);
    }

    // IP-128
    #[rstest]
    #[case(json!([]), 86_995_377)]
    #[case(json!([["APP_CONFIG", "v1"]]), 4_274_367_333)]
    #[case(json!([["APP_CONFIG", "v2"]]), 984_755_435)]
    #[case(json!([["B", "x"], ["A", ""]]), 144_086_091)]
    #[case(json!([["E", "a<b>&c"]]), 616_038_374)]
    #[case(json!([["A", "x"]]), 496_662_434)]
    #[case(json!([["A", ""], ["B", "a<b&c"]]), 2_417_564_311)]
    #[case(json!([["SIDECARSET_VERSION", "x"]]), 86_995_377)]
    fn env_hash_ip_128(#[case] env: serde_json::Value, #[case] expected: u64) {
        let entries = || env.as_array().unwrap().iter();
        let annotations: serde_json::Map<_, _> = entries()
            .filter(|pair| pair[1] != "")
            .map(|pair| (pair[0].as_str().unwrap().to_lowercase(), pair[1].clone()))
            .collect();
        let env: Vec<_> = entries()
            .map(|pair| {
                let name = pair[0].as_str().unwrap();
                let path = format!("metadata.annotations['{}']", name.to_lowercase());
                json!({ "name": name, "valueFrom": { "fieldRef": { "fieldPath": path } } })
            })
            .collect();
        let pod: Pod = serde_json::from_value(json!({
            "metadata": { "annotations": annotations },
            "spec": { "containers": [{ "name": "app", "image": "a", "env": env }] },
        }))
        .unwrap();
        assert_eq!(env_from_metadata(&pod.spec.containers[0], &pod), expected);
    }
}
