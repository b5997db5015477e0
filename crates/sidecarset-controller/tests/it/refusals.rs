//! What admission refuses, by scenario, in both versions. The rules one by one are tested where they are, in kruise-api.

use rstest::rstest;
use serde_json::{Value, json};

use crate::admission::{Around, created, request, set, with_spec};

/// The fields that are refused on creation, after defaults.
fn refused(object: &Value, around: Around) -> Vec<String> {
    let object = created(object);
    fields(&around.answer(&request("CREATE", Some(&object), None)))
}

/// The fields that are refused in a change, after defaults.
fn refused_change(new: &Value, old: &Value, around: Around) -> Vec<String> {
    let (new, old) = (created(new), created(old));
    fields(&around.answer(&request("UPDATE", Some(&new), Some(&old))))
}

fn fields(answer: &kruise_runtime::webhook::AdmissionResponse) -> Vec<String> {
    if answer.is_allowed() {
        return vec![];
    }
    assert_eq!(answer.code().as_u16(), 500, "{}", answer.message());
    // One error as it is, several in brackets.
    let all = answer.message().trim_matches(['[', ']']);
    let fields = all.split(", ").filter_map(|error| error.split_once(": "));
    fields.map(|(field, _)| field.to_owned()).collect()
}

/// Stored SidecarSets besides, in the version in which they are stored.
fn beside(sidecar_sets: &[Value]) -> Around {
    Around {
        sidecar_sets: sidecar_sets.iter().map(created).collect(),
        ..Around::default()
    }
}

fn named(version: &str, name: &str, spec: Value) -> Value {
    set(
        version,
        json!({ "metadata": { "name": name }, "spec": spec }),
    )
}

const ALLOWS_TEAM: &str = r#"{"rules":[{"allowedAnnotationKeyExprs":["^team/"]}]}"#;
/// For SidecarSets of version 3. In v1alpha1 it is a label, in v1beta1 none.
const FOR_VERSION: &str = r#"{"rules":[{"allowedAnnotationKeyExprs":["^team/"],
    "selector":{"matchLabels":{"apps.kruise.io/sidecarset-custom-version":"v3"}}}]}"#;

// SS-A14, SS-60 to SS-63
#[rstest]
#[case::no_configuration("team/x", None, false, false)]
#[case::no_configuration_but_the_gate("team/x", None, true, true)]
#[case::allowed("team/x", Some(ALLOWS_TEAM), false, true)]
#[case::not_allowed_even_with_the_gate("other", Some(ALLOWS_TEAM), true, false)]
#[case::labels_are_those_of_v1beta1("team/x", Some(FOR_VERSION), false, false)]
fn annotations_have_to_be_allowed(
    #[values("v1alpha1", "v1beta1")] version: &str,
    #[case] key: &str,
    #[case] whitelist: Option<&'static str>,
    #[case] allows_by_default: bool,
    #[case] is_allowed: bool,
) {
    let mut object = with_spec(
        version,
        json!({ "patchPodMetadata": [{ "annotations": { key: "a" } }] }),
    );
    // SS-2, SS-5
    match version {
        "v1alpha1" => {
            let labels = json!({ "apps.kruise.io/sidecarset-custom-version": "v3" });
            object["metadata"]["labels"] = labels;
        }
        _ => object["spec"]["customVersion"] = json!("v3"),
    }
    let around = Around {
        whitelist,
        allows_by_default,
        ..Around::default()
    };
    let expected: &[&str] = if is_allowed {
        &[]
    } else {
        &["spec.patchPodMetadata"]
    };
    assert_eq!(refused(&object, around), expected);
}

// SS-A27, SS-44, SS-108: on every update, whatever changes.
#[rstest]
#[case::there(json!({ "revisionName": "log-1" }), true)]
#[case::of_another_set(json!({ "revisionName": "other-1" }), true)]
#[case::deleted(json!({ "revisionName": "log-0" }), false)]
#[case::custom_version(json!({ "customVersion": "v1" }), true)]
#[case::custom_version_of_another_set(json!({ "customVersion": "v9" }), false)]
#[case::name_goes_first(json!({ "revisionName": "log-0", "customVersion": "v1" }), false)]
#[case::neither(json!({}), false)]
fn a_named_revision_has_to_exist(
    #[values("v1alpha1", "v1beta1")] version: &str,
    #[case] revision: Value,
    #[case] exists: bool,
) {
    let around = Around {
        revisions: vec![("log-1", "log", "v1"), ("other-1", "other", "v9")],
        ..Around::default()
    };
    let old = with_spec(
        version,
        json!({ "injectionStrategy": { "revision": revision } }),
    );
    let mut new = old.clone();
    new["spec"]["containers"][0]["image"] = json!("acme/agent:2");
    let expected: &[&str] = if exists {
        &[]
    } else {
        &["spec.injectionStrategy.revision"]
    };
    assert_eq!(refused(&old, around.clone()), expected);
    assert_eq!(refused_change(&new, &old, around), expected);
}

