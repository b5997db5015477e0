use std::{path::Path, time::Duration};

use serde_json::{Value, json};

use super::cluster::{Cluster, SECRET, config, start_time};
use crate::certificates::{
    CertificatesConfig, Lifetimes, Mode, authority::Authority, names::ServingNames,
    serving::Serving,
};

fn make() -> (String, Serving) {
    let lifetimes = Lifetimes::default();
    let names = ServingNames::of_services("ns", ["kruise-app-webhook-service"]);
    let authority = Authority::generate(start_time(), &lifetimes).unwrap();
    let serving = authority.sign(&names, start_time(), &lifetimes).unwrap();
    (authority.certificate.to_pem(), serving)
}

fn write(directory: &Path, (authority, serving): &(String, Serving)) {
    std::fs::write(directory.join("tls.crt"), &serving.chain_pem).unwrap();
    std::fs::write(directory.join("tls.key"), &serving.key_pem).unwrap();
    std::fs::write(directory.join("ca.crt"), authority).unwrap();
}

/// Files are read by another thread, which the paused clock doesn't wait for.
async fn wait(cluster: &Cluster, seconds: u64) {
    for _ in 0..seconds {
        cluster.pass(1).await;
        tokio::task::spawn_blocking(|| std::thread::sleep(Duration::from_millis(2)))
            .await
            .unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn files_are_served_trusted_and_read_again() {
    let directory = tempfile::tempdir().unwrap();
    let (one, two) = (make(), make());
    let cluster = Cluster::new();
    let config = CertificatesConfig {
        mode: Mode::Files(directory.path().to_owned()),
        ..config()
    };
    let replica = cluster.start(0, config);
    wait(&cluster, 5).await;
    assert!(!replica.is_ready());
    let status = replica.certificates.ready().borrow().to_string();
    assert!(status.contains("tls.crt"), "{status}");

    write(directory.path(), &one);
    wait(&cluster, 30).await;
    assert!(replica.is_ready());
    assert_eq!(replica.served(), vec![one.1.certificate.der.clone()]);
    let encoded = cluster.bundles();
    assert!(encoded.iter().all(|bundle| bundle.len() == 1));

    // Half-way: the key isn't the certificate's.
    std::fs::write(directory.path().join("tls.key"), &two.1.key_pem).unwrap();
    wait(&cluster, 30).await;
    assert_eq!(replica.served(), vec![one.1.certificate.der.clone()]);
    write(directory.path(), &two);
    wait(&cluster, 60).await;
    assert_eq!(replica.served(), vec![two.1.certificate.der.clone()]);
    assert_ne!(cluster.bundles(), encoded);
    assert_eq!(cluster.object(SECRET), None);
}

#[tokio::test(start_paused = true)]
async fn without_authorities_in_files_no_place_is_written() {
    let directory = tempfile::tempdir().unwrap();
    write(directory.path(), &make());
    std::fs::remove_file(directory.path().join("ca.crt")).unwrap();
    let cluster = Cluster::new();
    let config = CertificatesConfig {
        mode: Mode::Files(directory.path().to_owned()),
        ..config()
    };
    let replica = cluster.start(0, config);
    wait(&cluster, 60).await;
    assert!(replica.is_ready());
    assert_eq!(cluster.n_writes(), 0);
}

/// PF-S7.
#[tokio::test(start_paused = true)]
async fn external_certificates_are_waited_for_and_nothing_is_written() {
    use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
    let (authority, serving) = make();
    let cluster = Cluster::new();
    let config = CertificatesConfig {
        mode: Mode::External,
        ..config()
    };
    let replica = cluster.start(0, config);
    cluster.pass(20).await;
    let status = replica.certificates.ready().borrow().to_string();
    assert!(
        status.contains("Secret ns/kruise-app-webhook-certs is missing"),
        "{status}"
    );

    let data = json!({
        "tls.crt": BASE64.encode(&serving.chain_pem),
        "tls.key": BASE64.encode(&serving.key_pem),
        "ca.crt": BASE64.encode(&authority),
    });
    cluster.put(SECRET, json!({ "data": data }));
    cluster.pass(40).await;
    assert_eq!(replica.served(), vec![serving.certificate.der.clone()]);
    assert!(!replica.is_ready(), "the places don't trust it yet");

    let inject = |config: &mut Value| config["caBundle"] = data["ca.crt"].clone();
    cluster.edit(super::cluster::CRD, |crd| {
        inject(&mut crd["spec"]["conversion"]["webhook"]["clientConfig"]);
    });
    for path in [super::cluster::MUTATING, super::cluster::VALIDATING] {
        cluster.edit(path, |object| {
            for entry in object["webhooks"].as_array_mut().unwrap() {
                inject(&mut entry["clientConfig"]);
            }
        });
    }
    cluster.pass(40).await;
    assert!(replica.is_ready());
    assert_eq!(cluster.n_writes(), 0);
}
