//! What admission refuses in a UnitedDeployment (UD-11 to UD-13), the same in both versions: v1alpha1 is judged in the
//! form of v1beta1. A full judgement of the pod template in a Deployment is left to the API server.

mod change;
mod sizes;
mod subsets;
mod template;
pub(super) mod texts;

use super::{
    spec::{UnitedDeploymentSpec, UpdateStrategyType},
    v1beta1::UnitedDeployment,
};
use crate::validation::{FieldError, FieldErrors, FieldPath, workload};

/// Code of the answer to what is refused here (PF-211).
pub const ANSWER_CODE: u16 = 422;

/// What is wrong with a UnitedDeployment that has its defaults, and with the change that made it of `old`.
pub fn validate(deployment: &UnitedDeployment, old: Option<&UnitedDeployment>) -> FieldErrors {
    let spec = &deployment.spec;
    let mut errors = FieldErrors::new();
    errors.take(workload::replicas(spec.replicas));
    let selector = workload::checked_selector(&spec.selector, &mut errors);
    errors.extend(template::errors(spec, selector.as_ref()));
    errors.extend(subsets::errors(spec));
    errors.extend(sizes::errors(spec));
    errors.extend(update_strategy(spec));
    if let Some(old) = old {
        errors.extend(change::errors(spec, &old.spec));
    }
    errors
}

fn update_strategy(spec: &UnitedDeploymentSpec) -> FieldErrors {
    let path = FieldPath::new("spec.updateStrategy");
    let mut errors = FieldErrors::new();
    let Some(strategy) = &spec.update_strategy else {
        return errors;
    };
    if let UpdateStrategyType::Other(word) = &strategy.type_
        && !word.is_empty()
    {
        let path = path.child("type");
        errors.push(FieldError::not_supported(&path, word, &["Manual"]));
    }
    let update = strategy.manual_update.as_ref();
    let names = update
        .into_iter()
        .flat_map(|update| update.partitions.keys());
    let path = path.child("manualUpdate").child("partitions");
    let unknown = names.filter(|name| !spec.subsets().iter().any(|it| it.name == **name));
    errors.extend(
        unknown.map(|name| {
            FieldError::invalid(&path, name.as_str(), "there is no subset of this name")
        }),
    );
    errors
}
