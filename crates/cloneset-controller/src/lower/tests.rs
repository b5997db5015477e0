//! One case a step: in which order what is called, which answers are tolerated, what is told, and what follows a refusal.

use std::{collections::BTreeMap, sync::Arc};

use kruise_api::inplace::PodWrite;
use kruise_plan::Event;
use rstest::rstest;
use serde_json::json;

use super::*;
use crate::plan::{ClaimMove, Mark, NewClaim, OrphanClaim};
use kruise_plan::workload::NewJob;

fn lowered(phase: Phase, step: &Step) -> Vec<String> {
    let lowering = Lowering {
        set: "web",
        uid: "uid-of-web",
        phase,
    };
    match lowering.step(step) {
        Lowered::Stages(stages) => stages.iter().flat_map(stage_in_words).collect(),
        Lowered::Orphans(claims) => {
            let claims = claims.iter();
            claims
                .map(|orphan| format!("orphan {}", orphan.claim.name))
                .collect()
        }
    }
}

/// A line for the stage, one for each of its works that is more than its calls, and one for each call.
fn stage_in_words(stage: &Stage<'_>) -> Vec<String> {
    let Stage { order, works } = stage;
    let mut lines = vec![format!("{order:?}")];
    for work in works {
        let Work {
            calls,
            prepaid,
            seen,
        } = work;
        let seen = seen.as_ref().map(|pod| &pod.metadata.resource_version);
        lines.push(match (prepaid, seen) {
            (false, None) => "- work".to_owned(),
            (prepaid, seen) => format!("- work, prepaid: {prepaid}, seen in version: {seen:?}"),
        });
        lines.extend(
            calls
                .iter()
                .map(|call| format!("  {}", call_in_words(call))),
        );
    }
    lines
}

fn call_in_words(call: &Call<'_>) -> String {
    let Call {
        resource,
        name,
        verb,
        tolerated,
        done,
        failed,
        refused,
        // All that a CloneSet has is in its namespace.
        namespace: _,
        about: _,
    } = call;
    let kind = resource.kind;
    let mut words = match verb {
        Verb::Create { body } => format!("create {kind} {name} {}", body.whole()),
        Verb::Ensure { body, owner } => {
            format!("ensure {kind} {name} of {owner} {}", body.whole())
        }
        Verb::Patch(patch) => format!("patch {kind} {name}{}", patch_in_words(patch)),
        Verb::TryPatch(patch) => format!("try to patch {kind} {name}{}", patch_in_words(patch)),
        Verb::Delete { uid, version } => {
            assert_eq!(*version, None);
            format!("delete {kind} {name} {uid}")
        }
        Verb::MustStay { uid, before } => format!("{kind} {name} must be {uid}: {before}"),
    };
    if !tolerated.is_empty() {
        words += &format!(", tolerating {tolerated:?}");
    }
    if let Some(Event {
        warning,
        reason,
        message,
    }) = done
    {
        assert!(!warning);
        words += &format!(", telling {reason}: {message}");
    }
    if let Some(FailureEvent {
        warning,
        reason,
        before: "",
        though_tolerated,
    }) = failed
    {
        let type_ = if *warning { "warning" } else { "normal" };
        words += &format!(", failing with {type_} {reason}");
        if *though_tolerated {
            words += " anyhow";
        }
    }
    words += &match refused {
        IfRefused::Fails => String::new(),
        IfRefused::FailsNoted { uid, asked } => format!(", a refusal is noted: {asked:?} {uid}"),
        IfRefused::EndsWork { uid, told } => format!(", a refusal ends the work: {told} {uid}"),
        IfRefused::EndsPlan { uid, told } => format!(", a refusal ends the plan: {told} {uid}"),
    };
    words
}

fn patch_in_words(patch: &Patch<'_>) -> String {
    let Patch {
        subresource,
        kind,
        patch,
    } = patch;
    let subresource = subresource.map(|it| format!("/{it}")).unwrap_or_default();
    format!("{subresource} {kind:?} {patch}")
}

fn pod(name: &str) -> PodRef {
    PodRef {
        name: name.to_owned(),
        uid: format!("u-{name}"),
    }
}

