//! Each class of difference: one thing changed, and the line that tells of it.

use serde_json::Value;

use super::super::reference::Reference;
use super::super::{compare, manifest};
use super::fixture::{set, sources, thing};

/// What is changed in the schema of v1beta1, below `properties` of its spec unless it begins with a
/// slash; then what is found in v1beta1.
const OF_A_SCHEMA: &str = r#"
size = null
    spec.size missing: ours none, the reference's [format="int32" minimum=1 type="integer"]
more = { "type": "string" }
    spec.more surplus: ours [type="string"], the reference's none
labels/additionalProperties = null
    spec.labels{} missing: ours none, the reference's [type="string"]
labels/additionalProperties = true
    spec.labels additionalProperties: ours true, the reference's none
tags/items/properties/more = {}
    spec.tags[].more surplus: ours [], the reference's none
size = true
    spec.size schema: ours true, the reference's none

size/type = "string"
    spec.size type: ours "string", the reference's "integer"
template/type = "object"
    spec.template type: ours "object", the reference's none
share/x-kubernetes-int-or-string = null
    spec.share type: ours none, the reference's "int-or-string"
share/anyOf = [{ "type": "string" }]
    spec.share anyOf: ours [{"type":"string"}], the reference's none

/required = null
    spec required: ours none, the reference's true
/properties/spec/required = ["size"]
    spec.size required: ours true, the reference's none
/properties/spec/required = ["gone"]
    spec requires: ours ["gone"], the reference's none

size/format = "int64"
    spec.size format: ours "int64", the reference's "int32"
size/format = null
    spec.size format: ours none, the reference's "int32"
mode/format = "uri"
    spec.mode format: ours "uri", the reference's none
size/minimum = 0
    spec.size minimum: ours 0, the reference's 1
size/minimum = 1.5
    spec.size minimum: ours 1.5, the reference's 1
size/maximum = 9
    spec.size maximum: ours 9, the reference's none
mode/enum = ["A"]
    spec.mode enum: ours ["A"], the reference's ["A","B"]
mode/enum = null
    spec.mode enum: ours none, the reference's ["A","B"]
mode/default = "B"
    spec.mode default: ours "B", the reference's "A"
mode/default = null
    spec.mode default: ours none, the reference's "A"
size/default = 0
    spec.size default: ours 0, the reference's none
mode/nullable = true
    spec.mode nullable: ours true, the reference's none
mode/minLength = 0
    spec.mode minLength: ours 0, the reference's none
tags/items/properties/name/maxLength = 11
    spec.tags[].name maxLength: ours 11, the reference's 10
tags/items/properties/name/pattern = "a"
    spec.tags[].name pattern: ours "a", the reference's "^a+$"
tags/x-kubernetes-list-type = "set"
    spec.tags list-type: ours "set", the reference's "map"
tags/x-kubernetes-list-map-keys = ["x"]
    spec.tags list-map-keys: ours ["x"], the reference's ["name"]
labels/x-kubernetes-map-type = null
    spec.labels map-type: ours none, the reference's "atomic"
template/x-kubernetes-preserve-unknown-fields = null
    spec.template preserve-unknown-fields: ours none, the reference's true
template/x-kubernetes-embedded-resource = true
    spec.template embedded-resource: ours true, the reference's none
mode/some-new-keyword = 1
    spec.mode some-new-keyword: ours 1, the reference's none

size/x-kubernetes-validations = [{ "rule": "self > 0", "message": "m" }]
    spec.size rules: ours ["self > 0"], the reference's none
/properties/spec/x-kubernetes-validations = [{ "rule": "r" }]
    spec rules: ours ["r"], the reference's none
/x-kubernetes-validations = [{ "rule": "r" }]
    (object) rules: ours ["r"], the reference's none

/properties/metadata/properties = { "name": {} }
    metadata.name surplus: ours [], the reference's none
/properties/metadata = null
    metadata missing: ours none, the reference's [type="object"]
"#;

/// What is changed in the manifest, and what is found.
const OF_A_CRD: &str = r#"
/metadata/name = "x"
    all (crd) name: ours "x", the reference's "things.example.com"
/spec/group = "x"
    all (crd) group: ours "x", the reference's "example.com"
/spec/scope = "Cluster"
    all (crd) scope: ours "Cluster", the reference's "Namespaced"
/spec/preserveUnknownFields = true
    all (crd) preserveUnknownFields: ours true, the reference's none
