//! What the webhooks of pods are asked about.

use std::time::Duration;

use kruise_api::{
    policy::v1beta1::PODUNAVAILABLEBUDGETS,
    resource::{
        MUTATING_WEBHOOK_CONFIGURATIONS, ObjectKey, PODS, VALIDATING_WEBHOOK_CONFIGURATIONS,
    },
};
use kruise_testkit::{manifests, server::ApiServer};
use pub_webhook::{
    gates::Gates,
    scope::{Extent, Wanted, found, revise},
};
use rstest::rstest;
use serde_json::{Value, json};

use crate::{
    cluster::{BOTH_GATES, becomes, begin, budget, key, put, story},
    objects::{BUDGET, NAMESPACE, pod},
    replica::GATES,
};

/// The configurations as they are installed.
fn installed(kind: &str) -> Value {
    let mut all = manifests::read("deploy/base/pub-webhook/webhooks.yaml").into_iter();
    all.find(|it| it["kind"] == kind).unwrap()
}

fn condition(configuration: &Value, entry: &str) -> Option<String> {
    let mut entries = configuration["webhooks"].as_array().unwrap().iter();
    let entry = entries.find(|it| it["name"] == entry).unwrap();
    let mut conditions = entry["matchConditions"].as_array().into_iter().flatten();
    let own = conditions.find(|it| it["name"] == "pub-scope")?;
    Some(own["expression"].as_str().unwrap().to_owned())
}

/// The namespaces that an entry asks about.
fn namespaces(configuration: &Value, entry: &str) -> Option<Extent> {
    let mut entries = configuration["webhooks"].as_array().unwrap().iter();
    let entry = entries.find(|it| it["name"] == entry).unwrap();
    let requirements = entry["namespaceSelector"]["matchExpressions"].as_array();
    let mut own = requirements.unwrap().iter().filter_map(Extent::read);
    own.next()
}

/// Design 7: both gates decide what is asked about.
#[rstest]
#[case::both(true, true, &["web"], &["web"], None)]
#[case::deletion(true, false, &["web"], &["web"], Some("request.operation == 'DELETE'"))]
#[case::update(false, true, &[], &["web"], Some("request.operation == 'UPDATE'"))]
#[case::none(false, false, &[], &[], None)]
fn gates_decide(
    #[case] delete: bool,
    #[case] update: bool,
    #[case] evictions: &[&str],
    #[case] pods: &[&str],
    #[case] operation: Option<&str>,
) {
    let validating = installed("ValidatingWebhookConfiguration");
    let wanted = Wanted {
        namespaces: Extent::of(["web"]),
        gates: Gates {
            delete,
            update,
            ..GATES
        },
    };
    let extent = |names: &[&str]| Some(Extent::of(names.iter().copied()));
    let revised = revise(&validating, &wanted).unwrap();
    assert_eq!(
        namespaces(&revised, "vpodeviction.kb.io"),
        extent(evictions)
    );
    assert_eq!(namespaces(&revised, "vpod.kb.io"), extent(pods));
    assert_eq!(condition(&revised, "vpod.kb.io").as_deref(), operation);
    let budgets = |it: &Value| it["webhooks"][0].clone();
    assert_eq!(
        budgets(&revised),
        budgets(&validating),
        "the entry for budgets is nobody's but the installation's"
    );
    let mutating = installed("MutatingWebhookConfiguration");
    let revised = revise(&mutating, &wanted).unwrap();
    assert_eq!(namespaces(&revised, "mpod.kb.io"), extent(pods));
}

/// An administrator's own requirements stay, also one that names namespaces.
#[test]
fn requirements_of_others_stay() {
    let mut validating = installed("ValidatingWebhookConfiguration");
    let mine = json!({ "key": "kubernetes.io/metadata.name", "operator": "In", "values": ["web", "shop"] });
    let selector = &mut validating["webhooks"][1]["namespaceSelector"]["matchExpressions"];
    selector.as_array_mut().unwrap().push(mine.clone());
    let installed = selector.clone();
    let wanted = |namespaces: Extent| Wanted {
        namespaces,
        gates: GATES,
    };
    let narrow = revise(&validating, &wanted(Extent::of(["web"]))).unwrap();
    let selector = &narrow["webhooks"][1]["namespaceSelector"]["matchExpressions"];
    let selector = selector.as_array().unwrap();
    assert_eq!(
        selector[..selector.len() - 1],
        installed.as_array().unwrap()[..]
    );
    assert_eq!(found(&narrow), Some(Extent::of(["web"])));
    validating["webhooks"] = narrow["webhooks"].clone();
    let broad = revise(&validating, &wanted(Extent::Everything)).unwrap();
    let selector = &broad["webhooks"][1]["namespaceSelector"]["matchExpressions"];
    assert_eq!(selector, &installed);
    assert_eq!(found(&broad), Some(Extent::Everything));
}

/// What is installed asks about everything, and fails nobody before somebody answers.
#[test]
fn the_installed_form_is_broad_and_open() {
    for kind in [
        "MutatingWebhookConfiguration",
        "ValidatingWebhookConfiguration",
    ] {
        let configuration = installed(kind);
        assert_eq!(found(&configuration), Some(Extent::Everything));
        let entries = configuration["webhooks"].as_array().unwrap().iter();
        for entry in entries.filter(|it| it["name"] != "vpodunavailablebudget.kb.io") {
            assert_eq!(entry["failurePolicy"], "Ignore", "{entry}");
            assert_eq!(entry["timeoutSeconds"], 3);
        }
    }
}

