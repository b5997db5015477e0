//! Which workload a reference means (PB-25), row by row.

use kruise_api::{apps, meta::OwnerReference, policy};
use kruise_workload::{FindError, Reference, Replicas, Workload};
use rstest::rstest;
use serde_json::{Value, json};

use crate::table::{
    NAMESPACE, Table, deleting, deployment, merge, object, owner, replica_set_of, workload,
};

fn reference(api_version: &str, kind: &str, name: &str) -> Reference {
    Reference {
        api_version: api_version.to_owned(),
        kind: kind.to_owned(),
        namespace: NAMESPACE.to_owned(),
        name: name.to_owned(),
        uid: None,
    }
}

fn with_uid(reference: Reference, uid: &str) -> Reference {
    Reference {
        uid: Some(uid.into()),
        ..reference
    }
}

async fn find(table: Table, reference: Reference) -> Result<Option<Workload>, FindError> {
    table.finder().find(&reference).await
}

/// Group, kind, name, replicas, and the text of the selector.
type Facts = (String, String, String, Replicas, Option<String>);

fn facts(workload: &Workload) -> Facts {
    let selector = workload.selector.as_ref().map(ToString::to_string);
    (
        workload.group.clone(),
        workload.kind.clone(),
        workload.name.clone(),
        workload.replicas,
        selector,
    )
}

fn of(group: &str, kind: &str, name: &str, replicas: i32, selector: Option<&str>) -> Facts {
    let replicas = match replicas {
        -1 => Replicas::Unknown,
        known => Replicas::Known(known),
    };
    let selector = selector.map(str::to_owned);
    (
        group.to_owned(),
        kind.to_owned(),
        name.to_owned(),
        replicas,
        selector,
    )
}

/// PB-25, steps 1, 2, 4, 5 and 6: nobody is asked, and the version plays no role (PF-404).
#[rstest]
#[case::step_1("v1", "ReplicationController", None)]
#[case::step_2("apps/v1", "Deployment", Some("app=a"))]
#[case::step_2_in_another_version("apps/v1beta2", "Deployment", Some("app=a"))]
#[case::step_4("apps/v1", "StatefulSet", Some("app=a"))]
#[case::step_5("apps.kruise.io/v1beta1", "CloneSet", Some("app=a"))]
#[case::step_5_in_another_version("apps.kruise.io/v1alpha1", "CloneSet", Some("app=a"))]
#[case::step_6("apps.kruise.io/v1beta1", "StatefulSet", Some("app=a"))]
#[case::step_6_in_another_version("apps.kruise.io/v1alpha1", "StatefulSet", Some("app=a"))]
#[tokio::test]
async fn kinds_that_are_indexed_are_found_there(
    #[case] api_version: &str,
    #[case] kind: &str,
    #[case] selector: Option<&str>,
) {
    let group = api_version.split_once('/').map_or("", |(group, _)| group);
    let stored = match group {
        "" => "v1",
        "apps" => "apps/v1",
        _ => "apps.kruise.io/v1beta1",
    };
    let mut stored = workload(stored, kind, "a", 4);
    if kind == "ReplicationController" {
        // Its selector is a map, and the map may have any key.
        stored["spec"]["selector"] = json!({ "app": "a", "matchLabels": "x" });
    }
    let table = Table::of([stored]);
    let asked = table.asked.clone();
    let finder = table.finder();

    let found = finder.find(&reference(api_version, kind, "a")).await;
    let found = found.unwrap().unwrap();
    assert_eq!(facts(&found), of(group, kind, "a", 4, selector));
    assert_eq!(
        (found.uid.as_str(), found.namespace.as_str()),
        ("a-uid", "ns")
    );
    assert!(!found.deleting);
    // PB-51
    assert!(
        found
            .template_labels
            .get("app")
            .is_some_and(|app| app == "a")
    );

    let absent = finder.find(&reference(api_version, kind, "b")).await;
    assert_eq!(absent.unwrap(), None);
    assert_eq!(*asked.lock().unwrap(), [""; 0]);
}

