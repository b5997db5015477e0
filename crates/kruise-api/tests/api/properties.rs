use kruise_api::{
    apps::v1beta1::{CloneSet, LifecycleHook},
    availability,
    conversion::convert,
    defaults,
    inplace::{
        self, Completion, Options, Refresh, RefreshInput, Start, Update, Workload, calculate,
        completion, lifecycle,
    },
    pod::Pod,
    qos, quantity, revision, specified_delete,
    template::PodTemplate,
};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use crate::support::{GRACE, STATE, merged, now, running_pod};

/// Any JSON, with the words that occur in pods and templates more often than others.
pub(crate) fn any_json() -> impl Strategy<Value = Value> {
    let word = prop_oneof![
        prop::sample::select(vec![
            "",
            "app",
            "True",
            "False",
            "100m",
            "1.500",
            "web-aaa",
            "acme/app:1",
            "p_3",
            "{}",
            "[",
            "Updating",
            "PreparingNormal",
            "2026-01-10T08:00:00Z",
        ])
        .prop_map(str::to_owned),
        any::<String>(),
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        // Exact in decimal, since reading JSON may round the last bit.
        any::<i32>().prop_map(|number| Value::from(f64::from(number) / 4.0)),
        word.prop_map(Value::from),
    ];
    let key = prop_oneof![
        prop::sample::select(vec![
            "metadata",
            "spec",
            "status",
            "template",
            "containers",
            "initContainers",
            "image",
            "name",
            "labels",
            "annotations",
            "finalizers",
            "env",
            "valueFrom",
            "fieldRef",
            "fieldPath",
            "resources",
            "limits",
            "requests",
            "cpu",
            "volumes",
            "conditions",
            "type",
            "readinessGates",
            "conditionType",
            "containerStatuses",
            "imageID",
            "selector",
            "matchLabels",
            "revision",
            "containerImages",
            "metaDataPatch",
            "updateTimestamp",
            "lastContainerStatuses",
            "nextContainerImages",
            "nextContainerResources",
            "containerResources",
            "resizePolicy",
            "message",
            "graceSeconds",
            "hashes",
            STATE,
            GRACE,
        ])
        .prop_map(str::to_owned),
        any::<String>(),
    ];
    leaf.prop_recursive(6, 64, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((key.clone(), inner), 0..6)
                .prop_map(|entries| Value::Object(entries.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

/// Every decision about one pod, whatever it carries.
fn decide_everything(pod: &Pod) {
    let options = Options {
        vertical_scaling: true,
        env_from_metadata: true,
        resize_subresource: true,
    };
    let _ = completion(pod, &options);
    let _ = inplace::daemon_report(pod, now());
    let _ = inplace::must_become_unready(pod, &Update::default(), &options);
    let _ = specified_delete::mark_patch(pod, "true");
    for state in ["PreparingDelete", "PreparingUpdate", "Normal"] {
        let _ = lifecycle::transition(pod, state, true, now());
        let hook = LifecycleHook {
            finalizers_handler: Some(vec!["f".to_owned()]),
            ..LifecycleHook::default()
        };
        let _ = lifecycle::transition_with_handler(pod, state, &hook, now());
    }
    let _ = availability::is_available(pod, 3, now());
    let _ = availability::available_at(pod, i32::MAX);
    let _ = lifecycle::state(pod);
    let _ = inplace::not_ready_patch(pod, now());
    for grace_seconds in [0, i32::MAX] {
        let start = Start {
            revision: "web-bbb",
            target: &Value::Null,
            workload: Workload::CloneSet { short_label: false },
            grace_seconds,
            options,
            now: now(),
        };
        let _ = inplace::start(pod, &Update::default(), &start);
    }
    let _ = refreshed(pod);
}

fn refreshed(pod: &Pod) -> Refresh {
    inplace::refresh(&RefreshInput {
        pod,
        update_revision: "web-bbb",
        pod_readiness_controller_live: false,
        lifecycle: None,
        options: Options::default(),
        now: now(),
    })
}

prop_compose! {
    /// A pod somewhere in its life, with at most one update behind it.
    fn living_pod()(
        node in prop::sample::select(vec!["", "n1"]),
        state in prop::sample::select(vec![
            "PreparingNormal", "Normal", "PreparingUpdate", "Updating", "Updated", "",
        ]),
        gates in any::<bool>(),
        ready in prop::sample::select(vec!["True", "False"]),
        revision in prop::sample::select(vec!["web-aaa", "web-bbb"]),
        (image, runs) in (
            prop::sample::select(vec!["x", "x:1", "x:2"]),
            prop::sample::select(vec!["x:latest", "x:1", "x:2"]),
        ),
        image_id in prop::sample::select(vec!["id1", "id2"]),
        remembered in prop::option::of(prop::sample::select(vec!["id1", "id2"])),
        pending in any::<bool>(),
        grace in prop::option::of(0..2_i32),
    ) -> Value {
        let gate = |type_: &str| json!({ "conditionType": type_ });
        let mut object = running_pod(&json!({
            "metadata": { "labels": {
                "lifecycle.apps.kruise.io/state": state,
                "controller-revision-hash": revision,
            } },
            "spec": { "nodeName": node, "containers": [{ "name": "app", "image": image }] },
            "status": {
                "conditions": [{ "type": "InPlaceUpdateReady", "status": ready }],
                "containerStatuses": [{ "name": "app", "image": runs, "imageID": image_id }],
            },
        }));
        object["spec"]["readinessGates"] = if gates {
            json!([gate("InPlaceUpdateReady"), gate("KruisePodReady")])
        } else {
            json!([])
        };
        let mut annotations = Map::new();
        if let Some(image_id) = remembered {
            let mut state = json!({
                "revision": "web-bbb",
                "updateTimestamp": "2026-01-10T07:00:00Z",
                "lastContainerStatuses": { "app": { "imageID": image_id } },
            });
            if pending {
                state["nextContainerImages"] = json!({ "app": "x:2" });
            }
            annotations.insert(STATE.to_owned(), json!(state.to_string()));
            if let Some(seconds) = grace {
                let grace = json!({
                    "revision": "web-bbb",
                    "containerImages": { "app": "x:2" },
                    "graceSeconds": seconds * 7200,
                });
                annotations.insert(GRACE.to_owned(), json!(grace.to_string()));
            }
        }
        object["metadata"]["annotations"] = Value::Object(annotations);
        object
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// IP-133
    #[test]
    fn revision_data_is_its_own_normal_form(template in any_json()) {
        let data = revision::data(&template);
        let parsed: Value = serde_json::from_str(&data).unwrap();
        let again = revision::data(revision::template(&parsed).unwrap());
        prop_assert_eq!(&data, &again);
    }

    #[test]
    fn defaults_are_set_once(template in any_json()) {
        let mut once = template;
        defaults::pod_template(&mut once);
        let mut twice = once.clone();
        defaults::pod_template(&mut twice);
        prop_assert_eq!(once, twice);
    }

    /// The text need not be stable after it was written once. An amount in powers of two may be written
    /// without a suffix, and is then read again as one in powers of ten: `62.5Ki`, `64000`, `64k`.
    /// Kubernetes does so.
    #[test]
    fn canonical_quantities_stay(text in "[-+]?[0-9]{0,12}(\\.[0-9]{0,6})?(|[numkMGTPE]|[KMGTP]i|e-?[0-9])") {
        if let Some(written) = quantity::canonical(&text) {
            let again = quantity::canonical(&written);
            prop_assert!(again.is_some(), "{} is no quantity", written);
            if !text.ends_with('i') {
                prop_assert_eq!(again.as_ref(), Some(&written));
            }
            prop_assert_eq!(again.as_deref().and_then(quantity::canonical), again);
        }
    }

    #[test]
    fn no_json_breaks_a_decision(json in any_json(), other in any_json()) {
        if let Ok(pod) = serde_json::from_value::<Pod>(json.clone()) {
            decide_everything(&pod);
            // What is encoded decodes to itself.
            let encoded = serde_json::to_value(&pod).unwrap();
            prop_assert_eq!(&serde_json::from_value::<Pod>(encoded).unwrap(), &pod);
        }
        let _ = qos::of_template(&json);
        let _ = PodTemplate::view(&json);
        for (from, to) in [("v1alpha1", "v1beta1"), ("v1beta1", "v1alpha1")] {
            let version = |version: &str| format!("apps.kruise.io/{version}");
            let object = json!({
                "apiVersion": version(from), "kind": "CloneSet", "metadata": json, "spec": other,
            });
            let _ = serde_json::from_value::<CloneSet>(object.clone());
            let _ = convert(object, &version(to));
        }
        let options = Options { vertical_scaling: true, ..Options::default() };
        let _ = calculate(&json, &other, &options);
        let wrap = |template: &Value| json!({ "spec": { "template": template } });
        let _ = calculate(&wrap(&json), &wrap(&other), &options);
        let _ = revision::volume_claim_template_hash(Some(&[json, other]));
    }

    #[test]
    fn no_annotation_breaks_a_decision(state in any_json(), grace in any_json(), meta in any_json()) {
        let object = running_pod(&json!({ "metadata": { "annotations": {
            STATE: state.to_string(),
            GRACE: grace.to_string(),
            "apps.kruise.io/runtime-containers-meta": meta.to_string(),
        } } }));
        decide_everything(&serde_json::from_value(object).unwrap());
    }

    /// Each write brings a pod nearer to rest, and a pod at rest is not written.
    #[test]
    fn refresh_comes_to_rest(pod in living_pod()) {
        let mut pod = pod;
        let mut n_writes = 0;
        while let Refresh::Patch { patch, .. } = refreshed(&serde_json::from_value(pod.clone()).unwrap()) {
            let after = merged(&pod, &patch);
            prop_assert_ne!(&after, &pod, "a write that changes nothing");
            pod = after;
            n_writes += 1;
            // There are three writes at most: the end of a grace period, one batch, the conditions with the
            // state.
            prop_assert!(n_writes <= 3, "no end at {}", pod);
        }
    }

    /// IP-51
    #[test]
    fn complete_means_that_every_image_changed(pod in living_pod()) {
        let pod: Pod = serde_json::from_value(pod).unwrap();
        if completion(&pod, &Options::default()) == Completion::Complete {
            let state = inplace::InPlaceUpdateState::of(&pod).unwrap().unwrap();
            for (name, last) in state.last_container_statuses.into_iter().flatten() {
                let status = pod.container_status(&name).unwrap();
                let image = &pod.container(&name).unwrap().image;
                let same = status.image == *image || status.image == format!("{image}:latest");
                prop_assert!(status.image_id != last.image_id || same);
            }
        }
    }
}
