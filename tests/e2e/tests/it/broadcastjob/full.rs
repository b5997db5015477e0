//! What is too dear for every day: a cluster that has nothing else of ours.

use std::{fs, process::Output, time::Duration};

use e2e::{
    cluster::{self, succeeded, xtask},
    wait::eventually,
};
use serde_json::{Value, json};

use super::job;

fn done(output: anyhow::Result<Output>) -> String {
    succeeded(&output.unwrap()).unwrap()
}

/// A cluster beside that of the other tests, which is taken away whatever happens.
struct Alone(String);

impl Drop for Alone {
    fn drop(&mut self) {
        let down = xtask(&["cluster", "down", "--name", &self.0]);
        if let Err(error) = down.and_then(|output| succeeded(&output)) {
            eprintln!("cluster {} stays: {error}", self.0);
        }
    }
}

// It runs where no other kind is installed, by the overlay of its own.
#[tokio::test(flavor = "multi_thread")]
async fn it_runs_alone_in_a_cluster() {
    if cluster::is_given() {
        eprintln!("SKIPPED it_runs_alone_in_a_cluster: it makes a cluster on this machine");
        return;
    }
    let alone = Alone(format!("{}-alone", cluster::name()));
    tokio::task::block_in_place(|| {
        done(xtask(&["cluster", "up", "--name", &alone.0]));
        done(xtask(&["deploy", "broadcastjob", "--name", &alone.0]));
    });
    let kubectl = |arguments: &[&str]| {
        let mut all = vec!["cluster", "--name", &alone.0, "kubectl", "--"];
        all.extend(arguments);
        tokio::task::block_in_place(|| done(xtask(&all)))
    };
    let kinds = kubectl(&["get", "crds", "--output", "name"]);
    assert!(
        kinds.contains("broadcastjobs") && !kinds.contains("clonesets"),
        "{kinds}"
    );
    let manifest = json!({
        "apiVersion": "apps.kruise.io/v1beta1", "kind": "BroadcastJob",
        "metadata": { "name": "scan", "namespace": "default" }, "spec": job("true", json!({})),
    });
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), manifest.to_string()).unwrap();
    kubectl(&["create", "--filename", file.path().to_str().unwrap()]);
    eventually("it is complete", Duration::from_secs(120), || async {
        let job: Value =
            serde_json::from_str(&kubectl(&["get", "bcj", "scan", "--output", "json"])).unwrap();
        if job["status"]["phase"] == "completed" {
            Ok(())
        } else {
            Err(job["status"].clone())
        }
    })
    .await;
    drop(alone);
}
