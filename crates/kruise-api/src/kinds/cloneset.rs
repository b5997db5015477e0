//! CloneSet: a number of interchangeable pods made from one template (docs/spec/cloneset.md).

pub mod conversion;
mod crd;
pub mod defaults;
mod spec;
mod texts;
pub(crate) mod update_terms;
pub(crate) mod v1alpha1;
pub(crate) mod v1beta1;
pub mod validation;

pub use spec::CloneSetSpec;

use super::custom_kind::CustomKind;
use crate::object::CustomResource;

/// The line of this kind in the list of all.
pub(super) const KIND: CustomKind = CustomKind {
    name: v1beta1::CloneSet::KIND,
    definition: crd::definition,
    conversions: conversion::ALL,
};
