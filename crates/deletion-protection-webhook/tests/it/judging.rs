//! What the label and the object lead to, and what was counted: a table for each.

use deletion_protection_webhook::{
    gates::Gates,
    judge::{self, Below, Counted, Verdict},
    protected::ProtectedKind::{
        self, CustomResourceDefinition, Deployment, Ingress, Namespace, ReplicaSet, Service,
        StatefulSet,
    },
};
use rstest::rstest;
use serde_json::{Value, json};

use crate::requests::{LABEL, deletion, object, widgets};

const ON: Gates = Gates {
    protection: true,
    of_custom_resources: true,
};
const WITHOUT_CUSTOM_RESOURCES: Gates = Gates {
    protection: true,
    of_custom_resources: false,
};
const ALWAYS: &str =
    "forbidden by ResourcesProtectionDeletion for policy.kruise.io/delete-protection=Always";

fn judged(kind: ProtectedKind, old: &Value, gates: Gates) -> Verdict {
    judge::request(kind, &deletion(kind, old, &json!({})), gates).unwrap()
}

fn refused(why: &str) -> Verdict {
    Verdict::Refused(why.to_owned())
}

fn cascading(what: &str) -> Verdict {
    let label = "policy.kruise.io/delete-protection=Cascading";
    refused(&format!(
        "forbidden by ResourcesProtectionDeletion for {label} and {what}"
    ))
}

fn pods() -> Below {
    let namespace = "web".to_owned();
    Below::Pods { namespace }
}

fn claims() -> Below {
    let namespace = "web".to_owned();
    Below::Claims { namespace }
}

fn custom_resources() -> Below {
    let old = object(CustomResourceDefinition, Some("Cascading"), widgets());
    match judged(CustomResourceDefinition, &old, ON) {
        Verdict::Depends(below) => below,
        other => panic!("{other:?}"),
    }
}

// DP-11, DP-13, DP-S22: whatever else the object is.
#[rstest]
fn always_protects_every_kind(
    #[values(Namespace, Deployment, ReplicaSet, StatefulSet, Service, Ingress)] kind: ProtectedKind,
    #[values(json!(null), json!({}), json!({ "replicas": 0 }))] spec: Value,
) {
    let old = object(kind, Some("Always"), spec);
    assert_eq!(judged(kind, &old, ON), refused(ALWAYS));
}

// DP-11, DP-17, DP-S22
#[rstest]
#[case(ON)]
#[case(WITHOUT_CUSTOM_RESOURCES)]
fn always_protects_a_definition_whatever_the_gate(#[case] gates: Gates) {
    let old = object(CustomResourceDefinition, Some("Always"), widgets());
    let verdict = judged(CustomResourceDefinition, &old, gates);
    assert_eq!(verdict, refused(ALWAYS));
}

// DP-11, DP-12, DP-13
#[rstest]
#[case(json!({ "replicas": 3 }), Some("3"))]
#[case(json!({ "replicas": 1 }), Some("1"))]
#[case(json!({ "replicas": 0 }), None)]
#[case(json!({ "replicas": -1 }), None)]
#[case(json!({ "replicas": null }), None)]
#[case(json!({}), None)]
#[case(json!(null), None)]
fn a_workload_cascades_by_the_replicas_that_are_wanted(
    #[values(Deployment, ReplicaSet, StatefulSet)] kind: ProtectedKind,
    #[case] spec: Value,
    #[case] replicas: Option<&str>,
) {
    let mut old = object(kind, Some("Cascading"), spec);
    old["status"] = json!({ "replicas": 9, "readyReplicas": 9 });
    let expected = match replicas {
        Some(replicas) => cascading(&format!("replicas {replicas}>0")),
        None => Verdict::Allowed,
    };
    assert_eq!(judged(kind, &old, ON), expected);
}