// SS-A33
#[rstest]
#[case("memory-64Mi", false)]
#[case("max(memory-64Mi, 32Mi)", true)]
#[case("200mi", true)]
#[case("cpu*cpu", true)]
fn expressions_are_judged(
    #[values("v1alpha1", "v1beta1")] version: &str,
    #[case] expression: &str,
    #[case] is_allowed: bool,
) {
    let field = if expression.contains("cpu") {
        "cpu"
    } else {
        "memory"
    };
    let policy = json!({ "targetContainersMode": "sum", "resourcesExpr": { "limits": { field: expression } } });
    let container = json!({ "name": "agent", "image": "a:1", "resourcesPolicy": policy });
    let object = with_spec(version, json!({ "containers": [container] }));
    let field = format!("spec.containers[0].resourcesPolicy.resourcesExpr.limits.{field}");
    let expected = if is_allowed { vec![] } else { vec![field] };
    assert_eq!(refused(&object, Around::default()), expected);
}

// SS-A34, SS-56 to SS-58
#[rstest]
#[case::container(json!({}), json!({}), &["spec.containers[0].name"])]
#[case::other_pods(json!({ "selector": { "matchLabels": { "app": "db" } } }), json!({}), &[])]
#[case::same_volume(
    json!({ "containers": [{ "name": "b", "image": "b" }], "volumes": [{ "name": "v", "emptyDir": {} }] }),
    json!({ "volumes": [{ "name": "v" }] }), &[],
)]
#[case::another_volume(
    json!({ "containers": [{ "name": "b", "image": "b" }], "volumes": [{ "name": "v", "hostPath": { "path": "/" } }] }),
    json!({ "volumes": [{ "name": "v" }] }), &["spec.volumes[0].name"],
)]
fn two_sets_may_not_put_the_same_into_a_pod(
    #[values("v1alpha1", "v1beta1")] version: &str,
    #[case] second: Value,
    #[case] first: Value,
    #[case] expected: &[&str],
) {
    let first = named("v1beta1", "first", first);
    let second = named(version, "second", second);
    assert_eq!(
        refused(&second, beside(std::slice::from_ref(&first))),
        expected
    );
    // Its own stored form is no conflict.
    let stored = named("v1beta1", "second", json!({}));
    let told = refused_change(&second, &second, beside(&[first, stored]));
    assert_eq!(told, expected);
}

// SS-1, SS-5: a namespace of v1alpha1 keeps SidecarSets apart.
#[rstest]
#[case("ns1", &["spec.containers[0].name"])]
#[case("ns2", &[])]
fn sets_of_different_namespaces_are_in_nobodys_way(
    #[case] namespace: &str,
    #[case] expected: &[&str],
) {
    let selector = json!({ "matchLabels": { "kubernetes.io/metadata.name": "ns1" } });
    let first = named("v1beta1", "first", json!({ "namespaceSelector": selector }));
    let second = named("v1alpha1", "second", json!({ "namespace": namespace }));
    assert_eq!(refused(&second, beside(&[first])), expected);
}

// SS-A35, SS-55
#[rstest]
#[case::added(json!([{ "name": "agent" }, { "name": "mesh" }, { "name": "extra" }]), &["spec.containers[2].name"])]
#[case::renamed(json!([{ "name": "agent" }, { "name": "proxy" }]), &["spec.containers[1].name"])]
#[case::removed(json!([{ "name": "mesh" }]), &[])]
#[case::another_type(
    json!([{ "name": "agent", "upgradeStrategy": { "upgradeType": "HotUpgrade" } }, { "name": "mesh" }]),
    &["spec.containers[0].upgradeStrategy.upgradeType"],
)]
fn containers_can_only_be_removed(
    #[values("v1alpha1", "v1beta1")] version: &str,
    #[case] containers: Value,
    #[case] expected: &[&str],
) {
    let with_images = |containers: Value| {
        let mut containers = containers;
        for container in containers.as_array_mut().unwrap() {
            container["image"] = json!("a:1");
        }
        with_spec(version, json!({ "containers": containers }))
    };
    let old = with_images(json!([{ "name": "agent" }, { "name": "mesh" }]));
    let new = with_images(containers);
    assert_eq!(refused_change(&new, &old, Around::default()), expected);
    assert_eq!(refused(&new, Around::default()), [""; 0]);
}

