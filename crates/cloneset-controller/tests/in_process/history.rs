//! Revisions that are kept, and those that come back.

use serde_json::json;

use crate::{
    cluster::{Cluster, play},
    look::names,
    specs::spec,
};

/// A set without pods that has had these templates; its revisions' names, oldest first.
async fn with_templates(cluster: &mut Cluster<'_>, templates: &[&str]) -> Vec<String> {
    cluster.create(spec(0, json!({}))).await;
    cluster.settle().await;
    for tier in templates {
        cluster.relabel_template(tier).await;
        cluster.settle().await;
    }
    let all = names(&cluster.revisions());
    assert_eq!(all.len(), templates.len() + 1);
    all
}

// IP-S18, IP-137, CS-40
#[test]
fn the_oldest_revisions_go_when_there_are_too_many() {
    play(async |cluster| {
        let all = with_templates(cluster, &["a", "b", "c", "d", "e", "f"]).await;
        cluster
            .patch_spec(json!({ "revisionHistoryLimit": 3 }))
            .await;
        cluster.settle().await;
        let left = names(&cluster.revisions());
        assert_eq!(left, all[all.len() - 4..], "three and the one in use");
    });
}

// IP-S19, IP-135
#[test]
fn an_earlier_template_becomes_the_newest_revision_again() {
    play(async |cluster| {
        let all = with_templates(cluster, &["a", "b", "c"]).await;
        let newest = cluster.revisions().pop().unwrap();
        cluster.relabel_template("a").await;
        cluster.settle().await;
        assert_eq!(cluster.status("updateRevision"), json!(all[1]));
        let revisions = cluster.revisions();
        assert_eq!(revisions.len(), all.len(), "none is made");
        let last = revisions.last().unwrap();
        assert_eq!(last["metadata"]["name"], json!(all[1]));
        assert_eq!(
            last["revision"].as_i64(),
            newest["revision"].as_i64().map(|number| number + 1)
        );
    });
}
