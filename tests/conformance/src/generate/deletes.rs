//! Deletions, and what a few kinds alone can do.

use serde_json::{Value, json};

use super::Generator;
use crate::kinds::KINDS;
use crate::request::{Body, Request, Verb};

impl Generator {
    pub(super) fn delete(&mut self) -> Request {
        let mut request = self.about_one(Verb::Delete);
        if self.random.chance(750) {
            request.body = Body::Json(self.options(&request));
        }
        self.options_in_query(&mut request);
        request
    }

    pub(super) fn delete_collection(&mut self) -> Request {
        let mut request = self.plain(Verb::DeleteCollection);
        // Never all ConfigMaps: one belongs to the cluster, which would make it again.
        let selector = *self
            .random
            .pick(&["app=a", "app", "tier", "app notin (a),app"]);
        request.query.push(("labelSelector", selector.to_owned()));
        if self.random.chance(500) {
            let mut options = self.options(&request);
            if let Value::Object(options) = &mut options {
                options.shift_remove("preconditions");
            }
            request.body = Body::Json(options);
        }
        self.options_in_query(&mut request);
        request
    }

    fn options(&mut self, request: &Request) -> Value {
        let random = &mut self.random;
        let mut options = json!({ "kind": "DeleteOptions", "apiVersion": "v1" });
        if random.chance(350) {
            let uid = if random.chance(850) {
                format!("<uid {} {}>", request.key(), random.below(2))
            } else {
                "00000000-0000-0000-0000-000000000000".to_owned()
            };
            options["preconditions"] = json!({ "uid": uid });
        }
        if random.chance(150) {
            let version = format!("<version {} {}>", request.key(), random.below(2));
            options["preconditions"]["resourceVersion"] = json!(version);
        }
        if random.chance(350) {
            options["gracePeriodSeconds"] = random
                .pick(&[json!(0), json!(0), json!(5), json!(40), json!(-1)])
                .clone();
        }
        if random.chance(550) {
            options["propagationPolicy"] = json!(random.pick(&[
                "Background",
                "Background",
                "Foreground",
                "Foreground",
                "Orphan",
                "Nonsense"
            ]));
        } else if random.chance(60) {
            options["orphanDependents"] = json!(random.chance(500));
        }
        if request.kind.plural == "persistentvolumeclaims" {
            // Two controllers would let go of it, in whatever order.
            if let Value::Object(options) = &mut options {
                options.retain(|name, value| {
                    name != "orphanDependents"
                        && (name != "propagationPolicy" || *value == "Background")
                });
            }
        }
        if random.chance(60) {
            options["dryRun"] = json!(["All"]);
        }
        options
    }

    fn options_in_query(&mut self, request: &mut Request) {
        if self.random.chance(80) {
            request.query.push(("gracePeriodSeconds", "0".to_owned()));
        }
        if self.random.chance(60) {
            request
                .query
                .push(("propagationPolicy", "Background".to_owned()));
        }
        if self.random.chance(50) {
            request.query.push(("dryRun", "All".to_owned()));
        }
    }

    /// Binding, eviction, resizing and scaling.
    pub(super) fn special(&mut self) -> Request {
        let with_scale = |request: &Request| request.kind.subresources.contains(&"scale");
        let mut request = self.about_one(Verb::Create);
        if with_scale(&request) {
            return self.scale(request);
        }
        request.kind = &KINDS[0];
        match self.random.below(3) {
            0 => {
                request.subresource = "binding";
                let name = request.name.clone();
                request.body = Body::Json(json!({
                    "apiVersion": "v1",
                    "kind": "Binding",
                    "metadata": { "name": name },
                    "target": { "kind": "Node", "name": "<ghost>" },
                }));
            }
            1 => {
                request.subresource = "eviction";
                let name = request.name.clone();
                let mut eviction = json!({
                    "apiVersion": "policy/v1",
                    "kind": "Eviction",
                    "metadata": { "name": name },
                });
                if self.random.chance(500) {
                    eviction["deleteOptions"] = self.options(&request);
                }
                request.body = Body::Json(eviction);
            }
            _ => {
                request.verb = Verb::Strategic;
                request.subresource = "resize";
                let resources = self
                    .random
                    .pick(&[
                        json!({ "requests": { "cpu": "150m" }, "limits": { "cpu": "300m" } }),
                        json!({ "requests": { "cpu": "150m" } }),
                    ])
                    .clone();
                request.body = Body::Json(
                    json!({ "spec": { "containers": [{ "name": "main", "resources": resources }] } }),
                );
            }
        }
        if self.random.chance(80) {
            request.query.push(("dryRun", "All".to_owned()));
        }
        request
    }

    fn scale(&mut self, mut request: Request) -> Request {
        request.subresource = "scale";
        let replicas = self.random.pick(&[json!(0), json!(2), json!(4)]).clone();
        if self.random.chance(400) {
            request.verb = Verb::Merge;
            request.body = Body::Json(json!({ "spec": { "replicas": replicas } }));
        } else {
            request.verb = Verb::Update;
            let mut scale = json!({
                "apiVersion": "autoscaling/v1",
                "kind": "Scale",
                "metadata": { "name": request.name, "namespace": "<namespace>" },
                "spec": { "replicas": replicas },
            });
            if self.random.chance(400) {
                let version = format!("<version {} {}>", request.key(), self.random.below(2));
                scale["metadata"]["resourceVersion"] = json!(version);
            }
            request.body = Body::Json(scale);
        }
        request
    }
}
