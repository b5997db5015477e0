//! Rendered manifests, and the changes a deployment makes to them: real images, further arguments.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use serde_json::Value;

use super::text;
use crate::image::PLACEHOLDER_REGISTRY;
use crate::workspace::Metadata;

/// Where a workload keeps the containers of its pods.
const CONTAINER_LISTS: [&str; 2] = [
    "/spec/template/spec/initContainers",
    "/spec/template/spec/containers",
];

/// An overlay's objects, in kustomize's order.
pub(super) struct Manifests {
    objects: Vec<Value>,
}

/// What identifies an object to kubectl.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ObjectRef {
    /// `kind.group`, as kubectl takes it; in lower case.
    pub(super) resource: String,
    pub(super) namespace: String,
    pub(super) name: String,
}

impl ObjectRef {
    pub(super) fn of(object: &Value) -> Self {
        let kind = text(object, "/kind").to_lowercase();
        let resource = match text(object, "/apiVersion").split_once('/') {
            Some((group, version)) => format!("{kind}.{version}.{group}"),
            None => kind,
        };
        Self {
            resource,
            namespace: text(object, "/metadata/namespace").to_owned(),
            name: text(object, "/metadata/name").to_owned(),
        }
    }
}

impl Manifests {
    /// Reads a stream of YAML documents.
    pub(super) fn parse(yaml: &str) -> Result<Self> {
        let mut objects = Vec::new();
        for document in serde_yaml_ng::Deserializer::from_str(yaml) {
            let object = Value::deserialize(document).context("not YAML")?;
            if object.is_null() {
                continue;
            }
            if text(&object, "/kind").is_empty() || text(&object, "/metadata/name").is_empty() {
                bail!("a document has no kind or no name: {object}");
            }
            objects.push(object);
        }
        Ok(Self { objects })
    }

    pub(super) fn of_kind<'a>(&'a self, kinds: &'a [&str]) -> impl Iterator<Item = &'a Value> {
        self.objects
            .iter()
            .filter(|object| kinds.contains(&text(object, "/kind")))
    }

    pub(super) fn crds(&self) -> Vec<&Value> {
        self.of_kind(&["CustomResourceDefinition"]).collect()
    }

    pub(super) fn webhook_configurations(&self) -> Vec<&Value> {
        self.of_kind(&[
            "MutatingWebhookConfiguration",
            "ValidatingWebhookConfiguration",
        ])
        .collect()
    }

    pub(super) fn namespaces(&self) -> Vec<&Value> {
        self.of_kind(&["Namespace"]).collect()
    }

    /// Everything but CRDs.
    pub(super) fn without_crds(&self) -> Vec<&Value> {
        let is_crd = |object: &&Value| text(object, "/kind") == "CustomResourceDefinition";
        self.objects
            .iter()
            .filter(|object| !is_crd(object))
            .collect()
    }

    /// Drops every object that makes pods, and the webhooks that these would answer: nothing could be written
    /// for want of an answer.
    pub(super) fn leave_out_workloads(&mut self) {
        self.objects.retain(|object| {
            object.pointer("/spec/template/spec").is_none() && object.get("webhooks").is_none()
        });
    }

    /// Drops all but webhook configurations.
    pub(super) fn leave_only_webhooks(&mut self) {
        self.objects
            .retain(|object| object.get("webhooks").is_some());
    }

    /// The deployables whose placeholder images stand in here.
    pub(super) fn deployables(&self, metadata: &Metadata) -> Result<Vec<String>> {
        let known: BTreeSet<&str> = metadata
            .deployables()
            .map(|package| package.name.as_str())
            .collect();
        let used = self.placeholders();
        for name in &used {
            if !known.contains(name.as_str()) {
                bail!(
                    "the overlay uses the image {PLACEHOLDER_REGISTRY}/{name}, but there is no \
                     deployable crates/{name}"
                );
            }
        }
        Ok(used.into_iter().collect())
    }

    fn placeholders(&self) -> BTreeSet<String> {
        self.containers()
            .filter_map(placeholder)
            .map(ToOwned::to_owned)
            .collect()
    }

    /// Puts real image references in place of the placeholders. To be called last but for
    /// [`Self::add_args`], which finds containers by the references.
    pub(super) fn use_images(&mut self, references: &BTreeMap<String, String>) {
        for container in self.containers_mut() {
            let reference = placeholder(container)
                .and_then(|name| references.get(name))
                .cloned();
            if let (Some(reference), Some(image)) = (reference, container.get_mut("image")) {
                *image = Value::String(reference);
            }
        }
    }

    /// Gives every deployable's container further arguments; one of the same flag is replaced, so
    /// that no flag stands there twice.
    pub(super) fn add_args(&mut self, references: &BTreeMap<String, String>, args: &[String]) {
        if args.is_empty() {
            return;
        }
        for container in self.containers_mut() {
            let image = text(container, "/image");
            let is_ours = references.values().any(|reference| reference == image);
            let Some(container) = container.as_object_mut().filter(|_| is_ours) else {
                continue;
            };
            let present = container
                .entry("args")
                .or_insert_with(|| Value::Array(Vec::new()));
            if let Some(present) = present.as_array_mut() {
                let replaces = |old: &Value| {
                    args.iter()
                        .any(|new| flag(new) == flag(old.as_str().unwrap_or_default()))
                };
                present.retain(|old| !replaces(old));
                present.extend(args.iter().cloned().map(Value::String));
            }
        }
    }

