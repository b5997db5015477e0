//! StatefulSet, the advanced one: pods with stable names and claims of their own (docs/spec/statefulset.md).

mod conversion;
mod crd;
pub mod defaults;
pub(crate) mod spec;
pub(crate) mod status;
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
