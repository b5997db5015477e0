use std::time::Duration;

use serde_json::json;

use super::cluster::{CRD, Cluster, Fault, MUTATING, SECRET, VALIDATING, config};
use crate::{
    certificates::CertificatesConfig,
    leader::election::{Election, ElectionConfig},
    tell::metrics::Metrics,
};

#[tokio::test(start_paused = true)]
async fn all_places_are_written_once_and_then_left_alone() {
    let cluster = Cluster::new();
    let replica = cluster.start(0, config());
    cluster.pass(5).await;
    assert!(replica.is_ready());
    let material = cluster.material().unwrap();
    assert_eq!(cluster.bundles(), vec![material.bundle(); 4]);
    let crd = cluster.object(CRD).unwrap();
    assert_eq!(
        crd["spec"]["conversion"]["webhook"]["clientConfig"]["service"],
        json!({ "namespace": "ns", "name": "kruise-app-conversion-service",
            "path": "/convert", "port": 443 })
    );
    let entry = &cluster.object(MUTATING).unwrap()["webhooks"][1];
    assert_eq!(
        entry["clientConfig"]["service"],
        json!({ "namespace": "ns", "name": "kruise-app-webhook-service", "path": "/my" })
    );
    assert_eq!(entry["sideEffects"], "None");
    // PF-S1: the bundle is what the Secret calls the authority.
    let secret = cluster.object(SECRET).unwrap();
    assert_eq!(
        entry["clientConfig"]["caBundle"],
        secret["data"]["ca-cert.pem"]
    );
    let written = cluster.n_writes();
    assert_eq!(written, 4);
    cluster.pass(600).await;
    assert_eq!(
        cluster.n_writes(),
        written,
        "a settled object is never written"
    );
}

#[tokio::test(start_paused = true)]
async fn foreign_edits_are_put_right() {
    let cluster = Cluster::new();
    let _replica = cluster.start(0, config());
    cluster.pass(5).await;
    let right = cluster.bundles();
    cluster.edit(CRD, |crd| {
        crd["spec"]["conversion"]["webhook"]["clientConfig"]["caBundle"] = json!("b2xk");
    });
    cluster.edit(VALIDATING, |object| {
        object["webhooks"][0]["clientConfig"]["service"]["name"] = json!("elsewhere");
    });
    // PF-1004: after 60 s at the latest.
    cluster.pass(60).await;
    assert_eq!(cluster.bundles(), right);
    assert_eq!(
        cluster.object(VALIDATING).unwrap()["webhooks"][0]["clientConfig"]["service"]["name"],
        "kruise-app-webhook-service"
    );
}

#[tokio::test(start_paused = true)]
async fn what_is_missing_is_normal_and_picked_up_when_it_appears() {
    let cluster = Cluster::empty();
    let replica = cluster.start(0, config());
    cluster.pass(5).await;
    assert!(replica.is_ready());
    let status = replica.certificates.ready().borrow().to_string();
    assert!(
        status.contains("caBundle live in 0 objects; not there: "),
        "{status}"
    );
    let later = Cluster::new();
    for path in [CRD, MUTATING, VALIDATING] {
        cluster.put(path, later.object(path).unwrap());
    }
    cluster.pass(60).await;
    let bundle = cluster.material().unwrap().bundle();
    assert_eq!(cluster.bundles(), vec![bundle; 4]);
    let status = replica.certificates.ready().borrow().to_string();
    assert!(status.ends_with("caBundle live in 3 objects"), "{status}");
}

#[tokio::test(start_paused = true)]
async fn a_crd_without_conversion_stays_so() {
    let cluster = Cluster::new();
    let none = json!({ "spec": { "conversion": { "strategy": "None" } } });
    cluster.put(CRD, none.clone());
    let replica = cluster.start(0, config());
    cluster.pass(60).await;
    assert!(replica.is_ready());
    assert_eq!(cluster.object(CRD).unwrap()["spec"], none["spec"]);
}

#[tokio::test(start_paused = true)]
async fn a_conflict_is_tried_again() {
    let cluster = Cluster::new();
    let mut left = 3;
    cluster.on_request(move |_, call| {
        let hit = call.path == CRD && call.method == http::Method::PATCH && left > 0;
        left -= usize::from(hit);
        if hit {
            Fault::Refused(409)
        } else {
            Fault::None
        }
    });
    let replica = cluster.start(0, config());
    cluster.pass(10).await;
    assert!(replica.is_ready());
}

/// PF-1006: what may not be written keeps a new replica from being ready, and says why; one that was
/// ready stays so.
#[tokio::test(start_paused = true)]
async fn a_place_that_cant_be_written_is_told() {
    let cluster = Cluster::new();
    let old = cluster.start(0, config());
    cluster.pass(5).await;
    cluster.on_request(|_, call| {
        if call.path == CRD && call.method == http::Method::PATCH {
            Fault::Refused(403)
        } else {
            Fault::None
        }
    });
    cluster.edit(CRD, |crd| {
        crd["spec"]["conversion"]["webhook"]["clientConfig"]["caBundle"] = json!("b2xk");
    });
    let new = cluster.start(1, config());
    cluster.pass(60).await;
    assert!(old.is_ready());
    assert!(!new.is_ready());
    let status = new.certificates.ready().borrow().to_string();
    assert!(
        status.contains("can't write the caBundle of customresourcedefinitions"),
        "{status}"
    );
    assert_eq!(
        cluster.bundles()[1..],
        vec![cluster.material().unwrap().bundle(); 3]
    );
}

/// OpenKruise's manager keeps its CRDs as long as it is alive.
#[tokio::test(start_paused = true)]
async fn crds_are_left_to_a_manager_that_is_alive() {
    let cluster = Cluster::new();
    let lease = "/apis/coordination.k8s.io/v1/namespaces/ns/leases/kruise-manager";
    let holder = json!({ "holderIdentity": "manager", "leaseDurationSeconds": 60 });
    cluster.put(lease, json!({ "spec": holder }));
    let election = ElectionConfig {
        enabled: true,
        namespace: "ns".into(),
        name: "app".into(),
        lease_duration: Duration::from_secs(15),
        renew_deadline: Duration::from_secs(10),
        retry_period: Duration::from_secs(2),
        allow_kruise_manager: false,
    };
    let election = Election::new(election, cluster.client(0), Metrics::unregistered());
    let config = CertificatesConfig {
        yield_to_manager: Some(election.leadership()),
        ..config()
    };
    let before = cluster.object(CRD);
    let replica = cluster.start(0, config);
    cluster.pass(50).await;
    assert_eq!(cluster.object(CRD), before);
    assert_eq!(
        cluster.bundles()[1..],
        vec![cluster.material().unwrap().bundle(); 3]
    );
    assert!(replica.is_ready());
    let status = replica.certificates.ready().borrow().to_string();
    assert!(status.contains("left to kruise-manager"), "{status}");
    cluster.pass(60).await;
    assert_eq!(cluster.bundles()[0], cluster.material().unwrap().bundle());
}
