//! A `resourcesPolicy`, read once. What is wrong with it is told when a pod is to get the container (SS-105): admission
//! refuses it already, but may not have been there.

use kruise_api::{
    apps::v1beta1::{ResourceExpr, ResourcesPolicy, TargetContainersMode},
    go_regex::{GoRegex, GoRegexError},
    kinds::sidecarset::expression::{Expression, ExpressionError, variable_of},
};

/// Resources in proportion to those of a pod's own containers.
#[derive(Debug, Clone)]
pub struct PreparedResources {
    /// How resources of several containers are taken together.
    pub mode: TargetContainersMode,
    /// Finds the containers that count, by a part of their names.
    pub targets: Result<GoRegex, GoRegexError>,
    /// Limits that are asked for.
    pub limits: Vec<PreparedAmount>,
    /// Requests that are asked for.
    pub requests: Vec<PreparedAmount>,
}

/// The amount of one resource.
#[derive(Debug, Clone)]
pub struct PreparedAmount {
    /// `cpu` or `memory`.
    pub resource: &'static str,
    /// The name that the amount of the pod's own containers has in the expression (SS-153).
    pub variable: &'static str,
    /// The amount.
    pub expression: Result<Expression, ExpressionError>,
}

impl PreparedResources {
    pub(super) fn of(policy: &ResourcesPolicy) -> Self {
        // An absent expression has its default by now.
        let pattern = policy.target_containers_name_regex.as_deref();
        Self {
            mode: policy.target_containers_mode.clone(),
            targets: GoRegex::parse(pattern.unwrap_or_default()),
            limits: amounts(policy.resources_expr.limits.as_ref()),
            requests: amounts(policy.resources_expr.requests.as_ref()),
        }
    }
}

/// The amounts whose expression is not empty (SS-152).
fn amounts(expressions: Option<&ResourceExpr>) -> Vec<PreparedAmount> {
    let of = |resource, text: &str| {
        (!text.is_empty()).then(|| PreparedAmount {
            resource,
            variable: variable_of(text),
            expression: Expression::parse(text),
        })
    };
    let amounts = expressions.map(|it| [of("cpu", &it.cpu), of("memory", &it.memory)]);
    amounts.into_iter().flatten().flatten().collect()
}
