//! The group `apps.kruise.io`, one module a version. A type that several versions or kinds share is the
//! same type in each.

pub mod common;
pub mod v1alpha1;
pub mod v1beta1;
