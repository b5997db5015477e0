//! The CustomResourceDefinition. It has no rules: admission looks at the containers alone (EJ-5), and these have no
//! schema.

use super::v1alpha1::{EphemeralJobSpec, EphemeralJobStatus, V1alpha1};
use crate::definition::{Column, ConversionStrategy, Definition, Scope, Version};

const DESCRIPTION: &str = "EphemeralJob adds ephemeral containers to pods, a few pods at a time, and waits until they \
                           end.";

const COLUMNS: [Column; 7] = [
    Column::new("STATUS", "string", ".status.phase"),
    Column::new("MATCH", "integer", ".status.match"),
    Column::new("SUCCEED", "integer", ".status.succeeded"),
    Column::new("FAILED", "integer", ".status.failed"),
    Column::new("RUNNING", "integer", ".status.running"),
    Column::new("WAITING", "integer", ".status.waiting"),
    Column::new("AGE", "date", ".metadata.creationTimestamp"),
];

pub(super) fn definition() -> Definition {
    let version = Version::of::<V1alpha1, EphemeralJobSpec, EphemeralJobStatus>(DESCRIPTION);
    Definition {
        short_names: &["ejob"],
        scope: Scope::Namespaced,
        conversion: ConversionStrategy::None,
        versions: vec![version.stored().columns(&COLUMNS)],
    }
}
