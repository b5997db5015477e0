//! The call by which a scheduler gives a pod its node.

use std::sync::Arc;

use kruise_api::resource::ObjectKey;
use serde_json::{Value, json};

use crate::{
    clock::clock_text,
    server::{
        ApiServer, answer::Answer, call::Call, fields::FieldError, members::remove, metadata,
        status::Status, store,
    },
};

impl ApiServer {
    /// Binds a pod to a node, as schedulers do.
    pub(in crate::server) fn bind(&self, call: &Call) -> Result<Answer, Status> {
        let body = call.body.as_ref().map_err(|why| Status::bad_request(why))?;
        let node = body["target"]["name"].as_str().unwrap_or_default();
        if node.is_empty() {
            let errors = [FieldError::required("target.name", "")];
            return Err(Status::invalid("", "Binding", call.name(), &errors));
        }
        let mut state = self.lock();
        let place = call.place();
        let Some(pod) = state.store.get(call.number, &place).cloned() else {
            return Err(Status::not_found(&call.kind, call.name()));
        };
        let refuse = |why: &str| {
            Status::conflict_on_subresource(&call.kind, &call.subresource, call.name(), why)
        };
        if metadata::is_terminating(&pod) {
            return Err(refuse(&format!(
                "pod {} is being deleted, cannot be assigned to a host",
                call.name()
            )));
        }
        if let Some(bound) = pod["spec"]["nodeName"]
            .as_str()
            .filter(|name| !name.is_empty())
        {
            return Err(refuse(&format!(
                "pod {} is already assigned to node {bound:?}",
                call.name()
            )));
        }
        if pod["spec"]["schedulingGates"].is_array() {
            return Err(refuse(&format!(
                "pod {} has non-empty .spec.schedulingGates",
                call.name()
            )));
        }
        if !call.query.dry_run() {
            let mut bound = Value::clone(&pod);
            bound["spec"]["nodeName"] = node.into();
            remove(&mut bound["status"], "nominatedNodeName");
            let now = clock_text(self.inner.clock.now());
            let condition = json!({
                "type": "PodScheduled", "status": "True", "lastProbeTime": null, "lastTransitionTime": now,
            });
            let mut conditions = pod["status"]["conditions"]
                .as_array()
                .cloned()
                .unwrap_or_default();
            match conditions
                .iter_mut()
                .find(|own| own["type"] == "PodScheduled")
            {
                Some(own) => *own = condition,
                None => conditions.push(condition),
            }
            bound["status"]["conditions"] = conditions.into();
            let write = self.write_by(call);
            state.store.put(call.number, &place, bound, write);
        }
        drop(state);
        self.inner.changed.notify_waiters();
        Ok(Answer::Object(201, success(201)))
    }

    /// The pod of this key.
    pub(in crate::server) fn pod(&self, call: &Call) -> Result<Arc<Value>, Status> {
        let key = ObjectKey::new(call.namespace(), call.name());
        let state = self.lock();
        let found = state.store.get(call.number, &store::place(&key));
        found
            .cloned()
            .ok_or_else(|| Status::not_found(&call.kind, call.name()))
    }
}

/// What is said of a call that has no object to show.
pub(crate) fn success(code: u16) -> Arc<Value> {
    Arc::new(json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": code,
    }))
}
