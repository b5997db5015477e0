//! ContainerRecreateRequest: the containers of a pod are stopped, and started anew by the kubelet
//! (docs/spec/containerrecreaterequest.md).

mod conversion;
mod crd;
pub mod defaults;
pub mod pod;
pub(crate) mod spec;
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
