//! What holds for the defaults and the validation of every CloneSet, in both versions.

use cloneset_controller::{admission::mutate, gates::Gates};
use kruise_api::{
    apps::{v1alpha1, v1beta1},
    conversion::convert,
    defaults, kinds, revision,
};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::{
    admission::{cloneset, mutated, request, spec, validated},
    merge::merge,
};

fn any_strategy() -> impl Strategy<Value = Value> {
    let percent = || {
        prop::option::of(prop::sample::select(vec![
            json!(0),
            json!(2),
            json!("30%"),
            json!("0%"),
        ]))
    };
    let type_ = prop::option::of(prop::sample::select(vec![
        "",
        "ReCreate",
        "InPlaceIfPossible",
        "InPlaceOnly",
    ]));
    let grace = prop::option::of(0..20_i32);
    (type_, percent(), percent(), percent(), grace).prop_map(
        |(type_, partition, max_unavailable, max_surge, grace)| {
            let mut strategy = json!({});
            let fields = [
                ("type", type_.map(Value::from)),
                ("partition", partition),
                ("maxUnavailable", max_unavailable),
                ("maxSurge", max_surge),
                (
                    "inPlaceUpdateStrategy",
                    grace.map(|seconds| json!({ "gracePeriodSeconds": seconds })),
                ),
            ];
            for (field, value) in fields {
                if let Some(value) = value {
                    strategy[field] = value;
                }
            }
            strategy
        },
    )
}

prop_compose! {
    fn any_spec()(
        strategy in prop::option::of(any_strategy()),
        replicas in prop::option::of(0..9_i32),
        limit in prop::option::of(0..9_i32),
        policy in prop::option::of(prop::sample::select(vec!["Always", "IfNotPresent", ""])),
        probe in any::<bool>(),
        volume in prop::option::of(prop::sample::select(vec![json!({}), json!({ "secret": {} }), json!({ "hostPath": { "path": "/x" } })])),
        cpu in prop::option::of(prop::sample::select(vec!["1", "1000m", "0.1234567"])),
    ) -> Value {
        let mut spec = spec(json!({}));
        let container = &mut spec["template"]["spec"]["containers"][0];
        if let Some(policy) = policy { container["imagePullPolicy"] = json!(policy); }
        if probe { container["livenessProbe"] = json!({ "httpGet": { "port": 1 } }); }
        if let Some(cpu) = cpu { container["resources"] = json!({ "requests": { "cpu": cpu } }); }
        if let Some(mut volume) = volume {
            volume["name"] = json!("v");
            spec["template"]["spec"]["volumes"] = json!([volume]);
        }
        if let Some(strategy) = strategy { spec["updateStrategy"] = strategy; }
        if let Some(replicas) = replicas { spec["replicas"] = json!(replicas); }
        if let Some(limit) = limit { spec["revisionHistoryLimit"] = json!(limit); }
        spec
    }
}

/// After admission of an update.
fn updated(object: &Value, old: &Value) -> Value {
    let answer = mutate(
        &request("UPDATE", Some(object), Some(old)),
        &Gates::default(),
    );
    let mut object = object.clone();
    json_patch::patch(&mut object, answer.operations()).unwrap();
    object
}

/// What Go's types write though nothing was said.
fn written_by_go(spec: &mut Value) {
    spec["template"]["metadata"]["creationTimestamp"] = Value::Null;
    let container = &mut spec["template"]["spec"]["containers"][0];
    if container.get("resources").is_none() {
        container["resources"] = json!({});
    }
    if container["resources"]["requests"]["cpu"] == "1000m" {
        container["resources"]["requests"]["cpu"] = json!("1");
    }
    if let Some(claim) = spec.pointer_mut("/volumeClaimTemplates/0") {
        claim["metadata"]["creationTimestamp"] = Value::Null;
    }
}