/// PB-25: the group is matched, and the kind.
#[rstest]
#[case("apps/v1", "ReplicationController")]
#[case("v1", "Deployment")]
#[case("apps.kruise.io/v1beta1", "Deployment")]
#[case("acme.io/v1", "CloneSet")]
#[case("apps/v1", "deployment")]
#[tokio::test]
async fn a_kind_of_another_group_is_another_kind(#[case] api_version: &str, #[case] kind: &str) {
    let table = Table::of([
        workload("v1", "ReplicationController", "a", 1),
        deployment("a", 2),
        workload("apps.kruise.io/v1beta1", "CloneSet", "a", 3),
    ]);
    assert_eq!(
        find(table, reference(api_version, kind, "a"))
            .await
            .unwrap(),
        None
    );
}

/// PB-25, step 3.
#[rstest]
#[case::nobodys(json!([]), of("apps", "ReplicaSet", "r", 2, None))]
#[case::of_a_deployment(
    json!([owner("apps/v1", "Deployment", "d")]),
    of("apps", "Deployment", "d", 5, Some("app=d"))
)]
#[case::of_another_kind(
    json!([owner("acme.io/v1", "Rollout", "d")]),
    of("apps", "ReplicaSet", "r", 2, None)
)]
#[case::owned_and_not_managed(
    json!([{ "apiVersion": "apps/v1", "kind": "Deployment", "name": "d", "uid": "d-uid" }]),
    of("apps", "ReplicaSet", "r", 2, None)
)]
// Steps 3 and 9: what the owner reference names must be it.
#[case::of_a_deployment_that_is_gone(
    json!([owner("apps/v1", "Deployment", "gone")]),
    of("apps", "ReplicaSet", "r", -1, None)
)]
#[case::of_a_deployment_that_was_made_anew(
    json!([{ "apiVersion": "apps/v1", "kind": "Deployment", "name": "d", "uid": "old", "controller": true }]),
    of("apps", "ReplicaSet", "r", -1, None)
)]
#[case::of_a_deployment_of_others(
    json!([owner("acme.io/v1", "Deployment", "d")]),
    of("apps", "ReplicaSet", "r", -1, None)
)]
#[tokio::test]
async fn a_replica_set_stands_for_its_deployment(#[case] owners: Value, #[case] expected: Facts) {
    let mut replica_set = workload("apps/v1", "ReplicaSet", "r", 2);
    replica_set["metadata"]["ownerReferences"] = owners;
    let table = Table::of([deployment("d", 5), replica_set]);
    for reference in [
        reference("apps/v1", "ReplicaSet", "r"),
        with_uid(reference("apps/v1", "ReplicaSet", "r"), "r-uid"),
    ] {
        let found = find(table.clone(), reference).await.unwrap().unwrap();
        assert_eq!(facts(&found), expected);
        let uid = format!("{}-uid", found.name);
        assert_eq!(found.uid, uid);
    }
}

/// PB-25: an object whose UID differs is not found by steps 1 to 8; step 9 finds it all the same, with an unknown scale.
#[rstest]
#[case("v1", "ReplicationController")]
#[case("apps/v1", "Deployment")]
#[case("apps/v1", "ReplicaSet")]
#[case("apps/v1", "StatefulSet")]
#[case("apps.kruise.io/v1beta1", "CloneSet")]
#[case("apps.kruise.io/v1beta1", "StatefulSet")]
#[case("acme.io/v1", "Listed")]
#[case("acme.io/v1", "Scaled")]
#[case("acme.io/v1", "Plain")]
#[tokio::test]
async fn an_owner_that_was_made_anew_has_an_unknown_scale(
    #[case] api_version: &str,
    #[case] kind: &str,
) {
    let mut anew = workload(api_version, kind, "a", 4);
    merge(&mut anew, &deleting());
    let mut table = Table::of([anew]).white_list(LISTED);
    if kind == "Scaled" {
        table = table.scale("a", json!({ "replicas": 4 }));
    }
    let asked = reference(api_version, kind, "a");
    let found = find(table.clone(), with_uid(asked.clone(), "old")).await;
    let found = found.unwrap().unwrap();
    assert_eq!(
        (found.replicas, found.uid.as_str()),
        (Replicas::Unknown, "a-uid")
    );
    assert_eq!((found.deleting, found.selector), (false, None));

    let found = find(table.clone(), with_uid(asked, "a-uid")).await;
    let expected = match kind {
        "Plain" => Replicas::Unknown,
        _ => Replicas::Known(4),
    };
    assert_eq!(found.unwrap().unwrap().replicas, expected);

    let gone = with_uid(reference(api_version, kind, "gone"), "old");
    assert_eq!(find(table, gone).await.unwrap(), None);
}

