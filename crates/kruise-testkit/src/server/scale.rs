//! The scale subresource.

use std::sync::Arc;

use kruise_api::strategic_merge::Schema;
use serde_json::{Value, json};

use super::{
    ApiServer, answer::Answer, call::Call, custom::Scale, kinds::Kind, metadata, part::Part, patch,
    status::Status,
};

/// Where a kind's numbers are; `None`: it can't be scaled.
pub(super) fn paths(kind: &Kind, version: &str) -> Option<Scale> {
    if let Some(custom) = &kind.custom {
        return custom.scale(version).cloned();
    }
    let scales = matches!(
        kind.names(),
        ("apps", "deployments" | "replicasets" | "statefulsets")
    );
    scales.then(|| Scale {
        spec_replicas: "/spec/replicas".to_owned(),
        status_replicas: "/status/replicas".to_owned(),
        label_selector: None,
    })
}

fn scale_of(call: &Call, object: &Value) -> Result<Value, Status> {
    let paths = paths(&call.kind, call.version).ok_or_else(Status::no_such_subresource)?;
    let number = |path: &str| object.pointer(path).and_then(Value::as_i64);
    let mut kept = serde_json::Map::new();
    for member in [
        "name",
        "namespace",
        "uid",
        "resourceVersion",
        "creationTimestamp",
    ] {
        if let Some(value) = object["metadata"].get(member) {
            kept.insert(member.to_owned(), value.clone());
        }
    }
    let mut status = json!({ "replicas": number(&paths.status_replicas).unwrap_or(0) });
    let selector = match &paths.label_selector {
        Some(path) => object
            .pointer(path)
            .and_then(Value::as_str)
            .map(str::to_owned),
        None => selector_text(&object["spec"]["selector"]),
    };
    if let Some(selector) = selector.filter(|selector| !selector.is_empty()) {
        status["selector"] = selector.into();
    }
    let mut spec = json!({});
    if let Some(replicas) = number(&paths.spec_replicas).filter(|replicas| *replicas != 0) {
        spec["replicas"] = replicas.into();
    }
    Ok(json!({
        "kind": "Scale", "apiVersion": "autoscaling/v1", "metadata": kept, "spec": spec, "status": status,
    }))
}

fn selector_text(selector: &Value) -> Option<String> {
    let selector = serde_json::from_value(selector.clone()).ok()?;
    let selector = kruise_api::selector::Selector::parse(&selector).ok()?;
    Some(selector.to_string())
}

impl ApiServer {
    pub(super) fn read_scale(&self, call: &Call, object: &Arc<Value>) -> Result<Answer, Status> {
        let object = self.in_version(call, object)?;
        if call.kind.custom.is_some()
            && let Some(paths) = paths(&call.kind, call.version)
            && object.pointer(&paths.spec_replicas).is_none()
        {
            let path = paths.spec_replicas.replace('/', ".");
            let why = format!("the spec replicas field {path:?} does not exist");
            return Err(Status::internal(&why));
        }
        Ok(Answer::Object(200, Arc::new(scale_of(call, &object)?)))
    }

    pub(super) async fn write_scale(&self, call: &Call) -> Result<Answer, Status> {
        let sent = match &call.body {
            Ok(sent) => sent.clone(),
            Err(why) => return Err(Status::bad_request(why)),
        };
        self.scale_to(call, |_| Ok(sent.clone())).await
    }

    pub(super) async fn patch_scale(
        &self,
        call: &Call,
        content_type: &str,
        sent: &Value,
    ) -> Result<Answer, Status> {
        self.scale_to(call, |scale| {
            patch::apply(content_type, Schema::Object, &Arc::new(scale), sent)
        })
        .await
    }

    async fn scale_to(
        &self,
        call: &Call,
        make: impl Fn(Value) -> Result<Value, Status>,
    ) -> Result<Answer, Status> {
        let paths = paths(&call.kind, call.version).ok_or_else(Status::no_such_subresource)?;
        let mut whole = call.clone();
        whole.subresource = String::new();
        let answer = self
            .change_to(&whole, Part::Whole, false, |old| {
                let old = old.ok_or_else(|| Status::not_found(&call.kind, call.name()))?;
                let scale = make(scale_of(call, old)?)?;
                let replicas = scale["spec"]["replicas"].as_i64().unwrap_or(0);
                // Of a custom kind the schema judges.
                if replicas < 0 && call.kind.custom.is_none() {
                    let detail = "must be greater than or equal to 0";
                    let error = super::fields::FieldError::invalid(
                        "spec.replicas",
                        &replicas.into(),
                        detail,
                    );
                    return Err(Status::invalid(
                        "autoscaling",
                        "Scale",
                        call.name(),
                        &[error],
                    ));
                }
                let mut new = Value::clone(old);
                let asked = metadata::text(&scale, "resourceVersion");
                metadata::set(
                    &mut new,
                    "resourceVersion",
                    (!asked.is_empty()).then(|| asked.into()),
                );
                if asked.is_empty() {
                    metadata::set(
                        &mut new,
                        "resourceVersion",
                        Some(metadata::text(old, "resourceVersion").into()),
                    );
                }
                if let Some(number) = new.pointer_mut(&paths.spec_replicas) {
                    *number = replicas.into();
                } else if paths.spec_replicas == "/spec/replicas" {
                    new["spec"]["replicas"] = replicas.into();
                }
                Ok(new)
            })
            .await?;
        match answer {
            Answer::Object(code, object) => {
                Ok(Answer::Object(code, Arc::new(scale_of(call, &object)?)))
            }
            other => Ok(other),
        }
    }
}