    fn containers(&self) -> impl Iterator<Item = &Value> {
        self.objects.iter().flat_map(|object| {
            CONTAINER_LISTS
                .iter()
                .flat_map(|pointer| super::items(object, pointer))
        })
    }

    fn containers_mut(&mut self) -> Vec<&mut Value> {
        let mut found = Vec::new();
        for object in &mut self.objects {
            let Some(Value::Object(pod_spec)) = object.pointer_mut("/spec/template/spec") else {
                continue;
            };
            for (key, value) in pod_spec {
                if let ("containers" | "initContainers", Value::Array(list)) = (key.as_str(), value)
                {
                    found.extend(list);
                }
            }
        }
        found
    }
}

/// The deployable that a container's placeholder image stands for.
fn placeholder(container: &Value) -> Option<&str> {
    let name = container
        .get("image")?
        .as_str()?
        .strip_prefix(PLACEHOLDER_REGISTRY)?;
    let name = name.strip_prefix('/')?;
    Some(name.split(':').next().unwrap_or(name))
}

/// `--name=value` → `--name`.
fn flag(arg: &str) -> &str {
    arg.split('=').next().unwrap_or(arg)
}

#[cfg(test)]
mod tests {
    use super::*;

    const YAML: &str = "
apiVersion: v1
kind: Namespace
metadata: {name: ns}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: d, namespace: ns}
spec:
  template:
    spec:
      initContainers:
        - {name: i, image: 'kruise.local/tool:dev'}
      containers:
        - {name: a, image: 'kruise.local/tool:dev', args: [--v=2, '--feature-gates=Old=true']}
        - {name: b, image: 'example.com/other:1'}
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: xs.example.com}
";

    fn deployed(args: &[&str]) -> Value {
        let mut manifests = Manifests::parse(YAML).unwrap();
        let references =
            BTreeMap::from([("tool".to_owned(), "10.0.0.1:5000/k/tool:abc".to_owned())]);
        manifests.use_images(&references);
        let args: Vec<String> = args.iter().map(ToString::to_string).collect();
        manifests.add_args(&references, &args);
        manifests.of_kind(&["Deployment"]).next().unwrap()["spec"]["template"]["spec"].clone()
    }

    #[test]
    fn placeholders_are_found_and_replaced_in_all_containers() {
        assert_eq!(
            Manifests::parse(YAML).unwrap().placeholders(),
            BTreeSet::from(["tool".to_owned()])
        );
        let spec = deployed(&[]);
        assert_eq!(
            spec["initContainers"][0]["image"],
            "10.0.0.1:5000/k/tool:abc"
        );
        assert_eq!(spec["containers"][0]["image"], "10.0.0.1:5000/k/tool:abc");
        assert_eq!(spec["containers"][1]["image"], "example.com/other:1");
    }

    #[test]
    fn arguments_replace_those_of_the_same_flag_and_spare_strangers() {
        let spec = deployed(&["--feature-gates=New=true", "--x"]);
        assert_eq!(
            spec["containers"][0]["args"],
            serde_json::json!(["--v=2", "--feature-gates=New=true", "--x"])
        );
        assert!(spec["containers"][1].get("args").is_none());
    }

    #[test]
    fn crds_are_told_apart() {
        let manifests = Manifests::parse(YAML).unwrap();
        assert_eq!(manifests.crds().len(), 1);
        assert_eq!(manifests.without_crds().len(), 2);
        assert_eq!(manifests.namespaces().len(), 1);
    }

    #[test]
    fn without_workloads_the_rest_stays() {
        let webhooks = "---\napiVersion: admissionregistration.k8s.io/v1\n\
                        kind: ValidatingWebhookConfiguration\nmetadata: {name: w}\n\
                        webhooks: [{name: w.example.com}]\n";
        let parse = || Manifests::parse(&format!("{YAML}{webhooks}")).unwrap();
        let kinds = |manifests: &Manifests| -> Vec<String> {
            let objects = manifests.objects.iter();
            objects
                .map(|object| text(object, "/kind").to_owned())
                .collect()
        };
        let mut manifests = parse();
        manifests.leave_out_workloads();
        assert_eq!(kinds(&manifests), ["Namespace", "CustomResourceDefinition"]);
        let mut manifests = parse();
        manifests.leave_only_webhooks();
        assert_eq!(kinds(&manifests), ["ValidatingWebhookConfiguration"]);
    }

    #[test]
    fn kubectl_gets_resources_with_version_and_group() {
        let manifests = Manifests::parse(YAML).unwrap();
        let deployment = manifests.of_kind(&["Deployment"]).next().unwrap();
        let reference = ObjectRef::of(deployment);
        assert_eq!(reference.resource, "deployment.v1.apps");
        assert_eq!(
            (reference.namespace.as_str(), reference.name.as_str()),
            ("ns", "d")
        );
    }
}