// DP-1, DP-5, DP-11: values are compared as they are, and `Cascading` means nothing to the last two kinds.
#[rstest]
fn other_values_protect_nothing(
    #[values(
        Namespace,
        CustomResourceDefinition,
        Deployment,
        ReplicaSet,
        StatefulSet,
        Service,
        Ingress
    )]
    kind: ProtectedKind,
    #[values(None, Some(""), Some("always"), Some("Cascade"), Some("cascading"))] label: Option<
        &str,
    >,
) {
    let old = object(kind, label, json!({ "replicas": 3 }));
    assert_eq!(judged(kind, &old, ON), Verdict::Allowed);
    if [Service, Ingress].contains(&kind) {
        let cascades = object(kind, Some("Cascading"), json!({}));
        assert_eq!(judged(kind, &cascades, ON), Verdict::Allowed);
    }
}

// DP-10: the second gate alone does nothing (DP-4).
#[rstest]
fn what_is_being_deleted_or_not_protected_by_the_gate_may_go(
    #[values(
        Namespace,
        CustomResourceDefinition,
        Deployment,
        ReplicaSet,
        StatefulSet,
        Service,
        Ingress
    )]
    kind: ProtectedKind,
    #[values("Always", "Cascading")] label: &str,
) {
    let mut old = object(kind, Some(label), json!({ "replicas": 3 }));
    for of_custom_resources in [false, true] {
        let off = Gates {
            protection: false,
            of_custom_resources,
        };
        assert_eq!(judged(kind, &old, off), Verdict::Allowed);
    }
    old["metadata"]["deletionTimestamp"] = json!("2026-01-10T08:00:00Z");
    assert_eq!(judged(kind, &old, ON), Verdict::Allowed);
}

// DP-7, DP-8, DP-18, DP-20, DV-DP2
#[rstest]
#[case::creation(Service, json!({ "operation": "CREATE" }))]
#[case::update(Deployment, json!({ "operation": "UPDATE" }))]
#[case::connection(Namespace, json!({ "operation": "CONNECT" }))]
#[case::subresource(Namespace, json!({ "subResource": "finalize" }))]
#[case::no_object(Deployment, json!({ "oldObject": null }))]
#[case::another_ingress(Ingress, json!({ "kind": { "group": "extensions", "version": "v2", "kind": "Ingress" } }))]
#[case::another_definition(
    CustomResourceDefinition,
    json!({ "kind": { "group": "apiextensions.k8s.io", "version": "v2", "kind": "CustomResourceDefinition" } })
)]
fn other_requests_pass(#[case] kind: ProtectedKind, #[case] members: Value) {
    let old = object(kind, Some("Always"), json!({ "replicas": 3 }));
    let request = deletion(kind, &old, &members);
    let verdict = judge::request(kind, &request, ON).unwrap();
    assert_eq!(verdict, Verdict::Allowed);
}

// DP-18, DP-20
#[rstest]
fn the_older_versions_are_known(#[values(Ingress, CustomResourceDefinition)] kind: ProtectedKind) {
    let old = object(kind, Some("Always"), json!({}));
    let members = json!({ "kind": { "group": "g", "version": "v1beta1", "kind": "K" } });
    let verdict = judge::request(kind, &deletion(kind, &old, &members), ON).unwrap();
    assert_eq!(verdict, refused(ALWAYS));
}

// DP-9: before the gate is looked at.
#[rstest]
#[case(Deployment, json!({ "metadata": {}, "spec": { "replicas": "three" } }))]
#[case(Namespace, json!({ "metadata": { "labels": 1 } }))]
#[case(CustomResourceDefinition, json!({ "spec": { "versions": {} } }))]
#[case(Ingress, json!("text"))]
fn what_cant_be_read_is_an_error(#[case] kind: ProtectedKind, #[case] old: Value) {
    let request = deletion(kind, &old, &json!({}));
    for gates in [ON, Gates::default()] {
        assert!(judge::request(kind, &request, gates).is_err());
    }
}

// As Go reads it.
#[test]
fn nulls_are_as_good_as_nothing() {
    for old in [
        json!({}),
        json!({ "metadata": null, "spec": null }),
        json!({ "metadata": { "labels": null, "annotations": null, "deletionTimestamp": null } }),
    ] {
        for kind in ProtectedKind::ALL {
            assert_eq!(judged(kind, &old, ON), Verdict::Allowed, "{old}");
        }
    }
    let versions = json!({ "group": "g", "names": { "plural": "things" }, "versions": null });
    let old = object(CustomResourceDefinition, Some("Cascading"), versions);
    let expected = "failed to list CRs of g/, Kind=: the definition names no storage version";
    assert_eq!(
        judged(CustomResourceDefinition, &old, ON),
        refused(expected)
    );
}