fn claim(name: &str) -> ClaimRef {
    ClaimRef {
        name: name.to_owned(),
        uid: format!("u-{name}"),
    }
}

fn new_pod(name: &str, claims: &[&str]) -> NewPod {
    let claims = claims.iter().map(|name| NewClaim {
        name: (*name).to_owned(),
        body: json!({}),
    });
    NewPod {
        name: name.to_owned(),
        claims: claims.collect(),
        metadata: json!(0),
        spec: Arc::new(json!(1)),
    }
}

/// Patches of a pod, numbered.
fn patches(name: &str, subresources: &[Option<&'static str>]) -> PodPatch {
    let writes = subresources
        .iter()
        .zip(1..)
        .map(|(subresource, number)| PodWrite {
            subresource: *subresource,
            patch: json!(number),
        });
    PodPatch {
        pod: pod(name),
        writes: writes.collect(),
    }
}

fn update(name: &str) -> InPlaceUpdate {
    let mut seen = kruise_api::pod::Pod::default();
    seen.metadata.resource_version = "7".to_owned();
    InPlaceUpdate {
        pod: pod(name),
        seen: Arc::new(seen),
        not_ready: Some(json!(1)),
        resize: Some(json!(2)),
        start: json!(3),
        revision: "web-2".to_owned(),
    }
}

#[rstest]
// CS-33
#[case::create_revision(
    Step::CreateRevision { body: json!({ "metadata": { "name": "web-1" } }) },
    &[
        "OneByOne",
        "- work",
        r#"  create ControllerRevision web-1 {"metadata":{"name":"web-1"}}"#,
    ]
)]
// CS-37
#[case::patch_revision(
    Step::PatchRevision { name: "web-1".to_owned(), patch: json!(1) },
    &["OneByOne", "- work", "  patch ControllerRevision web-1 Merge 1"]
)]
// CS-40
#[case::delete_revision(
    Step::DeleteRevision { name: "web-1".to_owned(), uid: "u-web-1".to_owned() },
    &["OneByOne", "- work", "  delete ControllerRevision web-1 u-web-1"]
)]
// CS-74
#[case::move_claims(
    Step::MoveClaims {
        moves: vec![ClaimMove { claim: claim("data-a"), pod: pod("web-a"), patch: json!(1) }],
    },
    &[
        "SideBySide",
        "- work",
        "  patch PersistentVolumeClaim data-a Strategic 1, tolerating [NotFound], \
         failing with warning FailedUpdate",
    ]
)]
// DV-CS17: each depends on a live look, so that they are no calls yet.
#[case::delete_orphan_claims(
    Step::DeleteOrphanClaims {
        claims: vec![OrphanClaim { claim: claim("data-a"), pod: None }],
    },
    &["orphan data-a"]
)]
// CS-60, CS-61
#[case::create_pods(
    Step::CreatePods {
        batches: vec![
            vec![new_pod("web-a", &["data-a", "logs-a"])],
            vec![new_pod("web-b", &[]), new_pod("web-c", &[])],
        ],
    },
    &[
        "SideBySide",
        "- work",
        "  ensure PersistentVolumeClaim data-a of uid-of-web {}, failing with warning FailedCreate",
        "  ensure PersistentVolumeClaim logs-a of uid-of-web {}, failing with warning FailedCreate",
        r#"  create Pod web-a {"apiVersion":"v1","kind":"Pod","metadata":0,"spec":1}, telling SuccessfulCreate: created pod web-a, failing with warning FailedCreate"#,
        "SideBySide",
        "- work",
        r#"  create Pod web-b {"apiVersion":"v1","kind":"Pod","metadata":0,"spec":1}, telling SuccessfulCreate: created pod web-b, failing with warning FailedCreate"#,
        "- work",
        r#"  create Pod web-c {"apiVersion":"v1","kind":"Pod","metadata":0,"spec":1}, telling SuccessfulCreate: created pod web-c, failing with warning FailedCreate"#,
    ]
)]
// CS-62, CS-76, DV-CS18, DV-CS19
#[case::delete_pods(
    Step::DeletePods {
        pods: vec![pod("web-a"), pod("web-b")],
        claims: BTreeMap::from([("u-web-b".to_owned(), vec![claim("data-b"), claim("logs-b")])]),
    },
    &[
        "Widening",
        "- work",
        "  delete Pod web-a u-web-a, telling SuccessfulDelete: deleted pod web-a, \
         failing with warning FailedDelete, a refusal is noted: Deletion u-web-a",
        "- work",
        "  delete Pod web-b u-web-b, telling SuccessfulDelete: deleted pod web-b, \
         failing with warning FailedDelete, a refusal is noted: Deletion u-web-b",
        "  delete PersistentVolumeClaim data-b u-data-b, tolerating [NotFound], \
         failing with warning FailedDelete anyhow",
        "  delete PersistentVolumeClaim logs-b u-logs-b, tolerating [NotFound], \
         failing with warning FailedDelete anyhow",
    ]
)]
// CS-28: in no phase is a refusal left alone.
#[case::adopt_pods(
    Step::AdoptPods { patches: vec![patches("web-a", &[None]), patches("web-b", &[None])] },
    &[
        "OneByOne",
        "- work",
        "  CloneSet web must be uid-of-web: adopt pods",
        "SideBySide",
        "- work",
        "  patch Pod web-a Strategic 1",
        "- work",
        "  patch Pod web-b Strategic 1",
    ]
)]
// CS-79, DV-CS19, DV-IP10
#[case::patch_pods(
    Step::PatchPods {
        patches: vec![patches("web-a", &[Some("status"), None]), patches("web-b", &[Some("resize"), None])],
    },
    &[
        "Widening",
        "- work",
        "  patch Pod web-a/status Strategic 1, a refusal is noted: Patch u-web-a",
        "  patch Pod web-a Strategic 2, a refusal is noted: Patch u-web-a",
        "- work",
        "  patch Pod web-b/resize Strategic 1, \
         a refusal ends the work: FailedUpdatePodInPlace u-web-b",
        "  patch Pod web-b Strategic 2, a refusal is noted: Patch u-web-b",
    ]
)]
// DV-IP15
#[case::try_update(
    Step::TryUpdate { update: Box::new(update("web-a")) },
    &[
        "OneByOne",
        "- work",
        "  try to patch Pod web-a/status Strategic 1, tolerating [NoDryRun], \
         failing with warning FailedUpdatePodInPlace, a refusal is noted: Update u-web-a",
        "  try to patch Pod web-a/resize Strategic 2, tolerating [NoDryRun], \
         failing with warning FailedUpdatePodInPlace, \
         a refusal ends the plan: FailedUpdatePodInPlace u-web-a",
        "  try to patch Pod web-a Strategic 3, tolerating [NoDryRun], \
         failing with warning FailedUpdatePodInPlace, a refusal is noted: Update u-web-a",
    ]
)]
// CS-89, IP-15, DV-IP10, DV-IP15
#[case::update_pods_in_place(
    Step::UpdatePodsInPlace { updates: vec![update("web-a")] },
    &[
        "Widening",
        r#"- work, prepaid: true, seen in version: Some("7")"#,
        "  patch Pod web-a/status Strategic 1, \
         failing with warning FailedUpdatePodInPlace, a refusal is noted: Update u-web-a",
        "  patch Pod web-a/resize Strategic 2, failing with warning FailedUpdatePodInPlace, \
         a refusal ends the work: FailedUpdatePodInPlace u-web-a",
        "  patch Pod web-a Strategic 3, \
         telling SuccessfulUpdatePodInPlace: updated pod web-a in place to web-2, \
         failing with warning FailedUpdatePodInPlace, a refusal is noted: Update u-web-a",
    ]
)]
// CS-91, DV-CS19
#[case::mark_pods_for_recreate(
    Step::MarkPodsForRecreate { patches: vec![patches("web-a", &[Some("status"), None])] },
    &[
        "Widening",
        "- work",
        "  patch Pod web-a/status Strategic 1, \
         failing with warning FailedUpdatePodReCreate, a refusal is noted: Update u-web-a",
        "  patch Pod web-a Strategic 2, \
         telling SuccessfulUpdatePodReCreate: marked pod web-a to be made anew, \
         failing with warning FailedUpdatePodReCreate, a refusal is noted: Update u-web-a",
    ]
)]
// CS-87, PB-48
#[case::spend_budgets(
    Step::SpendBudgets {
        patches: ["shop", "cart"]
            .map(|budget| BudgetPatch { budget: budget.to_owned(), patch: json!(1) })
            .into(),
    },
    &[
        "OneByOne",
        "- work",
        "  patch PodUnavailableBudget shop/status Merge 1, tolerating [NotFound]",
        "- work",
        "  patch PodUnavailableBudget cart/status Merge 1, tolerating [NotFound]",
    ]
)]
// CS-65
#[case::patch_clone_set(
    Step::PatchCloneSet { patch: json!(1) },
    &["OneByOne", "- work", "  patch CloneSet web Merge 1"]
)]
fn a_step_comes_down_to(#[case] step: Step, #[case] expected: &[&str]) {
    assert_eq!(lowered(Phase::Update, &step), expected);
}