/// PB-25: of kinds 1 to 6 it is told whether they are being deleted, of others it is not looked at.
#[rstest]
#[case("v1", "ReplicationController", true)]
#[case("apps/v1", "Deployment", true)]
#[case("apps/v1", "ReplicaSet", true)]
#[case("apps/v1", "StatefulSet", true)]
#[case("apps.kruise.io/v1beta1", "CloneSet", true)]
#[case("apps.kruise.io/v1beta1", "StatefulSet", true)]
#[case("acme.io/v1", "Listed", false)]
#[case("acme.io/v1", "Scaled", false)]
#[case("acme.io/v1", "Plain", false)]
#[tokio::test]
async fn a_workload_on_its_way_out(
    #[case] api_version: &str,
    #[case] kind: &str,
    #[case] is_told: bool,
) {
    let mut object = workload(api_version, kind, "a", 4);
    merge(&mut object, &deleting());
    let mut table = Table::of([object]).white_list(LISTED);
    if kind == "Scaled" {
        table = table.scale("a", json!({ "replicas": 4 }));
    }
    let found = find(table, reference(api_version, kind, "a")).await;
    assert_eq!(found.unwrap().unwrap().deleting, is_told);
}

/// DV-PB4, PB-21: unset replicas count as the API's default.
#[rstest]
#[case("v1", "ReplicationController")]
#[case("apps/v1", "Deployment")]
#[case("apps/v1", "ReplicaSet")]
#[case("apps/v1", "StatefulSet")]
#[case("apps.kruise.io/v1beta1", "CloneSet")]
#[case("apps.kruise.io/v1beta1", "StatefulSet")]
#[tokio::test]
async fn who_does_not_say_how_many_wants_one(#[case] api_version: &str, #[case] kind: &str) {
    for spec in [json!({}), json!({ "replicas": null }), json!(null)] {
        let object = object(api_version, kind, "a", json!({ "spec": spec }));
        let found = find(Table::of([object]), reference(api_version, kind, "a")).await;
        assert_eq!(found.unwrap().unwrap().replicas, Replicas::Known(1));
    }
}

const LISTED: &str =
    r#"{ "workloads": [{ "Group": "acme.io", "Version": "v1", "Kind": "Listed" }] }"#;

/// PB-25, steps 7 to 9, in this order.
#[rstest]
#[case::step_7("Listed", json!({ "replicas": 3 }), None, 3, None)]
#[case::step_7_without_replicas("Listed", json!({}), None, 0, None)]
// A kind in the list has no selector, even if its scale has one.
#[case::step_7_before_8("Listed", json!({ "replicas": 3 }), Some(json!({ "replicas": 9, "selector": "app=x" })), 3, None)]
#[case::step_8("Other", json!({ "replicas": 3 }), Some(json!({ "replicas": 9, "selector": "app=x" })), 9, Some("app in (x)"))]
#[case::step_8_without_replicas("Other", json!({}), Some(json!({})), 0, None)]
#[case::step_9("Other", json!({ "replicas": 3 }), None, -1, None)]
#[tokio::test]
async fn kinds_of_others(
    #[case] kind: &str,
    #[case] spec: Value,
    #[case] scale: Option<Value>,
    #[case] replicas: i32,
    #[case] selector: Option<&str>,
) {
    let object = object("acme.io/v1", kind, "a", json!({ "spec": spec }));
    let mut table = Table::of([object]).white_list(LISTED);
    if let Some(scale) = scale {
        table = table.scale("a", scale);
    }
    // The version in the list plays no role, either.
    for api_version in ["acme.io/v1", "acme.io/v2"] {
        let found = find(table.clone(), reference(api_version, kind, "a")).await;
        let expected = of("acme.io", kind, "a", replicas, selector);
        assert_eq!(facts(&found.unwrap().unwrap()), expected);
    }
    let absent = find(table, reference("acme.io/v1", kind, "b")).await;
    assert_eq!(absent.unwrap(), None);
}

