use std::{collections::BTreeMap, sync::Arc, time::Duration};

use kruise_api::apps::v1beta1::CloneSet;
use kruise_plan::{
    InPlaceUpdate, PodRef,
    refused::{Asked, Refusal},
};
use kruise_runtime::{EventTarget, Metrics, OwnWrites, recorder};
use rstest::rstest;
use serde_json::{Value, json};

use super::*;
use crate::{
    fake_api::{Answer as Reply, FakeApi, conflict, forbidden, not_found, status},
    plan::{ClaimRef, Mark, OrphanClaim},
};
use kruise_plan::workload::NewJob;

const UID: &str = "uid-of-web";

async fn carry_out(server: &FakeApi, plan: &Plan) -> (Result<(), StageError>, Found) {
    let client = server.client();
    let mut set = CloneSet::default();
    set.metadata.namespace = "ns".to_owned();
    set.metadata.name = "web".to_owned();
    set.metadata.uid = UID.to_owned();
    let snapshot = Snapshot {
        set: Arc::new(set),
        ..Snapshot::default()
    };
    let own_writes = OwnWrites::new(client.clone(), Duration::MAX, Metrics::unregistered());
    let (recorder, _events) = recorder("test", client.clone(), Metrics::unregistered());
    let target = EventTarget {
        namespace: "ns".to_owned(),
        ..EventTarget::default()
    };
    let execution = Execution {
        snapshot: &snapshot,
        client: &client,
        executor: Executor::new(target, own_writes.writer(UID, client.clone()), &recorder),
    };
    execution.carry_out(plan).await
}

fn delete_pod(name: &str) -> Step {
    Step::DeletePods {
        pods: vec![PodRef {
            name: name.to_owned(),
            uid: format!("u-{name}"),
        }],
        claims: BTreeMap::new(),
    }
}

fn with_status(steps: Vec<Step>) -> Plan {
    Plan {
        steps,
        status: Some(json!({})),
        phase: Phase::Scale,
        ..Plan::default()
    }
}

const STATUS: &str = "PATCH clonesets web/status";

// The status tells of what was seen, whatever became of the steps.
#[tokio::test(start_paused = true)]
async fn a_status_is_written_after_a_failed_step() {
    let server = FakeApi::answering([("DELETE pods web-b", forbidden("a budget"))]);
    let steps = ["web-a", "web-b", "web-c"].map(delete_pod);
    let (result, found) = carry_out(&server, &with_status(steps.into())).await;
    assert_eq!(result.unwrap_err().api_message(), "a budget");
    assert_eq!(
        server.calls(),
        ["DELETE pods web-a", "DELETE pods web-b", STATUS]
    );
    let refusal = Refusal {
        uid: "u-web-b".to_owned(),
        asked: Asked::Deletion,
        why: "a budget".to_owned(),
    };
    assert_eq!(found.refused_writes, [refusal]);
}

#[rstest]
#[case::of_both("DELETE pods web-a", "a budget")]
#[case::of_the_status("DELETE pods web-b", "the object has been modified")]
#[tokio::test(start_paused = true)]
async fn a_steps_error_goes_before_that_of_the_status(
    #[case] refused: &'static str,
    #[case] told: &str,
) {
    let server = FakeApi::answering([(refused, forbidden("a budget")), (STATUS, conflict())]);
    let (result, _) = carry_out(&server, &with_status(vec![delete_pod("web-a")])).await;
    assert_eq!(result.unwrap_err().api_message(), told);
}

// DV-IP10: no failure, so that the status is all that is left to do.
#[tokio::test(start_paused = true)]
async fn a_refused_trial_of_a_resize_ends_the_steps() {
    let tried = "dry PATCH pods web-a/resize";
    let server = FakeApi::answering([(tried, forbidden("too big"))]);
    let update = Box::new(InPlaceUpdate {
        pod: PodRef {
            name: "web-a".to_owned(),
            uid: "u-web-a".to_owned(),
        },
        seen: Arc::default(),
        not_ready: None,
        resize: Some(json!({})),
        start: json!({}),
        revision: "web-2".to_owned(),
    });
    let steps = vec![Step::TryUpdate { update }, delete_pod("web-b")];
    let (result, found) = carry_out(&server, &with_status(steps)).await;
    result.unwrap();
    assert_eq!(server.calls(), [tried, STATUS]);
    let resize = ("u-web-a".to_owned(), "too big".to_owned());
    assert_eq!(found.refused_resizes, [resize]);
}

