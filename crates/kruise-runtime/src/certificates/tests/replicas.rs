use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use rustls::pki_types::ServerName;

use super::cluster::{CRD, Cluster, Fault, Replica, SECRET, config};

const DAY: Duration = Duration::from_secs(86_400);

fn n_different(replicas: &[Replica]) -> usize {
    let mut served: Vec<_> = replicas
        .iter()
        .map(|replica| replica.served()[0].to_vec())
        .collect();
    served.sort();
    served.dedup();
    served.len()
}

fn near_the_end(cluster: &Cluster) -> Timestamp {
    let material = cluster.material().unwrap();
    material.authority.certificate.validity.not_after - 150 * DAY
}

#[tokio::test(start_paused = true)]
async fn twenty_replicas_that_start_together_end_with_one_authority() {
    let cluster = Cluster::new();
    let replicas: Vec<_> = (0..20).map(|id| cluster.start(id, config())).collect();
    cluster.pass(60).await;
    assert!(replicas.iter().all(Replica::is_ready));
    assert_eq!(n_different(&replicas), 1);
    let material = cluster.material().unwrap();
    assert_eq!(material.trusted().len(), 1);
    assert_eq!(cluster.bundles(), vec![material.bundle(); 4]);
    assert_eq!(cluster.violations(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_secret_that_was_installed_empty_is_filled() {
    let cluster = Cluster::new();
    cluster.put(SECRET, serde_json::json!({ "type": "Opaque" }));
    let replicas: Vec<_> = (0..2).map(|id| cluster.start(id, config())).collect();
    cluster.pass(30).await;
    assert!(replicas.iter().all(Replica::is_ready));
    assert_eq!(n_different(&replicas), 1);
    assert_eq!(cluster.object(SECRET).unwrap()["type"], "Opaque");
}

#[tokio::test(start_paused = true)]
async fn a_rotation_cuts_nobody_off() {
    let cluster = Cluster::new();
    let replicas: Vec<_> = (0..3).map(|id| cluster.start(id, config())).collect();
    cluster.pass(30).await;
    let before = cluster.material().unwrap();
    cluster.jump_to(near_the_end(&cluster));
    cluster.pass(400).await;
    let after = cluster.material().unwrap();
    assert_ne!(after.authority.certificate, before.authority.certificate);
    assert_eq!(after.retired, vec![before.authority.certificate.clone()]);
    assert_eq!(n_different(&replicas), 1);
    assert_eq!(
        replicas[0].served(),
        [after.serving.unwrap().certificate.der]
    );
    cluster.jump_to(cluster.now() + 2 * DAY);
    cluster.pass(60).await;
    assert!(cluster.material().unwrap().retired.is_empty());
    assert_eq!(
        cluster.bundles(),
        vec![vec![after.authority.certificate.der]; 4]
    );
    assert_eq!(cluster.violations(), [""; 0]);
}

/// One place that doesn't trust the new authority is enough to hold it back. All places must trust it for a minute.
#[tokio::test(start_paused = true)]
async fn an_authority_doesnt_sign_before_every_place_trusts_it() {
    let cluster = Cluster::new();
    let _replicas: Vec<_> = (0..2).map(|id| cluster.start(id, config())).collect();
    cluster.pass(30).await;
    let before = cluster.material().unwrap();
    cluster.on_request(|_, call| {
        let is_refused = call.path == CRD && call.method == http::Method::PATCH;
        if is_refused {
            Fault::Refused(403)
        } else {
            Fault::None
        }
    });
    cluster.jump_to(near_the_end(&cluster));
    cluster.pass(300).await;
    let announced = cluster.material().unwrap();
    assert!(announced.next.is_some());
    assert_eq!(
        announced.authority.certificate,
        before.authority.certificate
    );
    cluster.on_request(|_, _| Fault::None);
    cluster.pass(55).await;
    assert!(cluster.material().unwrap().next.is_some());
    cluster.pass(60).await;
    let promoted = cluster.material().unwrap().authority.certificate;
    assert_eq!(promoted, announced.next.unwrap().certificate);
    assert_eq!(cluster.violations(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn deleting_the_secret_gets_new_keys_without_an_interruption() {
    let cluster = Cluster::new();
    let replicas: Vec<_> = (0..3).map(|id| cluster.start(id, config())).collect();
    cluster.pass(30).await;
    let before = cluster.material().unwrap();
    cluster.delete(SECRET);
    cluster.pass(400).await;
    let after = cluster.material().unwrap();
    assert!(!before.trusts(&after.authority.certificate));
    assert_eq!(n_different(&replicas), 1);

    cluster.delete(SECRET);
    cluster.pass(400).await;
    let again = cluster.material().unwrap();
    assert!(!after.trusts(&again.authority.certificate));
    assert_eq!(again.trusted().len(), 3);
    assert_eq!(n_different(&replicas), 1);
    assert_eq!(cluster.violations(), [""; 0]);
}

/// Taking the keys of the certificate out of the Secret asks for another one by the same authority.
#[tokio::test(start_paused = true)]
async fn removing_the_certificate_gets_another_without_an_interruption() {
    let cluster = Cluster::new();
    let replicas: Vec<_> = (0..3).map(|id| cluster.start(id, config())).collect();
    cluster.pass(30).await;
    let before = cluster.material().unwrap();
    cluster.edit(SECRET, |secret| {
        let data = secret["data"].as_object_mut().unwrap();
        data.retain(|key, _| {
            !["cert.pem", "key.pem", "tls.crt", "tls.key"].contains(&key.as_str())
        });
    });
    cluster.pass(30).await;
    let after = cluster.material().unwrap();
    assert_eq!(after.authority.certificate, before.authority.certificate);
    assert_ne!(
        after.serving.unwrap().certificate.der,
        before.serving.unwrap().certificate.der
    );
    assert_eq!(n_different(&replicas), 1);
    assert_eq!(cluster.violations(), [""; 0]);
}

/// Somebody puts other certificates into the Secret: they are served once they are trusted.
#[tokio::test(start_paused = true)]
async fn a_foreign_secret_is_taken_over_without_an_interruption() {
    let elsewhere = Cluster::new();
    let other = elsewhere.start(0, config());
    elsewhere.pass(5).await;
    let cluster = Cluster::new();
    let replica = cluster.start(0, config());
    cluster.pass(30).await;
    cluster.put(SECRET, elsewhere.object(SECRET).unwrap());
    cluster.pass(20).await;
    assert_ne!(replica.served(), other.served());
    cluster.pass(200).await;
    assert_eq!(replica.served(), other.served());
    assert_eq!(cluster.violations(), [""; 0]);
}

/// The process dies at its nth write, before or after it is carried out, and comes back.
#[tokio::test(start_paused = true)]
async fn a_crash_at_any_write_changes_nothing_in_the_end() {
    for fault in [Fault::Hang, Fault::AnswerLost] {
        for nth in 0..12 {
            let cluster = Cluster::new();
            let crashed = Arc::new(tokio::sync::Notify::new());
            let mut n = 0;
            cluster.on_request({
                let crashed = Arc::clone(&crashed);
                move |_, call| {
                    if call.method == http::Method::GET {
                        return Fault::None;
                    }
                    n += 1;
                    if n == nth + 1 {
                        crashed.notify_one();
                        return fault;
                    }
                    Fault::None
                }
            });
            let restart = async {
                let first = cluster.start(0, config());
                crashed.notified().await;
                first.crash();
                cluster.start(1, config())
            };
            let story = async {
                cluster.pass(30).await;
                let before = cluster.material().unwrap();
                cluster.jump_to(near_the_end(&cluster));
                cluster.pass(400).await;
                before
            };
            let (second, before) = tokio::join!(restart, story);
            let after = cluster.material().unwrap();
            assert!(second.is_ready(), "{fault:?} {nth}");
            assert!(
                !before.trusts(&after.authority.certificate),
                "{fault:?} {nth}"
            );
            assert_eq!(
                cluster.bundles(),
                vec![after.bundle(); 4],
                "{fault:?} {nth}"
            );
            assert_eq!(cluster.violations(), [""; 0], "{fault:?} {nth}");
        }
    }
}

/// A whole handshake, on both sides of a swap.
#[tokio::test(start_paused = true)]
async fn connections_get_the_certificate_of_the_moment() {
    let cluster = Cluster::new();
    let replica = cluster.start(0, config());
    assert!(replica.certificates.resolver().current().is_none());
    cluster.pass(10).await;
    let first = handshake(&cluster, &replica);
    cluster.delete(SECRET);
    cluster.pass(300).await;
    let second = handshake(&cluster, &replica);
    assert_ne!(first, second);
    assert_eq!(second, replica.served()[0].to_vec());
}

/// Returns what the server presented to a client that trusts the CRD's bundle.
fn handshake(cluster: &Cluster, replica: &Replica) -> Vec<u8> {
    #[derive(Debug)]
    struct At(Timestamp);
    impl rustls::time_provider::TimeProvider for At {
        fn current_time(&self) -> Option<rustls::pki_types::UnixTime> {
            let seconds = Duration::from_secs(self.0.as_second().unsigned_abs());
            Some(rustls::pki_types::UnixTime::since_unix_epoch(seconds))
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let server = rustls::ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_cert_resolver(replica.certificates.resolver());
    let mut roots = rustls::RootCertStore::empty();
    for authority in &cluster.bundles()[0] {
        roots.add(authority.clone()).unwrap();
    }
    let time = Arc::new(At(cluster.now()));
    let client = rustls::ClientConfig::builder_with_details(provider, time)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from("kruise-app-conversion-service.ns.svc").unwrap();
    let mut client = rustls::ClientConnection::new(Arc::new(client), name).unwrap();
    let mut server = rustls::ServerConnection::new(Arc::new(server)).unwrap();
    while client.is_handshaking() || server.is_handshaking() {
        let mut wire = vec![];
        client.write_tls(&mut wire).unwrap();
        server.read_tls(&mut wire.as_slice()).unwrap();
        server.process_new_packets().unwrap();
        let mut wire = vec![];
        server.write_tls(&mut wire).unwrap();
        client.read_tls(&mut wire.as_slice()).unwrap();
        client.process_new_packets().unwrap();
    }
    client.peer_certificates().unwrap()[0].to_vec()
}
