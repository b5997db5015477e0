//! NodeImage: the images that one node is to pull, and how far it is (docs/spec/imagepull.md). Controllers write it, and
//! the node's daemon reads it.

mod conversion;
mod crd;
pub mod defaults;
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
