//! API group `apps.kruise.io`.

pub mod v1beta1;
