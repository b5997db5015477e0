//! CloneSet between v1alpha1 and v1beta1 (CS-1 to CS-5).
//!
//! Every struct is taken apart without `..`, so that a new field can't be forgotten here.

use super::{
    update_terms::CloneSetUpdateTerms,
    v1alpha1,
    v1beta1::{self, PodUpdatePolicy},
};
use crate::{
    int_or_string::IntOrString,
    meta::{ObjectMeta, StringMap, UnknownFields},
    object::{ApiVersion, Kind},
    spec_parts::InPlaceUpdateStrategy,
    versions::{Conversion, Marks},
    well_known::{annotations, labels},
};

/// Every way between versions.
pub(super) const ALL: &[Conversion] = &[
    Conversion::new::<v1alpha1::CloneSet, v1beta1::CloneSet>(|object| {
        object.convert_spec(to_v1beta1)
    }),
    Conversion::new::<v1beta1::CloneSet, v1alpha1::CloneSet>(|object| {
        object.convert_spec(to_v1alpha1)
    }),
];

impl From<v1alpha1::CloneSet> for v1beta1::CloneSet {
    fn from(cloneset: v1alpha1::CloneSet) -> Self {
        let v1alpha1::CloneSet {
            api_version: _,
            kind: _,
            mut metadata,
            spec,
            status,
        } = cloneset;
        Self {
            api_version: ApiVersion::default(),
            kind: Kind::default(),
            spec: Marks::with(&mut metadata, |marks| to_v1beta1(spec, marks)),
            metadata,
            status,
        }
    }
}

impl From<v1beta1::CloneSet> for v1alpha1::CloneSet {
    fn from(cloneset: v1beta1::CloneSet) -> Self {
        let v1beta1::CloneSet {
            api_version: _,
            kind: _,
            mut metadata,
            spec,
            status,
        } = cloneset;
        Self {
            api_version: ApiVersion::default(),
            kind: Kind::default(),
            spec: Marks::with(&mut metadata, |marks| to_v1alpha1(spec, marks)),
            metadata,
            status,
        }
    }
}

/// The spec of v1alpha1 as v1beta1 has it (CS-1).
fn to_v1beta1(spec: v1alpha1::CloneSetSpec, marks: &mut Marks<'_>) -> v1beta1::CloneSetSpec {
    let Marks {
        labels,
        annotations,
    } = marks;
    spec.with_strategies(
        |scale| scale_to_v1beta1(scale.unwrap_or_default(), labels),
        |update| Some(update_to_v1beta1(update.unwrap_or_default(), annotations)),
    )
}

fn scale_to_v1beta1(
    scale: v1alpha1::CloneSetScaleStrategy,
    labels: &StringMap,
) -> Option<v1beta1::CloneSetScaleStrategy> {
    let v1alpha1::CloneSetScaleStrategy {
        pods_to_delete,
        max_unavailable,
        disable_pvc_reuse,
        unknown,
    } = scale;
    let scale = v1beta1::CloneSetScaleStrategy {
        pods_to_delete,
        max_unavailable,
        // Written even when it is false, since the API server stores the field's default. So an object that
        // went to v1alpha1 and back is the same as before.
        enable_pvc_reuse: Some(disable_pvc_reuse != Some(true)),
        exclude_preparing_delete: set_if(excludes_preparing_delete(labels)),
        unknown,
    };
    some_if_filled(scale)
}

fn update_to_v1beta1(
    update: v1alpha1::CloneSetUpdateStrategy,
    annotations: &mut StringMap,
) -> v1beta1::CloneSetUpdateStrategy {
    use v1alpha1::CloneSetUpdateStrategyType as V1alpha1Type;
    use v1beta1::CloneSetUpdateStrategyType as V1beta1Type;

    let v1alpha1::CloneSetUpdateStrategy { type_, mut terms } = update;
    terms.in_place_update_strategy =
        in_place_to_v1beta1(terms.in_place_update_strategy, annotations);
    let kept_policy = annotations
        .remove(annotations::CLONESET_ON_DELETE_POD_UPDATE_POLICY)
        .filter(|policy| !policy.is_empty())
        .map(|policy| PodUpdatePolicy::from(policy.as_str()));
    let (type_, pod_update_policy) = match type_ {
        // DV-CS1
        Some(V1alpha1Type::OnDelete) => (V1beta1Type::OnDelete, kept_policy),
        Some(V1alpha1Type::InPlaceIfPossible) => (
            V1beta1Type::RollingUpdate,
            Some(PodUpdatePolicy::InPlaceIfPossible),
        ),
        Some(V1alpha1Type::InPlaceOnly) => (
            V1beta1Type::RollingUpdate,
            Some(PodUpdatePolicy::InPlaceOnly),
        ),
        None | Some(V1alpha1Type::ReCreate | V1alpha1Type::Other(_)) => {
            (V1beta1Type::RollingUpdate, Some(PodUpdatePolicy::ReCreate))
        }
    };
    v1beta1::CloneSetUpdateStrategy {
        type_: Some(type_),
        rolling_update: some_if_filled(v1beta1::RollingUpdateCloneSetStrategy {
            pod_update_policy,
            terms,
        }),
        unknown: UnknownFields::new(),
    }
}