proptest! {
    /// Defaulting what has its defaults changes nothing, in either version.
    #[test]
    fn defaulting_is_done_once(spec in any_spec(), host_ports in any::<bool>()) {
        let gates = Gates { default_host_ports: host_ports, ..Gates::default() };
        let first = mutated(&cloneset("v1alpha1", spec), &gates);
        prop_assert_eq!(&mutated(&first, &gates), &first);
        let first = mutated(&convert(first, "apps.kruise.io/v1beta1").unwrap(), &gates);
        prop_assert_eq!(&mutated(&first, &gates), &first);
    }

    /// The same manifest applied again, as kubectl does it, changes nothing, and nor does a label that is set
    /// through v1alpha1: the generation stays.
    // CS-9, DV-CS15
    #[test]
    fn nothing_new_changes_nothing(
        manifest in any_spec(),
        claims in any::<bool>(),
        newer in any::<bool>(),
        as_go in any::<bool>(),
    ) {
        let gates = Gates::default();
        let (version, other) = if newer { ("v1beta1", "v1alpha1") } else { ("v1alpha1", "v1beta1") };
        let mut manifest = manifest;
        if claims {
            manifest["volumeClaimTemplates"] =
                json!([{ "metadata": { "name": "data" }, "spec": { "resources": { "requests": { "storage": "1Gi" } } } }]);
        }
        let manifest = if newer {
            convert(cloneset("v1alpha1", manifest), "apps.kruise.io/v1beta1").unwrap()
        } else {
            cloneset("v1alpha1", manifest)
        };
        let mut stored = mutated(&manifest, &gates);
        if as_go {
            written_by_go(&mut stored["spec"]);
        }
        let mut applied = stored.clone();
        merge(&mut applied, &manifest);
        prop_assert_eq!(&updated(&applied, &stored)["spec"], &stored["spec"]);

        let view = convert(stored.clone(), &format!("apps.kruise.io/{other}")).unwrap();
        let mut labelled = view.clone();
        labelled["metadata"]["labels"] = json!({ "a": "b" });
        let written = updated(&labelled, &view);
        prop_assert_eq!(&written["spec"], &view["spec"]);
        let back = convert(written, &format!("apps.kruise.io/{version}")).unwrap();
        prop_assert_eq!(&back["spec"], &stored["spec"]);
    }

    /// Defaults are the same whether a client of v1alpha1 gets them before conversion or after.
    #[test]
    fn versions_have_the_same_defaults(spec in any_spec()) {
        let gates = Gates::default();
        let object = cloneset("v1alpha1", spec);
        let before = convert(mutated(&object, &gates), "apps.kruise.io/v1beta1").unwrap();
        let after = mutated(&convert(object, "apps.kruise.io/v1beta1").unwrap(), &gates);
        prop_assert_eq!(before, after);
    }

    /// CS-9, PF-907: a webhook that is installed later makes no other revision of the same template.
    #[test]
    fn defaults_of_the_webhook_change_no_revision(spec in any_spec(), no_defaults in any::<bool>()) {
        let gates = Gates { template_no_defaults: no_defaults, ..Gates::default() };
        let data = |object: &Value| {
            let mut template = object["spec"]["template"].clone();
            gates.filled().fill(&mut template);
            revision::data(&template)
        };
        let object = cloneset("v1beta1", convert(cloneset("v1alpha1", spec), "apps.kruise.io/v1beta1").unwrap()["spec"].clone());
        prop_assert_eq!(data(&mutated(&object, &gates)), data(&object));
    }

    /// Both versions of one object are refused for the same, as far as both judge it.
    #[test]
    fn versions_agree(spec in any_spec()) {
        let object = cloneset("v1alpha1", spec);
        let converted = convert(object.clone(), "apps.kruise.io/v1beta1").unwrap();
        let one = validated(&request("CREATE", Some(&object), None));
        let other = validated(&request("CREATE", Some(&converted), None));
        prop_assert_eq!(one.is_allowed(), other.is_allowed(), "{} / {}", one.message(), other.message());
    }

    /// What defaulting returns reads as the same object with the same defaults in memory.
    #[test]
    fn the_patch_says_what_the_controller_reads(spec in any_spec()) {
        let object = cloneset("v1alpha1", spec);
        let mut expected: v1alpha1::CloneSet = serde_json::from_value(object.clone()).unwrap();
        kinds::cloneset::defaults::fill_v1alpha1(&mut expected.spec);
        defaults::pod_template(&mut expected.spec.template);
        let found: v1alpha1::CloneSet = serde_json::from_value(mutated(&object, &Gates::default())).unwrap();
        prop_assert_eq!(&found, &expected);
        let found: v1beta1::CloneSet = found.into();
        let mut again = found.clone();
        kinds::cloneset::defaults::fill_v1beta1(&mut again.spec);
        prop_assert_eq!(again, found);
    }
}
