//! ImagePullJobs that pull the images of a revision to the nodes before pods are updated in place (IP-148 to IP-153).
//! The pulling itself is another deployable's work.

use kruise_api::{
    int_or_string::IntOrString, meta::LabelSelector, resource::Resource, revision,
    template::PodTemplate, well_known::labels,
};
use serde_json::{Map, Value, json};

use crate::owner::Owner;

/// The kind that pulls images ahead of an update, where its deployable is installed.
pub const IMAGE_PULL_JOBS: Resource = Resource {
    group: "apps.kruise.io",
    version: "v1beta1",
    plural: "imagepulljobs",
    kind: "ImagePullJob",
    namespaced: true,
};

const DEFAULT_TIMEOUT_SECONDS: i32 = 300;
/// Jobs that nobody deletes go by themselves.
const TTL_SECONDS: i32 = 600;

/// An ImagePullJob to create.
#[derive(Debug, Clone, PartialEq)]
pub struct NewJob {
    /// Its name.
    pub name: String,
    /// The whole object.
    pub body: Value,
}

/// What jobs are made from.
#[derive(Debug, Clone)]
pub struct Job<'a> {
    /// The workload.
    pub owner: Owner<'a>,
    /// The workload's selector.
    pub selector: &'a LabelSelector,
    /// Name of the revision that pods go to.
    pub revision: &'a str,
    /// That revision's hash label.
    pub hash: &'a str,
    /// What that revision stores.
    pub data: Option<&'a Value>,
    /// What the revision stores that pods come from.
    pub old_data: Option<&'a Value>,
    /// How many nodes pull at the same time, as written; 1 if nothing is written.
    pub parallelism: Option<&'a IntOrString>,
    /// Seconds after which a pull is given up; 300 if nothing is said.
    pub timeout_seconds: Option<i32>,
}

impl Job<'_> {
    /// One job for each container with another image (IP-151, IP-152).
    #[must_use]
    pub fn jobs(&self) -> Vec<NewJob> {
        let template = self.data.and_then(revision::template);
        let old_template = self.old_data.and_then(revision::template);
        let view = |template: Option<&Value>| {
            template
                .and_then(|template| PodTemplate::view(template).ok())
                .unwrap_or_default()
        };
        let secrets = template.map_or_else(Vec::new, pull_secrets);
        let (old_template, template) = (view(old_template), view(template));
        let is_new = |name: &str, image: &str| {
            let mut before = old_template.spec.containers.iter();
            !before.any(|container| container.name == name && container.image == image)
        };
        let containers = template.spec.containers.iter();
        containers
            .filter(|container| is_new(&container.name, &container.image))
            .map(|container| self.job(&template, &secrets, &container.name, &container.image))
            .collect()
    }

    fn job(
        &self,
        template: &PodTemplate,
        secrets: &[Value],
        container: &str,
        image: &str,
    ) -> NewJob {
        let name = format!("{}-{container}", self.revision);
        let mut all_labels = json!(template.metadata.labels);
        if let Some(map) = all_labels.as_object_mut() {
            map.insert(labels::REVISION_HASH.to_owned(), json!(self.hash));
        }
        let parallelism = self.parallelism.cloned();
        let mut job = json!({
            "image": image,
            "podSelector": not_at(self.selector, &[self.revision, self.hash]),
            "parallelism": parallelism.unwrap_or(IntOrString::Int(1)),
            "pullPolicy": {
                "backoffLimit": 1,
                "timeoutSeconds": self.timeout_seconds.unwrap_or(DEFAULT_TIMEOUT_SECONDS),
            },
            "completionPolicy": { "type": "Always", "ttlSecondsAfterFinished": TTL_SECONDS },
            "sandboxConfig": {
                "annotations": template.metadata.annotations,
                "labels": all_labels,
            },
        });
        if !secrets.is_empty()
            && let Some(job) = job.as_object_mut()
        {
            job.insert("pullSecrets".to_owned(), json!(secrets));
        }
        NewJob {
            body: json!({
                "apiVersion": IMAGE_PULL_JOBS.api_version(),
                "kind": IMAGE_PULL_JOBS.kind,
                "metadata": {
                    "name": name,
                    "namespace": self.owner.metadata.namespace,
                    "labels": all_labels,
                    "ownerReferences": [self.owner.reference()],
                },
                "spec": job,
            }),
            name,
        }
    }
}

/// The workload's selector, without pods that are at the revision already.
fn not_at(selector: &LabelSelector, revision: &[&str]) -> Value {
    let mut selector = json!(selector);
    if let Some(fields) = selector.as_object_mut() {
        let expressions = fields
            .entry("matchExpressions")
            .or_insert_with(|| json!([]));
        if let Some(expressions) = expressions.as_array_mut() {
            expressions.push(json!({
                "key": labels::CONTROLLER_REVISION_HASH,
                "operator": "NotIn",
                "values": revision,
            }));
        }
    }
    selector
}

fn pull_secrets(template: &Value) -> Vec<Value> {
    template
        .pointer("/spec/imagePullSecrets")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(|secret| {
            secret
                .as_object()
                .and_then(|secret: &Map<_, _>| secret.get("name"))
        })
        .cloned()
        .collect()
}