/// The strategy of an update in place as v1beta1 has it (CS-2). In v1alpha1 the fields for pulling images
/// ahead never had an effect. The annotations of v1alpha1 count instead.
fn in_place_to_v1beta1(
    in_place: Option<InPlaceUpdateStrategy>,
    annotations: &StringMap,
) -> Option<InPlaceUpdateStrategy> {
    let annotation = |key: &str| {
        annotations
            .get(key)
            .map(String::as_str)
            .filter(|text| !text.is_empty())
    };
    let parallelism = annotation(annotations::IMAGE_PREDOWNLOAD_PARALLELISM);
    let timeout = annotation(annotations::IMAGE_PREDOWNLOAD_TIMEOUT_SECONDS);
    let min_ready = annotation(annotations::IMAGE_PREDOWNLOAD_MIN_UPDATED_READY_PODS);
    if in_place.is_none() && parallelism.is_none() && timeout.is_none() && min_ready.is_none() {
        return None;
    }
    let InPlaceUpdateStrategy {
        grace_period_seconds,
        image_pre_download_parallelism: _,
        image_pre_download_timeout_seconds: _,
        image_pre_download_min_updated_ready_pods: _,
        unknown,
    } = in_place.unwrap_or_default();
    let number = |text: &str| text.parse::<i32>().ok();
    Some(InPlaceUpdateStrategy {
        grace_period_seconds,
        image_pre_download_parallelism: parallelism.map(number_or_text),
        image_pre_download_timeout_seconds: timeout.and_then(number),
        image_pre_download_min_updated_ready_pods: min_ready.and_then(number),
        unknown,
    })
}

fn number_or_text(text: &str) -> IntOrString {
    match text.parse() {
        Ok(number) => IntOrString::Int(number),
        Err(_) => IntOrString::String(text.to_owned()),
    }
}

/// The spec of v1beta1 as v1alpha1 has it (CS-3).
fn to_v1alpha1(spec: v1beta1::CloneSetSpec, marks: &mut Marks<'_>) -> v1alpha1::CloneSetSpec {
    let Marks {
        labels,
        annotations,
    } = marks;
    spec.with_strategies(
        |scale| scale_to_v1alpha1(scale.unwrap_or_default(), labels),
        |update| Some(update_to_v1alpha1(update.unwrap_or_default(), annotations)),
    )
}

fn scale_to_v1alpha1(
    scale: v1beta1::CloneSetScaleStrategy,
    labels: &mut StringMap,
) -> Option<v1alpha1::CloneSetScaleStrategy> {
    let v1beta1::CloneSetScaleStrategy {
        pods_to_delete,
        max_unavailable,
        enable_pvc_reuse,
        exclude_preparing_delete,
        unknown,
    } = scale;
    // DV-CS2
    let label = labels::CLONESET_SCALING_EXCLUDE_PREPARING_DELETE;
    if exclude_preparing_delete == Some(true) {
        labels.insert(label.to_owned(), TRUE.to_owned());
    } else if excludes_preparing_delete(labels) {
        labels.remove(label);
    }
    let scale = v1alpha1::CloneSetScaleStrategy {
        pods_to_delete,
        max_unavailable,
        disable_pvc_reuse: set_if(enable_pvc_reuse != Some(true)),
        unknown,
    };
    some_if_filled(scale)
}

fn update_to_v1alpha1(
    update: v1beta1::CloneSetUpdateStrategy,
    annotations: &mut StringMap,
) -> v1alpha1::CloneSetUpdateStrategy {
    use v1alpha1::CloneSetUpdateStrategyType as V1alpha1Type;
    use v1beta1::CloneSetUpdateStrategyType as V1beta1Type;

    let v1beta1::CloneSetUpdateStrategy {
        type_,
        rolling_update,
        unknown,
    } = update;
    let v1beta1::RollingUpdateCloneSetStrategy {
        pod_update_policy,
        terms,
    } = rolling_update.unwrap_or_default();
    let CloneSetUpdateTerms {
        partition,
        max_unavailable,
        max_surge,
        paused,
        priority_strategy,
        scatter_strategy,
        in_place_update_strategy,
        unknown: unknown_terms,
    } = terms;
    annotations.remove(annotations::CLONESET_ON_DELETE_POD_UPDATE_POLICY);
    let type_ = match (type_, pod_update_policy) {
        // DV-CS1
        (Some(V1beta1Type::OnDelete), policy) => {
            if let Some(policy) = policy.filter(|policy| !policy.as_str().is_empty()) {
                annotations.insert(
                    annotations::CLONESET_ON_DELETE_POD_UPDATE_POLICY.to_owned(),
                    policy.to_string(),
                );
            }
            V1alpha1Type::OnDelete
        }
        (_, Some(PodUpdatePolicy::InPlaceIfPossible)) => V1alpha1Type::InPlaceIfPossible,
        (_, Some(PodUpdatePolicy::InPlaceOnly)) => V1alpha1Type::InPlaceOnly,
        (_, None | Some(PodUpdatePolicy::ReCreate | PodUpdatePolicy::Other(_))) => {
            V1alpha1Type::ReCreate
        }
    };
    v1alpha1::CloneSetUpdateStrategy {
        type_: Some(type_),
        terms: CloneSetUpdateTerms {
            partition,
            max_unavailable,
            max_surge,
            paused,
            priority_strategy,
            scatter_strategy,
            in_place_update_strategy: in_place_to_v1alpha1(in_place_update_strategy, annotations),
            // Unknown fields have two places in v1beta1, and one in v1alpha1.
            unknown: unknown.into_iter().chain(unknown_terms).collect(),
        },
    }
}

