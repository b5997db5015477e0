//! Revisions that are kept, and those that come back. No pods are needed.

use e2e::{Namespace, eventually, namespace::PATIENCE, pods::small, undisturbed};
use serde_json::json;

/// A CloneSet that has had this many templates, and its revisions' names, oldest first.
async fn with_templates(test: &Namespace, templates: &[&str]) -> Vec<String> {
    test.create_clone_set("web", small(0, json!({})))
        .await
        .unwrap();
    for (so_far, tier) in templates.iter().enumerate() {
        test.relabel_template("web", tier).await;
        test.observed("web").await;
        eventually("its revision", PATIENCE, || async {
            let set = test.clone_set("web").await;
            let revisions = test.revisions().await;
            let last = revisions.last().and_then(|last| last.metadata.name.clone());
            let used = set["status"]["currentRevision"] == json!(last);
            // The template that it was made with may have been seen, or not.
            if used && revisions.len() > so_far {
                Ok(())
            } else {
                Err(revisions.len())
            }
        })
        .await;
    }
    names(test).await
}

async fn names(test: &Namespace) -> Vec<String> {
    let revisions = test.revisions().await.into_iter();
    revisions
        .filter_map(|revision| revision.metadata.name)
        .collect()
}

// IP-S18, IP-137, CS-40
#[tokio::test(flavor = "multi_thread")]
async fn the_oldest_revisions_go_when_there_are_too_many() {
    let _guard = undisturbed().await;
    let test = Namespace::create("history").await;
    let all = with_templates(&test, &["a", "b", "c", "d", "e", "f"]).await;
    assert!(all.len() >= 6, "{all:?}");
    test.patch("web", json!({ "spec": { "revisionHistoryLimit": 3 } }))
        .await;
    eventually("three and the one in use", PATIENCE, || async {
        let left = names(&test).await;
        if left.len() == 4 { Ok(()) } else { Err(left) }
    })
    .await;
    assert_eq!(names(&test).await, all[all.len() - 4..]);
}

// IP-S19, IP-135
#[tokio::test(flavor = "multi_thread")]
async fn an_earlier_template_becomes_the_newest_revision_again() {
    let _guard = undisturbed().await;
    let test = Namespace::create("comesback").await;
    let all = with_templates(&test, &["a", "b", "c"]).await;
    let [.., again, _, last] = &all[..] else {
        panic!("{all:?}")
    };
    let newest = test.revisions().await.pop().unwrap();
    assert_eq!(newest.metadata.name.as_ref(), Some(last));
    test.relabel_template("web", "a").await;
    eventually("the revision of template a", PATIENCE, || async {
        let used = test.status("web", "updateRevision").await;
        if used == json!(again) {
            Ok(())
        } else {
            Err(used)
        }
    })
    .await;
    let revisions = test.revisions().await;
    assert_eq!(revisions.len(), all.len(), "none is made");
    let last = revisions.last().unwrap();
    assert_eq!(last.metadata.name.as_ref(), Some(again));
    assert_eq!(last.revision, newest.revision + 1);
}
