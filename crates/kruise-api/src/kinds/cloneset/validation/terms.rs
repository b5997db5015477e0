//! Validation of the terms of an update. Both versions have the same terms, in different places (CS-11,
//! CS-18, CS-19).

use serde_json::Value;

use crate::{
    int_or_string::{IntOrString, NumberError, Rounding, kruise_percent},
    kinds::cloneset::{texts, update_terms::CloneSetUpdateTerms},
    spec_parts::InPlaceUpdateStrategy,
    validation::{FieldError, FieldErrors, FieldPath, numbers, update_order},
};

/// The terms of an update, with everything else that their validation reads.
pub(super) struct Terms<'a> {
    pub(super) path: FieldPath,
    pub(super) terms: &'a CloneSetUpdateTerms,
    pub(super) replicas: i32,
    /// Pods are updated in place or not at all.
    pub(super) in_place_only: bool,
}

impl Terms<'_> {
    /// What is wrong with the terms in either version.
    pub(super) fn errors(&self) -> FieldErrors {
        let Self { path, terms, .. } = self;
        let mut errors = self.numbers();
        if let Some(strategy) = &terms.priority_strategy {
            errors.extend(update_order::priority(
                strategy,
                &path.child("priorityStrategy"),
            ));
        }
        if let Some(scatter) = &terms.scatter_strategy {
            errors.extend(update_order::scatter(
                scatter,
                &path.child("scatterStrategy"),
            ));
        }
        errors
    }

    fn numbers(&self) -> FieldErrors {
        let Self {
            path,
            terms,
            replicas,
            in_place_only,
        } = self;
        let mut errors = FieldErrors::new();
        let at = path.child("partition");
        match &terms.partition {
            None => errors.push(FieldError::required(&at, texts::PARTITION_ON_DELETE)),
            Some(value) if !self.resolve(value).is_ok_and(|kept| kept >= 0) => {
                errors.push(FieldError::invalid(
                    &at,
                    Value::from(value),
                    texts::PARTITION,
                ));
            }
            Some(_) => {}
        }

        let at_surge = path.child("maxSurge");
        let at_unavailable = path.child("maxUnavailable");
        let surge = errors.take(self.resolve_optional(&at_surge, terms.max_surge.as_ref()));
        let unavailable =
            errors.take(self.resolve_optional(&at_unavailable, terms.max_unavailable.as_ref()));
        if *in_place_only && surge.is_some_and(|surge| surge > 0) {
            let value = terms
                .max_surge
                .as_ref()
                .map(Value::from)
                .unwrap_or_default();
            errors.push(FieldError::invalid(&at_surge, value, texts::SURGE_IN_PLACE));
        }
        // A number that can't be read has been told already.
        if let (Some(surge), Some(unavailable)) = (surge, unavailable)
            && *replicas > 0
            && surge < 1
            && unavailable < 1
        {
            let value = terms
                .max_unavailable
                .as_ref()
                .map(Value::from)
                .unwrap_or_default();
            errors.push(FieldError::invalid(
                &at_unavailable,
                value,
                texts::BOTH_ZERO,
            ));
        }
        errors
    }

    /// What is wrong with the fields for pulling images ahead (CS-19). Asked for v1beta1 only: in v1alpha1
    /// these fields have no effect.
    pub(super) fn pre_download_errors(&self) -> FieldErrors {
        let Some(strategy) = &self.terms.in_place_update_strategy else {
            return FieldErrors::new();
        };
        let InPlaceUpdateStrategy {
            grace_period_seconds: _,
            image_pre_download_parallelism: parallelism,
            image_pre_download_timeout_seconds: timeout,
            image_pre_download_min_updated_ready_pods: min_ready,
            unknown: _,
        } = strategy;
        let at = self.path.child("inPlaceUpdateStrategy");
        let mut errors = FieldErrors::new();
        if let Some(value) = parallelism {
            let number = match value {
                IntOrString::Int(number) => Some(*number),
                IntOrString::String(text) => text.parse().ok(),
            };
            if number.is_none_or(|number: i32| number < 0) {
                let at = at.child("imagePreDownloadParallelism");
                errors.push(FieldError::invalid(
                    &at,
                    Value::from(value),
                    texts::PARALLELISM,
                ));
            }
        }
        for (field, number) in [
            ("imagePreDownloadTimeoutSeconds", timeout),
            ("imagePreDownloadMinUpdatedReadyPods", min_ready),
        ] {
            errors.extend(numbers::not_negative(&at.child(field), *number));
        }
        errors
    }

    /// The number that a value stands for. Admission rounds up, whatever the field (CS-11).
    fn resolve(&self, value: &IntOrString) -> Result<i32, NumberError> {
        kruise_percent(value, self.replicas, Rounding::Up)
    }

    /// The number that a value stands for. An absent value counts as 0.
    fn resolve_optional(
        &self,
        path: &FieldPath,
        value: Option<&IntOrString>,
    ) -> Result<i32, FieldError> {
        value.map_or(Ok(0), |value| {
            self.resolve(value)
                .map_err(|_| FieldError::invalid(path, Value::from(value), texts::PERCENTAGE))
        })
    }
}
