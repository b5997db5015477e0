//! Where a version keeps what it has no field for.

use crate::meta::{ObjectMeta, StringMap};

/// Labels and annotations, in which a version keeps what it has no field for.
pub(crate) struct Marks<'a> {
    pub(crate) labels: &'a mut StringMap,
    pub(crate) annotations: &'a mut StringMap,
}

impl Marks<'_> {
    /// Converts something together with the labels and annotations of this metadata.
    pub(crate) fn with<T>(
        metadata: &mut ObjectMeta,
        convert: impl FnOnce(&mut Marks<'_>) -> T,
    ) -> T {
        let mut labels = StringMap::from(&metadata.labels);
        let mut annotations = StringMap::from(&metadata.annotations);
        let converted = convert(&mut Marks {
            labels: &mut labels,
            annotations: &mut annotations,
        });
        metadata.labels = labels.into();
        metadata.annotations = annotations.into();
        converted
    }
}
