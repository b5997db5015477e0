//! The group `apps.kruise.io` under the names of the wire, one module a version. A type that several versions
//! or kinds share is the same type in each.

pub mod v1alpha1;
pub mod v1beta1;