// DV-CS19: what patches before scaling are for can't be left alone.
#[rstest]
#[case(Phase::Prepare, "")]
#[case(Phase::Scale, ", a refusal is noted: Deletion u-web-a")]
#[case(Phase::Update, ", a refusal is noted: Patch u-web-a")]
#[case(Phase::Trim, "")]
fn what_a_refused_patch_of_a_phase_means(#[case] phase: Phase, #[case] refused: &str) {
    let step = Step::PatchPods {
        patches: vec![patches("web-a", &[None])],
    };
    let expected = format!("  patch Pod web-a Strategic 1{refused}");
    assert_eq!(lowered(phase, &step).last(), Some(&expected));

    // Its resize is about the pod alone, whatever the phase (DV-IP10).
    let step = Step::PatchPods {
        patches: vec![patches("web-a", &[Some("resize")])],
    };
    let resize = "  patch Pod web-a/resize Strategic 1, \
                  a refusal ends the work: FailedUpdatePodInPlace u-web-a";
    assert_eq!(lowered(phase, &step).last().unwrap(), resize);
}

// IP-16: a pod that stays ready, and a resize alone, are one patch fewer each.
#[test]
fn the_last_patch_of_an_update_tells_of_it() {
    let update = InPlaceUpdate {
        not_ready: None,
        resize: None,
        ..update("web-a")
    };
    let updates = vec![update];
    let expected = "  patch Pod web-a Strategic 3, \
                    telling SuccessfulUpdatePodInPlace: updated pod web-a in place to web-2, \
                    failing with warning FailedUpdatePodInPlace, a refusal is noted: Update u-web-a";
    let lines = lowered(Phase::Update, &Step::UpdatePodsInPlace { updates });
    assert_eq!(lines[2..], [expected]);
}

