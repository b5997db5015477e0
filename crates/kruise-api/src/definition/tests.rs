use serde::{Deserialize, Serialize};

use super::*;
use crate::object::custom_resource;

#[derive(Serialize, Deserialize, JsonSchema)]
struct Part {}

struct Widget;
custom_resource!(Widget, "example.io", "v1", "Widget", "widgets");

// NodePodProbe is such a kind.
#[test]
fn a_kind_of_one_version_and_without_namespace_has_a_definition() {
    let definition = Definition {
        short_names: &[],
        scope: Scope::Cluster,
        conversion: ConversionStrategy::None,
        versions: vec![Version::of::<Widget, Part, Part>("A widget.").stored()],
    };
    let manifest = definition.manifest();
    assert_eq!(manifest["metadata"]["name"], "widgets.example.io");
    let spec = &manifest["spec"];
    assert_eq!(spec["scope"], "Cluster");
    assert_eq!(spec["conversion"], json!({ "strategy": "None" }));
    assert_eq!(spec["versions"][0]["storage"], true);
    assert!(spec["names"].get("shortNames").is_none());
}