fn orphan(claim: &str, pod: Option<&str>) -> OrphanClaim {
    OrphanClaim {
        claim: ClaimRef {
            name: claim.to_owned(),
            uid: format!("u-{claim}"),
        },
        pod: pod.map(str::to_owned),
    }
}

fn pod_of(owner: &str, claim: &str) -> Reply {
    let volume = json!({ "name": "data", "persistentVolumeClaim": { "claimName": claim } });
    let pod = json!({
        "metadata": { "name": "web-a", "ownerReferences": [{ "uid": owner }] },
        "spec": { "volumes": [volume] },
    });
    (200, pod)
}

const LOOK: &str = "GET pods web-a";
const DELETED: &str = "DELETE persistentvolumeclaims data-web-a";

// CS-74, DV-CS17
#[rstest]
#[case::its_pod_is_gone(not_found(), true)]
#[case::its_pod_is_ours(pod_of(UID, "other"), false)]
#[case::its_pod_was_released(pod_of("other", "data-web-a"), false)]
#[case::a_pod_of_its_name_is_anothers(pod_of("other", "other"), true)]
#[tokio::test(start_paused = true)]
async fn a_claim_is_deleted_when_no_pod_can_have_it(#[case] live: Reply, #[case] is_deleted: bool) {
    let server = FakeApi::answering([(LOOK, live)]);
    let claims = vec![orphan("data-web-a", Some("web-a")), orphan("data-x", None)];
    let steps = vec![
        Step::DeleteOrphanClaims { claims },
        Step::PatchRevision {
            name: "web-1".to_owned(),
            patch: json!({}),
        },
    ];
    let (result, found) = carry_out(&server, &with_status(steps)).await;
    result.unwrap();
    // One that stays holds up nothing, and a name that no pod can have needs no look.
    let first = if is_deleted {
        &[LOOK, DELETED][..]
    } else {
        &[LOOK]
    };
    let others = [
        "DELETE persistentvolumeclaims data-x",
        "PATCH controllerrevisions web-1",
        STATUS,
    ];
    assert_eq!(server.calls(), [first, &others].concat());
    let in_use = ("u-data-web-a".to_owned(), "web-a".to_owned());
    let expected = if is_deleted { vec![] } else { vec![in_use] };
    assert_eq!(found.claims_in_use, expected);
}

// What is in a volume comes back with no later look.
#[rstest]
#[case::no_answer(LOOK, status(429, "TooManyRequests", "later"), &[LOOK])]
#[case::refused(DELETED, forbidden("later"), &[LOOK, DELETED])]
#[tokio::test(start_paused = true)]
async fn no_claim_is_deleted_after_a_failure(
    #[case] call: &'static str,
    #[case] reply: Reply,
    #[case] made: &[&str],
) {
    let server = FakeApi::answering([(call, reply), (LOOK, not_found())]);
    let claims = vec![orphan("data-web-a", Some("web-a")), orphan("data-x", None)];
    let plan = Plan {
        status: None,
        ..with_status(vec![Step::DeleteOrphanClaims { claims }])
    };
    let (result, _) = carry_out(&server, &plan).await;
    assert_eq!(result.unwrap_err().api_message(), "later");
    assert_eq!(server.calls(), made);
}

// CS-74: it went by itself.
#[tokio::test(start_paused = true)]
async fn an_orphan_that_is_gone_is_no_failure() {
    let server = FakeApi::answering([(DELETED, not_found())]);
    let claims = vec![orphan("data-web-a", None), orphan("data-x", None)];
    let plan = with_status(vec![Step::DeleteOrphanClaims { claims }]);
    let (result, _) = carry_out(&server, &plan).await;
    result.unwrap();
    assert_eq!(server.calls().len(), 3);
}

const REVISIONS: [&str; 2] = [
    "DELETE controllerrevisions web-1",
    "DELETE controllerrevisions web-2",
];
const NAMES: &str = "PATCH clonesets web";

fn trims() -> Plan {
    let revisions = ["web-1", "web-2"].map(|name| Step::DeleteRevision {
        name: name.to_owned(),
        uid: format!("u-{name}"),
    });
    let names = Step::PatchCloneSet { patch: json!({}) };
    Plan {
        steps: revisions.into_iter().chain([names]).collect(),
        phase: Phase::Trim,
        ..Plan::default()
    }
}

