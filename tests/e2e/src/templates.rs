//! Pod templates that tests start from, with images of the local registry.

use serde_json::{Value, json};

/// One of the test images; each version has another digest.
#[must_use]
pub fn image(version: u32) -> String {
    let repository =
        std::env::var("KRUISE_E2E_IMAGE").unwrap_or_else(|_| "registry.local/demo".to_owned());
    format!("{repository}:{version}")
}

/// A container that needs next to nothing.
#[must_use]
pub fn container(name: &str, image: &str) -> Value {
    json!({
        "name": name,
        "image": image,
        "resources": { "requests": { "cpu": "1m", "memory": "4Mi" } },
    })
}

/// A template labelled `app: web` whose pods have one container, `app`, and end at once.
#[must_use]
pub fn template() -> Value {
    json!({
        "metadata": { "labels": { "app": "web" } },
        "spec": {
            "terminationGracePeriodSeconds": 1,
            "containers": [container("app", &image(1))],
        },
    })
}
