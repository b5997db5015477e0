//! SidecarSet: containers that are put into the pods of many applications, and kept up to date there
//! (docs/spec/sidecarset.md).

pub mod canary;
mod container;
mod conversion;
mod crd;
pub mod defaults;
pub mod expression;
pub mod hash;
pub mod revision_data;
pub(crate) mod spec;
pub(crate) mod status;
pub mod template;
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