// CS-22, 12 and 13; CS-40
#[rstest]
#[case::none(&[], &[REVISIONS[0], REVISIONS[1], NAMES], false)]
#[case::the_first_of_a_kind_ends_it(&[(REVISIONS[0], 403)], &[REVISIONS[0], NAMES], true)]
#[case::the_other_kind(&[(NAMES, 403)], &[REVISIONS[0], REVISIONS[1], NAMES], true)]
#[case::one_that_is_gone(&[(REVISIONS[0], 404)], &[REVISIONS[0], REVISIONS[1], NAMES], false)]
#[case::one_that_was_changed(&[(NAMES, 409)], &[REVISIONS[0], REVISIONS[1], NAMES], false)]
#[tokio::test(start_paused = true)]
async fn what_cannot_be_tidied_up_fails_nothing(
    #[case] failing: &[(&'static str, u16)],
    #[case] made: &[&str],
    #[case] is_found: bool,
) {
    let failing = failing
        .iter()
        .map(|(call, code)| (*call, status(*code, "", "no")));
    let server = FakeApi::answering(failing);
    let (result, found) = carry_out(&server, &trims()).await;
    result.unwrap();
    assert_eq!(server.calls(), made);
    assert_eq!(found.failed_trim.is_some(), is_found, "{found:?}");
}

// The first that failed is told; the status is written all the same.
#[tokio::test(start_paused = true)]
async fn of_failed_trims_the_first_is_told() {
    let failing = [
        (REVISIONS[1], forbidden("first")),
        (NAMES, forbidden("second")),
    ];
    let server = FakeApi::answering(failing);
    let plan = Plan {
        status: Some(json!({})),
        ..trims()
    };
    let (result, found) = carry_out(&server, &plan).await;
    result.unwrap();
    assert!(found.failed_trim.unwrap().contains("first"));
    assert_eq!(server.calls().last().unwrap(), STATUS);
}

const AHEAD: [&str; 3] = [
    "DELETE imagepulljobs web-1-app",
    "POST imagepulljobs",
    "PATCH controllerrevisions web-2",
];

fn images_ahead_of(steps: Vec<Step>) -> Plan {
    let ahead = ImagesAhead {
        create: vec![NewJob {
            name: "web-2-app".to_owned(),
            body: json!({ "metadata": { "name": "web-2-app" } }),
        }],
        delete: vec![("web-1-app".to_owned(), "u-1".to_owned())],
        mark: Some(Mark {
            revision: "web-2".to_owned(),
            patch: Value::Null,
        }),
    };
    Plan {
        images_ahead: ahead,
        ..with_status(steps)
    }
}

// IP-153, PF-923: an aid, before all else. Whatever becomes of one part, the others are done, and then the plan.
#[rstest]
#[case::all_is_done(None)]
#[case::a_job_that_stays(Some(AHEAD[0]))]
#[case::a_job_that_is_refused(Some(AHEAD[1]))]
#[case::no_mark(Some(AHEAD[2]))]
#[tokio::test(start_paused = true)]
async fn images_that_are_not_pulled_ahead_stop_nothing(#[case] refused: Option<&'static str>) {
    let server = FakeApi::answering(refused.map(|call| (call, forbidden("no"))));
    let plan = images_ahead_of(vec![delete_pod("web-a")]);
    let (result, found) = carry_out(&server, &plan).await;
    result.unwrap();
    let then = ["DELETE pods web-a", STATUS];
    assert_eq!(server.calls(), [&AHEAD[..], &then].concat());
    // It is tried again only where the mark itself is missing (CS-105).
    let unmarked = (refused == Some(AHEAD[2])).then(|| "web-2".to_owned());
    assert_eq!(found.unmarked, unmarked);
}

// CS-105: the next pass sees another revision, and marks that.
#[tokio::test(start_paused = true)]
async fn a_revision_that_was_changed_is_not_left_unmarked() {
    let server = FakeApi::answering([(AHEAD[2], conflict())]);
    let (result, found) = carry_out(&server, &images_ahead_of(vec![])).await;
    result.unwrap();
    assert_eq!(found.unmarked, None);
}
