//! Computes a sidecar's resources from those of the pod's own containers (SS-150 to SS-155).

use std::collections::BTreeSet;

use kruise_api::{
    apps::v1beta1::TargetContainersMode,
    kinds::sidecarset::expression::{Amount, ExpressionError},
    quantity::Quantity,
};
use serde_json::{Map, Value};

use super::{
    error::ResourcesError,
    pod::{Pod, text},
};
use crate::prepared::{PreparedAmount, PreparedResources};

const LIMITS: &str = "limits";
const REQUESTS: &str = "requests";

/// The resources that a container gets in this pod, as the container has them. An error comes with the place of the rule.
/// Of `ours`, names of SidecarSets' containers, none counts as the pod's own.
pub(super) fn computed(
    policy: &PreparedResources,
    pod: &Pod<'_>,
    ours: &BTreeSet<String>,
) -> Result<Value, (String, ResourcesError)> {
    let targets = Targets::of(policy, pod, ours)?;
    let mut resources = Map::new();
    for (kind, amounts) in [(LIMITS, &policy.limits), (REQUESTS, &policy.requests)] {
        let mut computed = Map::new();
        for amount in amounts {
            let text = targets.amount(kind, amount).map_err(|error| {
                let resource = amount.resource;
                (
                    format!("resourcesPolicy.resourcesExpr.{kind}.{resource}"),
                    error,
                )
            })?;
            if let Some(text) = text {
                computed.insert(amount.resource.to_owned(), Value::from(text));
            }
        }
        if !computed.is_empty() {
            resources.insert(kind.to_owned(), Value::Object(computed));
        }
    }
    Ok(Value::Object(resources))
}

/// How amounts of two containers are taken together.
type Combine = fn(Quantity, Quantity) -> Option<Quantity>;

/// The containers whose resources count.
struct Targets<'a> {
    containers: Vec<&'a Value>,
    combine: Combine,
}

impl<'a> Targets<'a> {
    /// SS-150
    fn of(
        policy: &PreparedResources,
        pod: &Pod<'a>,
        ours: &BTreeSet<String>,
    ) -> Result<Self, (String, ResourcesError)> {
        let at = |field: &str, error| (format!("resourcesPolicy.{field}"), error);
        let pattern = policy.targets.clone();
        let pattern = pattern.map_err(|error| at("targetContainersNameRegex", error.into()))?;
        let init_containers = pod.init_containers().iter();
        let containers: Vec<&Value> = init_containers
            .filter(|container| text(container, "restartPolicy") == "Always")
            .chain(pod.containers())
            .filter(|container| {
                let name = text(container, "name");
                pattern.matches(name) && !ours.contains(name)
            })
            .collect();
        if containers.is_empty() {
            return Err(at("targetContainersNameRegex", ResourcesError::NoTarget));
        }
        let combine: Combine = match &policy.mode {
            TargetContainersMode::Sum => Quantity::plus,
            TargetContainersMode::Max => larger,
            TargetContainersMode::Other(word) => {
                let error = ResourcesError::UnknownMode(word.clone());
                return Err(at("targetContainersMode", error));
            }
        };
        Ok(Self {
            containers,
            combine,
        })
    }

    /// The amount that the container gets. None if it gets none (SS-152).
    fn amount(
        &self,
        kind: &str,
        amount: &PreparedAmount,
    ) -> Result<Option<String>, ResourcesError> {
        let Some(together) = self.together(kind, amount.resource)? else {
            return Ok(None);
        };
        let expression = amount.expression.as_ref().map_err(Clone::clone)?;
        let value = Amount::Quantity(Some(together));
        let amount = expression.evaluate(amount.variable, value)?;
        let text = amount.write().ok_or(ExpressionError::TooLarge)?;
        Ok(Some(text))
    }

    /// What the containers have together (SS-151). None: not all of them have a limit.
    fn together(
        &self,
        kind: &str,
        resource: &'static str,
    ) -> Result<Option<Quantity>, ResourcesError> {
        let mut together = Quantity::of_millis(0);
        for container in &self.containers {
            let of_kind = container.get("resources").and_then(|it| it.get(kind));
            let amount = of_kind.and_then(|of_kind| of_kind.get(resource));
            match amount.filter(|amount| !amount.is_null()) {
                Some(amount) => {
                    let amount = quantity(amount).ok_or_else(|| ResourcesError::NoQuantity {
                        container: text(container, "name").to_owned(),
                        resource,
                        amount: amount.to_string(),
                    })?;
                    let sum = (self.combine)(together, amount);
                    together = sum.ok_or(ExpressionError::TooLarge)?;
                }
                None if kind == LIMITS => return Ok(None),
                None => {}
            }
        }
        Ok(Some(together))
    }
}

fn larger(a: Quantity, b: Quantity) -> Option<Quantity> {
    Some(if b.nanos() > a.nanos() { b } else { a })
}

fn quantity(amount: &Value) -> Option<Quantity> {
    match amount {
        Value::String(text) => Quantity::parse(text),
        Value::Number(number) => Quantity::parse(&number.to_string()),
        _ => None,
    }
}
