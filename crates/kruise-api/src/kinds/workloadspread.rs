//! WorkloadSpread: the pods of a workload, spread over subsets of the nodes (docs/spec/workloadspread.md). Nothing
//! fills in defaults.

mod conversion;
mod crd;
pub(crate) mod spec;
mod texts;
pub(crate) mod v1alpha1;
pub(crate) mod v1beta1;
pub mod validation;

use super::custom_kind::CustomKind;
use crate::object::CustomResource;

/// The line of this kind in the list of all.
pub(super) const KIND: CustomKind = CustomKind {
    name: v1beta1::V1beta1::KIND,
    definition: crd::definition,
    conversions: conversion::ALL,
};
