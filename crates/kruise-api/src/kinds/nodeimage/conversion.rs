//! NodeImage between v1alpha1 and v1beta1. v1alpha1 has no mode of a secret, and nothing keeps it (NI-0).

use serde_json::{Map, Value};

use super::{v1alpha1::V1alpha1, v1beta1::V1beta1};
use crate::versions::Conversion;

/// Every way between versions.
pub(super) const ALL: &[Conversion] = &[
    Conversion::new::<V1alpha1, V1beta1>(|_| Ok(())),
    Conversion::new::<V1beta1, V1alpha1>(|object| {
        if let Some(spec) = object.part("spec") {
            drop_modes(spec);
        }
        Ok(())
    }),
];

fn drop_modes(spec: &mut Value) {
    let images = spec.get_mut("images").and_then(Value::as_object_mut);
    for image in images.into_iter().flat_map(Map::values_mut) {
        let secrets = image.get_mut("pullSecrets").and_then(Value::as_array_mut);
        let secrets = secrets.into_iter().flatten();
        for secret in secrets.filter_map(Value::as_object_mut) {
            secret.remove("mode");
        }
    }
}