// SS-A36, SS-43, SS-70
#[rstest]
fn native_sidecars_are_not_updated(#[values("v1alpha1", "v1beta1")] version: &str) {
    let native = |type_: &str, image: &str| {
        let init = json!({ "name": "mesh", "image": image, "restartPolicy": "Always" });
        let strategy = json!({ "type": type_ });
        with_spec(
            version,
            json!({ "initContainers": [init], "updateStrategy": strategy }),
        )
    };
    let rolling = native("RollingUpdate", "mesh:1");
    assert_eq!(
        refused(&rolling, Around::default()),
        ["spec.updateStrategy"]
    );
    let kept = native("NotUpdate", "mesh:1");
    assert_eq!(refused(&kept, Around::default()), [""; 0]);
    let hash = |object: &Value| {
        created(object)["metadata"]["annotations"]["kruise.io/sidecarset-hash"].clone()
    };
    assert_ne!(hash(&kept), hash(&native("NotUpdate", "mesh:2")));
    assert_ne!(hash(&kept), hash(&set(version, json!({}))));
}

fn canary(version: &str, name: &str, type_: &str) -> Value {
    let marks = json!({ "apps.kruise.io/sidecarset-canary": "true", "apps.kruise.io/sidecarset-base": "log" });
    let spec = json!({
        "selector": { "matchLabels": { "app": "web", "tier": "beta" } }, "updateStrategy": { "type": type_ },
    });
    set(
        version,
        json!({ "metadata": { "name": name, "annotations": marks }, "spec": spec }),
    )
}

// SS-A38, SS-64
#[rstest]
#[case("NotUpdate", &[])]
#[case("RollingUpdate", &["spec.updateStrategy.type"])]
fn a_canary_updates_nothing(
    #[values("v1alpha1", "v1beta1")] version: &str,
    #[case] type_: &str,
    #[case] expected: &[&str],
) {
    let base = set("v1beta1", json!({}));
    let canary = canary(version, "log-canary", type_);
    assert_eq!(refused(&canary, beside(&[base])), expected);
}

// SS-A44, SS-56, DV-SS2
#[rstest]
fn a_base_can_be_updated_beside_its_canary(#[values("v1alpha1", "v1beta1")] version: &str) {
    let old = set(version, json!({}));
    let mut new = old.clone();
    new["spec"]["containers"][0]["image"] = json!("acme/agent:2");
    let stored = [
        set("v1beta1", json!({})),
        canary("v1beta1", "log-canary", "NotUpdate"),
    ];
    assert_eq!(refused_change(&new, &old, beside(&stored)), [""; 0]);
    // Another SidecarSet with that container is in the way all the same.
    let other = named("v1beta1", "other", json!({}));
    let told = refused_change(&new, &old, beside(&[other]));
    assert_eq!(told, ["spec.containers[0].name"]);
}

// SS-A41, SS-P3, SS-46
#[rstest]
#[case::text_without_percent("maxUnavailable", json!("5"), false)]
#[case::fraction("partition", json!("12.5%"), false)]
#[case::negative("partition", json!(-1), false)]
#[case::number("maxUnavailable", json!(5), true)]
#[case::nothing_unavailable("maxUnavailable", json!(0), true)]
#[case::more_than_all("partition", json!("150%"), true)]
fn numbers_are_whole(
    #[values("v1alpha1", "v1beta1")] version: &str,
    #[case] field: &str,
    #[case] number: Value,
    #[case] is_allowed: bool,
) {
    let of_type = |type_: &str| {
        let strategy = json!({ "type": type_, field: number });
        let object = with_spec(version, json!({ "updateStrategy": strategy }));
        refused(&object, Around::default())
    };
    let expected = if is_allowed {
        vec![]
    } else {
        vec![format!("spec.updateStrategy.{field}")]
    };
    assert_eq!(of_type("RollingUpdate"), expected);
    // Nobody reads them otherwise.
    assert_eq!(of_type("NotUpdate"), [""; 0]);
}

// SS-13, DV-SS1
#[rstest]
fn a_source_without_a_field_is_refused(#[values("v1alpha1", "v1beta1")] version: &str) {
    let env = json!([{ "sourceContainerNameFrom": {}, "envName": "A" }]);
    let container = json!({ "name": "agent", "image": "a:1", "transferEnv": env });
    let object = with_spec(version, json!({ "containers": [container] }));
    let field = "spec.containers[0].transferEnv[0].sourceContainerNameFrom.fieldRef";
    assert_eq!(refused(&object, Around::default()), [field]);
}
