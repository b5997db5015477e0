//! UnitedDeployment: one application as several workloads, one for each group of nodes (docs/spec/uniteddeployment.md).

pub mod clone_set_template;
mod conversion;
mod crd;
pub mod defaults;
pub mod kubernetes;
pub mod size;
pub(crate) mod spec;
pub(crate) mod status;
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