// DP-15, DP-16: its own phase doesn't matter.
#[test]
fn a_namespace_depends_on_its_pods() {
    let mut old = object(Namespace, Some("Cascading"), json!({}));
    old["status"] = json!({ "phase": "Terminating" });
    assert_eq!(judged(Namespace, &old, ON), Verdict::Depends(pods()));
}

// DP-17, DP-18, DV-DP1: by plural, in the version that is stored, whatever the list is called.
#[test]
fn a_definition_depends_on_its_custom_resources() {
    let mut old = object(CustomResourceDefinition, Some("Cascading"), widgets());
    old["spec"]["names"]["listKind"] = json!("Widgetry");
    let Verdict::Depends(Below::CustomResources {
        resource,
        list_kind,
    }) = judged(CustomResourceDefinition, &old, ON)
    else {
        panic!("nothing has to be counted");
    };
    assert_eq!(resource.collection_path(""), "/apis/example.com/v1/widgets");
    assert_eq!(list_kind, "Widgetry");
}

// DP-13, DP-17
#[test]
fn without_its_gate_no_cascading_definition_goes() {
    let old = object(CustomResourceDefinition, Some("Cascading"), widgets());
    let verdict = judged(CustomResourceDefinition, &old, WITHOUT_CUSTOM_RESOURCES);
    let gate = "feature-gate DeletionProtectionForCRDCascadingGate is not enabled";
    assert_eq!(verdict, refused(gate));
}

// DP-19
#[test]
fn a_definition_of_old_is_refused() {
    let spec = json!({
        "group": "example.com", "version": "v1", "scope": "Namespaced",
        "names": { "kind": "Widget", "plural": "widgets", "listKind": "WidgetList" },
    });
    let old = object(CustomResourceDefinition, Some("Cascading"), spec);
    let expected = "failed to list CRs of example.com/, Kind=WidgetList: the definition names no storage version";
    assert_eq!(
        judged(CustomResourceDefinition, &old, ON),
        refused(expected)
    );
}

// DP-13, DP-15, DP-17, DV-DP3: what was counted refuses, also where not all could be.
#[rstest]
#[case(pods(), 0, None, Verdict::Depends(claims()))]
#[case(pods(), 2, None, cascading("active pods 2>0"))]
#[case(pods(), 2, Some("late"), cascading("active pods 2>0"))]
#[case(
    pods(),
    0,
    Some("late"),
    refused("forbidden by ResourcesProtectionDeletion for list pods error: late")
)]
#[case(claims(), 0, None, Verdict::Allowed)]
#[case(claims(), 1, None, cascading("\"Bound\" status pvc 1>0"))]
#[case(claims(), 1, Some("late"), cascading("\"Bound\" status pvc 1>0"))]
#[case(
    claims(),
    0,
    Some("late"),
    refused("forbidden by ResourcesProtectionDeletion for list pvc error: late")
)]
#[case(custom_resources(), 0, None, Verdict::Allowed)]
#[case(custom_resources(), 3, None, cascading("active CRs 3>0"))]
#[case(custom_resources(), 3, Some("late"), cascading("active CRs 3>0"))]
#[case(
    custom_resources(),
    0,
    Some("late"),
    refused("failed to list CRs of example.com/v1, Kind=WidgetList: late")
)]
fn what_was_counted_decides(
    #[case] below: Below,
    #[case] active: usize,
    #[case] missing: Option<&str>,
    #[case] verdict: Verdict,
) {
    let counted = Counted {
        active,
        missing: missing.map(str::to_owned),
    };
    assert_eq!(judge::counted(below, counted), verdict);
}

#[test]
fn the_label_is_the_documented_one() {
    assert_eq!(LABEL, kruise_api::well_known::labels::DELETE_PROTECTION);
}
