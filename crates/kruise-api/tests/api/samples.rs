//! The samples, as a user meets them: each is accepted, reads back the same, also through the other version, and the one
//! with every field has every field.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use kruise_api::{conversion::convert, crd};
use serde::Deserialize;
use serde_json::Value;

use crate::{
    every_kind::{Version, differences, versions},
    instances::{schema, schema_paths},
};

/// Fields that no sample can have together with the others, or that users do not write.
const LEFT_OUT: &[(&str, &str)] = &[
    // A comment of the sample shows this form.
    (
        "CloneSet",
        "spec.updateStrategy.rollingUpdate.priorityStrategy.weightPriority",
    ),
    // A hook is the same under each of its names.
    ("CloneSet", "spec.lifecycle."),
    // Fields that are refused, and one that has no effect.
    ("PodProbeMarker", "spec.probes[].probe.grpc"),
    ("PodProbeMarker", "spec.probes[].probe.httpGet.host"),
    ("PodProbeMarker", "spec.probes[].probe.tcpSocket.host"),
    (
        "PodProbeMarker",
        "spec.probes[].probe.terminationGracePeriodSeconds",
    ),
    // As in a PodProbeMarker.
    ("NodePodProbe", "spec.podProbes[].probes[].probe."),
    (
        "StatefulSet",
        "spec.updateStrategy.rollingUpdate.unorderedUpdate.priorityStrategy.weightPriority",
    ),
    // As in the kinds' own samples.
    (
        "UnitedDeployment",
        "spec.template.advancedStatefulSetTemplate.spec.",
    ),
    ("UnitedDeployment", "spec.template.cloneSetTemplate.spec."),
    // Refused: a DaemonSet has no such hook.
    ("DaemonSet", "spec.lifecycle.inPlaceUpdate"),
    // What admission fills in.
    ("ContainerRecreateRequest", "spec.containers[].preStop"),
    ("ContainerRecreateRequest", "spec.containers[].ports"),
    (
        "ContainerRecreateRequest",
        "spec.containers[].statusContext",
    ),
    // They need something else in the cluster. Comments of the sample show their forms.
    ("SidecarSet", "spec.injectionStrategy.revision"),
    ("SidecarSet", "spec.patchPodMetadata"),
    // The API server drops what is in it.
    (
        "AdvancedCronJob",
        "spec.template.broadcastJobTemplate.metadata",
    ),
    (
        "AdvancedCronJob",
        "spec.template.imageListPullJobTemplate.metadata",
    ),
    // Samples of ImageListPullJob show these forms.
    (
        "AdvancedCronJob",
        "spec.template.imageListPullJobTemplate.spec.podSelector",
    ),
    (
        "AdvancedCronJob",
        "spec.template.imageListPullJobTemplate.spec.selector.names",
    ),
    // It can't be given here.
    (
        "AdvancedCronJob",
        "spec.template.imageListPullJobTemplate.spec.completionPolicy.ttlSecondsAfterFinished",
    ),
];

fn directory(kind: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../deploy/samples")
        .join(kind.to_lowercase())
}

/// The objects in a file.
fn objects(path: &Path) -> Vec<Value> {
    let text =
        std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_yaml_ng::Deserializer::from_str(&text)
        .map(|document| Value::deserialize(document).unwrap())
        .collect()
}

/// The kind's minimal sample.
pub(crate) fn minimal(kind: &str) -> Value {
    let mut objects = objects(&directory(kind).join("minimal.yaml"));
    objects.remove(0)
}

/// Each kind with the version that is stored.
fn stored() -> Vec<&'static Version> {
    let is_stored = |version: &&Version| {
        crd::all().iter().any(|crd| {
            crd["spec"]["names"]["kind"] == version.kind
                && crd["spec"]["versions"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .any(|it| it["name"] == version.version && it["storage"] == true)
        })
    };
    versions().iter().filter(is_stored).collect()
}

#[test]
fn samples_are_accepted_and_read_back_the_same_in_every_version() {
    for version in stored() {
        let mut n_objects = 0;
        for entry in directory(version.kind).read_dir().unwrap() {
            let path = entry.unwrap().path();
            for object in objects(&path) {
                let at = path.display();
                assert_eq!(object["apiVersion"], version.api_version, "{at}");
                let refused = version.judge(&object, Some(&object)).unwrap();
                assert!(refused.is_empty(), "{at}: {refused}");
                let schema = schema(version.kind, version.version);
                let mut written = version.reads(&object, true).unwrap();
                // A status is written even where nobody has looked yet.
                written.as_object_mut().unwrap().remove("status");
                assert_eq!(differences(schema, &object, &written), [""; 0], "{at}");
                for to in version.others().filter(|_| version.converts(&object)) {
                    let there = convert(object.clone(), to).unwrap();
                    let back = convert(there, version.api_version).unwrap();
                    let object = version.settled(&object);
                    // What a CloneSet leaves open, its way through the other version fills in.
                    if version.kind != "CloneSet" {
                        assert_eq!(differences(schema, &object, &back), [""; 0], "{at}");
                    }
                }
                n_objects += 1;
            }
        }
        assert!(n_objects >= 2, "{}", version.kind);
        assert!(directory(version.kind).join("minimal.yaml").exists());
    }
}

#[test]
fn the_sample_with_every_field_has_every_field() {
    for version in stored() {
        let mut there = BTreeSet::new();
        for object in objects(&directory(version.kind).join("every-field.yaml")) {
            collect("spec", &object["spec"], &mut there);
        }
        let is_left_out = |path: &String| {
            LEFT_OUT
                .iter()
                .any(|(kind, left_out)| *kind == version.kind && path.starts_with(left_out))
        };
        let missing: Vec<String> = schema_paths(schema(version.kind, version.version))
            .into_iter()
            .filter(|path| path.starts_with("spec.") && !path.ends_with("{}"))
            .filter(|path| !there.contains(path) && !is_left_out(path))
            .collect();
        assert!(missing.is_empty(), "{}: {missing:?}", version.kind);
    }
}

/// The paths of a value. Members of a map have both their own path and the map's.
fn collect(path: &str, value: &Value, paths: &mut BTreeSet<String>) {
    paths.insert(path.to_owned());
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                collect(&format!("{path}.{name}"), value, paths);
                collect(&format!("{path}{{}}"), value, paths);
            }
        }
        Value::Array(items) => {
            for item in items {
                collect(&format!("{path}[]"), item, paths);
            }
        }
        _ => {}
    }
}
