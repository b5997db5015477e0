//! While no replica runs, and with other flags after that.

use e2e::{
    Deployable, PATIENCE, Part, Test, Workload, eventually,
    names::{DELETION_PROTECTION_WEBHOOK, DEPLOYMENTS, HOLD},
    templates::template,
};
use k8s_openapi::api::core::v1::Namespace as CoreNamespace;
use kube::{
    Api, ResourceExt,
    api::{DeleteParams, DynamicObject, PostParams},
};
use serde_json::{Value, json};

use super::{
    Refused, create,
    definitions::{DEFINITION, Definition, WEBHOOK, WIDGETS},
    delete, forbidden, label,
};

fn none() -> Value {
    let selector = json!({ "matchLabels": { "app": "web" } });
    json!({ "replicas": 0, "selector": selector, "template": template() })
}

/// What was answered while no replica ran.
struct Answers {
    plain: Result<(), Refused>,
    labelled: Result<(), Refused>,
    unlabelled: Result<(), Refused>,
}

/// Asks for deletions. The namespace goes, with a labelled object in it.
async fn without_a_replica(deployments: &Workload, other: &Workload, namespace: &str) -> Answers {
    let plain = delete(deployments, "plain").await;
    let labelled = delete(deployments, "labelled").await;
    label(deployments, "labelled", None).await;
    let unlabelled = delete(deployments, "labelled").await;
    let namespaces = Api::<CoreNamespace>::all(other.api().clone().into_client());
    namespaces
        .delete(namespace, &DeleteParams::default())
        .await
        .unwrap();
    eventually("the namespace is gone", PATIENCE, || async {
        match namespaces.get_opt(namespace).await.unwrap() {
            None => Ok(()),
            Some(namespace) => Err(format!("{:?}", namespace.status)),
        }
    })
    .await;
    Answers {
        plain,
        labelled,
        unlabelled,
    }
}

/// So many widgets, of which one is on its way out.
async fn create_widgets(api: &Api<DynamicObject>, n_widgets: usize) {
    for number in 0..n_widgets {
        let mut widget = json!({
            "apiVersion": WIDGETS.api_version(), "kind": WIDGETS.kind,
            "metadata": { "name": format!("widget-{number}") },
        });
        if number == 0 {
            widget["metadata"]["finalizers"] = json!([HOLD]);
        }
        let widget = serde_json::from_value(widget).unwrap();
        api.create(&PostParams::default(), &widget).await.unwrap();
    }
    api.delete("widget-0", &DeleteParams::default())
        .await
        .unwrap();
}

// PF-202, PF-209, PF-230, DV-DP4: of what is labelled alone. DP-S20, DP-S21, DP-17, DP-18: with the gate for custom
// resources, which takes other flags. They share the time in which no replica runs.
#[tokio::test(flavor = "multi_thread")]
async fn without_a_replica_labelled_objects_stay_and_with_other_flags_definitions_cascade() {
    let plan = Test::that_disturbs(DELETION_PROTECTION_WEBHOOK).disturbs(Part::Kind(DEFINITION));
    let Some(test) = plan.begin_locally().await else {
        return;
    };
    let deployments = test.workload(DEPLOYMENTS);
    deployments.create("plain", none()).await.unwrap();
    create(&deployments, "labelled", "Cascading", none()).await;
    let namespaces = Api::<CoreNamespace>::all(test.client.clone());
    let namespace = json!({ "metadata": { "generateName": format!("{}-", test.name) } });
    let namespace = serde_json::from_value(namespace).unwrap();
    let namespace = namespaces.create(&PostParams::default(), &namespace).await;
    let namespace = namespace.unwrap().name_any();
    let other = Workload::of(&test.client, &namespace, DEPLOYMENTS);
    create(&other, "labelled", "Always", none()).await;
    let (definition, widgets) = Definition::install(&test).await;
    create_widgets(&widgets.api(&test), 4).await;
    definition.label(Some("Cascading")).await;

    let webhook = Deployable::of(&test.client, DELETION_PROTECTION_WEBHOOK);
    let mut stopped = webhook.stop().await;
    let answers = without_a_replica(&deployments, &other, &namespace).await;
    let gates = "--feature-gates=ResourcesDeletionProtection=true,DeletionProtectionForCRDCascadingGate=true";
    stopped.start_with(&[gates]).await;

    assert_eq!(answers.plain, Ok(()));
    let (code, message) = answers.labelled.unwrap_err();
    assert_eq!(code, 500);
    assert!(message.contains("failed calling webhook"), "{message}");
    assert_eq!(answers.unlabelled, Ok(()));

    let (code, message) = definition.delete().await.unwrap_err();
    let list = format!(
        "failed to list CRs of {}/v1, Kind=WidgetList: ",
        WIDGETS.group
    );
    assert_eq!(code, 403);
    assert!(message.contains(&list), "{message}");
    // As the component has it for all kinds.
    let rule =
        json!({ "apiGroups": [WIDGETS.group], "resources": [WIDGETS.plural], "verbs": ["list"] });
    webhook.may(&test, rule).await;
    let active = forbidden(WEBHOOK, "Cascading and active CRs 3>0");
    eventually("the right is there", PATIENCE, || async {
        let deleted = definition.delete().await;
        if deleted == active {
            Ok(())
        } else {
            Err(deleted)
        }
    })
    .await;
    for number in 1..4 {
        let name = format!("widget-{number}");
        let deleted = widgets
            .api(&test)
            .delete(&name, &DeleteParams::default())
            .await;
        deleted.unwrap();
    }
    // One is still on its way out, and doesn't count.
    assert_eq!(definition.delete().await, Ok(()));
    let let_go = test.workload(WIDGETS);
    let patch = json!({ "metadata": { "finalizers": [] } });
    let_go.patch("widget-0", patch).await;
    drop(stopped);
}
