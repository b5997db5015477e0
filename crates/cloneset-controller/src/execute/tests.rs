use std::{collections::BTreeMap, sync::Arc, time::Duration};

use kruise_api::{
    apps::v1beta1::{CLONESETS, CloneSet},
    resource::{CONTROLLER_REVISIONS, ObjectKey, PERSISTENT_VOLUME_CLAIMS, PODS, Resource},
};
use kruise_plan::{
    InPlaceUpdate, PodRef,
    refused::{Asked, Refusal},
    workload::{IMAGE_PULL_JOBS, NewJob},
};
use kruise_runtime::{Metrics, OwnWrites, recorder};
use kruise_testkit::{
    builders,
    server::{ApiServer, Fault},
};
use rstest::rstest;
use serde_json::{Value, json};

use super::*;
use crate::{
    plan::{ClaimRef, Mark, OrphanClaim},
    test_server::{NAMESPACE, calls, client_of, fails, server_with},
};

const UID: &str = "uid-of-web";
/// The server's words where it conflicts, or has too much to do.
const MODIFIED: &str = "the object has been modified";
const THROTTLED: &str = "Too many requests";

/// The CloneSet, and what its plans are about.
fn cluster() -> ApiServer {
    let mut set = builders::cloneset("web", 1, &builders::template("web", &[("app", "app:1")]));
    set["metadata"]["uid"] = json!(UID);
    let pods = ["web-a", "web-b", "web-c"].map(|name| (PODS, object(name)));
    let claims = ["data-web-a", "data-x"].map(|name| (PERSISTENT_VOLUME_CLAIMS, object(name)));
    let revisions = ["web-1", "web-2"].map(|name| (CONTROLLER_REVISIONS, object(name)));
    let objects = [pods.as_slice(), &claims, &revisions].concat();
    let server = server_with([(CLONESETS, set)].into_iter().chain(objects));
    server.install_open(IMAGE_PULL_JOBS);
    server.put("setup", IMAGE_PULL_JOBS, object("web-1-app"));
    server
}

fn object(name: &str) -> Value {
    json!({ "metadata": { "name": name, "namespace": NAMESPACE, "uid": format!("u-{name}") } })
}

fn take_away(server: &ApiServer, resource: Resource, name: &str) {
    server.delete_now("setup", resource, &ObjectKey::new(NAMESPACE, name));
}

/// The server's words where a fault refuses a call about this pod.
fn refused(pod: &str) -> String {
    format!("pods \"{pod}\" is forbidden: a fault refuses it")
}