/// Nobody is failed by a webhook that the API server does not trust yet; an administrator's conditions stay.
#[test]
fn the_policy_that_is_asked_for_comes_with_trust() {
    let mut validating = installed("ValidatingWebhookConfiguration");
    let wanted = Wanted {
        namespaces: Extent::nothing(),
        gates: GATES,
    };
    let policy = |configuration: &Value, name: &str| {
        let mut entries = configuration["webhooks"].as_array().unwrap().iter();
        entries.find(|it| it["name"] == name).unwrap()["failurePolicy"].clone()
    };
    let revised = revise(&validating, &wanted).unwrap();
    assert_eq!(policy(&revised, "vpod.kb.io"), "Ignore");
    for entry in validating["webhooks"].as_array_mut().unwrap() {
        entry["clientConfig"]["caBundle"] = json!("Y2E=");
        let mine = json!({ "name": "mine", "expression": "true" });
        let conditions = entry
            .as_object_mut()
            .unwrap()
            .entry("matchConditions")
            .or_insert(json!([]));
        conditions.as_array_mut().unwrap().push(mine);
    }
    let revised = revise(&validating, &wanted).unwrap();
    assert_eq!(policy(&revised, "vpod.kb.io"), "Fail");
    assert_eq!(policy(&revised, "vpodeviction.kb.io"), "Fail");
    let entries = revised["webhooks"].as_array().unwrap();
    for entry in entries {
        let conditions = entry["matchConditions"].as_array().unwrap();
        assert!(conditions.iter().any(|it| it["name"] == "mine"), "{entry}");
    }
    validating["webhooks"] = revised["webhooks"].clone();
    assert_eq!(
        revise(&validating, &wanted),
        None,
        "what is so is not written"
    );
}

/// What is asked about by both configurations.
fn asked(server: &ApiServer) -> [Option<Extent>; 2] {
    let of = |resource, kind: &str| {
        let name = match kind {
            "mutating" => "kruise-40-pub-webhook-mutating-webhook-configuration",
            _ => "kruise-pub-webhook-validating-webhook-configuration",
        };
        let configuration = server.get(resource, &ObjectKey::new("", name)).unwrap();
        found(&configuration)
    };
    [
        of(MUTATING_WEBHOOK_CONFIGURATIONS, "mutating"),
        of(VALIDATING_WEBHOOK_CONFIGURATIONS, "validating"),
    ]
}

fn both(extent: Extent) -> [Option<Extent>; 2] {
    [Some(extent.clone()), Some(extent)]
}

/// Decision 10: asked about first, protected then; and narrower when nobody needs it.
#[test]
fn a_namespace_is_asked_about_before_its_budget_protects() {
    story(1, async |world| {
        begin(world, BOTH_GATES).await;
        assert_eq!(asked(&world.server), both(Extent::nothing()));
        let mut bare = pod("p1");
        bare["metadata"]["annotations"] = Value::Null;
        put(world, PODS, bare);
        let before = world.server.version();
        let spec = json!({
            "selector": { "matchLabels": { "app": "shop" } }, "maxUnavailable": 0, "protectTotalReplicas": 1,
        });
        put(world, PODUNAVAILABLEBUDGETS, budget(BUDGET, spec));
        becomes(world, "1 1 1 0").await;
        assert_eq!(asked(&world.server), both(Extent::of([NAMESPACE])));
        let changes = world.server.changes_since(before);
        let when = |plural: &str| {
            let mut all = changes
                .iter()
                .filter(|it| it.resource.plural == plural && it.by == pub_webhook::NAME);
            all.next().unwrap().at
        };
        let (widened, linked) = (when("validatingwebhookconfigurations"), when("pods"));
        assert!(
            linked.duration_since(widened) >= jiff::SignedDuration::from_secs(1),
            "{widened} {linked}"
        );
        assert!(when("podunavailablebudgets") >= linked);

        world
            .server
            .delete("user", PODUNAVAILABLEBUDGETS, &key(BUDGET));
        world
            .until("narrow again", |server| {
                asked(server) == both(Extent::nothing())
            })
            .await;
    });
}

/// An administrator's edit of the condition, or an installation applied again, lasts until the leader looks.
#[test]
fn the_leader_puts_the_condition_back() {
    story(2, async |world| {
        begin(world, &[]).await;
        for (resource, kind) in [
            (
                MUTATING_WEBHOOK_CONFIGURATIONS,
                "MutatingWebhookConfiguration",
            ),
            (
                VALIDATING_WEBHOOK_CONFIGURATIONS,
                "ValidatingWebhookConfiguration",
            ),
        ] {
            let installed = installed(kind);
            let name = installed["metadata"]["name"].as_str().unwrap();
            world
                .server
                .change("user", resource, &ObjectKey::new("", name), |it| {
                    it["webhooks"] = installed["webhooks"].clone();
                });
        }
        assert_eq!(asked(&world.server), both(Extent::Everything));
        world.run_for(Duration::from_secs(40)).await;
        assert_eq!(asked(&world.server), both(Extent::nothing()));
    });
}
