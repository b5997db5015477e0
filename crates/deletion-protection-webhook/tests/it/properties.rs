//! Any request, beside the specification's table written down a second time: what refuses, and with which words.

use deletion_protection_webhook::{
    gates::Gates,
    judge::{self, Below, Counted, Verdict},
    protected::ProtectedKind,
};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::requests::{LABEL, deletion, object, widgets};

/// What a request is about, and what there is.
#[derive(Clone, Debug)]
struct Case {
    kind: ProtectedKind,
    label: Option<String>,
    replicas: Option<i32>,
    terminating: bool,
    operation: &'static str,
    sub_resource: &'static str,
    gates: Gates,
    pods: Counted,
    claims: Counted,
    custom_resources: Counted,
}

fn counted() -> impl Strategy<Value = Counted> {
    let missing = prop_oneof![3 => Just(None), 1 => Just(Some("late".to_owned()))];
    (prop_oneof![2 => Just(0), 1 => 1_usize..5], missing)
        .prop_map(|(active, missing)| Counted { active, missing })
}

fn case() -> impl Strategy<Value = Case> {
    let label = prop_oneof![
        3 => Just(Some("Always".to_owned())),
        5 => Just(Some("Cascading".to_owned())),
        1 => Just(None),
        1 => "[a-zA-Z]{0,9}".prop_map(Some),
    ];
    let object = (
        prop::sample::select(&ProtectedKind::ALL[..]),
        label,
        prop::option::of(-1..3),
        prop::bool::weighted(0.1),
    );
    let request = (
        prop_oneof![8 => Just("DELETE"), 1 => Just("UPDATE"), 1 => Just("CREATE")],
        prop_oneof![8 => Just(""), 1 => Just("status")],
    );
    let gates = (prop::bool::weighted(0.8), any::<bool>());
    (object, request, gates, counted(), counted(), counted()).prop_map(
        |(object, request, gates, pods, claims, custom_resources)| Case {
            kind: object.0,
            label: object.1,
            replicas: object.2,
            terminating: object.3,
            operation: request.0,
            sub_resource: request.1,
            gates: Gates {
                protection: gates.0,
                of_custom_resources: gates.1,
            },
            pods,
            claims,
            custom_resources,
        },
    )
}

/// What the webhook says, `None` for yes.
fn said(case: &Case) -> Option<String> {
    let spec = match case.kind {
        ProtectedKind::CustomResourceDefinition => widgets(),
        _ => json!({ "replicas": case.replicas }),
    };
    let mut old = object(case.kind, case.label.as_deref(), spec);
    if case.terminating {
        old["metadata"]["deletionTimestamp"] = json!("2026-01-10T08:00:00Z");
    }
    let members = json!({ "operation": case.operation, "subResource": case.sub_resource });
    let request = deletion(case.kind, &old, &members);
    let mut verdict = judge::request(case.kind, &request, case.gates).unwrap();
    loop {
        verdict = match verdict {
            Verdict::Allowed => return None,
            Verdict::Refused(why) => return Some(why),
            Verdict::Depends(below) => {
                let counted = match &below {
                    Below::Pods { .. } => &case.pods,
                    Below::Claims { .. } => &case.claims,
                    Below::CustomResources { .. } => &case.custom_resources,
                };
                judge::counted(below, counted.clone())
            }
        };
    }
}

/// What the specification says (DP-7, DP-10, DP-11, DP-13, DP-15, DP-17).
fn specified(case: &Case) -> Option<String> {
    let asked = case.operation == "DELETE" && case.sub_resource.is_empty();
    if !asked || !case.gates.protection || case.terminating {
        return None;
    }
    let head = "forbidden by ResourcesProtectionDeletion for";
    let more_than_none =
        |what: &str, n: i64| (n > 0).then(|| format!("{head} {LABEL}=Cascading and {what} {n}>0"));
    let number = |counted: &Counted| i64::try_from(counted.active).unwrap();
    let failed = |counted: &Counted, head: &str| {
        let missing = counted.missing.as_ref();
        missing.map(|why| format!("{head}: {why}"))
    };
    match (case.label.as_deref()?, case.kind) {
        ("Always", _) => Some(format!("{head} {LABEL}=Always")),
        ("Cascading", ProtectedKind::Namespace) => {
            let Case { pods, claims, .. } = case;
            more_than_none("active pods", number(pods))
                .or_else(|| failed(pods, &format!("{head} list pods error")))
                .or_else(|| more_than_none("\"Bound\" status pvc", number(claims)))
                .or_else(|| failed(claims, &format!("{head} list pvc error")))
        }
        ("Cascading", ProtectedKind::CustomResourceDefinition) => {
            if !case.gates.of_custom_resources {
                let gate = "feature-gate DeletionProtectionForCRDCascadingGate is not enabled";
                return Some(gate.to_owned());
            }
            let counted = &case.custom_resources;
            let list = "failed to list CRs of example.com/v1, Kind=WidgetList";
            more_than_none("active CRs", number(counted)).or_else(|| failed(counted, list))
        }
        ("Cascading", ProtectedKind::Service | ProtectedKind::Ingress) => None,
        ("Cascading", _) => more_than_none("replicas", case.replicas?.into()),
        _ => None,
    }
}

proptest! {
    #[test]
    fn what_the_specification_refuses_is_refused_and_nothing_else(case in case()) {
        prop_assert_eq!(said(&case), specified(&case));
    }

    // DP-9: whatever comes, there is an answer.
    #[test]
    fn no_object_ends_in_a_panic(
        kind in prop::sample::select(&ProtectedKind::ALL[..]),
        member in prop::sample::select(&["metadata", "spec"][..]),
        value in prop_oneof![
            Just(json!(null)), Just(json!([])), Just(json!("x")), Just(json!(-1)), Just(json!({ "labels": 7 })),
            Just(json!({ "replicas": 4.5, "versions": [null], "names": null })),
        ],
    ) {
        let mut old: Value = object(kind, Some("Cascading"), json!({}));
        old[member] = value;
        let gates = Gates { protection: true, of_custom_resources: true };
        let _ = judge::request(kind, &deletion(kind, &old, &json!({})), gates);
    }
}