async fn carry_out(server: &ApiServer, plan: &Plan) -> (Result<(), StageError>, Found) {
    let client = client_of(server);
    let mut set = CloneSet::default();
    set.metadata.namespace = NAMESPACE.to_owned();
    set.metadata.name = "web".to_owned();
    set.metadata.uid = UID.to_owned();
    let snapshot = Snapshot {
        set: Arc::new(set),
        ..Snapshot::default()
    };
    let own_writes = OwnWrites::new(client.clone(), Duration::MAX, Metrics::unregistered());
    let (recorder, _events) = recorder("test", client.clone(), Metrics::unregistered());
    let writer = own_writes.writer(UID, client.clone());
    let execution = Execution::new(&snapshot, &client, writer, &recorder);
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

/// What `cluster` answers but for this.
fn failing(faults: &[(&'static str, Fault)]) -> ApiServer {
    let server = cluster();
    let rules = faults.iter().map(|(call, fault)| fails(call, *fault));
    server.faults().set(rules.collect());
    server
}

const STATUS: &str = "patch clonesets web/status";

// The status tells of what was seen, whatever became of the steps.
#[tokio::test(start_paused = true)]
async fn a_status_is_written_after_a_failed_step() {
    let server = failing(&[("delete pods web-b", Fault::Forbidden)]);
    let steps = ["web-a", "web-b", "web-c"].map(delete_pod);
    let (result, found) = carry_out(&server, &with_status(steps.into())).await;
    assert_eq!(result.unwrap_err().api_message(), refused("web-b"));
    assert_eq!(
        calls(&server),
        ["delete pods web-a", "delete pods web-b", STATUS]
    );
    let refusal = Refusal {
        uid: "u-web-b".to_owned(),
        asked: Asked::Deletion,
        why: refused("web-b"),
    };
    assert_eq!(found.refused_writes, [refusal]);
}

#[rstest]
#[case::of_both("delete pods web-a", "a fault refuses it")]
#[case::of_the_status("delete pods web-b", MODIFIED)]
#[tokio::test(start_paused = true)]
async fn a_steps_error_goes_before_that_of_the_status(
    #[case] refused: &'static str,
    #[case] told: &str,
) {
    let server = failing(&[(refused, Fault::Forbidden), (STATUS, Fault::Conflict)]);
    let (result, _) = carry_out(&server, &with_status(vec![delete_pod("web-a")])).await;
    let error = result.unwrap_err();
    assert!(error.api_message().contains(told), "{error:?}");
}

// DV-IP10: no failure, so that the status is all that is left to do.
#[tokio::test(start_paused = true)]
async fn a_refused_trial_of_a_resize_ends_the_steps() {
    let server = failing(&[("patch pods web-a/resize", Fault::Forbidden)]);
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
    assert_eq!(calls(&server), ["dry patch pods web-a/resize", STATUS]);
    let resize = ("u-web-a".to_owned(), refused("web-a"));
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

fn pod_of(owner: &str, claim: &str) -> Value {
    let volume = json!({ "name": "data", "persistentVolumeClaim": { "claimName": claim } });
    let owner = json!({
        "apiVersion": "apps.kruise.io/v1beta1", "kind": "CloneSet", "name": "web", "uid": owner,
    });
    let mut pod = object("web-a");
    pod["metadata"]["ownerReferences"] = json!([owner]);
    pod["spec"] = json!({ "volumes": [volume] });
    pod
}

const LOOK: &str = "get pods web-a";
const DELETED: &str = "delete persistentvolumeclaims data-web-a";

// CS-74, DV-CS17
#[rstest]
#[case::its_pod_is_gone(None, true)]
#[case::its_pod_is_ours(Some(pod_of(UID, "other")), false)]
#[case::its_pod_was_released(Some(pod_of("other", "data-web-a")), false)]
#[case::a_pod_of_its_name_is_anothers(Some(pod_of("other", "other")), true)]
#[tokio::test(start_paused = true)]
async fn a_claim_is_deleted_when_no_pod_can_have_it(
    #[case] live: Option<Value>,
    #[case] is_deleted: bool,
) {
    let server = cluster();
    take_away(&server, PODS, "web-a");
    if let Some(pod) = live {
        server.put("setup", PODS, pod);
    }
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
        "delete persistentvolumeclaims data-x",
        "patch controllerrevisions web-1",
        STATUS,
    ];
    assert_eq!(calls(&server), [first, &others].concat());
    let in_use = ("u-data-web-a".to_owned(), "web-a".to_owned());
    let (kept, expected) = if is_deleted {
        (0, vec![])
    } else {
        (1, vec![in_use])
    };
    assert_eq!(server.list(PERSISTENT_VOLUME_CLAIMS).len(), kept);
    assert_eq!(found.claims_in_use, expected);
}

// What is in a volume comes back with no later look.
#[rstest]
#[case::no_answer(LOOK, Fault::Throttled, THROTTLED, &[LOOK])]
#[case::refused(DELETED, Fault::Forbidden, "a fault refuses it", &[LOOK, DELETED])]
#[tokio::test(start_paused = true)]
async fn no_claim_is_deleted_after_a_failure(
    #[case] call: &'static str,
    #[case] fault: Fault,
    #[case] told: &str,
    #[case] made: &[&str],
) {
    let server = failing(&[(call, fault)]);
    take_away(&server, PODS, "web-a");
    let claims = vec![orphan("data-web-a", Some("web-a")), orphan("data-x", None)];
    let plan = Plan {
        status: None,
        ..with_status(vec![Step::DeleteOrphanClaims { claims }])
    };
    let (result, _) = carry_out(&server, &plan).await;
    let error = result.unwrap_err();
    assert!(error.api_message().contains(told), "{error:?}");
    assert_eq!(calls(&server), made);
    assert_eq!(server.list(PERSISTENT_VOLUME_CLAIMS).len(), 2);
}

// CS-74: it went by itself.
#[tokio::test(start_paused = true)]
async fn an_orphan_that_is_gone_is_no_failure() {
    let server = cluster();
    take_away(&server, PERSISTENT_VOLUME_CLAIMS, "data-web-a");
    let claims = vec![orphan("data-web-a", None), orphan("data-x", None)];
    let plan = with_status(vec![Step::DeleteOrphanClaims { claims }]);
    let (result, _) = carry_out(&server, &plan).await;
    result.unwrap();
    assert_eq!(calls(&server).len(), 3);
    assert!(server.list(PERSISTENT_VOLUME_CLAIMS).is_empty());
}

const REVISIONS: [&str; 2] = [
    "delete controllerrevisions web-1",
    "delete controllerrevisions web-2",
];
const NAMES: &str = "patch clonesets web";

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
#[case::the_first_of_a_kind_ends_it(&[(REVISIONS[0], Fault::Forbidden)], &[REVISIONS[0], NAMES], true)]
#[case::the_other_kind(&[(NAMES, Fault::Forbidden)], &[REVISIONS[0], REVISIONS[1], NAMES], true)]
#[case::one_that_is_gone(&[(REVISIONS[0], Fault::NotFound)], &[REVISIONS[0], REVISIONS[1], NAMES], false)]
#[case::one_that_was_changed(&[(NAMES, Fault::Conflict)], &[REVISIONS[0], REVISIONS[1], NAMES], false)]
#[tokio::test(start_paused = true)]
async fn what_cannot_be_tidied_up_fails_nothing(
    #[case] faults: &[(&'static str, Fault)],
    #[case] made: &[&str],
    #[case] is_found: bool,
) {
    let server = failing(faults);
    let (result, found) = carry_out(&server, &trims()).await;
    result.unwrap();
    assert_eq!(calls(&server), made);
    assert_eq!(found.failed_trim.is_some(), is_found, "{found:?}");
}

// The first that failed is told; the status is written all the same.
#[tokio::test(start_paused = true)]
async fn of_failed_trims_the_first_is_told() {
    let server = failing(&[(REVISIONS[1], Fault::Forbidden), (NAMES, Fault::Forbidden)]);
    let plan = Plan {
        status: Some(json!({})),
        ..trims()
    };
    let (result, found) = carry_out(&server, &plan).await;
    result.unwrap();
    let told = found.failed_trim.unwrap();
    assert!(
        told.contains("controllerrevisions.apps \"web-2\""),
        "{told}"
    );
    assert_eq!(calls(&server).last().unwrap(), STATUS);
}

const AHEAD: [&str; 3] = [
    "delete imagepulljobs web-1-app",
    "create imagepulljobs web-2-app",
    "patch controllerrevisions web-2",
];

fn images_ahead_of(steps: Vec<Step>) -> Plan {
    let mut job = object("web-2-app");
    job["apiVersion"] = json!("apps.kruise.io/v1beta1");
    job["kind"] = json!("ImagePullJob");
    let ahead = ImagesAhead {
        create: vec![NewJob {
            name: "web-2-app".to_owned(),
            body: job,
        }],
        delete: vec![("web-1-app".to_owned(), "u-web-1-app".to_owned())],
        mark: Some(Mark {
            revision: "web-2".to_owned(),
            patch: json!({}),
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
    let faults: Vec<_> = (refused.into_iter())
        .map(|call| (call, Fault::Forbidden))
        .collect();
    let server = failing(&faults);
    let plan = images_ahead_of(vec![delete_pod("web-a")]);
    let (result, found) = carry_out(&server, &plan).await;
    result.unwrap();
    let then = ["delete pods web-a", STATUS];
    assert_eq!(calls(&server), [&AHEAD[..], &then].concat());
    let refusals = server
        .requests()
        .into_iter()
        .filter(|it| it.code >= Some(400));
    assert_eq!(refusals.count(), faults.len());
    // It is tried again only where the mark itself is missing (CS-105).
    let unmarked = (refused == Some(AHEAD[2])).then(|| "web-2".to_owned());
    assert_eq!(found.unmarked, unmarked);
}

// CS-105: the next pass sees another revision, and marks that.
#[tokio::test(start_paused = true)]
async fn a_revision_that_was_changed_is_not_left_unmarked() {
    let server = failing(&[(AHEAD[2], Fault::Conflict)]);
    let (result, found) = carry_out(&server, &images_ahead_of(vec![])).await;
    result.unwrap();
    assert_eq!(found.unmarked, None);
}
