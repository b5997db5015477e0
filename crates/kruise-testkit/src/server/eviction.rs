//! Evictions, and the budgets that refuse them.

use kruise_api::selector::{Labels, Selector};
use serde_json::{Map, Value, json};

use super::{
    ApiServer, answer::Answer, call::Call, delete::Options, hooks::Operation, metadata,
    pods::success, status::Status,
};
use crate::clock::clock_text;

const REFUSED: &str = "Cannot evict pod as it would violate the pod's disruption budget.";

struct PodLabels<'a>(Option<&'a Map<String, Value>>);

impl Labels for PodLabels<'_> {
    fn value(&self, key: &str) -> Option<&str> {
        self.0?.get(key)?.as_str()
    }
}

impl ApiServer {
    pub(super) async fn evict(&self, call: &Call) -> Result<Answer, Status> {
        let body = call.body.as_ref().map_err(|why| Status::bad_request(why))?;
        if metadata::text(body, "name") != call.name() {
            return Err(Status::bad_request(
                "name in URL does not match name in Eviction object",
            ));
        }
        self.validate(call, Operation::Create, body, None).await?;
        let mut delete = call.clone();
        delete.subresource = String::new();
        delete.body = Ok(body.get("deleteOptions").cloned().unwrap_or_default());
        let mut options = Options::parse(&delete)?;
        options.dry_run |= call.query.dry_run();
        let dry_run = options.dry_run;
        let pod = self.pod(call)?;
        let phase = pod["status"]["phase"].as_str().unwrap_or_default();
        let is_free =
            ["Succeeded", "Failed", "Pending"].contains(&phase) || metadata::is_terminating(&pod);
        if !is_free {
            self.spend(call, &pod, dry_run)?;
        }
        if !dry_run {
            options.check_preconditions(call, &pod)?;
            if let Some(version) = self.mark_evicted(call) {
                options.bump(&version);
            }
        }
        options.check()?;
        self.delete_by(&delete, &options).await?;
        Ok(Answer::Object(201, success(201)))
    }

    /// Takes one disruption from the budget that the pod belongs to.
    fn spend(&self, call: &Call, pod: &Value, dry_run: bool) -> Result<(), Status> {
        let mut state = self.lock();
        let Some((number, kind)) = state.kinds.find("policy", "poddisruptionbudgets") else {
            return Ok(());
        };
        let resource = kind.resource;
        let prefix = call.prefix();
        let labels = PodLabels(pod["metadata"]["labels"].as_object());
        let budgets = state.store.list(number, &prefix);
        let mut budgets = budgets.filter(|(_, budget)| {
            let selector = serde_json::from_value(budget["spec"]["selector"].clone());
            let selector = selector
                .ok()
                .and_then(|selector| Selector::parse(&selector).ok());
            selector.is_some_and(|selector| selector.matches(&labels))
        });
        let Some((place, budget)) = budgets.next() else {
            return Ok(());
        };
        if budgets.next().is_some() {
            let message = "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.";
            return Err(Status::unknown(message));
        }
        drop(budgets);
        let (place, mut budget) = (place.clone(), Value::clone(budget));
        let number_of = |member: &str| budget["status"][member].as_i64().unwrap_or(0);
        let is_ready = pod["status"]["conditions"].as_array().into_iter().flatten();
        let is_ready = is_ready
            .into_iter()
            .any(|condition| condition["type"] == "Ready" && condition["status"] == "True");
        if !is_ready {
            let always = budget["spec"]["unhealthyPodEvictionPolicy"] == "AlwaysAllow";
            let (healthy, wanted) = (number_of("currentHealthy"), number_of("desiredHealthy"));
            if always || healthy >= wanted && wanted > 0 {
                return Ok(());
            }
        }
        let name = metadata::text(&budget, "name").to_owned();
        let refuse = |message: String| {
            let mut status = Status::too_many_requests(REFUSED, 0);
            status.body["details"] =
                json!({ "causes": [{ "reason": "DisruptionBudget", "message": message }] });
            status
        };
        if number_of("observedGeneration") < metadata::generation(&budget) {
            let message =
                format!("The disruption budget {name} is still being processed by the server.");
            let mut status = refuse(message);
            status.body["details"]["retryAfterSeconds"] = 10.into();
            return Err(status);
        }
        let allowed = number_of("disruptionsAllowed");
        if allowed < 0 {
            return Err(Status::forbidden(
                kind,
                &name,
                "pdb disruptions allowed is negative",
            ));
        }
        if allowed == 0 {
            let (wanted, healthy) = (number_of("desiredHealthy"), number_of("currentHealthy"));
            return Err(refuse(if healthy <= wanted {
                format!(
                    "The disruption budget {name} needs {wanted} healthy pods and has {healthy} currently"
                )
            } else {
                format!("The disruption budget {name} does not allow evicting pods currently")
            }));
        }
        if dry_run {
            return Ok(());
        }
        budget["status"]["disruptionsAllowed"] = (allowed - 1).into();
        let now = clock_text(self.inner.clock.now());
        budget["status"]["disruptedPods"][call.name()] = now.into();
        let mut write = self.write_by(call);
        write.resource = resource;
        state.store.put(number, &place, budget, write);
        Ok(())
    }

    /// Notes in the pod why it goes. Returns the version that made.
    fn mark_evicted(&self, call: &Call) -> Option<String> {
        let mut state = self.lock();
        let place = call.place();
        let pod = state.store.get(call.number, &place)?;
        let mut marked = Value::clone(pod);
        let now = clock_text(self.inner.clock.now());
        let condition = json!({
            "type": "DisruptionTarget", "status": "True", "reason": "EvictionByEvictionAPI",
            "message": "Eviction API: evicting", "lastProbeTime": null, "lastTransitionTime": now,
        });
        let mut conditions = marked["status"]["conditions"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        if conditions
            .iter()
            .any(|own| own["type"] == "DisruptionTarget" && own["status"] == "True")
        {
            return None;
        }
        conditions.retain(|own| own["type"] != "DisruptionTarget");
        conditions.push(condition);
        marked["status"]["conditions"] = conditions.into();
        let write = self.write_by(call);
        let marked = state.store.put(call.number, &place, marked, write);
        Some(metadata::text(&marked, "resourceVersion").to_owned())
    }
}