/// PB-25: an error other than "not found" ends the search, and says what was asked.
#[rstest]
#[case::of_step_8("scale", 409, "refused")]
#[case::of_step_8_forbidden("scale", 403, "forbidden")]
#[case::of_an_unknown_kind("scale", 404, "unknown_kind")]
#[case::of_step_9("object", 409, "refused")]
#[case::of_step_9_forbidden("object", 403, "forbidden")]
#[tokio::test]
async fn errors_end_the_search(
    #[case] call: &'static str,
    #[case] code: u16,
    #[case] category: &str,
) {
    let object = object("acme.io/v1", "Other", "a", json!({}));
    let table = Table::of([object]).refuse(call, code);
    let asked = table.asked.clone();
    let error = find(table, reference("acme.io/v1", "Other", "a"))
        .await
        .unwrap_err();
    assert_eq!(error.category(), category);
    assert_eq!(error.to_string(), "can't find acme.io/v1 Other ns/a");
    assert_eq!(asked.lock().unwrap().last(), Some(&call));
}

/// PF-149, PB-25 step 7: a list that can't be read is an error for those who need it.
#[tokio::test]
async fn a_broken_white_list_matters_to_kinds_of_others_alone() {
    let objects = [
        deployment("d", 2),
        object("acme.io/v1", "Other", "a", json!({})),
    ];
    let table = Table::of(objects).white_list("{");
    let error = find(table.clone(), reference("acme.io/v1", "Other", "a")).await;
    assert_eq!(error.unwrap_err().category(), "white_list");
    let found = find(table, reference("apps/v1", "Deployment", "d")).await;
    assert!(found.unwrap().is_some());
}

/// DV-PB8: step 9 learns nothing but the UID, so a process that may not read the object goes by that of the reference.
#[tokio::test]
async fn what_may_not_be_read_exists() {
    let object = object("acme.io/v1", "Other", "a", json!({}));
    let table = Table::of([object]).refuse("object", 403);
    let asked = with_uid(reference("acme.io/v1", "Other", "a"), "u");
    let found = find(table, asked).await.unwrap().unwrap();
    assert_eq!(
        (found.replicas, found.uid.as_str()),
        (Replicas::Unknown, "u")
    );
}

/// PB-17, PB-24: a pod's owner is asked for by name alone, or as that very object.
#[tokio::test]
async fn an_owner_is_asked_for_with_its_uid_or_without() {
    let owner: OwnerReference =
        serde_json::from_value(owner("apps/v1", "ReplicaSet", "r")).unwrap();
    let mut anew = replica_set_of("d", "r", 2);
    anew["metadata"]["uid"] = json!("new");
    let table = Table::of([deployment("d", 5), anew]);
    let found = find(table.clone(), Reference::to_owner(NAMESPACE, &owner)).await;
    assert_eq!(found.unwrap().unwrap().kind, "Deployment");
    let found = find(table, Reference::to_very_owner(NAMESPACE, &owner)).await;
    let found = found.unwrap().unwrap();
    assert_eq!(
        (found.kind.as_str(), found.replicas),
        ("ReplicaSet", Replicas::Unknown)
    );
}

/// PB-17: by group, kind and name.
#[tokio::test]
async fn a_workload_is_a_target() {
    let found = find(
        Table::of([deployment("d", 5)]),
        reference("apps/v1", "Deployment", "d"),
    );
    let found = found.await.unwrap().unwrap();
    for (api_version, kind, name, is_target) in [
        ("apps/v1", "Deployment", "d", true),
        ("apps/v1beta1", "Deployment", "d", true),
        ("v1", "Deployment", "d", false),
        ("apps/v1", "StatefulSet", "d", false),
        ("apps/v1", "Deployment", "e", false),
    ] {
        let of_budget = policy::v1beta1::TargetReference {
            api_version: api_version.to_owned(),
            kind: kind.to_owned(),
            name: name.to_owned(),
            ..Default::default()
        };
        assert_eq!(found.is_target(&of_budget), is_target, "{of_budget:?}");
        let of_spread = apps::v1beta1::TargetReference {
            api_version: api_version.to_owned(),
            kind: kind.to_owned(),
            name: name.to_owned(),
            ..Default::default()
        };
        assert_eq!(found.is_target(&of_spread), is_target, "{of_spread:?}");
    }
}

/// Objects of another namespace are others.
#[tokio::test]
async fn a_workload_is_in_its_namespace() {
    let asked = Reference {
        namespace: "other".to_owned(),
        ..reference("apps/v1", "Deployment", "d")
    };
    assert_eq!(
        find(Table::of([deployment("d", 5)]), asked).await.unwrap(),
        None
    );
}