/spec/names/plural = "x"
    all (crd) plural: ours "x", the reference's "things"
/spec/names/singular = "x"
    all (crd) singular: ours "x", the reference's "thing"
/spec/names/listKind = "x"
    all (crd) listKind: ours "x", the reference's "ThingList"
/spec/names/shortNames = null
    all (crd) shortNames: ours none, the reference's ["x"]
/spec/names/categories = ["all"]
    all (crd) categories: ours ["all"], the reference's none
/spec/conversion = null
    all (crd) conversion: ours {"strategy":"None"}, the reference's {"path":"/convert","reviewVersions":["v1","v1beta1"],"strategy":"Webhook"}
/spec/conversion/webhook/conversionReviewVersions = ["v1"]
    all (crd) conversion: ours {"path":"/convert","reviewVersions":["v1"],"strategy":"Webhook"}, the reference's {"path":"/convert","reviewVersions":["v1","v1beta1"],"strategy":"Webhook"}
/spec/conversion/webhook/clientConfig/service/path = null
    all (crd) conversion: ours {"reviewVersions":["v1","v1beta1"],"strategy":"Webhook"}, the reference's {"path":"/convert","reviewVersions":["v1","v1beta1"],"strategy":"Webhook"}
/spec/versions/0/served = false
    v1alpha1 (version) served: ours none, the reference's true
/spec/versions/0/storage = true
    v1alpha1 (version) storage: ours true, the reference's none
/spec/versions/0/deprecated = true
    v1alpha1 (version) deprecated: ours true, the reference's none
/spec/versions/0/subresources = null
    v1alpha1 (version) subresources: ours none, the reference's {"status":{}}
/spec/versions/0/subresources/scale = {}
    v1alpha1 (version) subresources: ours {"status":{},"scale":{}}, the reference's {"status":{}}
/spec/versions/0/additionalPrinterColumns/0/name = "X"
    v1alpha1 (version) printerColumns: ours [{"name":"X","type":"integer","jsonPath":".spec.size"}], the reference's [{"name":"SIZE","type":"integer","jsonPath":".spec.size"}]
/spec/versions/0/selectableFields = [{ "jsonPath": ".x" }]
    v1alpha1 (version) selectableFields: ours [{"jsonPath":".x"}], the reference's none
"#;

/// Everything that differs, a line each.
fn differences(manifest: &Value) -> Vec<String> {
    let reference = Reference::new(sources()).unwrap();
    let (ours, theirs) = (manifest::read(manifest).unwrap(), reference.get("Thing"));
    let theirs = theirs.unwrap();
    let mut differences = compare::shapes(&ours.shape, &theirs.shape);
    for (version, shape) in &ours.versions {
        let found = compare::shapes(shape, &theirs.versions[version]);
        differences.extend(found.into_iter().map(|it| it.in_version(version)));
    }
    differences.iter().map(ToString::to_string).collect()
}

/// Calls back with each change and what it should lead to.
fn each(cases: &str, test: impl Fn(&str, Value, &str)) {
    let mut lines = cases.lines().filter(|line| !line.is_empty());
    while let (Some(change), Some(wanted)) = (lines.next(), lines.next()) {
        let (place, value) = change.split_once(" = ").unwrap();
        test(place, serde_json::from_str(value).unwrap(), wanted.trim());
    }
}

#[test]
fn each_difference_of_a_schema_is_found_and_in_its_version_only() {
    each(OF_A_SCHEMA, |place, value, wanted| {
        let schema = "/spec/versions/1/schema/openAPIV3Schema";
        let pointer = match place.strip_prefix('/') {
            Some(place) => format!("{schema}/{place}"),
            None => format!("{schema}/properties/spec/properties/{place}"),
        };
        let mut manifest = thing();
        set(&mut manifest, &pointer, value);
        let found = differences(&manifest);
        assert!(found.contains(&format!("v1beta1 {wanted}")), "{found:#?}");
        let elsewhere = found.iter().find(|line| !line.starts_with("v1beta1 "));
        assert_eq!(elsewhere, None);
    });
}

#[test]
fn each_difference_of_a_crd_and_of_a_version_is_found() {
    each(OF_A_CRD, |place, value, wanted| {
        let mut manifest = thing();
        set(&mut manifest, place, value);
        assert_eq!(differences(&manifest), [wanted]);
    });
}