#[test]
fn a_status_comes_down_to() {
    let lowering = Lowering {
        set: "web",
        uid: "uid-of-web",
        phase: Phase::default(),
    };
    let call = call_in_words(&lowering.status(&json!(1)));
    assert_eq!(call, "patch CloneSet web/status Merge 1");
}

// IP-152, IP-153, PF-923
#[test]
fn images_ahead_come_down_to() {
    let ahead = ImagesAhead {
        create: vec![NewJob {
            name: "web-2-app".to_owned(),
            body: json!(1),
        }],
        delete: vec![("web-1-app".to_owned(), "u-1".to_owned())],
        mark: Some(Mark {
            revision: "web-2".to_owned(),
            patch: json!(2),
        }),
    };
    let AheadStages {
        deletions,
        creations,
        mark,
    } = images_ahead(&ahead);
    let stages = [deletions, creations, vec![mark.unwrap()]].concat();
    let lines: Vec<_> = stages.iter().flat_map(stage_in_words).collect();
    assert_eq!(
        lines,
        [
            "OneByOne",
            "- work",
            "  delete ImagePullJob web-1-app u-1, tolerating [NotFound, LostRace]",
            "OneByOne",
            "- work",
            "  create ImagePullJob web-2-app 1, tolerating [AlreadyThere, LostRace], \
             telling CreatedImagePullJob: created ImagePullJob web-2-app, \
             failing with normal FailedCreateImagePullJob",
            "OneByOne",
            "- work",
            "  patch ControllerRevision web-2 Merge 2, tolerating [LostRace]",
        ]
    );
    assert!(images_ahead(&ImagesAhead::default()).mark.is_none());
}