/// The strategy of an update in place as v1alpha1 has it (CS-4).
fn in_place_to_v1alpha1(
    in_place: Option<InPlaceUpdateStrategy>,
    annotations: &mut StringMap,
) -> Option<InPlaceUpdateStrategy> {
    let InPlaceUpdateStrategy {
        grace_period_seconds,
        image_pre_download_parallelism: parallelism,
        image_pre_download_timeout_seconds: timeout,
        image_pre_download_min_updated_ready_pods: min_ready,
        unknown,
    } = in_place?;
    let written = [
        (
            annotations::IMAGE_PREDOWNLOAD_PARALLELISM,
            parallelism.map(|value| match value {
                IntOrString::Int(number) => number.to_string(),
                IntOrString::String(text) => text,
            }),
        ),
        (
            annotations::IMAGE_PREDOWNLOAD_TIMEOUT_SECONDS,
            timeout.map(|seconds| seconds.to_string()),
        ),
        (
            annotations::IMAGE_PREDOWNLOAD_MIN_UPDATED_READY_PODS,
            min_ready.map(|pods| pods.to_string()),
        ),
    ];
    for (key, text) in written {
        if let Some(text) = text {
            annotations.insert(key.to_owned(), text);
        }
    }
    Some(InPlaceUpdateStrategy {
        grace_period_seconds,
        image_pre_download_parallelism: None,
        image_pre_download_timeout_seconds: None,
        image_pre_download_min_updated_ready_pods: None,
        unknown,
    })
}

/// Rewrites a spec of v1alpha1 as it will be served once it is stored. So a client that sends the same spec
/// again changes nothing. A `type` that v1beta1 can't express stays, for validation to refuse it.
pub fn settle_v1alpha1(spec: &mut v1alpha1::CloneSetSpec, metadata: &ObjectMeta) {
    let word = |spec: &v1alpha1::CloneSetSpec| spec.update_strategy.as_ref()?.type_.clone();
    let type_ = word(spec);
    let mut marks = metadata.clone();
    let stored = Marks::with(&mut marks, |marks| to_v1beta1(std::mem::take(spec), marks));
    *spec = Marks::with(&mut marks, |marks| to_v1alpha1(stored, marks));
    if let Some(scale) = &mut spec.scale_strategy {
        drop_empty(&mut scale.pods_to_delete);
    }
    spec.scale_strategy = spec.scale_strategy.take().and_then(some_if_filled);
    if let Some(strategy) = &mut spec.update_strategy {
        strategy.type_ = type_;
    }
}

/// Rewrites a spec of v1beta1 as it would come back from v1alpha1, where several forms mean the same.
pub fn settle_v1beta1(spec: &mut v1beta1::CloneSetSpec) {
    let scale = spec.scale_strategy.get_or_insert_default();
    scale.enable_pvc_reuse.get_or_insert(false);
    scale
        .exclude_preparing_delete
        .take_if(|excluded| !*excluded);
    drop_empty(&mut scale.pods_to_delete);
    let Some(rolling_update) = spec
        .update_strategy
        .as_mut()
        .and_then(|strategy| strategy.rolling_update.as_mut())
    else {
        return;
    };
    rolling_update
        .pod_update_policy
        .take_if(|policy| policy.as_str().is_empty());
    let in_place = rolling_update.terms.in_place_update_strategy.as_mut();
    if let Some(parallelism) =
        in_place.and_then(|strategy| strategy.image_pre_download_parallelism.as_mut())
        && let IntOrString::String(text) = parallelism
    {
        *parallelism = number_or_text(text);
    }
}

fn drop_empty<T>(list: &mut Option<Vec<T>>) {
    list.take_if(|list| list.is_empty());
}

/// Value of a label that switches something on.
const TRUE: &str = "true";

fn excludes_preparing_delete(labels: &StringMap) -> bool {
    labels
        .get(labels::CLONESET_SCALING_EXCLUDE_PREPARING_DELETE)
        .is_some_and(|value| value == TRUE)
}

/// A boolean field that is written only when it is true.
fn set_if(condition: bool) -> Option<bool> {
    condition.then_some(true)
}

fn some_if_filled<T: Default + PartialEq>(value: T) -> Option<T> {
    (value != T::default()).then_some(value)
}
