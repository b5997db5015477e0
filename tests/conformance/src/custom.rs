//! The custom kind: our CloneSet under a group of its own, so that what a cluster has installed stays as it is, and no
//! webhook is asked.

use std::fs;

use anyhow::{Context, Result, bail};
use localkube::workspace;
use serde_json::{Value, json};

use crate::kinds::CUSTOM_GROUP;
use crate::side::Side;
use crate::worker::wait;

/// The definition to install.
pub(crate) fn definition() -> Result<Value> {
    let path = workspace::root().join("crds/apps.kruise.io_clonesets.yaml");
    let text = fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?;
    let mut definition: Value =
        serde_yaml_ng::from_str(&text).with_context(|| format!("parse {}", path.display()))?;
    definition["metadata"]["name"] = json!(format!("clonesets.{CUSTOM_GROUP}"));
    definition["spec"]["group"] = json!(CUSTOM_GROUP);
    definition["spec"]["conversion"] = json!({ "strategy": "None" });
    if let Value::Object(names) = &mut definition["spec"]["names"] {
        names.shift_remove("shortNames");
        names.shift_remove("categories");
    }
    Ok(definition)
}

/// Installs it in a cluster. It stays there: what collects garbage takes half a minute to learn of it anew.
pub(crate) fn install(side: &Side<'_>) -> Result<()> {
    let definition = definition()?;
    let made = side.call(
        http::Method::POST,
        "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
        Some(("application/json", &definition)),
    )?;
    if made.code != 201 && made.code != 409 {
        bail!(
            "installing the custom kind answered {}: {}",
            made.code,
            made.body
        );
    }
    wait("until the custom kind is served", || {
        let list = side.call(http::Method::GET, &sets(), None)?;
        Ok(list.code == 200)
    })
}

fn sets() -> String {
    format!("/apis/{CUSTOM_GROUP}/v1beta1/namespaces/default/clonesets")
}

/// Waits until what collects garbage knows the kind, as owner and as what is owned.
pub(crate) fn wait_until_collected(side: &Side<'_>) -> Result<()> {
    const NAME: &str = "conformance-probe";
    let api_version = format!("{CUSTOM_GROUP}/v1beta1");
    let owner = json!([{ "apiVersion": api_version, "kind": "CloneSet", "name": "nobody",
        "uid": "11111111-1111-4111-8111-111111111111" }]);
    let set = json!({
        "apiVersion": api_version, "kind": "CloneSet",
        "metadata": { "name": NAME, "ownerReferences": owner },
        "spec": { "selector": { "matchLabels": { "app": "a" } }, "template": { "metadata": { "labels": { "app": "a" } } } },
    });
    let map = json!({ "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": { "name": NAME, "ownerReferences": owner } });
    let maps = "/api/v1/namespaces/default/configmaps".to_owned();
    for (path, object) in [(sets(), set), (maps, map)] {
        let made = side.call(
            http::Method::POST,
            &path,
            Some(("application/json", &object)),
        )?;
        if made.code != 201 && made.code != 409 {
            bail!("{path} answered {}: {}", made.code, made.body);
        }
        wait("until garbage of the custom kind is collected", || {
            let got = side.call(http::Method::GET, &format!("{path}/{NAME}"), None)?;
            Ok(got.code == 404)
        })?;
    }
    Ok(())
}
